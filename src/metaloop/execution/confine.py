"""The program that confines a job without namespaces: started by `unconfined` and `landlock`.

It runs on its own (`python -I -S confine.py FD`), reading what to do, as JSON, from descriptor FD.
Three processes: the first stands for the job towards metaloop and dies with it; the second, the
keeper, adopts every process that the job leaves behind, and when the job or the first process
ends kills them all and cleans up; the third confines itself and becomes the job.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import sys
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_CAPBSET_DROP = 22, 2, 24
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
_CAPABILITIES = 64
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522
_NOT_STARTED, _NOT_FOUND = 125, 127

libc = ctypes.CDLL(None, use_errno=True)


class _Stop(Exception):
    """The first process is gone, or metaloop wants an end."""


def main(order: dict[str, Any]) -> int:
    """Run the job; the exit code, 128 + N when signal N ended it."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    first = os.getpid()
    keeper = os.fork()
    if keeper == 0:
        os._exit(_keep(order, first))
    return _code(os.waitpid(keeper, 0)[1])


def _keep(order: dict[str, Any], first: int) -> int:
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _stop)
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != first:
        return _NOT_STARTED
    os.setsid()  # out of the group that is killed with metaloop: we have work to do then
    code = 128 + signal.SIGKILL
    job = os.fork()
    if job == 0:
        _become(order)
    try:
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == job:
                code = _code(status)
                break
    except _Stop:
        code = 128 + signal.SIGKILL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _kill_all()
    for path, _, mode in order["modes"]:
        _change_mode(path, mode)
    # Not by Python: the job may have nested directories deeper than that can go.
    rm = os.posix_spawn("/bin/rm", ["rm", "-rf", "--", order["remove"]], {})
    os.waitpid(rm, 0)
    return code


def _kill_all() -> None:
    """Kill what descends from us. First all are stopped: they could fork faster than we kill."""
    stopped: set[int] = set()
    while fresh := descendants(os.getpid()) - stopped:
        stopped |= fresh
        _signal(fresh, signal.SIGSTOP)
    while True:
        _signal(descendants(os.getpid()), signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return


def descendants(pid: int) -> set[int]:
    """All processes that descend from one."""
    found: set[int] = set()
    queue = [pid]
    while queue:
        current = queue.pop()
        try:
            for task in os.listdir(f"/proc/{current}/task"):  # noqa: PTH208
                with open(f"/proc/{current}/task/{task}/children") as file:  # noqa: PTH123
                    children = set(map(int, file.read().split())) - found
                found |= children
                queue += children
        except OSError:  # it has just ended
            continue
    return found


def _become(order: dict[str, Any]) -> None:
    """Wait until metaloop lets us, confine ourselves, and turn into the job."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.write(order["report"], json.dumps({"leader": os.getppid(), "job": os.getpid()}).encode())
        os.write(2, b"\n")
        if os.read(0, 1) != b"\n":
            os._exit(_NOT_STARTED)
        os.setsid()
        os.chdir(order["cwd"])
        for path, mode, _ in order["modes"]:
            _change_mode(path, mode)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        if order["landlock"] is not None:
            confine(order["landlock"], bytes.fromhex(order["seccomp"]))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvpe(order["command"][0], order["command"], order["env"])  # noqa: S606
    except OSError as error:
        os.write(2, f"{order['command'][0]}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(_NOT_FOUND)


def confine(landlock: dict[str, Any], seccomp: bytes) -> None:
    """Give up, for good, all rights but those on the listed files."""
    attributes = struct.pack("=QQQ", landlock["handled"], 0, landlock["scoped"])
    size = landlock["attributes_size"]
    ruleset = _syscall(LANDLOCK_CREATE_RULESET, attributes, size, 0)
    for path, access in landlock["rules"]:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:  # this machine does not have it
            continue
        _syscall(LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", access, fd), 0)
        os.close(fd)
    if os.geteuid() == 0:
        for capability in range(_CAPABILITIES):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those unknown here
        header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
        _syscall(_CAPSET[os.uname().machine], header, bytes(24))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    program = ctypes.create_string_buffer(seccomp, len(seccomp))
    filters = struct.pack("@HP", len(seccomp) // 8, ctypes.addressof(program))
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filters)


def _change_mode(path: str, mode: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        os.chmod(f"/proc/self/fd/{fd}", mode)  # noqa: PTH101
    except OSError:  # a symlink; what it leads to is not ours to change
        return
    finally:
        os.close(fd)


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _stop(*_: object) -> None:
    raise _Stop


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _prctl(option: int, value: Any, more: Any = 0) -> None:
    if libc.prctl(option, value, more, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _syscall(number: int, *arguments: Any) -> int:
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"call {number}: {os.strerror(ctypes.get_errno())}")
    return result


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1])) as file:
        given = json.load(file)
    sys.exit(main(given))
