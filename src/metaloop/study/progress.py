"""How far a study is, and what the rest of it will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from metaloop.models.reference import Reference, members
from metaloop.study.design import Design
from metaloop.study.result import Cell, Result
from metaloop.text import dollars, duration


@dataclass(frozen=True)
class Row:
    """The cells that differ in their seed alone."""

    name: str
    asks: bool
    """These cells ask a model."""
    done: int
    planned: int
    seconds: float | None
    """Of model calls and trials per cell, the mean of those done; None while there are none.

    As if nothing were shared: less is spent where cells have beginnings in common."""
    usd: float | None
    """Likewise; 0 from the start where only local models are asked."""


@dataclass(frozen=True)
class Progress:
    """Where a study stands. What is left is None where no such cell is done yet."""

    rows: list[Row]

    @property
    def done(self) -> int:
        return sum(row.done for row in self.rows)

    @property
    def planned(self) -> int:
        return sum(row.planned for row in self.rows)

    @property
    def seconds_left(self) -> float | None:
        """Of one lane. A kind of which none is done is taken to be like the mean of those that ask
        models; one that asks none, where these are unknown, to be like the others that ask none."""
        known = [(row.asks, row.seconds) for row in self.rows if row.seconds is not None]
        asking, bare = ([x for asks, x in known if asks is which] for which in (True, False))
        total = 0.0
        for row in self.rows:
            alike = asking or ([] if row.asks else bare)
            if row.done == row.planned:
                continue
            if row.seconds is None and not alike:
                return None
            each = fmean(alike) if row.seconds is None else row.seconds
            total += (row.planned - row.done) * each
        return total

    @property
    def usd_left(self) -> float | None:
        """None where it is unknown of any kind that is left: other models have other prices."""
        left = [(row.planned - row.done, row.usd) for row in self.rows if row.done < row.planned]
        known = [count * usd for count, usd in left if usd is not None]
        return sum(known) if len(known) == len(left) else None

    def line(self) -> str:
        """In one line."""
        text = f"{self.done} of {self.planned} cells"
        if self.done == self.planned:
            return text
        if self.seconds_left is None:
            return f"{text}; how long the rest takes is known after the first of each kind"
        price = "a price not known yet" if self.usd_left is None else dollars(self.usd_left)
        rest = f"{duration(self.seconds_left)} if none shares with another, and {price}"
        return f"{text}; the rest takes about {rest}"

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
        costs = [result.usd for result in there] or [0.0 if _is_free(cells[0]) else None]
        known = [cost for cost in costs if cost is not None]
        rows.append(
            Row(
                name,
                cells[0].inner is not None,
                len(there),
                len(cells),
                fmean(result.seconds for result in there) if there else None,
                fmean(known) if len(known) == len(costs) else None,
            )
        )
    return Progress(rows)


def _is_free(cell: Cell) -> bool:
    """Whether it asks local models only, or none."""
    asked = [name for ref in (cell.outer, cell.inner) if ref for name in members(ref)]
    return all(Reference.parse(name).provider == "local" for name in asked)
