"""CMA-ES (Hansen and Ostermeier, 2001), by the package cmaes, in the unit cube.

It starts at the best trial so far and learns from the trials that it proposed itself.
"""

import numpy as np
from cmaes import CMA

from metaloop.mechanism.api import Mechanism, Params, Random, Space, Trial, measured

CRASHED = 1e30  # ranks behind every loss


class CMAES(Mechanism):
    def __init__(self, space: Space, rng: Random) -> None:
        super().__init__(space, rng)
        self.cma: CMA | None = None
        self.asked: dict[tuple[float, ...], np.ndarray] = {}
        self.done: list[tuple[np.ndarray, float]] = []
        self.told = 0

    def suggest(self, history: list[Trial]) -> Params:
        if self.cma is None:
            self.cma = self.start(history)
        for trial in history[self.told :]:
            point = self.asked.pop(self.key(trial.params), None)
            if point is not None:
                self.done.append((point, CRASHED if trial.loss is None else trial.loss))
        self.told = len(history)
        if len(self.done) >= self.cma.population_size:
            self.cma.tell(self.done[: self.cma.population_size])
            self.done = []
        point = self.cma.ask()
        params = self.space.from_unit([float(u) for u in point[: len(self.space)]])
        self.asked[self.key(params)] = point
        return params

    def start(self, history: list[Trial]) -> CMA:
        size = max(len(self.space), 2)  # it needs two dimensions; the second one may do nothing
        mean = np.full(size, 0.5)
        for best in measured(history)[:1]:
            mean[: len(self.space)] = self.space.to_unit(best.params)
        return CMA(
            mean=mean.clip(0.05, 0.95),
            sigma=0.2,
            bounds=np.array([[0.0, 1.0]] * size),
            seed=self.rng.getrandbits(31),
            population_size=6,
        )

    def key(self, params: Params) -> tuple[float, ...]:
        return tuple(round(u, 9) for u in self.space.to_unit(params))
