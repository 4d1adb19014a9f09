"""Candidates: parameters to set, edits to make, and the files that result."""

from __future__ import annotations

import ast
import difflib
import hashlib
import io
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from metaloop.task.constants import (
    ConstantError,
    blank_constants,
    read_constants,
    set_constants,
)
from metaloop.task.source import SourceError, is_text, lines, parse
from metaloop.task.space import Params, Value
from metaloop.task.spec import Task

Files = dict[str, str]
"""Text of every editable file, by path relative to the task."""


class PatchError(ValueError):
    """An edit or assignment does not apply; the message is written for whoever proposed it."""


@dataclass(frozen=True)
class Edit:
    """Replace the one place in `file` that reads `search` by `replace`."""

    file: str
    search: str
    replace: str


@dataclass(frozen=True)
class Candidate:
    """A proposed change to the files of trial `parent`."""

    parent: int
    params: Params = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    hypothesis: str = ""


def build(task: Task, parent: Files, params: Params, edits: Iterable[Edit]) -> Files:
    """The parent's files with `edits` made, then `params` set; raises PatchError."""
    files = dict(parent)
    for edit in edits:
        files[edit.file] = _apply(files, edit)
    for name, text in files.items():
        if text != parent[name] and name.endswith(".py"):
            _check_python(task, name, text)
    for name, value in params.items():
        if name not in task.space:
            raise PatchError(f"{name!r} is no parameter; there are {', '.join(task.space)}")
        try:
            value = task.space[name].clip(value)
            owner = task.owner[name]
            if read_constants(files[owner]).get(name) != value:
                files[owner] = set_constants(files[owner], {name: value})
        except (ValueError, ConstantError) as error:
            raise PatchError(str(error)) from None
    return files


def _apply(files: Files, edit: Edit) -> str:
    if edit.file not in files:
        raise PatchError(f"{edit.file!r} may not be edited; only {', '.join(files)}")
    text = files[edit.file]
    try:
        edit.replace.encode()
    except UnicodeEncodeError:
        raise PatchError("`replace` holds what is no text (a lone surrogate)") from None
    if "\0" in edit.replace:  # PostgreSQL stores none
        raise PatchError("`replace` holds what is no text (a NUL)")
    if not edit.search.strip():
        raise PatchError("an edit's `search` must quote the lines to be replaced")
    if "\r\n" in text:
        edit = Edit(edit.file, _crlf(edit.search), _crlf(edit.replace))
    found = text.count(edit.search)
    if found != 1:
        quoted = edit.search.strip().splitlines()[0][:80]
        reason = "is not in" if found == 0 else f"stands {found} times in"
        raise PatchError(f"`search` ({quoted!r}) {reason} {edit.file}; copy it exactly, once")
    return text.replace(edit.search, edit.replace)


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _check_python(task: Task, name: str, text: str) -> None:
    try:
        parse(text)
    except SourceError as error:
        raise PatchError(f"{name}: {error}") from None
    constants = read_constants(text)
    lost = [p for p, owner in task.owner.items() if owner == name and p not in constants]
    if lost:
        raise PatchError(f"{name} must keep its constants {', '.join(lost)} as plain literals")
    for p, param in task.space.items():
        if task.owner[p] == name and not param.holds(constants[p]):
            raise PatchError(
                f"{name}: {p} = {constants[p]!r:.40} is out of its range ({param.describe()})"
            )


def content_hash(files: Mapping[str, str]) -> str:
    """SHA-256 over all editable files: two candidates with the same hash are the same program.

    Of Python files the syntax tree counts, so that a change of comments, docstrings or layout
    makes no new candidate.
    """
    digest = hashlib.sha256()
    for name in sorted(files):
        text = _program(files[name]) if name.endswith(".py") else files[name]
        digest.update(f"{name}\0{len(text)}\0{text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


@lru_cache(maxsize=16)
def _program(source: str) -> str:
    try:
        tree = parse(source)
    except SourceError:
        return source
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and is_text(body[0]):
            body[:] = body[1:] or [ast.Pass()]
    return ast.dump(tree)


def diff(before: Files, after: Files, prefix: str = "") -> str:
    """Unified diff as `git apply` reads it, paths below `prefix`; empty when nothing changed."""
    chunks: list[str] = []
    for name in sorted(after):
        if before[name] == after[name]:
            continue
        a, b = lines(before[name]), lines(after[name])
        chunks.append(f"diff --git a/{prefix}{name} b/{prefix}{name}\n")
        told = difflib.unified_diff(a, b, f"a/{prefix}{name}", f"b/{prefix}{name}")
        end = "\n\\ No newline at end of file\n"
        chunks += [line if line.endswith("\n") else line + end for line in told]
    return "".join(chunks)


def code_size(files: Files) -> int:
    """Number of tokens of code, comments and layout left out: the smaller of equals is kept."""
    return sum(_tokens(text) if name.endswith(".py") else len(text.split())
               for name, text in files.items())  # fmt: skip


def _tokens(text: str) -> int:
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    try:
        return sum(
            t.type not in layout for t in tokenize.generate_tokens(io.StringIO(text).readline)
        )
    except (tokenize.TokenError, SyntaxError):
        return len(text.split())


def changed(task: Task, before: Files, after: Files) -> str:
    """What was changed, in words: `ORDER 3 -> 5; train.py: predict()`."""
    old, new = task.params_of(before), task.params_of(after)
    moved = [name for name in task.space if old[name] != new[name]]
    parts = [f"{name} {short(old[name])} -> {short(new[name])}" for name in moved]
    for name in sorted(after):
        owned = {p: None for p in task.space if task.owner[p] == name}
        a, b = (blank_constants(f[name], owned) if owned else f[name] for f in (before, after))
        if a != b:
            parts.append(f"{name}: {', '.join(regions(a, b))}")
    return "; ".join(parts) or "nothing"


def short(value: Value) -> str:
    """A parameter's value for people and prompts: four significant digits are enough."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def regions(before: str, after: str) -> list[str]:
    """Names of the top-level functions and classes that differ ("module" for all else)."""
    old, new = _top_level(before), _top_level(after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return names or ["comments"]


@lru_cache(maxsize=16)
def _top_level(source: str) -> dict[str, str]:
    try:
        tree = parse(source)
    except SourceError:
        return {"module": source}
    parts: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{node.name}()"
        else:
            name = "module"
        parts[name] = parts.get(name, "") + ast.dump(node)
    return parts
