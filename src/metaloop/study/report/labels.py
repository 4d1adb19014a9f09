"""What the cells of a study are called on a page, and in which colour they are drawn."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from metaloop.study.groups import Group, grouped
from metaloop.study.result import Cell, Result
from metaloop.text import one_line, visible

ARMS = {
    "A": "A: inner loop alone",
    "B": "B: and strategy",
    "C": "C: and mechanisms",
    "D": "D: mechanisms, no strategy",
    "restart": "restart: restarts, no mechanism",
    "placebo": "placebo: an inert mechanism",
    "no-llm": "no-llm: built-in mechanisms",
    "random": "random search",
    "tpe": "TPE",
    "cma-es": "CMA-ES",
    "gp": "Gaussian process",
}
"""Arms in the order in which they are shown."""
COLOURS = {
    "A": "#0072b2", "B": "#e69f00", "C": "#d55e00", "D": "#a3401f", "restart": "#009e73",
    "placebo": "#8a6d3b", "no-llm": "#cc79a7", "random": "#878d97", "tpe": "#56b4e9",
    "cma-es": "#7b5ea7", "gp": "#b5a200",
}  # fmt: skip
"""Colours that people with any kind of colour vision tell apart, most from Okabe and Ito."""
OUTER = ("#d55e00", "#e69f00", "#a3401f", "#cc79a7")
"""Colours of curves by the model of the outer loop, where one is asked."""
DASHES = {"restart": "--", "placebo": ":", "B": "-.", "D": "--", "random": ":", "cma-es": "--"}
GREY = "#878d97"
WIDTH = 40
"""Characters that the name of a model takes at most."""


def groups(results: Iterable[Result], names: Names) -> list[Group]:
    """Groups in the order in which they are shown: by task, arm, and models."""
    place = names.place
    return sorted(
        grouped(results), key=lambda g: (g.task, rank(g.arm), place(g.outer), place(g.inner))
    )


def rank(arm: str) -> int:
    """The place of an arm among all."""
    return list(ARMS).index(arm) if arm in ARMS else len(ARMS)


def arm_name(arm: str) -> str:
    """An arm in a word, for running text: C, restart, TPE."""
    if arm in ("gp", "random"):
        return arm
    return ARMS[arm].partition(":")[0] if arm in ARMS else tick(arm)


def tick(text: object, limit: int = 60) -> str:
    """Foreign text between backticks, which it cannot leave: code in Markdown and on the page."""
    shown = one_line(text, limit).replace("`", "'").replace("|", "\u00a6")
    return f"`{shown or ' '}`"


def plain(text: str) -> str:
    """Without the backticks, for a plot."""
    return text.replace("`", "")


class Names:
    """Short names of models: without provider, and without the beginning that all share."""

    def __init__(self, models: Iterable[str | None]) -> None:
        full = {m: m.partition(":")[2].partition("@")[0] or m for m in models if m}
        if len(set(full.values())) < len(full):
            full = {m: m for m in full}
        start = _common(list(full.values())) if len(full) > 1 else ""
        self._full = full
        self._shown = _told_apart({m: name[len(start) :] for m, name in full.items()})

    def all(self) -> list[str]:
        """Every model, not shortened."""
        return [tick(name) for name in self._full.values()]

    def place(self, model: str | None) -> int:
        """Where a model stands among all of them; -1 where none is asked."""
        return list(self._full).index(model) if model in self._full else -1

    def model(self, model: str | None) -> str:
        """The name of a model, between backticks; a dash where none is asked."""
        return self._shown.get(model) or tick(model, WIDTH) if model else "-"

    def pair(self, outer: str | None, inner: str | None) -> str:
        """E.g. `1.5b` over `0.5b`: first the model of the outer loop; empty without models."""
        return " over ".join(self.model(m) for m in (outer, inner) if m)

    def cell(self, cell: Cell | Group) -> str:
        """E.g. C `1.5b` over `0.5b`, A `0.5b`, TPE: what it is but for its seed."""
        return f"{arm_name(cell.arm)} {self.pair(cell.outer, cell.inner)}".strip()


def _told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Between backticks, of long ones without their middle. Names that are then alike end in a
    digest of the model, as those of its cells do."""
    shown = {model: tick(_middle_out(name, WIDTH)) for model, name in names.items()}
    times = Counter(shown.values())
    for model, label in shown.items():
        if times[label] > 1:
            digest = hashlib.sha256(model.encode()).hexdigest()[:8]
            shown[model] = tick(f"{_middle_out(names[model], WIDTH - 9)}-{digest}")
    return shown


def _middle_out(text: str, limit: int) -> str:
    """At most `limit` characters: models of one family often differ in their last ones."""
    line = " ".join(visible(text).split())
    half = limit // 2
    return line if len(line) <= limit else f"{line[: limit - half - 1]}…{line[-half:]}"


def _common(names: Sequence[str]) -> str:
    """The beginning that all names share, up to a dash; none that would leave nothing.

    >>> _common(["qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b"])
    'qwen2.5-coder-'
    """
    first = names[0]
    cuts = [i + 1 for i, c in enumerate(first) if c == "-"]
    shared = [c for c in cuts if all(n.startswith(first[:c]) and len(n) > c for n in names)]
    return first[: max(shared, default=0)]
