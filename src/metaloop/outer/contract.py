"""The contract of a mechanism: what must hold before it is screened, let alone installed.

What fails is told to the model that wrote it, so every message names the line, what is wrong and
what to do. The source is read here, never run: it runs in the sandbox alone.
"""

from __future__ import annotations

import ast
import time
from dataclasses import dataclass, replace
from random import Random

from metaloop.execution.job import Sandbox
from metaloop.mechanism.api import Steer, Trial
from metaloop.mechanism.host import MechanismError, MechanismHost
from metaloop.mechanism.worker import MODULES
from metaloop.task.space import Params, Space

IMPORTS = {*MODULES, "__future__", "abc", "scipy", "cmaes", "optuna", "metaloop"}
"""What a mechanism may import: nothing else is of use to it in the sandbox."""
SLOW_S = 1.0
"""Longest that a call may take on average, late in a run."""
_LONGEST = 20_000
_CALLS = 8
_LATE = 5
_SEED = 11

ONE = Space.from_dict({"RATE": {"type": "float", "low": 1e-4, "high": 1.0, "log": True}})
MIXED = Space.from_dict(
    {
        "DEPTH": {"type": "int", "low": 1, "high": 12},
        "RATE": {"type": "float", "low": 1e-4, "high": 1.0, "log": True},
        "WIDTH": {"type": "float", "low": -2.0, "high": 2.0},
        "KIND": {"choices": ["relu", "tanh", "gelu"]},
        "BIAS": {"choices": [True, False]},
    }
)


@dataclass(frozen=True)
class Case:
    """A situation that a mechanism must cope with."""

    name: str
    space: Space
    history: list[Trial]
    crashes: bool = False
    """Does every trial crash?"""


async def prove(source: str, space: Space, sandbox: Sandbox, shown: str = "") -> str:
    """What is wrong with a mechanism for tasks with `space`; "" when it keeps the contract.

    `shown` is the mechanism that its author had before him: one that answers as that does is no
    invention. Raises SandboxError when the sandbox itself fails.
    """
    if error := check_source(source):
        return error
    answers: list[list[Params | Steer]] = []
    for text in filter(None, (source, source, shown)):  # twice, to see whether it repeats itself
        host = MechanismHost(text, space, _SEED, sandbox)
        try:
            answers.append(await _ask_all(host, space))
        except Broken as broken:
            return str(broken)
        finally:
            await host.close()
    if answers[0] != answers[1]:
        return (
            "under the same seed it gave different answers in two runs: take all randomness from "
            "self.rng, and do not depend on the order of a set"
        )
    if shown and answers[0] == answers[2]:
        return "it does exactly what the mechanism that you were shown does: change how it works"
    return ""


class Broken(Exception):
    """A clause of the contract does not hold; the text is for whoever wrote the mechanism."""


def check_source(source: str) -> str:
    """What is wrong with the source as it stands; "" when nothing is."""
    if len(source) > _LONGEST:
        return f"the source has {len(source)} characters; {_LONGEST} is the limit"
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        text = (getattr(error, "text", None) or "").strip()
        where = f"line {line}: {text}\n" if line else ""
        return f"{where}{type(error).__name__}: {getattr(error, 'msg', error)}"
    for node in ast.walk(tree):
        if forbidden := _bad_import(node):
            return forbidden
    kinds = [node for node in tree.body if isinstance(node, ast.ClassDef) and _base(node)]
    if not kinds:
        return "there is no class that extends Mechanism: write `class Name(Mechanism):`"
    last = kinds[-1]  # the one that counts: small models copy the example before their own
    methods = [node.name for node in last.body if isinstance(node, ast.FunctionDef)]
    for node in last.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__" and not _takes_both(node):
            return (
                f"line {node.lineno}: remove __init__ and give each attribute its first value in "
                "the class, e.g. `step = 0.2` above `def`; nothing else is passed to it"
            )
    needed = _METHODS[_base(last)]
    if needed.split("(")[0] not in methods:
        return f"line {last.lineno}: class {last.name} needs a method `def {needed}:`"
    return ""


