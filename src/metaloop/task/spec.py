"""`metaloop.toml`, checked strictly: the contract between a user's program and metaloop."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from metaloop.models.router.name import name_of
from metaloop.task.constants import ConstantError, read_constants
from metaloop.task.space import Params, Space, Value

FILE = "metaloop.toml"
REPOSITORY = "{repository}/"


class TaskError(ValueError):
    """The task is not usable; the message names the file, the key and the mend."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Command = Annotated[list[str], Field(min_length=1)]
FileName = Annotated[str, AfterValidator(lambda name: str(PurePosixPath(name)))]
"""A path relative to the task, in its one spelling: files are known by it."""


class Edit(_Table):
    files: Annotated[list[FileName], Field(min_length=1)]


class Protect(_Table):
    files: list[FileName] = []


class Run(_Table):
    command: Command
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 60
    memory_mb: Annotated[int, Field(ge=16)] = 2048
    disk_mb: Annotated[int, Field(ge=1)] = 1024
    network: bool = False
    hide: list[str] = []
    """Further paths the run must not read: of the task, of its repository (`{repository}/NAME`), of
    the machine or of Python's library (`{stdlib}/NAME`), these two with wildcards."""


class Judge(_Table):
    command: Command
    files: list[FileName] = []
    """Seen by the judge and the holdout alone, e.g. targets; absent where a candidate runs."""


class Metric(_Table):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][\w./-]*$")]
    direction: Literal["minimize", "maximize"]


class Numeric(_Table):
    type: Literal["int", "float"]
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _bounds(self) -> Numeric:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError("a log range needs low > 0")
        if self.type == "int" and (self.low % 1 or self.high % 1):
            raise ValueError("an int range needs whole numbers as low and high")
        return self


class Choice(_Table):
    choices: Annotated[list[bool | int | float | str], Field(min_length=2)]


def _kind(table: object) -> str:
    choices = isinstance(table, Choice) or (isinstance(table, dict) and "choices" in table)
    return "choice" if choices else "numeric"


SpaceTable = Annotated[
    Annotated[Numeric, Tag("numeric")] | Annotated[Choice, Tag("choice")], Discriminator(_kind)
]


class Holdout(_Table):
    command: Command


class Perturbation(_Table):
    name: Annotated[str, Field(pattern=r"^[\w .-]+$")]
    command: Command
    """Takes the place of `[run] command`."""
    must: Literal["hold", "fall"] = "hold"
    """What a real gain does here: `hold`, or `fall` where the information it needs is shuffled."""


class Probe(_Table):
    """For a program that leaves its weights in `out/weights.npz`."""

    command: Command
    """Runs the program on each `out/probe/N.npz`, weights under noise, leaving `out/probe/N.npy`,
    its output with them. N = 000 are the weights as they were left."""
    judge: Command
    """Prints `{"damage": [...], "violation": [...]}`, a number for each N in turn: how far the
    output is from the one that was scored, and how far it breaks the invariant."""
    damage: Annotated[float, Field(gt=0)] = 0.1
    """At which candidate and best are compared."""


class Guard(_Table):
    bound: float | None = None
    """A score that no honest program can beat."""
    canary: list[FileName] = []
    """Files that are made in every worktree, and that no honest program reads."""
    holdout_queries: Annotated[int, Field(ge=0)] = 100
    """Times that a run may ask the holdout whether a gain is real."""


def _model_name(value: object) -> object:
    """A router given as a table, by its name."""
    return name_of(value) if isinstance(value, dict) else value


ModelName = Annotated[str, BeforeValidator(_model_name)]
"""`provider:name`, or `{ router = [MODEL, ...], alpha = 0.7 }`."""


