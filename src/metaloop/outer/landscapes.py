"""Cheap synthetic landscapes over a task's own space, on which mechanisms are screened.

Each is a function from the unit cube to a loss in about [0, 1], its optimum moved by a seed. The
shapes follow the classes of the BBOB test bed (Hansen et al. 2009): separable, ill-conditioned,
multimodal, plateaus, ridges; and one that a task with choices adds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

from metaloop.mechanism.api import Trial
from metaloop.task.space import Space

Landscape = Callable[[Sequence[float]], float]


def landscapes(space: Space, seed: int) -> dict[str, Landscape]:
    """Landscapes by name for `space`; the same for the same seed."""
    rng = Random(f"landscapes/{seed}")  # noqa: S311
    n = len(space)
    optimum = [rng.uniform(0.15, 0.85) for _ in range(n)]
    weight = [10 ** rng.uniform(-1.5, 0) for _ in range(n)]
    partner = [rng.randrange(n) for _ in range(n)]

    def away(x: Sequence[float]) -> list[float]:
        return [a - b for a, b in zip(x, optimum, strict=True)]

    def bowl(x: Sequence[float]) -> float:
        return math.sqrt(sum(d * d for d in away(x)) / n)

    def valley(x: Sequence[float]) -> float:
        d = away(x)
        bent = [d[i] + 0.7 * d[partner[i]] for i in range(n)]
        return sum(w * abs(b) for w, b in zip(weight, bent, strict=True)) / sum(weight)

    def ripples(x: Sequence[float]) -> float:
        waves = sum(1 - math.cos(6 * math.pi * d) for d in away(x)) / n
        return 0.75 * bowl(x) + 0.08 * waves

    def steps(x: Sequence[float]) -> float:
        return math.floor(8 * bowl(x)) / 8

    def few_matter(x: Sequence[float]) -> float:
        d = away(x)
        return max(abs(d[i]) for i in range(0, n, 2))

    return {
        "bowl": bowl,
        "valley": valley,
        "ripples": ripples,
        "steps": steps,
        "few matter": few_matter,
    }


def replayed(space: Space, history: Sequence[Trial]) -> Landscape | None:
    """The run's own trace as a landscape: the losses of the nearest trials, weighted by distance.

    None with fewer than six measured trials, which would say nothing.
    """
    known = [(space.to_unit(t.params), t.loss) for t in history if t.loss is not None]
    if len(known) < 6:
        return None
    losses = sorted(loss for _, loss in known)
    low, middle = losses[0], losses[len(losses) // 2]
    scale = max(middle - low, 1e-12)
    level = [(point, min((loss - low) / scale, 4.0) / 4.0) for point, loss in known]

    def surrogate(x: Sequence[float]) -> float:
        near = sorted((math.dist(x, point), loss) for point, loss in level)[:3]
        total = sum(1 / (d + 0.02) for d, _ in near)
        # Unknown ground far from every trial is no better than what is known around it.
        return sum(loss / (d + 0.02) for d, loss in near) / total + 0.1 * near[0][0]

    return surrogate
