"""Finished cells as small files beside the design, so that no machine runs one again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaloop.study.design import CONTENT, Design
from metaloop.study.result import Cell, Result


@dataclass(frozen=True)
class Origin:
    """How the file of a cell came to be."""

    task: str
    machine: dict[str, Any]
    """What `metaloop.machine` said of it, and `repository`: git's hash of what it began with."""
    changed: list[str]
    """What the design says `beforehand` and said otherwise then; an older file tells of nothing."""


@dataclass(frozen=True)
class Store:
    """The finished cells of one design."""

    design: Design

    def path(self, cell: Cell) -> Path:
        return self.design.cells_folder / f"{cell.key}.json"

    def written(self) -> list[Path]:
        """What the study has written up to now, but for tables and figures of other names."""
        report = self.design.report_folder
        files = [self.path(cell) for cell in self.design.cells()]
        if (report / "report.html").exists():
            files += [p for p in report.iterdir() if p.suffix in (".html", ".md", ".csv", ".svg")]
        return [file for file in files if file.exists()]

    def read(self, cell: Cell) -> Result | None:
        """The result of a cell, if it is there.

        Raises ValueError where the file is no result of this cell under this design.
        """
        found = self._load(cell)
        return found[0] if found else None

    def results(self) -> list[Result]:
        """Of all cells that are done, in the order of the design."""
        return [result for result, _ in self._all()]

    def origins(self) -> list[Origin]:
        """Of the same cells, in the same order."""
        return [origin for _, origin in self._all()]

    def _all(self) -> list[tuple[Result, Origin]]:
        return [found for cell in self.design.cells() if (found := self._load(cell))]

    def _load(self, cell: Cell) -> tuple[Result, Origin] | None:
        path = self.path(cell)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            made_under, result = data["design"], Result.from_dict(data["result"])
            machine, then = dict(data["machine"]), dict(data.get("beforehand", {}))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: no result of a cell ({error}); remove it") from None
        for name, value in self.design.terms(cell).items():
            if made_under.get(name) != value:
                raise ValueError(f"{path}: {self._other(cell, name, made_under.get(name), value)}")
        if result.cell != cell:
            raise ValueError(f"{path}: is the result of {result.cell.key}; put it where it belongs")
        now = self.design.beforehand(cell)
        changed = [key for key, value in now.items() if then.get(key, value) != value]
        return result, Origin(cell.task, machine, changed)

    def _other(self, cell: Cell, name: str, then: object, now: object) -> str:
        """Why a result does not compare, and what to do; never to delete it, it may have cost a
        night."""
        if name == CONTENT:
            return (
                "the task has changed since it was made: put it back as it was "
                f"({self.design.plan(cell.task).task.directory}), or move this file away to run "
                "the cell anew"
            )
        return (
            f"made with {name} = {then!r}, but {self.design.file} has {now!r}: they do not "
            "compare; put that back, or move the design to a folder of its own"
        )

    def write(self, result: Result, machine: dict[str, Any]) -> Path:
        """Keep a result, whole or not at all."""
        path = self.path(result.cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = {
            "design": self.design.terms(result.cell),
            "beforehand": self.design.beforehand(result.cell),
            "result": result.to_dict(),
            "machine": machine,
        }
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
        return path
