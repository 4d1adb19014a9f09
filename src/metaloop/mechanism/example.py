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
    "coordinate search": "change one coordinate only, i = self.turn % len(new), then add 1 to "
    "self.turn: new[i] = best[i] + gauss(0, 0.3), or gauss(0, 0.08) when failures is above 6",
    "pattern search": "for every i: new[i] = a[i] + 0.5 * (a[i] - b[i]) + gauss(0, 0.03) where "
    "a = points[0] and b = points[1]; when failures is above 3, b = self.rng.choice(points[1:5])",
    "elite restarts": "start = self.rng.choice(points[:4]); for every i, with probability 0.5: "
    "new[i] = start[i] + gauss(0, 0.1), else new[i] = start[i]",
    "crossover": "a = points[0], b = self.rng.choice(points[1:5]); for every i: new[i] = a[i] with "
    "probability 0.6, else b[i]; then add gauss(0, 0.05) to every new[i]",
    "differential evolution": "best = points[0], a = self.rng.choice(points[:8]), b = "
    "self.rng.choice(points[:8]); for every i: new[i] = best[i] + 0.6 * (a[i] - b[i]) + "
    "gauss(0, 0.04)",
    "trust region": "for every i: new[i] = best[i] + uniform(-self.radius, self.radius); before "
    "that self.radius becomes 0.3 when failures is 0 or self.radius is below 0.03, else it is "
    "multiplied by 0.85",
    "two scales": "wide = failures % 3 == 2; for every i, with probability 0.3 if wide, else 0.6: "
    "new[i] = best[i] + gauss(0, 0.4) if wide, else gauss(0, 0.06)",
    "midpoint": "a = points[0], b = self.rng.choice(points[1:4]); for every i: new[i] = "
    "0.5 * (a[i] + b[i]) + gauss(0, 0.12)",
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
