"""Who made the cells of a report, and by which plan: told only where that is not one for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from metaloop.study.store import Origin
from metaloop.text import joined, plural


def makers(origins: Sequence[Origin]) -> list[str]:
    """What else than arm, models and seed may be in a difference between runs."""
    lines = []
    # A file that names no source is older than all that do.
    if (sources := _kinds(origins, "source")) > 1:
        lines.append(
            f"The runs were made by {sources} versions of metaloop's source: what differs between "
            "arms may be due to that."
        )
    if (systems := _kinds(origins, "platform", "processor")) > 1:
        lines.append(
            f"The runs were made on {systems} systems (by platform and processor): times do not "
            "compare."
        )
    known = {(o.task, tree) for o in origins if (tree := o.machine.get("repository"))}
    if len(known) > len({task for task, _ in known}):
        lines.append(
            "Not all runs of a task began with the same state of its repository. The files that "
            "it declares were the same, but a program may read others."
        )
    return lines


def revised(origins: Sequence[Origin]) -> list[str]:
    """What of a design is not as it was when cells were made."""
    counts = Counter(key for origin in origins for key in origin.changed)
    parts = [f"`{key}` (after {count} of these cells)" for key, count in counts.items()]
    if not parts:
        return []
    return [f"Not that all of the design was fixed beforehand: changed since: {joined(parts)}."]


def looked_again(origins: Sequence[Origin]) -> list[str]:
    """What it takes from a comparison that its seeds were not fixed beforehand."""
    count = sum("seeds" in origin.changed for origin in origins)
    if not count:
        return []
    return [
        f"The seeds were changed after {plural(count, 'run')}: who looks again after adding seeds "
        "more often sees a difference where there is none."
    ]


def _kinds(origins: Sequence[Origin], *keys: str) -> int:
    """How many there are, by what their machines say under `keys`."""
    return len({tuple(str(o.machine.get(key)) for key in keys) for o in origins})
