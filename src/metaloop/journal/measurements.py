"""Measurements that runs share: arms of a study differ by their treatment, not by noise."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Engine

from metaloop.journal.schema import measurements


class MeasurementTable:
    """What one run measures, and what other runs with its seed measured before it.

    The n-th measurement of a program is the same in all of them: paired noise, but independent
    within a run.
    """

    def __init__(self, engine: Engine, run: str, seed: int) -> None:
        self._engine, self._run, self._seed = engine, run, seed

    def take(self, key: str) -> dict[str, Any] | None:
        """The next measurement of `key`, if another run has made it; it is this run's from now."""
        table, nth = measurements.c, self._made(key)
        query = select(table.measured).where(table.key == self._of_seed(key), table.nth == nth)
        with self._engine.connect() as db:
            row = db.execute(query.order_by(table.seq).limit(1)).one_or_none()
        if row is None:
            return None
        self._add(key, nth, row.measured)
        return dict(row.measured)

    def put(self, key: str, measured: dict[str, Any]) -> None:
        """Keep a measurement that this run has made."""
        self._add(key, self._made(key), measured)

    def _made(self, key: str) -> int:
        query = select(func.count()).select_from(measurements)
        own = (measurements.c.run == self._run, measurements.c.key == self._of_seed(key))
        with self._engine.connect() as db:
            return int(db.execute(query.where(*own)).scalar_one())

    def _add(self, key: str, nth: int, measured: dict[str, Any]) -> None:
        row = {"run": self._run, "key": self._of_seed(key), "nth": nth, "measured": measured}
        with self._engine.begin() as db:
            db.execute(insert(measurements), row)

    def _of_seed(self, key: str) -> str:
        return f"{self._seed}/{key}"