class Spec(_Table):
    """The file as it stands; `Task` is the spec bound to its directory."""

    name: Annotated[str, Field(pattern=r"^[\w-]+(\.[\w-]+)*$")]
    """Also a part of a branch's name, in which git takes no more dots."""
    description: Annotated[str, Field(min_length=1)]
    edit: Edit
    protect: Protect = Protect()
    run: Run
    judge: Judge | None = None
    metric: Metric
    space: dict[str, SpaceTable] = {}
    holdout: Holdout | None = None
    """Asked by a guard whether a gain is real."""
    sealed: Holdout | None = None
    """Opened once, at the end of a run, for the report."""
    perturbation: list[Perturbation] = []
    probe: Probe | None = None
    """Asks a guard whether what is known to hold still holds when the weights are perturbed."""
    guard: Guard = Guard()
    models: dict[str, ModelName] = {}

    @property
    def judge_files(self) -> list[str]:
        """What is hidden from candidates since it holds the answers."""
        return self.judge.files if self.judge else []

    @property
    def judging(self) -> list[str]:
        """All that decides a score beside the program; a candidate cannot change it."""
        return [*self.protect.files, *self.judge_files, FILE]


@dataclass(frozen=True)
class Task:
    """A directory with a valid `metaloop.toml`."""

    directory: Path
    spec: Spec
    space: Space
    owner: dict[str, str]
    """Which editable file holds the constant of each parameter."""

    @property
    def minimize(self) -> bool:
        return self.spec.metric.direction == "minimize"

    @property
    def self_scored(self) -> bool:
        """True when the candidate's own process prints its score."""
        return self.spec.judge is None

    def loss(self, score: float) -> float:
        """`score` turned so that lower is better, whatever the direction."""
        return score if self.minimize else -score

    def sources(self) -> dict[str, str]:
        """Text of every editable file, line ends as they are, by path relative to the task."""
        return {name: read_text(self.directory / name) for name in self.spec.edit.files}

    def params_of(self, files: dict[str, str]) -> Params:
        """The current full assignment, read from the constants in `files`."""
        return {name: read_constants(files[self.owner[name]])[name] for name in self.space}


def read_text(path: Path) -> str:
    """A file's text with its line ends untouched."""
    return path.read_bytes().decode("utf-8")


def load_task(directory: Path | str) -> Task:
    """Read and check a task; raises TaskError naming file, key and mend."""
    directory = Path(directory).resolve()
    path = directory / FILE
    if not path.is_file():
        raise TaskError(f"{path}: no such file; `metaloop init {directory}` writes one")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TaskError(f"{path}: not valid TOML: {error}") from None
    try:
        spec = Spec.model_validate(table)
    except ValidationError as error:
        lines = (_explain(dict(e)) for e in error.errors())
        raise TaskError("\n".join(f"{path}: {line}" for line in lines)) from None
    _check_files(path, directory, spec)
    space = Space.from_dict({name: p.model_dump() for name, p in spec.space.items()})
    owner = _check_space(path, directory, spec.edit.files, space)
    return Task(directory, spec, space, owner)


def _explain(error: dict[str, Any]) -> str:
    """One pydantic error as `[table] key: what is wrong; the mend`."""
    where = [str(part) for part in error["loc"] if part not in ("numeric", "choice")]
    key = f"[{where[0]}] {'.'.join(where[1:])}" if len(where) > 1 else where[0] if where else FILE
    if error["type"] == "extra_forbidden":
        known = list(_fields(where[:-1]))
        close = difflib.get_close_matches(where[-1], known, 1)
        mend = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        return f"{key}: unknown key; {mend}"
    if error["type"] == "missing":
        return f"{key}: missing; add it (the README's section on tasks shows an example)"
    return f"{key}: {error['msg'].removeprefix('Value error, ')} (got {error['input']!r})"


def _fields(where: list[str]) -> list[str]:
    if not where:
        return list(Spec.model_fields)
    tables: dict[str, type[BaseModel]] = {
        "edit": Edit, "protect": Protect, "run": Run, "judge": Judge, "metric": Metric,
        "holdout": Holdout, "sealed": Holdout, "perturbation": Perturbation, "probe": Probe,
        "guard": Guard,
    }  # fmt: skip
    if where[0] == "space":
        return [*Numeric.model_fields, *Choice.model_fields]
    return list(tables[where[0]].model_fields) if where[0] in tables else []


