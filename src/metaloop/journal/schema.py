"""The tables of the journal, in any database SQLAlchemy speaks to."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("task", String, nullable=False),
    Column("state", String, nullable=False),  # running, done, interrupted, paused
    Column("reason", Text, nullable=False, default=""),
    Column("started", Float, nullable=False),  # seconds since the epoch
    Column("updated", Float, nullable=False),
    Column("active_s", Float, nullable=False, default=0.0),  # time spent running, all sittings
    Column("config", JSON, nullable=False),
    Column("machine", JSON, nullable=False),
)

trials = Table(
    "trials",
    metadata,
    Column("run", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", String, nullable=False),
    Column("arm", String, nullable=False),
    Column("by", String, nullable=False),
    Column("parent", Integer),
    Column("params", JSON, nullable=False),
    Column("score", Float),
    Column("gain", Float),
    Column("changed", Text, nullable=False),
    Column("content", String, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("asked", JSON, nullable=False),
    # What follows is read one trial at a time.
    Column("edits", JSON, nullable=False),
    Column("assigned", JSON, nullable=False),
    Column("steer", JSON),
    Column("hypothesis", Text, nullable=False),
    Column("scores", JSON, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("tail", Text, nullable=False),
    Column("diff", Text, nullable=False),
    Column("commit", String),
    Column("at", Float, nullable=False),
)

mechanisms = Table(
    "mechanisms",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),  # the order in which they came
    Column("run", String, nullable=False),
    Column("id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("origin", String, nullable=False),  # builtin, generated, placebo
    Column("state", String, nullable=False),  # rejected, installed, retired
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("idea", Text, nullable=False, default=""),
    Column("model", String, nullable=False, default=""),
    Column("born", Integer, nullable=False),  # number of the trial before which it came
    Column("ended", Integer),
    Column("screening", JSON),
    UniqueConstraint("run", "id"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("data", JSON, nullable=False),
    Index("events_by_run", "run", "kind"),
)

calls = Table(
    "calls",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run", String, nullable=False),
    Column("key", String, nullable=False),
    Column("role", String, nullable=False),
    Column("model", String, nullable=False),
    Column("request", JSON, nullable=False),
    Column("answer", JSON),  # of a failed call: what it cost, or null
    Column("error", Text, nullable=False, default=""),
    Column("at", Float, nullable=False),
    Index("calls_by_key", "run", "key"),
    Index("calls_of_all_runs", "key"),
)

measurements = Table(  # for runs that share theirs
    "measurements",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run", String, nullable=False),
    Column("key", String, nullable=False),  # of what was run, and the seed
    Column("nth", Integer, nullable=False),  # how often the run had measured that before
    Column("measured", JSON, nullable=False),
    Index("measurements_by_key", "key", "nth"),
)

usage = Table(  # the calls of each role and model, added up
    "usage",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run", String, nullable=False),
    Column("role", String, nullable=False),
    Column("model", String, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("cached", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("known_usd", Float, nullable=False),
    Column("unpriced", Integer, nullable=False),
    UniqueConstraint("run", "role", "model"),
)
