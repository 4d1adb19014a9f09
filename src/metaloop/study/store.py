"""Finished cells as small files beside the design, so that no machine runs one again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaloop.study.design import Design
from metaloop.study.result import Cell, Result

FOLDER = "cells"


@dataclass(frozen=True)
class Store:
    """The finished cells of one design."""

    design: Design

    def path(self, cell: Cell) -> Path:
        return self.design.folder / FOLDER / f"{cell.key}.json"

    def read(self, cell: Cell) -> Result | None:
        """The result of a cell, if it is there.

        Raises ValueError where the file is no result of this cell under this design.
        """
        path = self.path(cell)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            made_under, result = data["design"], Result.from_dict(data["result"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: no result of a cell ({error}); remove it") from None
        for name, value in self.design.terms(cell).items():
            if made_under.get(name) != value:
                raise ValueError(
                    f"{path}: made with {name} = {made_under.get(name)!r}, but the design has "
                    f"{value!r}: they do not compare; remove it to run the cell anew"
                )
        if result.cell != cell:
            raise ValueError(f"{path}: is the result of {result.cell.key}; put it where it belongs")
        return result

    def results(self) -> list[Result]:
        """Of all cells that are done, in the order of the design."""
        found = (self.read(cell) for cell in self.design.cells())
        return [result for result in found if result is not None]

    def write(self, result: Result, machine: dict[str, Any]) -> Path:
        """Keep a result, whole or not at all."""
        path = self.path(result.cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        terms = self.design.terms(result.cell)
        data = {"design": terms, "result": result.to_dict(), "machine": machine}
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
        return path