def _check_files(path: Path, directory: Path, spec: Spec) -> None:
    tables = {"edit": spec.edit.files, "protect": spec.protect.files, "judge": spec.judge_files}
    for table, names in tables.items():
        for name in names:
            _check_inside(f"{path}: [{table}] files", directory, name)
            if table == "edit" and not (directory / name).is_file():
                raise TaskError(f"{path}: [edit] files: {name!r} is no file of {directory}")
            within = [e for e in spec.edit.files if PurePosixPath(e).is_relative_to(name)]
            if table != "edit" and within:
                raise TaskError(
                    f"{path}: {within[0]!r} is under both [edit] and [{table}], there as {name!r}; "
                    "what judges a candidate cannot be edited by it: take it from one of the two, "
                    "or name the other files of the directory one by one"
                )
    for name in spec.run.hide:
        if name.startswith(REPOSITORY):
            if ".." in PurePosixPath(name).parts:
                raise TaskError(f"{path}: [run] hide: {name!r} must lie inside the repository")
            if set(name) & set("*?["):
                raise TaskError(
                    f"{path}: [run] hide: {name!r} is taken literally; name a file or directory of "
                    "the repository, without wildcards"
                )
        elif not name.startswith(("/", "{stdlib}")):
            _check_inside(f"{path}: [run] hide", directory, name)
    if spec.probe is not None and spec.judge is None:
        raise TaskError(
            f"{path}: [probe] needs a [judge]: what the weights give is compared with the output "
            "that was scored; let the program leave its output in out/, and add the table"
        )
    for name in spec.guard.canary:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or (directory / name).exists():
            raise TaskError(
                f"{path}: [guard] canary: {name!r} must name a file inside the task that is not "
                "there: metaloop makes it"
            )
        unseen = (*spec.protect.files, *spec.judge_files, *spec.run.hide)
        around = [n for n in unseen if pure.is_relative_to(n)]
        if around:
            raise TaskError(
                f"{path}: [guard] canary: {name!r} lies in {around[0]!r}, which is shown read-only "
                "or not at all, so that no read would be seen; name a file elsewhere"
            )
    for name in spec.edit.files:
        try:
            text = read_text(directory / name)
        except UnicodeDecodeError:
            raise TaskError(f"{path}: [edit] files: {name!r} is not UTF-8 text") from None
        if name.endswith(".py") and text.startswith("\ufeff"):
            raise TaskError(
                f"{path}: [edit] files: {name!r} begins with a byte order mark; save it as UTF-8 "
                "without one"
            )


def _check_inside(key: str, directory: Path, name: str) -> None:
    """Refuse what is not literally a path inside the task."""
    pure, real = PurePosixPath(name), directory / name
    if pure.is_absolute() or ".." in pure.parts:
        raise TaskError(f"{key}: {name!r} must lie inside the task")
    if not real.exists():
        raise TaskError(
            f"{key}: {name!r} is no file of {directory}; name a file or directory that is there, "
            "without wildcards"
        )
    if real.resolve() != directory.resolve() / pure:
        raise TaskError(f"{key}: {name!r} is reached through a link")


def _check_space(path: Path, directory: Path, files: list[str], space: Space) -> dict[str, str]:
    """Which of `files` holds the constant of each parameter."""
    constants: dict[str, tuple[str, Value]] = {}
    if space:
        for name in files:
            if not name.endswith(".py"):
                continue
            try:
                found = read_constants(read_text(directory / name))
            except ConstantError as error:
                raise TaskError(f"{directory / name}: {error}") from None
            for constant, value in found.items():
                constants.setdefault(constant, (name, value))
    for name, param in space.items():
        if name not in constants:
            raise TaskError(
                f"{path}: [space] {name}: no editable file assigns a literal to a module-level "
                f"constant {name}; add e.g. `{name} = {param.from_unit(0.5)!r}`"
            )
        file, value = constants[name]
        if not param.holds(value):
            raise TaskError(
                f"{path}: [space] {name}: {file} has {name} = {value!r}, "
                f"which is outside the range ({param.describe()}); widen one or change the other"
            )
    return {name: constants[name][0] for name in space}
