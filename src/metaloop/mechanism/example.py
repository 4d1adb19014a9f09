"""What a small inventor is shown: a complete mechanism to rewrite, and ideas to rewrite it by."""

from __future__ import annotations

from metaloop.mechanism.builtin import BUILTINS, STEERERS
from metaloop.task.space import Space

IDEAS = {
    "simulated annealing": "keep a current point of your own; replace it by a worse trial with "
    "probability exp(-difference / temperature); the temperature falls with every call",
    "coordinate search": "change one parameter per call, each in turn; after a gain go on with the "
    "same parameter, after two failures take the next",
    "pattern search": "repeat the move that led to the best trial (best minus the best before it, "
    "in unit coordinates); when it fails, halve it and turn it round",
    "restart from elite": "choose one of the five best trials at random, the better the likelier, "
    "and take a step from it; the step is wide for late ranks",
    "crossover of good trials": "take each parameter from one of two good trials, then move one of "
    "them a little",
    "differential evolution": "in unit coordinates: best + 0.7 * (a - b) for two other good trials "
    "a and b, with space.to_unit and space.from_unit",
    "trust region": "sample within a radius around the best in unit coordinates; double the radius "
    "after a gain, halve it after three failures, start anew when it is tiny",
    "surrogate by nearest neighbour": "draw 50 neighbours of the best trial, predict each one's "
    "loss as that of its nearest measured trial, propose the best one that is not too near",
    "tabu search": "draw 20 neighbours of the best trial and propose the one farthest from all "
    "trials that failed",
    "opposite jump": "mostly take small steps from the best; every fifth call mirror one parameter "
    "of the best within its range",
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
    return BUILTINS["hill_climbing"] if space else STEERERS["spread"]


def ideas_for(space: Space) -> dict[str, str]:
    """The ideas that suit a task with this space."""
    return IDEAS if space else STEERING_IDEAS
