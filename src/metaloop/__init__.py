"""Bilevel autoresearch: an outer loop that rewrites how the inner loop searches.

`run` and `resume` do what the commands of the same name do; a `Mechanism` is what you, or the
outer loop, may write. Everything else is behind these. Loading is lazy: the import is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaloop.bilevel import resume, run
    from metaloop.inner.settings import Settings
    from metaloop.mechanism.api import Mechanism, PointMechanism, Space, Steer, Trial
    from metaloop.models.base import Model
    from metaloop.project import Project
    from metaloop.report.status import Status
    from metaloop.task.spec import Task, load_task

__all__ = [
    "Mechanism",
    "Model",
    "PointMechanism",
    "Project",
    "Settings",
    "Space",
    "Status",
    "Steer",
    "Task",
    "Trial",
    "load_task",
    "resume",
    "run",
]

_HOME = {
    "metaloop.bilevel": ("resume", "run"),
    "metaloop.inner.settings": ("Settings",),
    "metaloop.mechanism.api": ("Mechanism", "PointMechanism", "Space", "Steer", "Trial"),
    "metaloop.models.base": ("Model",),
    "metaloop.project": ("Project",),
    "metaloop.report.status": ("Status",),
    "metaloop.task.spec": ("Task", "load_task"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'metaloop' has no attribute {name!r}")
