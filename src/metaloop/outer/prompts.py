"""What the inventor and the repairer are asked; each function gives (system, prompt).

The system part is the same in every call of a run, so that a local model reads it once. A small
model gets a complete working mechanism and one named idea; a strong one gets everything.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from random import Random

from metaloop.mechanism import api
from metaloop.mechanism.example import example_for, ideas_for
from metaloop.task.space import Space
from metaloop.task.spec import Task

_ASSIGNING = """You write search mechanisms in Python. A mechanism decides which point is tried \
next. A point is a list of floats from 0 to 1. Each point tried has a loss; lower is better.

move(self, points, losses, failures) returns the next point:
points: a list of the points tried so far, best first (at least five); points[0] is the best.
losses: a list of floats, the loss of each point, in the same order.
failures: an int, how many points were tried since the last gain.
self.rng: a random.Random: self.rng.random(), self.rng.gauss(0, 0.1), self.rng.choice(points). \
Take all randomness from it. Points are plain lists: work coordinate by coordinate.

A complete mechanism:"""

_STEERING = """You write search mechanisms in Python. A mechanism tells the model that improves a \
program where to start from and which functions to change. Each trial gives a loss; lower is better.

What is there, all imported:
Steer(parent=3, focus=["fit()"], avoid=["load()"], hint="One sentence."): advice; all optional. \
parent is the number of a trial in measured(history).
measured(history): the trials that have a loss, best first; may be empty.
trial.number, trial.loss, trial.status ("kept" when it was a gain, else "discarded" or "crashed"), \
trial.touched (a list of the names of the functions that it changed), trial.parent.
self.rng: a random.Random; take all randomness from it.

A complete mechanism:"""

_MOVE = (
    "Keep `class NAME(PointMechanism)` and `def move(self, points, losses, failures)`, which "
    "returns a list of floats as long as points[0]; do not use self.space."
)
_SUGGEST = (
    "Keep the signature `def suggest(self, history)`, which returns {what}. The history "
    "may be empty or hold a single trial."
)
_FORM = """{rules} Whatever must be remembered from call to call is an attribute with a first \
value in the class; write no __init__. Write complete code, at most {lines} lines, in one \
```python block, and nothing else."""


@dataclass(frozen=True)
class Brief:
    """What the inventor is told."""

    task: Task
    digest: str
    brief: str
    inner_loop: str
    """Source of the inner loop, in full."""
    mechanisms: dict[str, str]
    """Source of each mechanism in use, by id."""
    failures: list[str]
    """Earlier inventions that failed, with the reason."""
    tried: frozenset[str]
    """Ideas of earlier inventions."""


def choose_idea(brief: Brief, seed: int) -> str:
    """A named idea, one that was not tried yet while there are any."""
    ideas = ideas_for(brief.task.space)
    fresh = [name for name in ideas if name not in brief.tried] or list(ideas)
    return Random(seed).choice(fresh)  # noqa: S311


def compact(brief: Brief, idea: str) -> tuple[str, str]:
    """The one call of a small inventor: rewrite the example by an idea from `choose_idea`."""
    space = brief.task.space
    method = "move()" if space else "suggest()"
    prompt = (
        f"The trials so far:\n{brief.brief}\n\n{_rules(space)}\n\n"
        f"Write another mechanism, under a new name. Its {method} works by {idea}: "
        f"{ideas_for(space)[idea]}. Do not repeat the mechanism above."
    )
    return _small_system(space), prompt


def repair(brief: Brief, source: str, error: str, small: bool) -> tuple[str, str]:
    """Ask a `small` model or a strong one to mend a mechanism that broke the contract."""
    space = brief.task.space
    rules = _rules(space) if small else _strong_rules(space, source)
    prompt = (
        f"This mechanism fails:\n```python\n{source}\n```\n"
        f"The error:\n{error}\n\n"
        f"Find the cause and write the whole mechanism anew, mended. {rules}"
    )
    return _small_system(space) if small else _strong_system(brief), prompt


def _small_system(space: Space) -> str:
    opening = _ASSIGNING if space else _STEERING
    return f"{opening}\n```python\n{example_for(space).strip()}\n```"


def _rules(space: Space) -> str:
    return _FORM.format(rules=_MOVE if space else _SUGGEST.format(what="a Steer"), lines=40)


def _strong_rules(space: Space, source: str = "") -> str:
    """Those of the kind of mechanism that `source` is; of both where none is written yet."""
    suggest = _SUGGEST.format(what="a full assignment or a Steer" if space else "a Steer")
    if not space:
        rules = suggest
    elif source:
        rules = _MOVE if "(PointMechanism" in source else suggest
    else:
        rules = f"As a PointMechanism: {_MOVE} As a Mechanism: {suggest}"
    return _FORM.format(rules=rules, lines=120)


THINKING = (
    "Explore: where does the search stand still, and why? Name four mechanisms, different in kind, "
    "that could bring it further, from optimisation, evolution, bandits or experimental design.",
    "Criticize: for each of them, what would go wrong here, with this few trials and this noise? "
    "Which mechanisms in use do the same already?",
    "Specify: choose one. First line: its name and idea in one sentence. Then its state, how "
    "suggest() goes step by step, and what it does with no, one or only crashed trials.",
)
"""The questions to a strong model before it writes."""


def think(brief: Brief, question: str, thoughts: list[str]) -> tuple[str, str]:
    """One step of a strong inventor's thinking; it reads the steps before."""
    before = [f"Your thoughts so far:\n{text}" for text in thoughts]
    return _strong_system(brief), "\n\n".join([_situation(brief), *before, question])


def write(brief: Brief, specification: str) -> tuple[str, str]:
    """Have a strong inventor write what it specified."""
    kinds = "a PointMechanism or, if it is to steer, as a Mechanism"
    prompt = (
        f"{_situation(brief)}\n\nYour specification:\n{specification}\n\n"
        f"Write the mechanism, as {kinds if brief.task.space else 'a Mechanism'}. "
        f"{_strong_rules(brief.task.space)}"
    )
    return _strong_system(brief), prompt


def _strong_system(brief: Brief) -> str:
    return (
        "You improve how a search for better programs is conducted: you invent its mechanisms. "
        "Trials are expensive and few, so a mechanism must earn within a dozen.\n\n"
        f"The seam that a mechanism is written against:\n```python\n{inspect.getsource(api)}```\n\n"
        f"The loop that calls it:\n```python\n{brief.inner_loop}```\n\n"
        f"The program that is searched: {brief.task.spec.description.strip()}"
    )


def _situation(brief: Brief) -> str:
    in_use = [f"# {name}\n{source}" for name, source in brief.mechanisms.items()]
    parts = [f"The trials so far:\n{brief.digest}"]
    if in_use:
        parts.append("Mechanisms in use:\n```python\n" + "\n\n".join(in_use) + "\n```")
    if brief.failures:
        parts.append("Earlier inventions that failed:\n" + "\n".join(brief.failures))
    return "\n\n".join(parts)
