"""What a small inventor is shown: a complete mechanism to rewrite, and ideas to rewrite it by."""

from __future__ import annotations

from metaloop.mechanism.builtin import STEERERS
from metaloop.task.space import Space

EXAMPLE = '''
class StepFromBest(PointMechanism):
    """Steps from the best point, shorter after failures."""

    step = 0.2

    def move(self, points, losses, failures):
        best = points[0]
        if failures == 0:
            self.step = 0.2
        else:
            self.step = max(self.step * 0.8, 0.02)
        new = list(best)
        for i in range(len(new)):
            if self.rng.random() < 0.5:
                new[i] = best[i] + self.rng.gauss(0, self.step)
        return new
'''
"""A complete mechanism for tasks with a space, as small models are shown it. It keeps its state in
an attribute of the class: asked for an `__init__`, they forget its arguments."""

IDEAS = {
    "coordinate search": "change a single coordinate per call: self.turn, which goes up by one at "
    "every call, modulo the number of coordinates; by 0.3 or -0.3, half of that after 5 failures",
    "pattern search": "new[i] = a[i] + 0.5 * (a[i] - b[i]) + gauss(0, 0.03) where a = points[0] "
    "and b = points[1]; when failures is above 3, take b = a random one of points[1:6]",
    "elite restarts": "k = a random index below 5; start from points[k] and add "
    "gauss(0, 0.05 * (k + 1)) to every coordinate with probability 0.5",
    "crossover": "each new[i] is taken from a random one of points[0], points[1] and points[2]; "
    "then one random coordinate gets gauss(0, 0.1) added",
    "differential evolution": "new[i] = best[i] + 0.7 * (a[i] - b[i]) with probability 0.7, else "
    "best[i], where a and b are two random ones of the ten best points",
    "trust region": "new[i] = best[i] + uniform(-self.radius, self.radius); before that multiply "
    "self.radius by 1.5 when failures is 0, else by 0.85, and set it to 0.4 when it is below 0.02",
    "opposite jump": "add gauss(0, 0.05) to two random coordinates of the best; when failures is a "
    "multiple of 4, mirror one random coordinate instead: new[i] = 1 - best[i]",
    "spread out": "draw 20 candidates, each the best with gauss(0, 0.15) added to two random "
    "coordinates; return the one whose nearest point (math.dist) is farthest away",
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