def _takes_both(init: ast.FunctionDef) -> bool:
    """Can it be called as `__init__(self, space, rng)`?"""
    given, required = init.args, len(init.args.args) - len(init.args.defaults)
    return required <= 3 and (len(given.args) >= 3 or given.vararg is not None)


def _bad_import(node: ast.AST) -> str:
    modules: list[str] = []
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or "."]
    for module in modules:
        if module.split(".")[0] not in IMPORTS:
            return (
                f"line {getattr(node, 'lineno', 0)}: it may not import {module}: remove that line; "
                "math, random, statistics, collections and numpy are there already"
            )
    return ""


_METHODS = {
    "Mechanism": "suggest(self, history)",
    "PointMechanism": "move(self, points, losses, failures)",
}
"""The method that each base class asks for."""


def _base(node: ast.ClassDef) -> str:
    """Which base class of mechanisms a class extends; "" when none."""
    bases = (base.attr if isinstance(base, ast.Attribute) else base for base in node.bases)
    names = (getattr(base, "id", base) for base in bases)
    return next((str(name) for name in names if name in _METHODS), "")


async def _ask_all(host: MechanismHost, space: Space) -> list[Params | Steer]:
    """Put the mechanism through all cases; its answers. Raises Broken."""
    answers: list[Params | Steer] = []
    for case in cases(space):
        try:
            await host.restart(case.space, _SEED)
            started = time.monotonic()
            answers += await _search(host, case)
            seconds = (time.monotonic() - started) / _CALLS
        except MechanismError as error:
            raise Broken(f"{error}\n(it was called with {case.name})") from None
        if seconds > SLOW_S:
            raise Broken(f"with {case.name} a call takes {seconds:.1f} s: make it cheaper")
    return answers


async def _search(host: MechanismHost, case: Case) -> list[Params | Steer]:
    """Ask again and again; each answer is run, with a score that gets no better."""
    history, answers = list(case.history), list[Params | Steer]()
    rng = Random(_SEED)  # noqa: S311
    for _ in range(_CALLS):
        advice = await host.suggest(history)
        answers.append(advice)
        params = advice if isinstance(advice, dict) else case.space.sample(rng)
        trial = _trial(len(history), params, None if case.crashes else 9.0)
        await host.accept(trial, history)
        history.append(trial)
    late = answers[-_LATE:]  # the first ones of a PointMechanism are random
    if case.space is MIXED and isinstance(advice, dict) and late.count(advice) == _LATE:
        raise Broken(
            f"it returned the same parameters in {_LATE} calls in a row: a candidate is run once, "
            "so every call must move at least one parameter a little, at random"
        )
    return answers


def cases(space: Space) -> list[Case]:
    """The situations to cope with; for a task without parameters those without parameters."""
    walk = _walk(space, 200)
    crashed = [replace(trial, loss=None, status="crashed") for trial in walk[:4]]
    own = [
        Case("a search that begins with an empty history", space, []),
        Case("a history of one trial", space, walk[:1]),
        Case("a history in which every trial crashed: loss is None", space, crashed, True),
        Case("a history of 200 trials", space, walk),
    ]
    if not space:
        return own
    return [
        *own,
        Case("a space of one parameter", ONE, _walk(ONE, 3)),
        Case(f"another space: {', '.join(MIXED)}", MIXED, _walk(MIXED, 5)),
    ]


def _walk(space: Space, length: int) -> list[Trial]:
    """A made-up run: random candidates, a smooth loss, now and then a crash."""
    rng = Random(_SEED)  # noqa: S311
    trials: list[Trial] = []
    for number in range(length):
        params = space.sample(rng)
        loss = sum((u - 0.3) ** 2 for u in space.to_unit(params)) + (0.0 if space else rng.random())
        trials.append(_trial(number, params, None if number % 7 == 3 else loss))
    return trials


def _trial(number: int, params: Params, loss: float | None) -> Trial:
    moved = next(iter(params), "")
    changed = f"{moved} 1 -> 2" if moved else f"train.py: part{number % 5}()"
    status = "crashed" if loss is None else "discarded"
    if number == 0:
        return Trial(0, params, loss, "kept", "baseline", None, "nothing")
    return Trial(number, params, loss, status, "model", 0, changed)
