"""The system calls no job needs: a filter for the kernel, in its own (BPF) machine code.

Namespaces and Landlock say which files and networks exist; this closes what both leave open:
kernel interfaces without a path, and sockets that no network namespace confines (AF_VSOCK).
"""

from __future__ import annotations

import errno
import platform
import socket
import struct

# Numbers from the kernel's unistd.h; x86_64, then aarch64.
_REFUSED = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # namespaces, mounts, files by handle
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # the machine
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    # large or lightly tested parts of the kernel, and keys
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
}
# Refused as if this kernel did not have them, so that programs take their other way: memory that
# belongs to no process escapes a watchdog, and io_uring and clone3 escape this filter.
_ABSENT = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "clone3": (435, 435),
}
# Refused to a job without namespaces: what is the host's, not its own.
_SHARED = {
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgctl": (71, 187),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "semctl": (66, 191),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
# Refused to it besides, where Landlock does not stop signals at its border.
_SIGNALS = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
# Landlock does not know these; they do nothing and report success, for many programs copy a
# file's mode and times with it and need not know. (-1: the machine has no such call.)
_METADATA = {
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "fchown": (93, 55),
    "lchown": (94, -1),
    "fchownat": (260, 54),
    "utime": (132, -1),
    "utimes": (235, -1),
    "futimesat": (261, -1),
    "utimensat": (280, 88),
}
# Refused as on a file system without them: a directory keeps them from one job to the next.
_ATTRIBUTES = {
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
_PRLIMIT = (302, 261)
_SOCKET = (41, 198)
_SOCKETPAIR = (53, 199)
_CLONE = (56, 220)
_FCNTL = (72, 25)
_IOCTL = (16, 29)
_SET_FLAGS = (0x40086602, 0x401C5820)  # FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR: attributes too
# The kernel sends a signal of choice to a file's owner: F_SETOWN, F_SETSIG, F_SETOWN_EX; of
# sockets FIOSETOWN, SIOCSPGRP.
_SET_OWNER, _SET_SOCKETS_OWNER = (8, 10, 15), (0x8901, 0x8902)
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AND = 0x54
_TYPE = 0xF  # of a socket, without flags
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
# Offsets in struct seccomp_data.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_X32 = 0x40000000


def supported() -> bool:
    """Is there a filter for this machine's processor?"""
    return platform.machine() in _MACHINES


def families(network: bool, namespace: bool) -> frozenset[int]:
    """The socket families a job may use.

    With the host's network, or without a network namespace, a Unix socket could reach the
    host's services (D-Bus, Docker), so there it is not among them.
    """
    if network:
        return frozenset({socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK})
    return frozenset({socket.AF_UNIX}) if namespace else frozenset()


def program(sockets: frozenset[int], alone: bool = False, signals: bool = True) -> bytes:
    """The filter, as an array of `struct sock_filter`; raises KeyError when not `supported`.

    `sockets` are the families that may be opened. `alone`: the job has no namespaces, so this
    filter must see to what they would. `signals`: something else confines those.
    """
    column, architecture = _MACHINES[platform.machine()]
    code = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_JUMP_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),  # a 32-bit call: other numbers, other rules
        _step(_LOAD, _NUMBER),
        _step(_JUMP_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    code += _not_with(_IOCTL[column], _SET_FLAGS, errno.EOPNOTSUPP)
    answers = [(_REFUSED, errno.EPERM), (_ABSENT, errno.ENOSYS), (_ATTRIBUTES, errno.EOPNOTSUPP)]
    if alone:
        answers += [(_SHARED, errno.EPERM), (_METADATA, 0)]
        code += _only_zero(_PRLIMIT[column])
    if not signals:
        answers.append((_SIGNALS, errno.EPERM))
        code += _not_with(_FCNTL[column], _SET_OWNER, errno.EPERM)
        code += _not_with(_IOCTL[column], _SET_SOCKETS_OWNER, errno.EPERM)
    for calls, error in answers:
        for numbers in calls.values():
            if numbers[column] >= 0:
                code += [_step(_JUMP_EQUAL, numbers[column], 0, 1), _step(_RETURN, _ERRNO | error)]
    code += _clone(_CLONE[column])
    if socket.AF_UNIX not in sockets:
        code += _connected(_SOCKETPAIR[column])
    code += _socket(_SOCKET[column], sockets)
    return b"".join([*code, _step(_RETURN, _ALLOW)])


def _only_zero(number: int) -> list[bytes]:
    """Only with a first argument of 0: oneself, not another process."""
    return [
        _step(_JUMP_EQUAL, number, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_JUMP_EQUAL, 0, 1, 0),
        _step(_RETURN, _ERRNO | errno.EPERM),
        _step(_LOAD, _NUMBER),
    ]


def _not_with(number: int, values: tuple[int, ...], error: int) -> list[bytes]:
    """Not with one of these as the second argument."""
    checks = [_step(_LOAD, _SECOND_ARGUMENT)]
    for value in values:
        checks += [_step(_JUMP_EQUAL, value, 0, 1), _step(_RETURN, _ERRNO | error)]
    checks.append(_step(_LOAD, _NUMBER))
    return [_step(_JUMP_EQUAL, number, 0, len(checks)), *checks]


def _clone(number: int) -> list[bytes]:
    """No new namespaces; threads and forks are fine."""
    return [
        _step(_JUMP_EQUAL, number, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_JUMP_ANY_BIT, _NEW_NAMESPACES, 0, 1),
        _step(_RETURN, _ERRNO | errno.EPERM),
        _step(_LOAD, _NUMBER),
    ]


def _connected(number: int) -> list[bytes]:
    """Of socket pairs, only Unix ones that stay connected: others reach any socket with a path."""
    return [
        _step(_JUMP_EQUAL, number, 0, 8),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_JUMP_EQUAL, socket.AF_UNIX, 0, 5),
        _step(_LOAD, _SECOND_ARGUMENT),
        _step(_AND, _TYPE),
        _step(_JUMP_EQUAL, socket.SOCK_STREAM, 1, 0),
        _step(_JUMP_EQUAL, socket.SOCK_SEQPACKET, 0, 1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _ERRNO | errno.EACCES),
    ]


def _socket(number: int, allowed: frozenset[int]) -> list[bytes]:
    """Only sockets of the allowed families."""
    checks = [_step(_LOAD, _FIRST_ARGUMENT)]
    for family in sorted(allowed):
        checks += [_step(_JUMP_EQUAL, family, 0, 1), _step(_RETURN, _ALLOW)]
    checks.append(_step(_RETURN, _ERRNO | errno.EACCES))
    return [_step(_JUMP_EQUAL, number, 0, len(checks)), *checks]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
