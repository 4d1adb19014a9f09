"""What a job may see of this machine, whichever sandbox runs it.

The system's programs and libraries, the interpreters with their packages, this package's own
source for its workers; of the workspace everything but `.git` and what the job hides; of a project
that lies among the former nothing else.
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path

from metaloop.execution.job import Job, SandboxError

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")
ETC_NETWORK = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/ssl/certs",  # never all of /etc/ssl: it holds private keys
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
)
_INSTALLED = ("bin", "include", "lib", "lib64", "share", "ssl/cert.pem", "pyvenv.cfg")
"""What an installation of Python, or a virtual environment, consists of."""


def python() -> str:
    """The interpreter that `python` means in a task: the active virtual environment's, else ours.

    A path as people write it, with its symlinks: following them would lose the environment.
    """
    active = os.environ.get("VIRTUAL_ENV")
    if active and (program := Path(active, "bin", "python")).exists():
        return str(program)
    return sys.executable


def is_python(interpreter: str) -> bool:
    """Whether `python` means this interpreter now; in one environment it may go by many names."""
    return _identity(interpreter) == _identity(python())


def _identity(interpreter: str) -> tuple[Path, Path]:
    program = Path(interpreter)
    return program.parent.resolve(), program.resolve()


def command(job: Job) -> tuple[str, ...]:
    """The job's command, with `python` and `python3` replaced by the interpreter they mean."""
    first, *rest = job.command
    return (python() if first in ("python", "python3") else first, *rest)


