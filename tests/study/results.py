"""Made-up results of a study: plausible curves with planted effects, the same for the same seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from metaloop.study.design import Design, TaskPlan
from metaloop.study.result import Cell, Mechanism, Result

STRONG, CHEAP = "local:qwen2.5-coder-1.5b", "local:qwen2.5-coder-0.5b"
ARMS = ("A", "C", "restart", "placebo", "no-llm", "random", "tpe", "cma-es")
EFFECTS = {
    "A": 0.30, "B": 0.31, "C": 0.33, "D": 0.33, "restart": 0.30, "placebo": 0.30, "no-llm": 0.32,
    "random": 0.26, "tpe": 0.34, "cma-es": 0.31, "gp": 0.33,
}  # fmt: skip
"""Mean final gain of each arm, unless a test says otherwise."""


def make_design(
    seeds: int = 10, models: Sequence[str] = (STRONG, CHEAP), arms: Sequence[str] = ARMS,
    tasks: Sequence[str] = ("ngram-lm",), matters: float = 0.02, trials: int = 24,
    name: str = "2 x 2",
    question: str = "Does it help when the two loops think with different models?",
    decides: str | None = None,
) -> Design:  # fmt: skip
    """A design as it would be read from a file; of its tasks there is the name alone."""
    names = [SimpleNamespace(spec=SimpleNamespace(name=task)) for task in tasks]
    return Design(
        file=Path("study.toml"),
        name=name,
        question=question,
        tasks=tuple(TaskPlan(task, matters, content="") for task in names),
        outer=tuple(models),
        inner=tuple(models),
        pairs=tuple(product(models, models)),
        arms=tuple(arms),
        decides=decides,
        seeds=tuple(range(1, seeds + 1)),
        trials=trials,
        outer_every=6,
    )


def make_results(
    design: Design, effects: Mapping[str, float] = EFFECTS, mixed: float = 0.0, role: float = 0.0,
    noise: float = 0.02, seed: int = 0,
) -> list[Result]:  # fmt: skip
    """A result for every cell: `mixed` is what two different models add to arm C, `role` what
    the first model of the design adds outside and takes away inside."""
    rng = np.random.default_rng(seed)
    shared = {s: rng.normal(0, 0.03) for s in design.seeds}
    found = []
    for cell in design.cells():
        gain = effects[cell.arm] + shared[cell.seed] + rng.normal(0, noise)
        if cell.arm == "C" and cell.outer != cell.inner:
            gain += mixed + (role if cell.outer == design.outer[0] else -role) / 2
        found.append(make_result(cell, max(gain, 0.0), design.trials, rng))
    return found


def make_result(cell: Cell, gain: float, trials: int, rng: np.random.Generator) -> Result:
    rises = np.sort(rng.random(trials)) * (rng.random(trials) < 0.4)
    rises[-1] = 1.0
    curve = [0.0, *(float(g) for g in gain * np.maximum.accumulate(rises) ** 0.5)]
    asks, fast = cell.inner is not None, cell.inner == CHEAP
    calls = (trials if asks else 0) + (8 if cell.outer else 0)
    return Result(
        cell=cell, baseline=2.5, direction="minimize", curve=curve,
        sealed=gain * 0.9 + float(rng.normal(0, 0.005)), calls=calls,
        input_tokens=calls * 420, output_tokens=calls * 90 + int(rng.integers(0, 50)) * asks,
        model_seconds=calls * (4.0 if fast else 9.0) + float(rng.normal(0, 0.5)) * asks,
        trial_seconds=trials * 1.4 + float(rng.random()), usd=0.0,
        mechanisms=mechanisms(cell, gain, trials),
    )  # fmt: skip


def mechanisms(cell: Cell, gain: float, trials: int) -> list[Mechanism]:
    if cell.arm in ("C", "D"):
        return [
            Mechanism("m1", "Zoom", "generated", "installed", True, 8, 6, gain * 0.2),
            Mechanism("m2", "Leap", "generated", "rejected", False, 0, 0, 0.0),
            Mechanism("m3", "Walk", "builtin", "installed", True, 6, 6, gain * 0.1),
        ]
    if cell.arm == "placebo":
        return [Mechanism("m1", "Inert", "placebo", "installed", True, 8, 0, 0.0)]
    if cell.inner is None:
        return [Mechanism(cell.arm, cell.arm, "builtin", "installed", True, trials, trials, gain)]
    return []


def result(outer, inner, seed, gain, arm="C", task="toy", **fields):
    """A run of three trials whose last gains `gain`."""
    base = Result(
        cell=Cell(task, arm, outer, inner, seed),
        baseline=2.0,
        direction="minimize",
        curve=[0.0, 0.0, gain / 2, gain],
        sealed=None,
        calls=3,
        input_tokens=900,
        output_tokens=100,
        model_seconds=6.0,
        trial_seconds=4.0,
        usd=None,
        mechanisms=[],
    )
    return replace(base, **fields)
