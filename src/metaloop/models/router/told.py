"""What the routers of a run learned, for its report: derived from the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaloop.models.base import Role
from metaloop.models.router.fit import fit
from metaloop.models.router.name import PREFIX
from metaloop.models.router.outcomes import Logged, Outcomes
from metaloop.models.router.table import Row, Table

if TYPE_CHECKING:
    from metaloop.journal.journal import Journal
    from metaloop.journal.records import RunRecord


@dataclass(frozen=True)
class ModelTold:
    """One model on the queries of one cluster."""

    model: str
    calls: int
    score: float
    """Mean of the verified outcomes."""
    cost: float | None
    """Mean dollars per call; None where nobody knows."""


@dataclass(frozen=True)
class ClusterTold:
    """Queries that are alike, by the most typical one, and the models asked there, best first."""

    sample: str
    models: tuple[ModelTold, ...]


@dataclass(frozen=True)
class Learned:
    """What one role's router learned."""

    role: Role
    evidence: str
    """Whether clusters decide, and why."""
    clusters: tuple[ClusterTold, ...]


def learned(journal: Journal, run: str) -> list[Learned]:
    """Per role that a router filled; empty for a run without routers."""
    record = journal.run(run)
    if not _has_router(record):
        return []
    outcomes = Outcomes(
        record.config["settings"]["seed"], journal.trials(run), journal.mechanisms(run)
    )
    routed = [Logged.of(call) for call in journal.calls(run) if call.model.startswith(PREFIX)]
    by_role: dict[Role, list[Row]] = {}
    for row in outcomes.rows(routed):
        if row.role is not None:
            by_role.setdefault(row.role, []).append(row)
    return [_told(role, rows) for role, rows in by_role.items()]


def _has_router(record: RunRecord) -> bool:
    """Asked first: to look through all calls of a long run takes a while."""
    settings, spec = record.config["settings"], record.config["spec"]
    names = [settings["inner"], settings["outer"]]
    names += [*settings["roles"].values(), *spec["models"].values()]
    return any(name.startswith(PREFIX) for name in names if name)


def _told(role: Role, rows: list[Row]) -> Learned:
    """Cluster the rows anew, all outcomes known: what the run's last look would have found."""
    fitted = fit(Table(rows))
    policy = fitted.policy
    vectors = fitted.embedder.embed([row.query for row in rows])
    labels = [int(policy.nearest(vector)[0][0]) for vector in vectors]
    clusters = []
    for label, sample in enumerate(policy.samples):
        own = [row for row, at in zip(rows, labels, strict=True) if at == label]
        if own:
            name = sample if len(policy.samples) > 1 else "all queries"
            clusters.append(ClusterTold(name, _models(own)))
    return Learned(role, str(policy.evidence), tuple(clusters))


def _models(rows: list[Row]) -> tuple[ModelTold, ...]:
    told = []
    for model in dict.fromkeys(name for row in rows for name in row.scores):
        scores = [row.scores[model] for row in rows if model in row.scores]
        costs = [row.costs[model] for row in rows if model in row.costs]
        cost = sum(costs) / len(costs) if costs else None
        told.append(ModelTold(model, len(scores), sum(scores) / len(scores), cost))
    return tuple(sorted(told, key=lambda m: -m.score))
