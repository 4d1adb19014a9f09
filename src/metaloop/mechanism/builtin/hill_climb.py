"""Hill climbing: step from the best; shorter steps after failures, longer after success."""

from metaloop.mechanism.api import Mechanism


class HillClimb(Mechanism):
    def suggest(self, history):
        tried = [t for t in history if t.loss is not None]
        best = min(tried, key=lambda t: t.loss) if tried else None
        if best is None:
            return self.space.sample(self.rng)
        failures = len(history) - 1 - best.number  # trials since the last gain
        scale = max(0.3 * 0.8**failures, 0.02)
        names = self.rng.sample(list(self.space), k=min(len(self.space), self.rng.randint(1, 3)))
        return self.space.neighbour(best.params, self.rng, scale, names)
