"""Hill climbing: steps from the best trial, wider after a gain, shorter after a failure."""

from metaloop.mechanism.api import Mechanism, Params, Random, Space, Trial, measured


class HillClimbing(Mechanism):
    def __init__(self, space: Space, rng: Random) -> None:
        super().__init__(space, rng)
        self.step = 0.2  # as a share of each parameter's range
        self.record = float("inf")

    def suggest(self, history: list[Trial]) -> Params:
        good = measured(history)  # trials with a loss, best first
        if not good:
            return self.space.sample(self.rng)
        best, loss = good[0].params, good[0].loss or 0.0
        if loss < self.record:
            self.record = loss
            self.step = min(self.step * 1.5, 0.4)
        else:
            self.step *= 0.85
        if self.step < 0.02:  # stuck: start from another good trial, with large steps
            self.step = 0.3
            best = self.rng.choice(good[:4]).params
        names = self.rng.sample(list(self.space), k=min(2, len(self.space)))
        return self.space.neighbour(best, self.rng, self.step, names)
