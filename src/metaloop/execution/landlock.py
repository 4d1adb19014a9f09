"""The fallback where no user namespace can be made: Landlock, a system call filter, a keeper.

Linux 6.2 or newer. A job can read the system, the interpreters and its workspace, and write to its
workspace and a private directory for temporary files; it has no sockets but connected pairs, no
signals but to its own, no capabilities, and changes no file's mode, owner or times (it is told that
it did).

What it does not do as well as bubblewrap:

- The workspace is where it is on the host, not at /workspace; /tmp is not the job's own.
- Names, sizes and times of the host's files can be seen, their content cannot.
- In a workspace the job may write to, hidden and read-only entries are so by their mode while the
  job runs; and in a directory that holds such an entry (the top one holds `.git`), or that the
  job makes there, files can be made and written, but not renamed or removed.
- No Unix sockets, no POSIX semaphores (so no multiprocessing locks), no /proc/self.
- Without a control group, memory and processes are limited by watching alone.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

from metaloop.execution import confine, seccomp, view
from metaloop.execution.job import Job, SandboxError
from metaloop.execution.launch import Launch
from metaloop.execution.mounts import placeholders
from metaloop.execution.unconfined import Unconfined, private_directory

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG, _MAKE_FIFO, _MAKE_SYM = 1 << 7, 1 << 8, 1 << 10, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | _TRUNCATE | _MAKE_DIR | _MAKE_REG | _MAKE_FIFO | _MAKE_SYM
_REMOVE = _REMOVE_DIR | _REMOVE_FILE | _REFER
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE

_ABI_TRUNCATE, _ABI_IOCTL, _ABI_SCOPES = 3, 5, 6
_SCOPES = 3  # abstract Unix sockets and signals
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_PROC = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/loadavg")


class Landlock(Unconfined):
    """Runs jobs under Landlock. Raises SandboxError where the kernel's is missing or too old."""

    name = "landlock"

    def __init__(self) -> None:
        super().__init__()
        if not seccomp.supported():
            raise SandboxError(f"landlock: no system call filter for {platform.machine()}")
        if _abi() < _ABI_TRUNCATE:
            raise SandboxError("landlock: needs Linux 6.2 or newer, with Landlock switched on")

    def _launch(self, job: Job, report: int, undo: ExitStack) -> Launch:
        home = private_directory(undo)
        if job.writable:
            undo.enter_context(placeholders(job.workspace, [".git"]))
        rules = [
            *_system_rules(
                view.interpreter_roots(view.python()),
                job.network,
                view.hidden_outside(job),
                view.covered(),
            ),
            *_workspace_rules(job),
            (str(home), _READ | _WRITE | _REMOVE),
        ]
        if job.out is not None:
            rules.append((str(job.out.resolve()), _READ))
        landlock = {
            "handled": (1 << (16 if _abi() >= _ABI_IOCTL else 15)) - 1,
            "scoped": _SCOPES if _abi() >= _ABI_SCOPES else 0,
            "attributes_size": 24 if _abi() >= _ABI_SCOPES else 8,
            "rules": rules,
        }
        filtered = seccomp.program(
            seccomp.families(job.network, namespace=False),
            alone=True,
            signals=_abi() >= _ABI_SCOPES,
        )
        modes = list(_modes(job)) if job.writable else []
        launch = self._order(
            job, report, home, undo, landlock=landlock, seccomp=filtered.hex(), modes=modes
        )
        return replace(launch, locked=frozenset(path for path, _, _ in modes))


@cache
def _abi() -> int:
    """The version of the kernel's Landlock; 0 or less when there is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.syscall(confine.LANDLOCK_CREATE_RULESET, None, 0, 1))


@lru_cache
def _system_rules(
    interpreters: tuple[Path, ...],
    network: bool,
    hidden: tuple[str, ...],
    covered: tuple[str, ...],
) -> tuple[tuple[str, int], ...]:
    """What every job may read, less what it hides and, but for interpreters, what is covered; in
    all rules, paths are without symlinks."""
    shown = {*view.SYSTEM, *view.ETC, *(view.ETC_NETWORK if network else ())}
    shown |= set(map(str, interpreters))
    real = {os.path.realpath(path) for path in shown if Path(path).exists()}
    rules = [(path, _READ_FILE | _WRITE_FILE) for path in _DEVICES]
    rules += [(path, _READ_FILE) for path in _PROC]
    for path in sorted(real):
        if view.within(path, covered) or not view.within(path, tuple(real - {path})):
            rules += _except(path, (*hidden, *covered))
    return tuple(rules)


def _except(path: str, hidden: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Rules to read `path` and what is below, but not the hidden. Directories can be listed."""
    if path in hidden:
        return
    if not any(view.within(other, (path,)) for other in hidden):
        yield path, _READ if Path(path).is_dir() else _READ & _ON_FILES
        return
    yield path, _READ_DIR
    for entry in os.scandir(path):
        if not entry.is_symlink():
            yield from _except(entry.path, hidden)


def _workspace_rules(job: Job) -> Iterator[tuple[str, int]]:
    workspace = job.workspace.resolve()
    if job.writable:
        protected = tuple(map(str, _existing(job, (*job.read_only, *view.hidden_inside(job)))))
        yield from _writable(str(workspace), protected)
    else:
        yield from _except(str(workspace), tuple(map(str, _existing(job, view.hidden_inside(job)))))


def _writable(path: str, protected: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Rules to write to a directory; to remove entries only where none is protected."""
    if not any(view.within(other, (path,)) for other in protected):
        yield path, _READ | _WRITE | _REMOVE
        return
    yield path, _READ | _WRITE
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False) and entry.path not in protected:
            yield from _writable(entry.path, protected)


def _modes(job: Job) -> Iterator[tuple[str, int, int]]:
    """(path, mode while the job runs, mode before) of what it must not read, or write."""
    hidden = set(_existing(job, view.hidden_inside(job)))
    for path in _existing(job, job.read_only):
        for found in (path, *path.rglob("*")):
            if not found.is_symlink() and not hidden & {found, *found.parents}:
                mode = found.stat().st_mode & 0o7777
                yield str(found), mode & ~0o222, mode
    for path in hidden:
        yield str(path), 0, path.stat().st_mode & 0o7777 or 0o700


def _existing(job: Job, paths: tuple[str, ...]) -> list[Path]:
    workspace = job.workspace.resolve()
    return [path for name in paths if (path := view.inside(workspace, name)).exists()]
