"""An inert mechanism: its advice is empty."""

from metaloop.mechanism.api import Mechanism, Steer, Trial


class Placebo(Mechanism):
    def suggest(self, history: list[Trial]) -> Steer:  # noqa: ARG002
        return Steer()
