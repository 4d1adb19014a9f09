"""`metaloop init`: a first `metaloop.toml`, and one run to prove that it works."""

from __future__ import annotations

import asyncio
import json
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from metaloop.execution import find_sandbox
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.task.spec import FILE, TaskError, load_task
from metaloop.task.workspace import Workspace


@dataclass(frozen=True)
class Answers:
    """What a task needs to be told. `params` are `NAME=int:1:8`, `NAME=float:0.1:0.9[:log]` or
    `NAME=a|b|c`."""

    command: str
    edit: list[str]
    metric: str
    direction: str
    description: str
    judge: str
    protect: list[str]
    timeout_s: float
    params: list[str]


def write_toml(directory: Path, answers: Answers) -> Path:
    """Write `metaloop.toml`, checked; raises TaskError and leaves nothing when it would not do."""
    path = directory / FILE
    if path.exists():
        raise TaskError(f"{path} exists already; edit it, or remove it first")
    if not directory.is_dir():
        raise TaskError(f"{directory} is no directory")
    path.write_text(_render(directory.resolve().name, answers), encoding="utf-8")
    try:
        load_task(directory)
    except TaskError:
        path.unlink()
        raise
    return path


def prove(directory: Path, unsafe: bool) -> Measurement:
    """Run the task once, as a trial; raises TaskError with the output when no metric is read."""
    task, sandbox = load_task(directory), find_sandbox(unsafe=unsafe)
    with tempfile.TemporaryDirectory(prefix="metaloop-") as folder:
        workspace = Workspace.scratch(task, Path(folder))

        async def measure() -> Measurement:
            return await Evaluator(task, workspace, sandbox, 1).measure(task.sources())

        measured = asyncio.run(measure())
    if measured.score is None:
        raise TaskError(
            f"{directory / FILE} is written, but a trial run failed: "
            f"{measured.reason}\n{measured.tail}"
        )
    return measured


def _render(name: str, answers: Answers) -> str:
    text = json.dumps  # a JSON string or list of strings is valid TOML
    lines = [
        f"name = {text(''.join(c if c.isalnum() or c in '._-' else '-' for c in name))}",
        f"description = {text(answers.description)}",
        "",
        "[edit]",
        f"files = {text(answers.edit)}",
    ]
    if answers.protect:
        lines += ["", "[protect]", f"files = {text(answers.protect)}"]
    lines += ["", "[run]", f"command = {text(shlex.split(answers.command))}"]
    lines += [f"timeout_s = {answers.timeout_s:g}"]
    if answers.judge:
        lines += ["", "[judge]", f"command = {text(shlex.split(answers.judge))}"]
    lines += ["", "[metric]", f"name = {text(answers.metric)}"]
    lines += [f"direction = {text(answers.direction)}"]
    if answers.params:
        lines += ["", "[space]", *map(_param, answers.params)]
    return "\n".join(lines) + "\n"


def _param(given: str) -> str:
    name, separator, rest = given.partition("=")
    kind, *bounds = rest.split(":")
    if separator and kind in ("int", "float") and len(bounds) in (2, 3):
        log = ", log = true" if bounds[2:] == ["log"] else ""
        return f'{name} = {{ type = "{kind}", low = {bounds[0]}, high = {bounds[1]}{log} }}'
    if separator and "|" in rest:
        return f"{name} = {{ choices = {json.dumps(rest.split('|'))} }}"
    raise TaskError(f"--param {given}: write NAME=int:1:8, NAME=float:0.1:0.9[:log] or NAME=a|b|c")
