"""The file system of a bubblewrap sandbox, as options of `bwrap`."""

from __future__ import annotations

import os
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path

from metaloop.execution import view
from metaloop.execution.job import MB, Job, SandboxError

_WORKSPACE = "/workspace"
_SHM_MB = 64
_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
_MEMORY_DEVICES = 1  # the major number of these
_USER = "1000"
_EMPTY = str(Path(__file__).parents[1] / "py.typed")
"""A file with nothing in it, where nobody clears away what is old."""


def options(job: Job, devices: Path | None) -> list[str]:
    """All options for a job, with `devices` (see `private_devices`) for the host's.

    Raises SandboxError when the workspace does not allow them.
    """
    tmp = min(job.disk_mb, max(job.memory_mb // 2, 1)) * MB
    covered = view.covered()
    listed = [
        *("--unshare-all", "--unshare-user", "--disable-userns"),
        *("--uid", _USER, "--gid", _USER, "--hostname", "metaloop"),
        *("--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"),
        *(["--share-net"] if job.network else []),
        *_system(),
        *(_devices(devices) if devices is not None else ()),
        *("--perms", "1777", "--size", str(_SHM_MB * MB), "--tmpfs", "/dev/shm"),  # noqa: S108
        *(_network() if job.network else ()),
        *("--perms", "1777", "--size", str(tmp), "--tmpfs", "/tmp"),  # noqa: S108
        *_interpreters(view.interpreter_roots(view.python()), covered),
        *_workspace(job),
        *(option for path in view.hidden_outside(job) for option in _mask(path, path)),
        *(word for path in covered for word in ("--remount-ro", path)),
        *("--remount-ro", "/dev", "--remount-ro", "/proc", "--remount-ro", "/"),
        *("--chdir", os.path.normpath(f"{_WORKSPACE}/{job.cwd}")),
    ]
    for name, value in view.environment(job, _WORKSPACE, home="/tmp").items():  # noqa: S108
        listed += ["--setenv", name, value]
    if any("\0" in word for word in listed):
        raise SandboxError("a path or an environment variable of the job contains a NUL byte")
    return listed


@contextmanager
def placeholders(workspace: Path, names: list[str]) -> Iterator[None]:
    """Empty directories at these places of the workspace, for as long as a job needs them.

    `out` needs one to be mounted on. Where there is no `.git`, one keeps the job from making its
    own: git on the host would obey a configuration found there.
    """
    wanted = [view.inside(workspace, name) for name in names]
    with ExitStack() as made:
        for path in wanted:
            if _users[path] or not path.exists():
                path.mkdir(parents=True, exist_ok=True)
                _users[path] += 1
                made.callback(_leave, path)
        yield


_users: Counter[Path] = Counter()
"""How many running jobs need a directory that was made for them."""


def _leave(path: Path) -> None:
    _users[path] -= 1
    if not _users[path]:
        del _users[path]
        try:
            path.rmdir()
        except OSError:  # someone on the host put something there meanwhile
            return


@contextmanager
def private_devices() -> Iterator[Path | None]:
    """Device files of a job's own, if this is root, to whom the host's belong.

    The job runs with root's number, though without its powers, and could change the modes of what
    root owns; no mount can be read-only and have devices. Nothing is made where root may not make
    devices, as in most containers, whose device files are not the host's.
    """
    if os.geteuid() != 0:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="metaloop-dev-") as name:
        directory = Path(name)
        usable = not os.statvfs(directory).f_flag & os.ST_NODEV
        try:
            for device, minor in _DEVICES.items() if usable else ():
                number = os.makedev(_MEMORY_DEVICES, minor)
                os.mknod(directory / device, 0o666 | stat.S_IFCHR, number)
                (directory / device).chmod(0o666)
        except PermissionError:
            usable = False
        yield directory if usable else None


def _devices(directory: Path) -> list[str]:
    listed = ["--remount-ro", "/dev/tty"]
    for name in _DEVICES:
        listed += ["--dev-bind", str(directory / name), f"/dev/{name}"]
    return listed


@lru_cache
def _system() -> tuple[str, ...]:
    listed: list[str] = []
    for path in view.SYSTEM:
        if Path(path).is_symlink():
            listed += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).is_dir():
            listed += ["--ro-bind", path, path]
    for path in view.ETC:
        listed += ["--ro-bind-try", path, path]
    return (*listed, "--proc", "/proc", "--dev", "/dev")


