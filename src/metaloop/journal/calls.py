"""Model calls in the journal: each run's record is its cassette."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Engine

from metaloop.journal.schema import calls, usage
from metaloop.models.base import Completion, Request
from metaloop.models.ledger import Ledger, Usage
from metaloop.models.recorder import Call

COUNTS = [f.name for f in fields(Usage) if f.name != "models"]
"""Columns of the usage table that add up."""


class CallTable:
    """The model calls of one run: a `CallStore`, keyed by model, full request and seed."""

    def __init__(self, engine: Engine, run: str) -> None:
        self._engine, self._run = engine, run

    def get(self, key: str) -> Call | None:
        """The call recorded under `key`, if any."""
        query = select(*_CALL).where(calls.c.run == self._run, calls.c.key == key)
        with self._engine.connect() as db:
            row = db.execute(query.order_by(calls.c.seq).limit(1)).one_or_none()
        return None if row is None else _call(*row)

    def put(self, call: Call) -> None:
        """Keep `call`; one that is there already stays as it is, unless it is unanswered: each of
        those is charged."""
        if not call.unanswered and self.get(call.key) is not None:
            return
        answer = None if call.completion is None else asdict(call.completion)
        row = {
            "run": self._run,
            "key": call.key,
            "role": call.request.role,
            "model": call.model,
            "request": asdict(call.request),
            "answer": answer,
            "error": call.error or "",
            "at": time.time(),
        }
        with self._engine.begin() as db:
            db.execute(insert(calls), row)
            _count(db, self._run, call)

    def __iter__(self) -> Iterator[Call]:
        """All calls, oldest first."""
        query = select(*_CALL).where(calls.c.run == self._run).order_by(calls.c.seq)
        with self._engine.connect() as db:
            for row in db.execute(query):
                yield _call(*row)


class AllCalls:
    """The calls of all runs, to read from."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, key: str) -> Call | None:
        """The first call recorded under `key`, by whichever run."""
        with self._engine.connect() as db:
            query = select(*_CALL).where(calls.c.key == key).order_by(calls.c.seq).limit(1)
            row = db.execute(query).one_or_none()
        return None if row is None else _call(*row)


def _count(db: Connection, run: str, call: Call) -> None:
    """Add a call to what its role and model have used, so that nobody need read all calls."""
    ledger = Ledger()
    ledger.enter(call)
    for role, used in ledger.roles.items():
        counts = {name: getattr(used, name) for name in COUNTS}
        key = {"run": run, "role": role, "model": next(iter(used.models))}
        known = update(usage).where(*(usage.c[name] == value for name, value in key.items()))
        more = {name: usage.c[name] + count for name, count in counts.items()}
        if not db.execute(known.values(more)).rowcount:
            db.execute(insert(usage), key | counts)


_CALL = [calls.c.model, calls.c.request, calls.c.answer, calls.c.error]


def _call(model: str, request: dict[str, Any], answer: dict[str, Any] | None, error: str) -> Call:
    if answer is None:
        return Call(model, Request(**request), error=error)
    # An answer beside an error was of no use, but is charged for.
    return Call(model, Request(**request), Completion(**answer), error or None)
