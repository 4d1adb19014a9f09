"""Tables of outcomes: what each model's answer to each query earned, and what it cost.

A table is JSONL (or JSONL.gz). A row holds `query`, `records` {model: score in [0, 1]} and, where
known, `usages` {model: {"cost": dollars}}, `role`, `dataset` and `index`. A cost that is missing
is unknown: it is left out of every mean, and never counted as 0.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from metaloop.models.base import Role
from metaloop.models.router.embed import Array

_FIELDS = ("query", "records", "usages", "role", "dataset", "index")


class TableError(ValueError):
    """The table is not usable; the message names file, line, field and mend."""


@dataclass(frozen=True)
class Row:
    """One query, the score of each model that answered it, and the dollars that are known."""

    query: str
    scores: Mapping[str, float]
    costs: Mapping[str, float] = field(default_factory=dict)
    role: Role | None = None

    def to_json(self) -> str:
        """As a line of a table, without its end."""
        usages = {model: {"cost": cost} for model, cost in self.costs.items()}
        row = {"query": self.query, "records": dict(self.scores), "usages": usages}
        return json.dumps(row | ({"role": self.role} if self.role else {}), ensure_ascii=False)


class Table:
    """Rows as arrays: `scores` and `costs` are rows by models, NaN where unknown."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Raises TableError when there is no row."""
        rows = list(rows)
        if not rows:
            raise TableError("the table of outcomes has no rows, so nothing can be learned from it")
        self.queries = [row.query for row in rows]
        self.models: Sequence[str] = sorted({model for row in rows for model in row.scores})
        columns = {model: i for i, model in enumerate(self.models)}
        self.scores = np.full((len(rows), len(columns)), np.nan)
        self.costs = np.full_like(self.scores, np.nan)
        for i, row in enumerate(rows):
            for model, score in row.scores.items():
                self.scores[i, columns[model]] = score
            for model, cost in row.costs.items():
                self.costs[i, columns[model]] = cost

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: Sequence[int] | Array) -> Table:
        """The table of these rows alone, with the same models."""
        part = object.__new__(Table)
        part.queries = [self.queries[i] for i in rows]
        part.models, part.scores, part.costs = self.models, self.scores[rows], self.costs[rows]
        return part

    def groups(self) -> Array:
        """A number per row, the same for queries that differ in case and blanks at most."""
        known: dict[str, int] = {}
        return np.array(
            [known.setdefault(" ".join(q.lower().split()), len(known)) for q in self.queries]
        )


def load_table(path: Path | str, role: str | None = None) -> Table:
    """Read a table, of one role's rows if `role` is given.

    Raises TableError naming file, line, field and mend.
    """
    rows = [row for row in read_rows(Path(path)) if role is None or row.role == role]
    if not rows:
        what = f"no row with role {role!r}" if role else "no row"
        raise TableError(f"{path}: {what} in it; a row is {_EXAMPLE}")
    return Table(rows)


_EXAMPLE = '{"query": "...", "records": {"MODEL": 0.5}, "usages": {"MODEL": {"cost": 0.001}}}'


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSONL or JSONL.gz file, each checked; blank lines are skipped.

    Raises TableError naming file, line, field and mend.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield read_row(line, f"{path}, line {number}")
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{path}: cannot be read: {error}") from None


def read_row(line: bytes, where: str) -> Row:
    """One line of a table, checked; raises TableError, which begins with `where`."""
    try:
        data = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise TableError(f"{where}: not JSON ({error}); a line is {_EXAMPLE}") from None
    if not isinstance(data, dict):
        raise TableError(f"{where}: not an object; a line is {_EXAMPLE}")
    if unknown := sorted(data.keys() - set(_FIELDS)):
        raise TableError(f"{where}: unknown field {unknown[0]!r}; known: {', '.join(_FIELDS)}")
    query = data.get("query")
    if not isinstance(query, str) or not query.strip() or not _is_text(query):
        raise TableError(f"{where}: query: must be text that is not blank (got {_shown(query)})")
    role = data.get("role")
    if role is not None and role not in get_args(Role):
        raise TableError(f"{where}: role: must be one of {', '.join(get_args(Role))}")
    scores = _scores(data.get("records"), where)
    return Row(query, scores, _costs(data.get("usages", {}), scores, where), cast("Role", role))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TableError(f"{twice!r} stands twice in one object")
    return made


def _scores(records: object, where: str) -> dict[str, float]:
    if not isinstance(records, dict) or not records:
        raise TableError(f"{where}: records: must be {{model: score}} with at least one model")
    for model, score in records.items():
        if not model.strip() or not _is_text(model):
            raise TableError(f"{where}: records: the name of a model is blank; name it")
        if not _is_number(score) or not 0 <= score <= 1:
            raise TableError(
                f"{where}: records.{model}: must be a score from 0 to 1 (got {_shown(score)}); "
                "scale it, or leave the model out where it did not answer"
            )
    return {model: float(score) for model, score in records.items()}


def _costs(usages: object, scores: Mapping[str, float], where: str) -> dict[str, float]:
    if not isinstance(usages, dict):
        raise TableError(f'{where}: usages: must be {{model: {{"cost": dollars}}}}')
    costs = {}
    for model, usage in usages.items():
        name = f"{where}: usages.{model}"
        if model not in scores:
            raise TableError(f"{name}: has no score in records; add it or leave both out")
        if not isinstance(usage, dict) or usage.keys() - {"cost"}:
            raise TableError(f'{name}: must be {{"cost": dollars}} (got {_shown(usage)})')
        cost = usage.get("cost")
        if cost is None:
            continue
        if not _is_number(cost) or cost < 0:
            raise TableError(
                f"{name}.cost: must be dollars, 0 or more (got {_shown(cost)}); "
                "leave it out where it is unknown"
            )
        costs[model] = float(cost)
    return costs


def _is_number(value: object) -> bool:
    """True for a finite number; JSON's true, NaN and Infinity are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _is_text(value: str) -> bool:
    """False for lone surrogates, which no file or endpoint takes."""
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:60] + "…"
