"""The journal: the append-only record of all runs, from which everything shown is derived.

A process may die at any instant: each trial is one transaction, written when it is decided.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sqlalchemy import Table, case, create_engine, event, func, insert, select, update
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from metaloop.journal.calls import COUNTS, AllCalls, CallTable
from metaloop.journal.measurements import MeasurementTable
from metaloop.journal.records import (
    Details,
    Event,
    MechanismRecord,
    RunRecord,
    RunState,
    Tally,
    TrialRecord,
)
from metaloop.journal.schema import events, mechanisms, metadata, runs, trials, usage
from metaloop.models.ledger import Ledger, Usage

_DETAILS = [f.name for f in fields(Details)]
_LIGHT = [f.name for f in fields(TrialRecord) if f.name != "details"]
PATIENCE = 600
"""Tries, 0.05 s apart, to open a database that others open at the same time."""


class JournalError(Exception):
    """The journal cannot be opened, or does not hold what was asked for."""


class Journal:
    """All runs of a project, in one database."""

    def __init__(self, url: str | Path) -> None:
        if isinstance(url, Path):
            url.parent.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{url}"
        self.listeners: list[Callable[[str, object], None]] = []
        """Called with (run, record) for each trial, mechanism and event as it is written."""
        try:
            address = make_url(url)
            if address.drivername == "postgresql":
                address = address.set(drivername="postgresql+psycopg")
            self.url = str(address)  # the password as ***
            # A server drops connections that idle, or when it restarts: asked first, they are made
            # anew, where the first statement of a night's run would fail.
            self._engine: Engine = create_engine(address, pool_pre_ping=True)
            if self._engine.dialect.name == "sqlite":
                event.listen(self._engine, "connect", _wal)
            try:
                self._make_tables()
            except (IntegrityError, ProgrammingError):  # PostgreSQL, when others make them too
                self._make_tables()
        except ImportError as error:
            mend = "`pip install 'metaloop[postgres]'` brings PostgreSQL's driver"
            raise JournalError(f"cannot open the journal {self.url}: {error}; {mend}") from None
        except ArgumentError:
            raise JournalError("the journal's URL cannot be read: see METALOOP_JOURNAL") from None
        except SQLAlchemyError as error:
            raise JournalError(f"cannot open the journal {self.url}: {error}") from None

    def close(self) -> None:
        self._engine.dispose()

    def _make_tables(self) -> None:
        """Those that are not there: each asks for itself, for another process may make it now."""
        with self._engine.begin() as db:
            for table in metadata.sorted_tables:
                db.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    db.execute(CreateIndex(index, if_not_exists=True))

    # Runs

    def start_run(self, run: RunRecord) -> None:
        self._insert(runs, asdict(run))

    def run(self, run: str) -> RunRecord:
        with self._engine.connect() as db:
            row = db.execute(select(runs).where(runs.c.id == run)).mappings().one_or_none()
        if row is None:
            known = ", ".join(r.id for r in self.runs()[-5:]) or "none yet"
            raise JournalError(f"no run {run!r} in {self.url}; the latest are: {known}")
        return RunRecord(**row)

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first."""
        with self._engine.connect() as db:
            return [
                RunRecord(**row)
                for row in db.execute(select(runs).order_by(runs.c.started)).mappings()
            ]

    def set_state(
        self, run: str, state: RunState, reason: str = "", active_s: float | None = None
    ) -> None:
        """Where a run stands and why; `active_s`, if given, is its active seconds up to now."""
        active = {} if active_s is None else {"active_s": active_s}
        self._update_run(run, state=state, reason=reason, **active)
        self.tell(run, Event(-1, "state", {"state": state, "reason": reason}))

    def set_config(self, run: str, config: dict[str, Any]) -> None:
        """Replace the settings of a run, e.g. when it is resumed with a larger budget."""
        self._update_run(run, config=config)

    def _update_run(self, run: str, **values: Any) -> None:
        with self._engine.begin() as db:
            db.execute(update(runs).where(runs.c.id == run).values(updated=time.time(), **values))

    # Trials

    def add_trial(
        self,
        run: str,
        trial: TrialRecord,
        active_s: float,
        trial_events: Sequence[Event] = (),
    ) -> None:
        """Record a decided trial, what came of it, and the run's active seconds up to it, in one
        transaction. A mechanism that an event tells to be retired becomes so."""
        row = {name: getattr(trial, name) for name in _LIGHT}
        row |= {name: getattr(trial.details, name) for name in _DETAILS}
        now = time.time()
        with self._engine.begin() as db:
            db.execute(insert(trials), row | {"run": run, "at": now})
            _write_events(db, run, now, trial_events)
            db.execute(update(runs).where(runs.c.id == run).values(updated=now, active_s=active_s))
        for record in (trial, *trial_events):
            self.tell(run, record)

    def trials(self, run: str) -> list[TrialRecord]:
        """All trials in order, without their details."""
        columns = [trials.c[name] for name in _LIGHT]
        query = select(*columns).where(trials.c.run == run).order_by(trials.c.number)
        with self._engine.connect() as db:
            return [TrialRecord(*row) for row in db.execute(query).all()]

    def trial(self, run: str, number: int) -> TrialRecord:
        """One trial with its details; raises JournalError where there is none."""
        columns = [trials.c[name] for name in (*_LIGHT, *_DETAILS)]
        query = select(*columns).where(trials.c.run == run, trials.c.number == number)
        with self._engine.connect() as db:
            row = db.execute(query).one_or_none()
        if row is None:
            raise JournalError(f"run {run} has no trial {number}")
        light, details = row[: len(_LIGHT)], Details(*row[len(_LIGHT) :])
        return TrialRecord(**dict(zip(_LIGHT, light, strict=True)), details=details)

    def details(self, run: str, number: int) -> Details:
        return self.trial(run, number).details

    def kept(self, run: str) -> dict[int, tuple[list[float], str | None]]:
        """Measurements and commit of each trial that was kept, by number."""
        query = select(trials.c.number, trials.c.scores, trials.c.commit)
        query = query.where(trials.c.run == run, trials.c.status == "kept")
        with self._engine.connect() as db:
            return {number: (scores, commit) for number, scores, commit in db.execute(query)}

    def trial_seconds(self, run: str) -> float:
        """Seconds that the programs of all trials ran, each counted once."""
        query = select(func.coalesce(func.sum(trials.c.seconds), 0.0)).where(trials.c.run == run)
        with self._engine.connect() as db:
            return float(db.execute(query).scalar_one())

    def tallies(self, run: str) -> list[Tally]:
        """The trials counted, without reading them one by one."""
        own = (trials.c.by == trials.c.arm).label("own")
        groups = [trials.c.arm, own, trials.c.status]
        query = select(
            *groups,
            func.count(),
            func.sum(case((trials.c.live, 1), else_=0)),
            func.coalesce(func.sum(trials.c.gain), 0.0),
            func.max(trials.c.number),
        )
        query = query.where(trials.c.run == run).group_by(*groups)
        with self._engine.connect() as db:
            return [Tally(*tuple(row)) for row in db.execute(query)]

    # Mechanisms and events

    def mechanisms(self, run: str) -> list[MechanismRecord]:
        """All mechanisms of a run in the order in which they came, rejected ones too."""
        columns = [mechanisms.c[f.name] for f in fields(MechanismRecord)]
        query = select(*columns).where(mechanisms.c.run == run).order_by(mechanisms.c.seq)
        with self._engine.connect() as db:
            return [MechanismRecord(*row) for row in db.execute(query)]

    def add_event(self, run: str, trial: int, kind: str, /, **data: Any) -> None:
        self._insert(
            events, {"run": run, "at": time.time(), "trial": trial, "kind": kind, "data": data}
        )
        self.tell(run, Event(trial, kind, data))

    def add_step(
        self, run: str, step_events: list[Event], step_mechanisms: list[MechanismRecord]
    ) -> None:
        """Record all that one outer step decided, in one transaction. A mechanism that an event
        tells to be retired becomes so."""
        now = time.time()
        with self._engine.begin() as db:
            _write_events(db, run, now, step_events)
            for mechanism in step_mechanisms:
                db.execute(insert(mechanisms).values(run=run, **asdict(mechanism)))
        for record in [*step_events, *step_mechanisms]:
            self.tell(run, record)

    def events(self, run: str, *kinds: str) -> list[Event]:
        """Events in order, all or of these kinds."""
        query = select(events.c.trial, events.c.kind, events.c.data, events.c.at)
        query = query.where(events.c.run == run).order_by(events.c.seq)
        if kinds:
            query = query.where(events.c.kind.in_(kinds))
        with self._engine.connect() as db:
            return [Event(*row) for row in db.execute(query).all()]

    # Calls: the journal is the run's cassette

    def calls(self, run: str) -> CallTable:
        """The recorded model calls of one run."""
        return CallTable(self._engine, run)

    def all_calls(self) -> AllCalls:
        """The recorded model calls of all runs."""
        return AllCalls(self._engine)

    def measurements(self, run: str, seed: int) -> MeasurementTable:
        """What runs with this seed share of their measurements."""
        return MeasurementTable(self._engine, run, seed)

    def ledger(self, run: str) -> Ledger:
        """What the recorded calls used, per role."""
        ledger, query = Ledger(), select(usage).where(usage.c.run == run).order_by(usage.c.seq)
        with self._engine.connect() as db:
            for row in db.execute(query).mappings():
                used = ledger.roles.setdefault(row["role"], Usage())
                used.models.add(row["model"])
                for name in COUNTS:
                    setattr(used, name, getattr(used, name) + row[name])
        return ledger

    def _insert(self, table: Table, row: dict[str, Any]) -> None:
        with self._engine.begin() as db:
            db.execute(insert(table), row)

    def tell(self, run: str, record: object) -> None:
        """Pass a record to the listeners; of itself this writes nothing."""
        for listener in self.listeners:
            listener(run, record)


def _write_events(db: Connection, run: str, now: float, written: Sequence[Event]) -> None:
    for e in written:
        row = {"run": run, "at": now, "trial": e.trial, "kind": e.kind, "data": e.data}
        db.execute(insert(events).values(**row))
        if e.kind == "retired":
            was = (mechanisms.c.run == run, mechanisms.c.id == e.data["mechanism"])
            now_is = {"state": "retired", "reason": e.data["reason"], "ended": e.trial}
            db.execute(update(mechanisms).where(*was).values(now_is))


def _wal(connection: DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    for attempt in range(PATIENCE):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:  # others open it too, and for this SQLite does not wait
            if attempt == PATIENCE - 1:
                raise
            time.sleep(0.05)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
