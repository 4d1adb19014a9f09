"""Random search: the yardstick of every other mechanism."""

from metaloop.mechanism.api import Mechanism, Params, Trial


class RandomSearch(Mechanism):
    def suggest(self, history: list[Trial]) -> Params:  # noqa: ARG002
        return self.space.sample(self.rng)
