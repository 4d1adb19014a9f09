"""A study's design: which cells there are. Read from a TOML file, checked strictly."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from metaloop.inner.settings import Settings
from metaloop.models.reference import Reference, members
from metaloop.study.arms import ARMS
from metaloop.study.result import Cell
from metaloop.task.spec import Task, load_task

CONTENT = "task_content"
"""The term of a cell that is the digest of its task."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Models(_Table):
    outer: list[str] = []
    inner: list[str] = []
    pairs: list[tuple[str, str]] | None = None

    @field_validator("outer", "inner")
    @classmethod
    def _are_models(cls, refs: list[str]) -> list[str]:
        for name in [name for ref in refs for name in members(ref)]:
            Reference.parse(name)
        return refs


class _TaskTable(_Table):
    path: Path
    matters: Annotated[float, Field(gt=0)]


class _File(_Table):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    question: str = ""
    arms: Annotated[list[str], Field(min_length=1)]
    decides: str | None = None
    seeds: Annotated[list[int], Field(min_length=1)]
    trials: Annotated[int, Field(ge=1)] = 24
    outer_every: Annotated[int, Field(ge=1)] = 8
    models: _Models = _Models()
    task: Annotated[list[_TaskTable], Field(min_length=1)]

    @field_validator("arms")
    @classmethod
    def _are_arms(cls, arms: list[str]) -> list[str]:
        if unknown := [arm for arm in arms if arm not in ARMS]:
            raise ValueError(f"no such arm: {', '.join(unknown)}; arms are {', '.join(ARMS)}")
        return arms


@dataclass(frozen=True)
class TaskPlan:
    """A task of a study. `matters` is the smallest difference of final gain, in the metric's unit,
    that would be worth having: power is stated for it."""

    task: Task
    matters: float
    content: str
    """What `content_of` said of the task when the design was read."""

    @property
    def name(self) -> str:
        return self.task.spec.name


def content_of(task: Task) -> str:
    """SHA-256 of all that a task declares to decide a score (its file, what can be edited, is
    protected or judges): scores of other contents do not compare."""
    spec, digest = task.spec, hashlib.sha256()
    for name in sorted({*spec.judging, *spec.edit.files}):
        top = task.directory / name
        for path in sorted(p for p in (top, *top.rglob("*")) if p.is_file()):
            if "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(task.directory)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class Design:
    """Tasks x arms x models per role x seeds. Seeds are paired across cells."""

    file: Path
    name: str
    question: str
    tasks: tuple[TaskPlan, ...]
    outer: tuple[str, ...]
    """Models of the outer loop, the strongest first."""
    inner: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    """(outer, inner): all of them, unless the file names some."""
    arms: tuple[str, ...]
    decides: str | None
    """The arm against which C answers the question; None: mixed pairs of models against pure."""
    seeds: tuple[int, ...]
    trials: int
    outer_every: int

    @property
    def cells_folder(self) -> Path:
        """Where finished cells go."""
        return self.file.parent / "cells"

    @property
    def report_folder(self) -> Path:
        return self.file.parent / self.name

    def plan(self, task: str) -> TaskPlan:
        """The task of this name."""
        return next(plan for plan in self.tasks if plan.name == task)

    def cells(self) -> list[Cell]:
        """All cells in the order in which they run: arms as listed, seed by seed, so that a
        study that is broken off has whole pairs."""
        return [
            Cell(plan.name, arm, outer, inner, seed)
            for plan in self.tasks
            for arm in self.arms
            for seed in self.seeds
            for outer, inner in self._models(arm)
        ]

    def _models(self, arm: str) -> list[tuple[str | None, str | None]]:
        match ARMS[arm].asks:
            case "both":
                return [(outer, inner) for outer, inner in self.pairs]
            case "inner":
                return [(None, inner) for inner in dict.fromkeys(pair[1] for pair in self.pairs)]
            case "none":
                return [(None, None)]

    def terms(self, cell: Cell) -> dict[str, Any]:
        """What the result of a cell depends on beside the cell."""
        return {
            "trials": self.trials,
            "outer_every": self.outer_every,
            CONTENT: self.plan(cell.task).content,
        }

    def beforehand(self, cell: Cell) -> dict[str, Any]:
        """What an answer depends on beside the results: to be fixed before the first of them. It
        is kept with each, so that a report can tell what was changed since. All of it is JSON."""
        return {
            "question": self.question,
            "arms": sorted(self.arms),
            "models": sorted(map(list, self.pairs)),
            "seeds": sorted(self.seeds),
            "decides": self.decides,
            "matters": self.plan(cell.task).matters,
        }

    def label(self, cell: Cell) -> str:
        """By which the run of a cell is found in a journal; a run under other terms is not its."""
        digest = hashlib.sha256(json.dumps(self.terms(cell)).encode()).hexdigest()
        return f"{self.name}/{cell.key} {digest[:12]}"

    def settings(self, cell: Cell) -> Settings:
        """Of the run of a cell."""
        arm = ARMS[cell.arm]
        return Settings(
            inner=cell.inner,
            outer=cell.outer,
            levels=arm.levels,
            control=arm.control,
            first=arm.first,
            trials=self.trials,
            outer_every=self.outer_every,
            seed=cell.seed,
            share=True,
        )


