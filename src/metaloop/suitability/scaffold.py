"""`metaloop init`: a first `metaloop.toml`, and one run to prove that it works."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shlex
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from metaloop.execution import find_sandbox
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.task import missing
from metaloop.task.space import Value
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
    judge_files: list[str]
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
    text = _render(directory.resolve().name, answers)
    path.write_text(text, encoding="utf-8", errors="replace")  # bytes of the user's that are none
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
        workspace = Workspace.detached(task, Path(folder))

        async def measure() -> Measurement:
            return await Evaluator(task, workspace, sandbox, 1).measure(task.sources())

        try:
            measured = asyncio.run(measure())
        finally:
            workspace.close()
    if measured.score is None:
        failed = f"{directory / FILE} is written, but a trial run failed: {measured.reason}"
        lacking = [*missing.programs(measured.tail), *missing.modules(directory, measured.tail)]
        lacking += [*missing.files(task.directory), missing.surroundings()]
        raise TaskError("\n".join([failed, measured.tail, *lacking]))
    return measured


def _render(name: str, answers: Answers) -> str:
    lines = [
        f"name = {toml(task_name(name))}",
        f"description = {toml(answers.description)}",
        "",
        "[edit]",
        f"files = {toml(answers.edit)}",
    ]
    if answers.protect:
        lines += ["", "[protect]", f"files = {toml(answers.protect)}"]
    lines += ["", "[run]", f"command = {toml(_words('--command', answers.command))}"]
    lines += [f"timeout_s = {answers.timeout_s:g}"]
    if answers.judge:
        lines += ["", "[judge]", f"command = {toml(_words('--judge', answers.judge))}"]
        if answers.judge_files:
            lines += [f"files = {toml(answers.judge_files)}"]
    lines += ["", "[metric]", f"name = {toml(answers.metric)}"]
    lines += [f"direction = {toml(answers.direction)}"]
    if answers.params:
        lines += ["", "[space]", *map(_param, answers.params)]
    return "\n".join(lines) + "\n"


def task_name(directory: str) -> str:
    """A name for the task in a directory of this name: git makes branches with it."""
    name = "".join(c if c.isalpha() or c.isdecimal() or c in "._-" else "-" for c in directory)
    return ".".join(filter(None, name.split("."))) or "task"


def _words(option: str, command: str) -> list[str]:
    """The arguments of a command; raises TaskError for what only a shell would understand."""
    bare = re.sub(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""", "_", command)  # without what is quoted
    found = re.search(r"^\s*[A-Za-z_]\w*=|&&|[|;<>]+", bare)
    if found is None:
        return shlex.split(command)
    raise TaskError(
        f"{option} {command}: no shell reads it, and {found[0].strip()!r} would be taken for a "
        "program or an argument; put it into a script and give 'sh run.sh', or give it as "
        f"{shlex.join(['sh', '-c', command])}"
    )


def _param(given: str) -> str:
    name, separator, rest = given.partition("=")
    kind, *bounds = rest.split(":")
    log = ", log = true" if bounds[2:] == ["log"] else ""
    numbers = [_number(bound) for bound in bounds[:2]]
    if kind in ("int", "float") and len(bounds) in (2, 3) and None not in numbers:
        return f'{name} = {{ type = "{kind}", low = {numbers[0]}, high = {numbers[1]}{log} }}'
    if separator and "|" in rest:
        return f"{name} = {{ choices = {toml(list(map(_literal, rest.split('|'))))} }}"
    raise TaskError(f"--param {given}: write NAME=int:1:8, NAME=float:0.1:0.9[:log] or NAME=a|b|c")


def _number(text: str) -> float | None:
    """As TOML writes it too, which has no `.1`."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return None


def _literal(text: str) -> Value:
    """A choice as the code has it: a number where it reads like one, else the text."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float | str) else text


def toml(value: Value | Sequence[Value]) -> str:
    """A value as TOML, which JSON is but for pairs of surrogates and for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
