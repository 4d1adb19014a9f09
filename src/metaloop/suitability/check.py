"""Is a task fit for autoresearch? Four properties, each measured; the weakest decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaloop.execution import find_sandbox
from metaloop.guard.repeat import LOOKS, TOLD
from metaloop.suitability.finding import Property, Verdict, verdict_of
from metaloop.suitability.iteration import iteration
from metaloop.suitability.metric import metric, signal_of
from metaloop.suitability.modularity import modularity
from metaloop.suitability.power import ALPHA, POWER, runs_needed
from metaloop.suitability.repository import Repository
from metaloop.suitability.signal import Signal
from metaloop.suitability.trials import Observations, observe
from metaloop.suitability.version_control import version_control
from metaloop.task.spec import Task, load_task

EXIT: dict[Verdict, int] = {"fit": 0, "fit with repairs": 1, "unfit": 2}


@dataclass(frozen=True)
class Detection:
    """What can be told from the noise, in the unit of the metric; runs are of each program."""

    sigma: float
    minimal_gain: float
    """The gain that `metaloop run` keeps 4 times in 5, with at most LOOKS runs of it."""
    gains: dict[str, tuple[float, int]]
    """By what it is: a gain, and the runs that tell it."""
    tried: bool
    """Whether there was a small change to try."""


@dataclass(frozen=True)
class Suitability:
    """The result of a check."""

    task: Task
    properties: tuple[Property, ...]
    base: float | None
    """Mean score of the unchanged program, if it gave any."""
    detection: Detection | None
    """None when the program gave no score."""
    trials: int
    seconds: float

    @property
    def weakest(self) -> Property:
        """The property that decides."""
        return min(self.properties, key=lambda p: p.score)

    @property
    def verdict(self) -> Verdict:
        """That of the weakest property, not of the mean."""
        return verdict_of(self.weakest.score)

    @property
    def exit_code(self) -> int:
        """0 fit, 1 fit with repairs, 2 unfit."""
        return EXIT[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        spec = self.task.spec
        return {
            "task": spec.name,
            "metric": spec.metric.name,
            "direction": spec.metric.direction,
            "score": self.base,
            "verdict": self.verdict,
            "weakest": self.weakest.name,
            "exit_code": self.exit_code,
            "properties": {p.name: _property(p) for p in self.properties},
            "detection": _detection(self.detection),
            "trials": self.trials,
            "seconds": self.seconds,
        }


def _property(found: Property) -> dict[str, Any]:
    findings = {
        f.name: {"score": f.score, "evidence": f.evidence, "change": f.change}
        for f in found.findings
    }
    return {
        "score": found.score,
        "verdict": verdict_of(found.score),
        "change": found.change,
        "score_after": found.score_after,
        "findings": findings,
    }


def _detection(found: Detection | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "alpha": ALPHA,
        "power": POWER,
        "sigma": found.sigma,
        "minimal_gain": found.minimal_gain,
        "runs": LOOKS,
        "gains": {name: {"gain": g, "runs": n} for name, (g, n) in found.gains.items()},
    }


def check(
    task: Task | Path | str,
    *,
    runs: int = 8,
    seed: int = 0,
    gain: float | None = None,
    budget_minutes: float | None = None,
    unsafe: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Suitability:
    """Measure a task, by running it in the sandbox.

    `runs` bounds the repeats of the program and the parameters that are changed; `gain` is a size
    of gain, in the metric's unit, for which the runs are counted. `tell` is called with what is
    done next. Raises TaskError and ValueError for bad input, SandboxError without a sandbox.
    """
    if runs < 2:
        raise ValueError(f"--runs: must be at least 2 (got {runs})")
    if gain is not None and not gain > 0:
        raise ValueError(f"--gain: must be above 0 (got {gain:g})")
    task = task if isinstance(task, Task) else load_task(task)
    started, repository = time.perf_counter(), Repository.around(task.directory)
    seen = observe(task, repository, find_sandbox(unsafe=unsafe), runs, seed, tell)
    found = signal_of(task, seen)
    properties = (
        metric(task, seen, found),
        modularity(task),
        iteration(task, seen, budget_minutes),
        version_control(task, repository, seen, found),
    )
    detection = detect(found, gain, bool(seen.changes)) if found else None
    base = task.loss(found.base) if found else None
    return Suitability(
        task, properties, base, detection, _count(seen), time.perf_counter() - started
    )


def detect(found: Signal, gain: float | None, tried: bool) -> Detection:
    """What the noise lets through: for `gain`, and for gains that a user may have in mind."""
    best = max((e.gain for e in found.effects if e.answers), default=0.0)
    sizes = {
        "given": gain or 0.0,
        "1 % of the score": abs(found.base) / 100 if found.heard or found.sigma else 0.0,
        "typical effect of a small change": found.typical if found.heard else 0.0,
        "best small change": best,
    }
    gains = {name: (g, runs_needed(g, found.sigma)) for name, g in sizes.items() if g > 0}
    return Detection(found.sigma, TOLD * found.sigma, gains, tried)


def _count(seen: Observations) -> int:
    others = (seen.stripped, seen.as_it_lies, seen.committed)
    single = [s for s in others if s is not None and s not in seen.base]
    return len(seen.base) + len(single) + len(seen.pair) + sum(map(len, seen.changes.values()))