def _network() -> list[str]:
    return [word for path in view.ETC_NETWORK for word in ("--ro-bind-try", path, path)]


@lru_cache
def _interpreters(needed: tuple[Path, ...], covered: tuple[str, ...]) -> tuple[str, ...]:
    """Read-only, at the paths they have on the host; one below another comes with it. Empty
    directories cover the private ones, and what is shown of these comes on top."""
    listed: list[str] = []
    roots = sorted(set(map(str, needed)))
    real = sorted({os.path.realpath(root) for root in roots})
    for path in real:
        if view.within(path, (_WORKSPACE,)):
            raise SandboxError(f"{path} lies below {_WORKSPACE}, which is a task's: move it")
    inner = [path for path in real if view.within(path, covered)]
    outer = [path for path in real if path not in inner]
    listed += _bound(outer, view.SYSTEM)
    listed += [word for path in covered for word in ("--tmpfs", path)]
    listed += _bound(inner, ())
    for path in roots:
        target = os.path.realpath(path)
        others = (*real, *(root for root in roots if root != path))
        if path != target and not view.within(path, others):
            listed += ["--symlink", target, path]
    return tuple(listed)


def _bound(paths: list[str], there: tuple[str, ...]) -> list[str]:
    """Read-only those of the paths that do not come with another, or with what is there."""
    return [
        word
        for path in paths
        if not view.within(path, (*there, *(other for other in paths if other != path)))
        for word in ("--ro-bind", path, path)
    ]


def _workspace(job: Job) -> list[str]:
    host = job.workspace.resolve()
    listed = ["--bind" if job.writable else "--ro-bind", str(host), _WORKSPACE]
    hidden = _outermost(host, view.hidden_inside(job), ())
    shown = _outermost(host, job.read_only, hidden)
    if job.writable:
        for parent in _parents(shown + hidden):
            listed += ["--bind", str(host / parent), f"{_WORKSPACE}/{parent}"]
    for path in shown:
        listed += ["--ro-bind", str(host / path), f"{_WORKSPACE}/{path}"]
    for path in hidden:
        listed += _mask(str(host / path), f"{_WORKSPACE}/{path}")
    if job.out is not None:
        target = os.path.normpath(f"{_WORKSPACE}/{job.cwd}/out")
        listed += ["--ro-bind", str(job.out.resolve()), target]
    return listed


def _outermost(host: Path, paths: tuple[str, ...], covered: tuple[str, ...]) -> tuple[str, ...]:
    """The paths that exist and are not below another one, or at or below a `covered` one."""
    found = {os.path.normpath(path) for path in paths if view.inside(host, path).exists()}
    return tuple(
        path
        for path in sorted(found)
        if not view.within(path, (*covered, *(other for other in found if other != path)))
    )


def _parents(paths: tuple[str, ...]) -> list[str]:
    """The directories above the paths, outermost first, unless they are read-only themselves.

    They are mounted onto themselves: so they cannot be renamed, and others put in their place.
    """
    found = {str(parent) for path in paths for parent in Path(path).parents[:-1]}
    return [parent for parent in sorted(found) if not view.within(parent, paths)]


def _mask(source: str, target: str) -> list[str]:
    """Cover a directory by an empty one, a file by an empty one."""
    if Path(source).is_dir():
        return ["--tmpfs", target, "--remount-ro", target]
    return ["--ro-bind", _EMPTY, target]
