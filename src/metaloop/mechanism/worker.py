"""The process in the sandbox that holds one mechanism and answers for it.

JSON lines come in on stdin and go out on a private copy of stdout; stdin, stdout and stderr
themselves lead nowhere, so that what a mechanism prints is never mistaken for an answer.
Requests: `start` (source, space, seed), `suggest` and `accept` (the trials that are new).
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import traceback
from importlib import import_module
from io import BufferedReader, BufferedWriter, TextIOBase
from types import ModuleType
from typing import Any

from metaloop.mechanism import api

FILE = "<mechanism>"
MODULES = (
    *("math", "random", "statistics", "itertools", "collections", "functools", "operator"),
    *("heapq", "bisect", "copy", "dataclasses", "typing", "numpy"),
)
"""Modules that a mechanism finds imported when its source names them: small models forget."""


class Session:
    """One instance of a mechanism, and the trials it has been told about."""

    def __init__(self, source: str, space: dict[str, Any], seed: int) -> None:
        random.seed(seed)  # for mechanisms that use the module's generator instead of their own
        module = load(source)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % 2**32)
        kind = mechanism_class(module)
        self._mechanism = kind(api.Space.from_dict(space), random.Random(seed))  # noqa: S311
        self._trials: list[api.Trial] = []
        self.judges = kind.accept is not api.Mechanism.accept

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to `suggest` or `accept`."""
        self._trials += [api.Trial(*fields) for fields in request["new"]]
        history = self._trials[: request["seen"]]
        if request["do"] == "accept":
            opinion = self._mechanism.accept(api.Trial(*request["trial"]), history)
            return {"accept": opinion if opinion is None else bool(opinion)}
        advice = self._mechanism.suggest(history)
        if isinstance(advice, api.Steer):
            steer = vars(advice) | {"focus": names(advice.focus), "avoid": names(advice.avoid)}
            return {"steer": steer}
        if not isinstance(advice, dict):
            raise TypeError(
                f"suggest() returned {type(advice).__name__}: it must return a dict with a value "
                "for every name in self.space, or a Steer"
            )
        return {"assign": advice}


def load(source: str) -> ModuleType:
    """The mechanism's source as a module, with what it may have forgotten to import."""
    module = ModuleType("mechanism")
    sys.modules[module.__name__] = module  # where dataclasses look up names
    for name in MODULES:
        if name in source or (name == "numpy" and "np." in source):
            vars(module)[name] = import_module(name)
    if hasattr(module, "numpy"):
        vars(module)["np"] = module.numpy
    vars(module).update({name: getattr(api, name) for name in api.__all__})
    exec(compile(source, FILE, "exec"), vars(module))  # noqa: S102 (what the sandbox is for)
    return module


def mechanism_class(module: ModuleType) -> type[api.Mechanism]:
    """The one class that is a mechanism; with several, the last that none inherits from."""
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, api.Mechanism)
        and value.__module__ == module.__name__
    ]
    leaves = [kind for kind in own if not any(kind in other.__mro__[1:] for other in own)]
    if not leaves:
        raise TypeError("there is no subclass of Mechanism")
    return leaves[-1]


def names(value: Any) -> list[str]:
    """A steer's names: people write one name where a list is asked for."""
    return [value] if isinstance(value, str) else list(value)


def plain(value: Any) -> Any:
    """A numpy number as a Python number, for JSON."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no value of a parameter")


def explain(error: BaseException, source: str) -> str:
    """A short traceback that speaks of the mechanism's own lines alone."""
    lines = source.splitlines()
    if isinstance(error, SyntaxError) and error.filename == FILE:
        text = (error.text or "").strip()
        return f"line {error.lineno}: {text}\n{type(error).__name__}: {error.msg}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == FILE]
    told = [
        f"line {f.lineno}, in {f.name}: {lines[f.lineno - 1].strip()}"
        for f in frames[-3:]
        if f.lineno and f.lineno <= len(lines)
    ]
    return "\n".join([*told, f"{type(error).__name__}: {str(error)[:500]}"])


class Nowhere(TextIOBase):
    """Where a mechanism's prints go."""

    def write(self, text: str) -> int:
        """Forget `text`."""
        return len(text)


def serve(requests: BufferedReader, answers: BufferedWriter) -> None:
    """Answer requests until there are no more."""
    session: Session | None = None
    source, answer = "", dict[str, Any]()
    for line in requests:
        request = json.loads(line)
        try:
            if request["do"] == "start":
                source = request["source"]
                session = Session(source, request["space"], request["seed"])
                answer = {"judges": session.judges}
            elif session is None:
                answer = {"error": "the mechanism did not start"}
            else:
                answer = session.answer(request)
            text = json.dumps(answer, default=plain)
        except BaseException as error:  # noqa: BLE001 (a mechanism may raise anything, SystemExit too)
            text = json.dumps({"error": explain(error, source)})
        answers.write(text.encode() + b"\n")
        answers.flush()


def main() -> None:
    """Take the pipes away from stdin and stdout, bound the memory, and serve."""
    memory = int(sys.argv[1]) << 20
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing, end = os.pipe()  # not /dev/null: a sandbox need not have it
    os.close(end)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    sys.stdout = sys.stderr = Nowhere()
    serve(requests, answers)


if __name__ == "__main__":
    main()
