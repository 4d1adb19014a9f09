"""Canaries: files that no honest program reads, and the traces of a read.

A read sets a file's access time, be it only where that lies before the last change (relatime), so
a canary is given one of long ago. Setting it back sets the ctime, which no program can choose.
What is not seen: a look at names and sizes, and a read by a file's owner with O_NOATIME.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

TEXT = "This file is watched. No honest program reads it.\n"
_LONG_AGO = 86_400

Trace = tuple[int, ...]


def plant(path: Path) -> Trace:
    """Put a canary at `path`, where nothing may be yet, and return its trace; raises OSError.

    To be called while no program runs in the directory: no link in `path` is looked for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x") as file:
        file.write(TEXT)
    os.utime(path, (_LONG_AGO, path.stat().st_mtime))
    return _trace(path)


def touched(path: Path, planted: Trace) -> bool:
    """Whether the canary was read (where `records_reads`), changed or moved since it was
    planted."""
    try:
        return _trace(path) != planted
    except OSError:  # it is gone, or so is the directory around it
        return True


def records_reads(directory: Path) -> bool:
    """Whether a read shows in the file system of `directory`; not if mounted with noatime."""
    with tempfile.TemporaryDirectory(prefix="canary-", dir=directory) as place:
        path = Path(place, "canary")
        planted = plant(path)
        path.read_bytes()
        return touched(path, planted)


def _trace(path: Path) -> Trace:
    """All of a file's state that reading, writing, or setting it back changes."""
    found = os.lstat(path)
    return found.st_ino, found.st_mode, found.st_size, found.st_atime_ns, found.st_ctime_ns
