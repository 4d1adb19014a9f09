"""The typed parameter space of a task: what may be set, within which bounds.

The same `Space` is handed to mechanisms, so its methods are the vocabulary in which search
is written: `sample`, `clip`, `neighbour`, `to_unit`, `from_unit`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

Value = int | float | str | bool
Params = dict[str, Value]


@dataclass(frozen=True)
class Param:
    """One parameter: `kind` is "int", "float" or "choice"."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Value, ...] = ()

    def from_unit(self, u: float) -> Value:
        """The value at position `u` in [0, 1] of this parameter's range."""
        u = min(max(u, 0.0), 1.0)
        if self.kind == "choice":
            return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]
        if self.log:
            value = math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + u * (self.high - self.low)
        return self.clip(value)

    def to_unit(self, value: Value) -> float:
        """The position in [0, 1] of `value`; the inverse of `from_unit`."""
        value = self.clip(value)
        if self.kind == "choice":
            return (self.choices.index(value) + 0.5) / len(self.choices)
        x = float(value)
        if self.high == self.low:
            return 0.5
        if self.log:
            return math.log(x / self.low) / math.log(self.high / self.low)
        return (x - self.low) / (self.high - self.low)

    def clip(self, value: Value) -> Value:
        """The nearest valid value; raises ValueError for what is no value of this kind at all."""
        if self.kind == "choice":
            if value in self.choices:
                return self.choices[self.choices.index(value)]
            raise ValueError(f"{self.name}: {value!r} is none of {list(self.choices)}")
        try:
            x = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{self.name}: {str(value)[:40]!r} is not a number") from None
        if math.isnan(x):
            raise ValueError(f"{self.name}: not a number")
        x = min(max(x, self.low), self.high)
        return round(x) if self.kind == "int" else x

    def holds(self, value: Value) -> bool:
        """Is it a valid value as it stands?"""
        try:
            return self.clip(value) == value
        except ValueError:
            return False

    def describe(self) -> str:
        """One line for prompts, e.g. `ORDER: int 1..8`."""
        if self.kind == "choice":
            return f"{self.name}: one of {', '.join(map(str, self.choices))}"
        return f"{self.name}: {self.kind} {self.low:g}..{self.high:g}{' (log)' if self.log else ''}"

    def to_dict(self) -> dict[str, Any]:
        """The table of `metaloop.toml` this parameter came from."""
        if self.kind == "choice":
            return {"choices": list(self.choices)}
        low, high = (int(self.low), int(self.high)) if self.kind == "int" else (self.low, self.high)
        return {"type": self.kind, "low": low, "high": high, "log": self.log}


class Space(Mapping[str, Param]):
    """All parameters of a task, by name. An empty space means: patches only."""

    def __init__(self, params: Mapping[str, Param]) -> None:
        self._params = dict(params)

    def __getitem__(self, name: str) -> Param:
        return self._params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def sample(self, rng: Random) -> Params:
        """A uniformly random full assignment (log-uniform where `log`)."""
        return {name: p.from_unit(rng.random()) for name, p in self.items()}

    def clip(self, params: Mapping[str, Value]) -> Params:
        """A valid full assignment; raises ValueError when a name is unknown or missing."""
        unknown, missing = set(params) - set(self), set(self) - set(params)
        if unknown or missing:
            raise ValueError(f"unknown parameters {sorted(unknown)}, missing {sorted(missing)}")
        return {name: p.clip(params[name]) for name, p in self.items()}

    def neighbour(
        self,
        params: Mapping[str, Value],
        rng: Random,
        scale: float = 0.15,
        names: list[str] | None = None,
    ) -> Params:
        """`params` with `names` (default: all) moved by a Gaussian step of `scale` of the range."""
        moved = dict(params)
        for name in names or list(self):
            p = self[name]
            if p.kind == "choice":
                if rng.random() < scale * 2:
                    moved[name] = rng.choice(p.choices)
                continue
            moved[name] = p.from_unit(p.to_unit(params[name]) + rng.gauss(0.0, scale))
            if moved[name] == params[name] and p.kind == "int":
                moved[name] = p.clip(int(params[name]) + rng.choice((-1, 1)))
        return self.clip(moved)

    def to_unit(self, params: Mapping[str, Value]) -> list[float]:
        """`params` as a point of the unit cube, in the order of the space's names."""
        return [p.to_unit(params[name]) for name, p in self.items()]

    def from_unit(self, point: list[float]) -> Params:
        """The assignment at a point of the unit cube."""
        return {name: p.from_unit(u) for (name, p), u in zip(self.items(), point, strict=True)}

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Tables as in `[space]` of `metaloop.toml`; the inverse of `from_dict`."""
        return {name: p.to_dict() for name, p in self.items()}

    @classmethod
    def from_dict(cls, tables: Mapping[str, Mapping[str, Any]]) -> Space:
        """A space from tables that were already checked (see `task.spec`)."""
        params = {}
        for name, table in tables.items():
            if "choices" in table:
                params[name] = Param(name, "choice", choices=tuple(table["choices"]))
            else:
                low, high = float(table["low"]), float(table["high"])
                params[name] = Param(name, table["type"], low, high, bool(table.get("log", False)))
        return cls(params)
