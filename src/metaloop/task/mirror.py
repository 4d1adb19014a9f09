"""A directory kept equal to a pristine one, whatever the programs that run in it leave behind.

A look at every file tells which were touched: each change sets a file's ctime, which no program
can choose. Only those are copied again; all, where the file system does not tell. No link is ever
followed.
"""

from __future__ import annotations

import mmap
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

Mark = tuple[int, ...]
"""What a file is known by: the same mark, the same content."""
_TICK_S = 0.02
"""Two changes of a file have different times when they lie so far apart."""


class Mirror:
    """`root`, kept equal to `source`, which nobody changes."""

    def __init__(self, source: Path, root: Path) -> None:
        self._source, self._root, self._told = source, root, _tells(root.parent)
        self._tree = {
            Path(top).relative_to(source): (os.lstat(top), {*names, *files})
            for top, names, files in os.walk(source)
        }
        """Each directory's status, and the names in it."""
        self._marks: dict[Path, Mark] = {}

    def restore(self, own: Collection[Path] = ()) -> None:
        """Undo everything that was done below `root`; `own` files are the caller's to write."""
        if self._restore(Path(), own):
            time.sleep(_TICK_S)  # so that whatever is done to a copy from now on can be told

    def _restore(self, below: Path, own: Collection[Path]) -> bool:
        """Restore one directory; true when a file had to be copied."""
        root, (status, wanted), copied = self._root / below, self._tree[below], False
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISDIR(found := _mode(root)):
            remove(root)
            root.mkdir()
        if stat.S_IMODE(found) != mode:
            root.chmod(mode)
        for name in set(os.listdir(root)) - wanted:  # noqa: PTH208
            remove(root / name)
        for name in wanted:
            path = below / name
            if path in self._tree:
                copied |= self._restore(path, own)
            elif path in own:
                remove(self._root / path)
            elif not self._told or mark(self._root / path) != self._marks.get(path):
                remove(self._root / path)
                shutil.copy2(self._source / path, self._root / path, follow_symlinks=False)
                self._marks[path] = mark(self._root / path)
                copied = True
        os.utime(root, ns=(status.st_atime_ns, status.st_mtime_ns))  # a trial may leave word there
        return copied


def _tells(directory: Path) -> bool:
    """Does a file's mark change when it is written through a mapping? Not on tmpfs, once the page
    was read."""
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        file.write(b"before")
        file.flush()
        with mmap.mmap(file.fileno(), 0) as mapped:
            first, before = mapped[0], mark(Path(file.name))
            time.sleep(_TICK_S)
            mapped[0] = first ^ 1
        return before != mark(Path(file.name))


def mark(path: Path) -> Mark:
    """The mark of a file or link as it is now; of none, an empty one."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return ()
    return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def left_out(directory: str, names: list[str]) -> set[str]:
    """Of a directory's entries those that a copy of a task is without: other tools' own, and
    sockets and the like, which git does not hold."""
    kinds = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    others = {name for name in names if stat.S_IFMT(_mode(Path(directory, name))) not in kinds}
    return others | {".git", ".metaloop", "__pycache__", ".venv"}.intersection(names)


def _mode(path: Path) -> int:
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return 0


def remove(path: Path) -> None:
    """Delete a file, a link or a whole directory, if it is there, and however it resists."""
    if not stat.S_ISDIR(_mode(path)):
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):  # locked, or nested deeper than Python can follow
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run([*command, "--", str(path)], stderr=subprocess.DEVNULL, check=False)
        if stat.S_ISDIR(_mode(path)):
            raise OSError(f"{path} cannot be removed") from None
