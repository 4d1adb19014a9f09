"""What a small inventor is shown: a complete mechanism to rewrite, and ideas to rewrite it by."""

from __future__ import annotations

from metaloop.mechanism.builtin import STEERERS
from metaloop.task.space import Space

EXAMPLE = '''
class StepFromBest(PointMechanism):
    """Steps from the best point, shorter after each failure."""

    def __init__(self, space, rng):
        super().__init__(space, rng)
        self.step = 0.2

    def move(self, points, losses, failures):
        best = points[0]
        step = self.step * 0.8 ** min(failures, 8)
        new = list(best)
        for i in range(len(new)):
            if self.rng.random() < 0.5:
                new[i] = best[i] + self.rng.gauss(0, step)
        return new
'''
"""A complete mechanism for tasks with a space, as small models are shown it."""

IDEAS = {
    "simulated annealing": "step from one of the good points, chosen with probability proportional "
    "to exp(-(its loss - losses[0]) / temperature); self.temperature falls at every call",
    "coordinate search": "change a single coordinate per call, the next one after each failure; "
    "a wide step first, a short one after many failures",
    "pattern search": "repeat the move that led to the best point: best plus half of (best minus "
    "the second best), with a little noise; after 3 failures take a random step instead",
    "restart from elite": "choose one of the five best points, the better the likelier, and take a "
    "step from it; the worse its rank, the wider the step",
    "crossover of good points": "take each coordinate from one of the three best points at random, "
    "then move one coordinate a little",
    "differential evolution": "best + 0.7 * (a - b), coordinate by coordinate, where a and b are "
    "two other good points chosen at random; keep some coordinates of the best",
    "trust region": "sample uniformly within self.radius around the best; halve the radius when "
    "failures grows, double it when failures is 0, start wide again when it is tiny",
    "nearest neighbour surrogate": "draw 30 random neighbours of the best point, predict the loss "
    "of each as that of the nearest known point plus a little, return the best predicted one that "
    "is not too near to a known point",
    "tabu search": "draw 20 random neighbours of the best point and return the one that is "
    "farthest from all known points",
    "opposite jump": "mostly take small steps from the best; when failures is a multiple of 5, "
    "mirror one coordinate: new[i] = 1 - best[i]",
    "centre of the best": "average the four best points, weighted by rank, and step from there "
    "with a width that is their spread",
}
"""Ways to search a space, by name."""

STEERING_IDEAS = {
    "least tried first": "focus on the name that was tried least, avoid those that failed often",
    "follow success": "after a gain focus on the names that it touched for the next three calls",
    "restart from elite": "every fourth call start from the second or third best trial (parent)",
    "crash shy": "avoid names whose trials crashed; focus on names with gains",
    "alternate": "take turns: one call to exploit the name with most gains, one to explore",
    "long shot": "after five trials without a gain start from a random measured trial (parent)",
}
"""Ways to steer a proposer where there are no parameters, by name."""


def example_for(space: Space) -> str:
    """Source of the complete mechanism to rewrite."""
    return EXAMPLE if space else STEERERS["spread"]


def ideas_for(space: Space) -> dict[str, str]:
    """The ideas that suit a task with this space."""
    return IDEAS if space else STEERING_IDEAS
