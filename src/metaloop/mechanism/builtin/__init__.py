"""Mechanisms that come with metaloop, as source text: they run in the sandbox like any other."""

from __future__ import annotations

from pathlib import Path

from metaloop.task.space import Space


def _source(name: str) -> str:
    return Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")


BUILTINS = {name: _source(name) for name in ("hill_climbing", "tpe", "cma_es", "random_search")}
"""Source of the mechanisms for tasks with a space, by name. All assign parameters."""
BASELINES = {**BUILTINS, "gp": _source("gp")}
"""Source of the searches that a study compares with, each alone, by name."""
STEERERS = {"spread": _source("spread")}
"""Source of the mechanisms that steer the proposer: for tasks without a space."""
PLACEBO = _source("placebo")
"""Source of an inert mechanism, for studies: it changes nothing."""


def builtins_for(space: Space) -> dict[str, str]:
    """Source of the built-in mechanisms that suit a task with this space, by name."""
    return BUILTINS if space else STEERERS
