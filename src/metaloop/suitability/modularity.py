"""Modularity: can a part be changed without knowing, or touching, all the rest?

Read from the sources alone; nothing is run.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import PurePosixPath

from metaloop.suitability.finding import Finding, Property, grade
from metaloop.suitability.program import Program, read_program
from metaloop.task.spec import Task, read_text
from metaloop.text import plural


def modularity(task: Task) -> Property:
    """Measure the sources of `task`."""
    program = read_program(task)
    findings = [_surface(task, program), _outside(task, program)]
    editable = [name for name in task.spec.edit.files if name in program.modules]
    if editable:
        findings += [
            _reached(editable, program),
            _coupling(editable, program),
            _functions(editable, program),
            _effects(editable, program),
        ]
    return Property("modularity", (*findings, _judge(task, program), _holdout(task)))


def _surface(task: Task, program: Program) -> Finding:
    lines, files = _lines(task, program), task.spec.edit.files
    broken = [name for name in program.unreadable if name in files]
    note = f"; not valid Python: {', '.join(broken)}" if broken else ""
    return Finding(
        "editable surface",
        grade(lines, (500, 1.0), (2000, 0.66), (10_000, 0.2)),
        f"{plural(lines, 'line')} of code in {plural(len(files), 'file')}{note}",
        "list fewer files under [edit]: only those in which a gain is to be found",
    )


def _lines(task: Task, program: Program) -> int:
    """Lines of all editable files, Python or not."""
    return sum(
        program.modules[name].lines
        if name in program.modules
        else len(read_text(task.directory / name).splitlines())
        for name in task.spec.edit.files
    )


def _outside(task: Task, program: Program) -> Finding:
    fixed = sum(m.lines for n, m in program.modules.items() if n not in task.spec.edit.files)
    share = fixed / max(fixed + _lines(task, program), 1)
    text = f"{share:.0%} of the code, {plural(fixed, 'line')}, is fixed (judge included)"
    return Finding("outside of it", None, text)


def _reached(editable: list[str], program: Program) -> Finding:
    if program.entry is None:
        return Finding("reached", None, "the command names no Python file of the task")
    reached = program.reach(program.entry)
    lost = [name for name in editable if name not in reached]
    return Finding(
        "reached",
        0.5 if lost else 1.0,
        f"{program.entry} does not import {', '.join(lost)}"
        if lost
        else f"{program.entry} runs or imports every editable file",
        "take out of [edit] the files that the program never imports" if lost else "",
    )


def _coupling(editable: list[str], program: Program) -> Finding:
    tangles = program.tangles(editable)
    edges = sum(len(program.modules[n].imports & set(editable)) for n in editable)
    pairs = len(editable) * (len(editable) - 1)
    reach = sum(len(program.reach(n) & set(editable)) - 1 for n in editable)
    text = "one editable module"
    if pairs:
        text = f"{plural(edges, 'import')} between {len(editable)} editable modules"
        text += f"; a module depends on {reach / pairs:.0%} of the others"
    if tangles:
        text += f"; {len(tangles[0])} import each other in a circle: {', '.join(tangles[0][:4])}"
        text += ", ..." if len(tangles[0]) > 4 else ""
    size = len(tangles[0]) if tangles else 1
    return Finding(
        "coupling",
        grade(size, (1, 1.0), (2, 0.66), (5, 0.32), (10, 0.1)),
        text,
        "break the circle of imports: move what the modules share into one that imports none",
    )


def _functions(editable: list[str], program: Program) -> Finding:
    parts = {
        f"{name} {part}": size
        for name in editable
        for part, size in program.modules[name].parts.items()
    }
    if not parts:
        return Finding("function lengths", None, "no functions")
    longest = max(parts, key=lambda name: parts[name])
    middle = statistics.median(parts.values())
    return Finding(
        "function lengths",
        grade(parts[longest], (60, 1.0), (200, 0.66), (1000, 0.2)),
        f"median {middle:g}, longest {plural(parts[longest], 'line')} ({longest})",
        f"split {longest} into functions with one task each",
    )


def _effects(editable: list[str], program: Program) -> Finding:
    """Only of modules that others import: what the command's own file does is the program."""
    imported = set[str]().union(*(m.imports for m in program.modules.values()))
    found = {n: program.modules[n].effects for n in editable if n in imported}
    places = [f"{name}:{line}" for name, lines in found.items() for line in lines]
    shown = ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")
    return Finding(
        "effects at import",
        grade(len(places), (0, 1.0), (1, 0.8), (5, 0.5), (20, 0.34)),
        f"{plural(len(places), 'statement')} at module level: {shown}" if places else "none",
        "move what runs at import into functions",
    )


def _judge(task: Task, program: Program) -> Finding:
    if task.spec.judge is None:
        return Finding(
            "judge",
            0.5,
            "none: the program prints its own score",
            "let the program leave its answer in out/ and score it in a [judge] command",
        )
    if shared := sorted(set(_shared(task, program))):
        text = f"it imports {', '.join(shared)}, which it judges"
        return Finding("judge", 0.5, text, "let the judge import nothing that is editable")
    text, hidden = "apart from the program, over pristine files", len(task.spec.judge.files)
    if hidden:
        return Finding("judge", 1.0, f"{text}; hides {plural(hidden, 'path')}")
    text += "; hides nothing: a candidate can read all of the task"
    words, protected = task.spec.judge.command, task.spec.protect.files
    if any(PurePosixPath(word).is_relative_to(name) for word in words for name in protected):
        return Finding("judge", 1.0, text)  # it is meant to be seen: it has no answers to hide
    change = "name the judge, and what holds its answers, under files of [judge]"
    return Finding("judge", 0.5, f"{text}, answers too", change)


def _shared(task: Task, program: Program) -> Iterator[str]:
    """Editable files that the judge imports."""
    if program.judge:
        yield from program.reach(program.judge) & set(task.spec.edit.files)


def _holdout(task: Task) -> Finding:
    if task.spec.holdout:
        return Finding("holdout", 1.0, "asked by a guard, never shown to a model")
    change = "add a [holdout] command that scores on data the search never sees"
    return Finding(
        "holdout", 0.75, "none: nothing tells whether a gain holds on other data", change
    )
