"""How far a study is, and what the rest of it will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from metaloop.report.text import dollars, duration
from metaloop.study.design import Design
from metaloop.study.result import Cell, Result


@dataclass(frozen=True)
class Row:
    """The cells that differ in their seed alone."""

    name: str
    done: int
    planned: int
    seconds: float | None
    """Of model calls and trials per cell, the mean of those done; None while there are none.

    As if nothing were shared: less is spent where cells have beginnings in common."""
    usd: float | None


@dataclass(frozen=True)
class Progress:
    """Where a study stands. What is left is None where no such cell is done yet."""

    rows: list[Row]
    last: str

    @property
    def done(self) -> int:
        return sum(row.done for row in self.rows)

    @property
    def planned(self) -> int:
        return sum(row.planned for row in self.rows)

    @property
    def seconds_left(self) -> float | None:
        """Of one lane; unknown kinds of cells are taken to be like the mean of the known ones."""
        return self._left([row.seconds for row in self.rows])

    @property
    def usd_left(self) -> float | None:
        """None where a price is unknown."""
        if any(row.done and row.usd is None for row in self.rows):
            return None
        return self._left([row.usd for row in self.rows])

    def _left(self, each: Sequence[float | None]) -> float | None:
        known = [value for value in each if value is not None]
        if not known:
            return None
        usual = fmean(known)
        pairs = zip(self.rows, each, strict=True)
        return sum((r.planned - r.done) * (usual if x is None else x) for r, x in pairs)

    def line(self) -> str:
        """In one line."""
        text = f"{self.done} of {self.planned} cells"
        if self.done == self.planned:
            return text
        text += f", last: {self.last}" if self.last else ""
        if self.seconds_left is None:
            return f"{text}; how long the rest takes is known after the first ones"
        rest = (
            f"{duration(self.seconds_left)} if none shares with another, {dollars(self.usd_left)}"
        )
        return f"{text}; the rest takes at most about {rest}"

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "done": self.done,
            "planned": self.planned,
            "seconds_left": self.seconds_left,
            "usd_left": self.usd_left,
            "cells": [asdict(row) for row in self.rows],
        }


def progress(design: Design, results: Sequence[Result]) -> Progress:
    """Where `design` stands with these results."""
    done = {result.cell: result for result in results}
    groups: dict[str, list[Cell]] = {}
    for cell in design.cells():
        groups.setdefault(cell.key.rpartition("/")[0], []).append(cell)
    rows = []
    for name, cells in groups.items():
        there = [done[cell] for cell in cells if cell in done]
        costs = [result.usd for result in there]
        known = [cost for cost in costs if cost is not None]
        rows.append(
            Row(
                name,
                len(there),
                len(cells),
                fmean(result.seconds for result in there) if there else None,
                fmean(known) if known and len(known) == len(costs) else None,
            )
        )
    return Progress(rows, results[-1].cell.key if results else "")
