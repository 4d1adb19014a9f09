"""What became of a run's model calls, and what its routers learned from that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from metaloop.journal.journal import Journal
from metaloop.journal.records import RunRecord
from metaloop.models.base import Role
from metaloop.models.recorder import Call
from metaloop.models.router.fit import fit
from metaloop.models.router.name import PREFIX
from metaloop.models.router.outcomes import Logged, Outcomes
from metaloop.models.router.table import Row, Table
from metaloop.text import dollars, one_line

ROUTING_HEADS = ("cluster: its most typical query", "model", "#calls", "#score", "#usd per call")
"""Heads of `Learned.rows`; scores and dollars are means."""


@dataclass(frozen=True)
class Learned:
    """What one role's router learned of each model in each cluster of queries."""

    role: Role
    evidence: str
    """Whether clusters decide, and why."""
    rows: list[list[str]]
    """The models that were asked in a cluster, best first."""


def learned(journal: Journal, run: str) -> list[Learned]:
    """Per role that a router filled; empty for a run without routers."""
    if not _has_router(journal.run(run)):
        return []
    routed = (call for call in journal.calls(run) if call.model.startswith(PREFIX))
    by_role: dict[Role, list[Row]] = {}
    for row in _rows(journal, run, routed):
        if row.role is not None:
            by_role.setdefault(row.role, []).append(row)
    return [_learned(role, rows) for role, rows in by_role.items()]


def rows_of_run(journal: Journal, run: str) -> list[Row]:
    """A row for each model call of a run whose outcome is verified."""
    return _rows(journal, run, journal.calls(run))


def _rows(journal: Journal, run: str, calls: Iterable[Call]) -> list[Row]:
    seed = journal.run(run).config["settings"]["seed"]
    outcomes = Outcomes(seed, journal.trials(run), journal.mechanisms(run))
    return outcomes.rows(map(Logged.of, calls))


def _has_router(record: RunRecord) -> bool:
    """Asked first: to look through all calls of a long run takes a while."""
    settings, spec = record.config["settings"], record.config["spec"]
    names = [settings["inner"], settings["outer"]]
    names += [*settings["roles"].values(), *spec["models"].values()]
    return any(name.startswith(PREFIX) for name in names if name)


def _learned(role: Role, rows: list[Row]) -> Learned:
    """Cluster the rows anew, all outcomes known: what the run's last look would have found."""
    fitted = fit(Table(rows))
    policy = fitted.policy
    vectors = fitted.embedder.embed([row.query for row in rows])
    clusters: dict[int, list[Row]] = {}
    for row, vector in zip(rows, vectors, strict=True):
        clusters.setdefault(int(policy.nearest(vector)[0][0]), []).append(row)
    shown = []
    for number, label in enumerate(sorted(clusters), 1):
        sample = policy.samples[label] if len(policy.samples) > 1 else "all queries"
        for place, cells in enumerate(_models(clusters[label])):
            name = f"{number}" if place else f"{number}: {one_line(sample, 120)}"
            shown.append([name, *cells])
    return Learned(role, str(policy.evidence), shown)


def _models(rows: list[Row]) -> list[list[str]]:
    """Model, calls, mean score and mean dollars per call, the best one first."""
    scores: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    for row in rows:
        for model, score in row.scores.items():
            scores.setdefault(model, []).append(score)
        for model, cost in row.costs.items():
            costs.setdefault(model, []).append(cost)
    shown = []
    for model in sorted(scores, key=lambda name: -fmean(scores[name])):
        paid = fmean(costs[model]) if model in costs else None
        shown.append([model, str(len(scores[model])), f"{fmean(scores[model]):.3f}", dollars(paid)])
    return shown
