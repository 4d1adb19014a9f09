"""The probe's findings on two CPPNs as one HTML page: no script, nothing from the network."""

from __future__ import annotations

from collections.abc import Sequence

from metaloop.probe.compare import RESPECTS, Comparison
from metaloop.probe.cppn import Cppn
from metaloop.probe.network import Array
from metaloop.probe.pictures import (
    CANDIDATES,
    SWEEP,
    damaged,
    ladder_plot,
    png,
    sweeps,
    tiles,
    unit_maps,
)
from metaloop.probe.rows import headline, rows, same_output
from metaloop.report.document import document, header, section, table
from metaloop.report.figure import inline
from metaloop.text import html

DRAWS, SHOWN_DAMAGE = 5, 0.1
STYLE = """.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.2rem; }
.pair figure, .stack figure { margin: .8rem 0 0; }
figure img { width: 100%; height: auto; display: block; }
.badge.sound { color: var(--good); } .badge.fractured { color: var(--bad); }
.badge.undecided { color: var(--warn); }
"""


def render_page(title: str, networks: Sequence[Cppn], comparison: Comparison) -> str:
    """The whole page, for the two networks that were compared."""
    heads = ("measure", *(f"#{html(r.name)}" for r in comparison.networks))
    cells = ([html(cell) for cell in row] for row in rows(comparison))
    sections = (
        _head(title, comparison),
        _drawn(networks, comparison),
        _damaged(networks, comparison),
        section(
            "Does the symmetry survive?",
            f"<figure>{inline(ladder_plot(comparison))}\n<figcaption>{html(comparison.rule)} "
            f"Bands: 95 % intervals over {comparison.seeds} draws of noise.</figcaption></figure>",
        ),
        section("Numbers", table(heads, cells)),
        _swept(networks),
        _mapped(networks, comparison),
    )
    return document(f"{title} · metaloop probe", sections, STYLE)


def _head(title: str, comparison: Comparison) -> str:
    badges = "".join(
        f'<span class="badge {r.verdict}">{html(r.name)}: {r.verdict}</span>'
        for r in comparison.networks
    )
    return header("metaloop probe", f"{html(title)} {badges}", [html(headline(comparison))])


def _drawn(networks: Sequence[Cppn], comparison: Comparison) -> str:
    images = [tiles([[n.picture(n.weights, 256)]]) for n in networks]
    return _figures("What both draw", same_output(comparison), networks, images, layout="pair")


def _damaged(networks: Sequence[Cppn], comparison: Comparison) -> str:
    """At lighter damage than the verdict's, so that what was drawn is still to be seen."""
    rungs = [
        min(r.ladder, key=lambda rung: abs(rung.level - SHOWN_DAMAGE)) for r in comparison.networks
    ]
    note = (
        "First the picture as it is, then under noise on the weights, scaled for each network so "
        "that the mean damage is the same."
    )
    images = [damaged(n, rung, DRAWS) for n, rung in zip(networks, rungs, strict=True)]
    return _figures(f"At the same damage, {rungs[0].level:g}", note, networks, images)


def _swept(networks: Sequence[Cppn]) -> str:
    steps = ", ".join(f"{step:+g}" if step else "0" for step in SWEEP)
    note = (
        f"Each row is one weight, of {CANDIDATES} random ones those that move the picture most; "
        f"the columns add {steps} to it."
    )
    return _figures("One weight swept", note, networks, [sweeps(n) for n in networks])


def _mapped(networks: Sequence[Cppn], comparison: Comparison) -> str:
    shares = ", ".join(f"{html(r.name)} {r.respecting:.2f}" for r in comparison.networks)
    note = (
        "A row for each layer, from the input on, and a tile for each unit that varies: white is "
        "0, blue above, red below, each unit on its own scale. Share of units with |mirror "
        f"correlation| above {RESPECTS}: {shares}."
    )
    return _figures("What each unit computes", note, networks, [unit_maps(n) for n in networks])


def _figures(
    title: str, note: str, networks: Sequence[Cppn], images: Sequence[Array], layout: str = "stack"
) -> str:
    """An image for each network under its name; `note` is HTML."""
    parts = [
        f'<figure><figcaption>{html(n.name)}</figcaption><img src="{png(image)}"'
        f' alt="{html(title)}: {html(n.name)}"></figure>'
        for n, image in zip(networks, images, strict=True)
    ]
    return section(title, f'<p>{note}</p>\n<div class="{layout}">{"".join(parts)}</div>')
