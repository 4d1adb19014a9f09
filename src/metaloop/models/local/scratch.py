"""A temporary folder that is removed in the end, at the latest by the next process to need one."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "metaloop-states-"
SETTLED_S = 60.0
"""Folders younger than this may not have been locked yet."""


class Scratch:
    """A private folder, gone with the object; one left by a killed process goes with the next."""

    def __init__(self) -> None:
        _sweep()
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX)
        self.path = Path(self._folder.name)
        # Held open, and so locked, for as long as this process lives.
        self._lock = (self.path / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)


def _sweep() -> None:
    """Remove our user's folders that no living process holds."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/lock"):
        try:
            if time.time() - lock.stat().st_mtime < SETTLED_S:
                continue
            with lock.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue  # in use, another user's, or gone by now