def load_design(file: Path | str) -> Design:
    """Read a design; raises ValueError naming file, key and mend, and TaskError for its tasks."""
    file = Path(file).resolve()
    try:
        given = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ValueError(f"{file}: no such file; write the design of the study there") from None
    except OSError as error:
        raise ValueError(f"{file}: cannot be read as a design: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not valid TOML: {error}") from None
    except ValidationError as error:
        raise ValueError(
            "\n".join(f"{file}: {_explain(dict(e))}" for e in error.errors())
        ) from None
    models, named = given.models, given.models.pairs
    crossed = [(outer, inner) for outer in models.outer for inner in models.inner]
    design = Design(
        file=file,
        name=given.name,
        question=" ".join(given.question.split()),
        tasks=tuple(_plan(load_task(file.parent / t.path), t.matters) for t in given.task),
        outer=tuple(dict.fromkeys(models.outer)),
        inner=tuple(dict.fromkeys(models.inner)),
        pairs=tuple(dict.fromkeys(crossed if named is None else named)),
        arms=tuple(dict.fromkeys(given.arms)),
        decides=given.decides,
        seeds=tuple(dict.fromkeys(given.seeds)),
        trials=given.trials,
        outer_every=given.outer_every,
    )
    _check(design)
    return design


def _plan(task: Task, matters: float) -> TaskPlan:
    return TaskPlan(task, matters, content_of(task))


def _check(design: Design) -> None:
    """What no single field can tell."""
    names = [plan.name for plan in design.tasks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{design.file}: [[task]] two tasks are named {twice[0]!r}; rename one")
    others = {*design.arms} - {"C"} if "C" in design.arms else set()
    if design.decides is not None and design.decides not in others:
        raise ValueError(
            f"{design.file}: decides: C is asked about against {design.decides!r}; name another "
            "arm, and list both in arms"
        )
    asking = [arm for arm in design.arms if ARMS[arm].asks != "none"]
    if asking and not design.pairs:
        raise ValueError(
            f"{design.file}: [models] outer, inner: arms {', '.join(asking)} ask models; "
            "list at least one for each loop"
        )
    for outer, inner in design.pairs:
        if outer not in design.outer or inner not in design.inner:
            raise ValueError(
                f"{design.file}: [models] pairs: {outer} + {inner} is not in the lists of outer "
                "and inner models; add it to them"
            )
    for plan in design.tasks:
        for written in (design.report_folder, design.cells_folder):
            if plan.task.directory.is_relative_to(written):
                raise ValueError(
                    f"{design.file}: name: the report would be written into {plan.task.directory}; "
                    "rename the study, or move the design elsewhere"
                )
        tuning = [arm for arm in design.arms if ARMS[arm].asks == "none"]
        if tuning and not plan.task.space:
            raise ValueError(
                f"{plan.task.directory}: has no [space], which the arms {', '.join(tuning)} of "
                f"{design.file} search; add one, or leave these arms out"
            )


def _explain(error: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key; remove it"
    if error["type"] == "missing":
        return f"{where}: missing; add it"
    return f"{where}: {error['msg'].removeprefix('Value error, ')} (got {error['input']!r})"