def environment(job: Job, workspace: str, home: str) -> dict[str, str]:
    """All the environment a job gets: harmless defaults, then what the job sets itself."""
    defaults = {
        "HOME": home,
        "TMPDIR": home,
        "USER": "nobody",
        "PWD": os.path.normpath(f"{workspace}/{job.cwd}"),
        "PATH": f"{Path(python()).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    if job.imports:
        places = (os.path.normpath(f"{workspace}/{name}") for name in job.imports)
        defaults["PYTHONPATH"] = ":".join(places)
    return defaults | dict(job.env)


def linked(project: Path, copy: Path) -> tuple[str, ...]:
    """The directories of a project, relative to it, where `python` finds what `pip install -e` has
    linked to it: a program that runs in a `copy` is to find that of the copy.

    Less those that hide a module of the standard library: of a link that is found after it.
    """
    found: set[str] = set()
    for packages in Path(python()).parents[1].glob("lib/python3*/site-packages"):
        for file in packages.glob("*.pth"):
            found.update(line for line in _lines(file) if line.startswith("/"))
        for file in packages.glob("__editable__*.py"):  # setuptools' names packages themselves
            named = re.findall(r"'(/[^']+)'", "\n".join(_lines(file)))
            found.update(str(Path(name).parent) for name in named)
    top = project.resolve()
    inside = {Path(os.path.realpath(place)) for place in found}
    places = sorted(place.relative_to(top) for place in inside if place.is_relative_to(top))
    return tuple(str(place) for place in places if not _hides_library(copy / place))


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines() if file.is_file() else []


def _hides_library(directory: Path) -> bool:
    modules = {path.stem for path in directory.glob("*.py")}
    modules |= {path.parent.name for path in directory.glob("*/__init__.py")}
    return not modules.isdisjoint(sys.stdlib_module_names)


_projects: set[str] = set()


def keep_private(*directories: Path) -> None:
    """From now on show no job of this process anything of these, wherever they lie, but its
    workspace, and interpreters and this package if they are in there."""
    _projects.update(os.path.realpath(path) for path in directories)


def covered() -> tuple[str, ...]:
    """The outermost private directories within what is shown, say a project below /usr/src."""
    return _covered(python(), frozenset(_projects))


@lru_cache
def _covered(interpreter: str, private: frozenset[str]) -> tuple[str, ...]:
    roots = _interpreter_roots(interpreter, private)
    shown = {os.path.realpath(path) for path in (*SYSTEM, *map(str, roots))}
    inner = {path for path in private - shown if within(path, tuple(shown))}
    return tuple(sorted(path for path in inner if not within(path, tuple(inner - {path}))))


def interpreter_roots(interpreter: str) -> tuple[Path, ...]:
    """What our own and the job's interpreter need, and this package's directory; in no order.

    Of each installation only what Python and pip made, for around a virtual environment may be a
    whole project; conda's packages use all of theirs. Never what holds the user's home directory.
    """
    return _interpreter_roots(interpreter, frozenset(_projects))


@lru_cache
def _interpreter_roots(interpreter: str, private: frozenset[str]) -> tuple[Path, ...]:
    roots = {Path(__file__).parents[1]}
    for place in _installations(interpreter):
        own = os.path.realpath(place) in private
        whole = not place.is_dir() or ((place / "conda-meta").is_dir() and not own)
        parts = [place] if whole else [place / name for name in _INSTALLED]
        roots.update(part for part in (*parts, *_checkouts(place, private)) if part.exists())
    home = os.path.realpath(os.path.expanduser("~"))  # noqa: PTH111 (raises nothing without one)
    return tuple(
        root
        for root in roots
        if (not within(str(root), SYSTEM) or within(str(root), tuple(private)))
        and not within(home, (os.path.realpath(root),))
    )


def _checkouts(prefix: Path, private: frozenset[str]) -> set[Path]:
    """What `pip install -e git+...` has put below `src`: only what site-packages names, for the
    rest may be a project's. Without `.git`, which may hold a password for where it came from."""
    tops = "|".join(re.escape(str(path)) for path in {prefix, prefix.resolve()})
    named = re.compile(rf"(?:{tops})/src/[^/'\"\n]+")
    found: set[Path] = set()
    for packages in prefix.glob("lib/python3*/site-packages"):
        for file in (*packages.glob("*.pth"), *packages.glob("__editable__*.py")):
            if file.is_file():
                found.update(map(Path, named.findall(file.read_text(errors="replace"))))
    return {
        entry
        for path in found
        if (path / ".git").is_dir() and os.path.realpath(path) not in private  # else a project's
        for entry in path.iterdir()
        if _leads(entry) not in (".", "..", ".git")
    }


def _leads(entry: Path) -> str:
    """The entry of the same directory that one leads to, or into, if it is a link."""
    return os.path.relpath(entry.resolve(), entry.parent.resolve()).split("/")[0]


@lru_cache
def _installations(interpreter: str) -> frozenset[Path]:
    """Prefixes of our own and the job's interpreter, of what is behind a virtual environment too,
    and links on the way from one to the other."""
    found = {Path(sys.prefix), Path(sys.base_prefix)}
    for program in (Path(sys.executable), Path(interpreter)):
        for start in (program, *_behind(program)):
            found |= _way(start)
    return frozenset(found)


def _behind(program: Path) -> list[Path]:
    """The interpreter that a virtual environment's program was made from, as it tells: the program
    may be a copy."""
    config = _config(program)
    lines = config.read_text().splitlines() if config.is_file() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    names = (program.name, "python3", "python")
    programs = [Path(told["home"], name) for name in names] if "home" in told else []
    return [path for path in programs if path.exists()][:1]


def _config(program: Path) -> Path:
    """Where a virtual environment has its configuration."""
    return program.parents[1] / "pyvenv.cfg"


def _way(program: Path) -> set[Path]:
    """The prefix of the interpreter to which `program` leads, by all its names on the way there,
    and links on the way that are elsewhere: a link in `~/bin` does not make `~` a prefix."""
    real = program.resolve().parents[1]
    found = {real}
    if _config(program).is_file():
        found.add(program.parents[1])
    while True:
        prefix = program.parents[1]
        found.add(prefix if prefix.resolve() == real else program)
        if not program.is_symlink():
            return found
        program = Path(os.path.normpath(program.parent.resolve() / program.readlink()))


def within(path: str, roots: tuple[str, ...]) -> bool:
    """Is `path` one of `roots`, or below one?"""
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def inside(workspace: Path, relative: str) -> Path:
    """The host path of a workspace entry, which need not exist.

    Raises SandboxError when it leads out of the workspace, or through a symlink: an earlier
    trial may have left one, and preparing a mount must never follow it.
    """
    parts = Path(relative).parts
    if Path(relative).is_absolute() or ".." in parts:
        raise SandboxError(f"{relative!r} is not a path inside the workspace")
    path = workspace
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise SandboxError(f"{relative!r} in {workspace} is a symlink: replace it by a file")
    return path


def hidden_outside(job: Job) -> tuple[str, ...]:
    """The existing paths, without symlinks, that the job's absolute `hidden` patterns name."""
    patterns = tuple(h for h in job.hidden if h.startswith(("/", "{stdlib}")))
    return _expand(patterns, python()) if patterns else ()


def hidden_inside(job: Job) -> tuple[str, ...]:
    """The relative `hidden` paths; `.git`, in case a worktree's is there, is always one."""
    return (".git", *(h for h in job.hidden if not h.startswith(("/", "{stdlib}"))))


@lru_cache
def _expand(patterns: tuple[str, ...], interpreter: str) -> tuple[str, ...]:
    found: set[str] = set()
    for pattern in patterns:
        if not pattern.startswith("{stdlib}"):
            found.update(_matches(Path(pattern)))
            continue
        own, others = _stdlib(interpreter)
        found |= others  # nobody needs those, and one mount is quicker than many
        for place in own:
            path = Path(pattern.replace("{stdlib}", place))
            found.update(_matches(path))
            if path.suffix == ".py":  # the compiled copy tells as much as the source
                found.update(_matches(path.parent / "__pycache__" / f"{path.stem}.*.pyc"))
    return tuple(sorted(found))


def _matches(pattern: Path) -> list[str]:
    """What exists, without symlinks."""
    return [os.path.realpath(path) for path in Path("/").glob(str(pattern)[1:])]


def _stdlib(interpreter: str) -> tuple[set[str], set[str]]:
    """The standard library of the job's and our own interpreter, and all other copies."""
    own = _libraries({Path(sys.base_prefix), Path(interpreter).resolve().parents[1]})
    others = _libraries({*_installations(interpreter), Path("/usr"), Path("/usr/local")}) - own
    return own, {place for place in others if Path(place, "os.py").exists()}


def _libraries(prefixes: set[Path]) -> set[str]:
    return {
        os.path.realpath(directory)
        for prefix in prefixes
        for pattern in ("lib/python3*", "lib64/python3*")
        for directory in prefix.glob(pattern)
    }
