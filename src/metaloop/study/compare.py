"""The one-line form of a study: the bilevel loop against its alternatives on a user's task."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from metaloop.study.arms import ARMS
from metaloop.study.design import Design, content_of, load_design
from metaloop.suitability.scaffold import toml
from metaloop.task.spec import Task

COMPARED = ("C", "A", "random", "tpe", "cma-es")


def design_comparison(
    task: Task, inner: str, outer: str, *, trials: int, seeds: Sequence[int], home: Path
) -> Design:
    """Write the design into a folder of `home`, which then gathers its results, and read it.

    The folder is another for another task, a changed one, other models, or another number of
    trials, whose results do not compare. A task without a space is compared with the inner loop
    alone: there is nothing to tune. Raises ValueError as `load_design` does.
    """
    terms = "\0".join([str(task.directory), content_of(task), inner, outer, str(trials)])
    digest = hashlib.sha256(terms.encode(errors="surrogateescape")).hexdigest()[:8]
    folder = home / f"{task.spec.name}-{digest}"
    arms = [arm for arm in COMPARED if task.space or ARMS[arm].asks != "none"]
    lines = [
        f'name = "compare-{digest}"',
        f"arms = {toml(arms)}",
        f"seeds = {toml(list(seeds))}",
        f"trials = {trials}",
        f"outer_every = {max(1, min(8, trials // 3))}",
        "[models]",
        f"outer = {toml([outer])}",
        f"inner = {toml([inner])}",
        "[[task]]",
        f"path = {toml(str(task.directory))}",
        "matters = 1e-9  # a comparison states no power",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "compare.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_design(file)
