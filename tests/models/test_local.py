"""A real small model on this machine's CPU."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from metaloop.cli.models import models_app
from metaloop.models.base import ModelError, ModelUnavailable, Request, spent_on
from metaloop.models.local import model as local
from metaloop.models.local.catalog import CATALOG
from metaloop.models.local.cores import Pace, best_threads, share_with
from metaloop.models.local.pull import pull
from metaloop.models.local.scratch import Scratch
from metaloop.models.local.server import MOST_STATES, Server
from metaloop.models.reference import connect

from .stub import Reply, ok, serving, silent

NAME = "local:smollm2-135m"
SYSTEM = "You improve programs. " + "Prefer one small change with a clear reason. " * 8
SCHEMA = {
    "type": "object",
    "properties": {
        "hypothesis": {"type": "string", "maxLength": 80},
        "order": {"type": "integer", "minimum": 1, "maximum": 8},
        "mode": {"enum": ["interpolate", "backoff"]},
    },
    "required": ["hypothesis", "order", "mode"],
    "additionalProperties": False,
}
ASK = Request("proposer", SYSTEM, "Trial 3: order 2 gave 2.31. What next?", max_tokens=24, seed=3)


@pytest.fixture
def unloaded() -> Iterator[None]:
    local._loaded.clear()
    yield
    local._loaded.clear()


@pytest.fixture(scope="session")
def pulled() -> Path:
    return pull(CATALOG["smollm2-135m"])


@pytest.mark.local_model
async def test_a_constrained_answer_fits_its_schema(pulled: Path) -> None:
    ask = replace(ASK, schema=SCHEMA, max_tokens=120, temperature=1.0)
    for seed in range(3):
        answer = await connect(NAME).complete(replace(ask, seed=seed))
        value = json.loads(answer.text)
        assert list(value) == ["hypothesis", "order", "mode"]
        assert value["order"] in range(1, 9)
    assert (answer.model, answer.usd) == (NAME, 0.0)
    assert answer.output_tokens > 10
    assert answer.seconds > 0


@pytest.mark.local_model
async def test_the_same_request_has_the_same_answer_whatever_came_before(
    pulled: Path, unloaded: None
) -> None:
    """Cold, warm, after another chat with the same beginning, after another system prompt, after a
    restart, and with another number of threads."""
    model = connect(NAME)
    cold = await model.complete(ASK)
    alike = replace(ASK, prompt=ASK.prompt + " And why?")
    other = replace(ASK, role="inventor", system="You write mechanisms.")
    answers = []
    for before in (ASK, alike, other):
        await model.complete(before)
        answers.append(await model.complete(ASK))
    for threads in (1, 2):
        local._loaded.clear()
        local._loaded[NAME] = local.Loaded(NAME, Server(pulled, threads))
        await model.complete(alike)
        answers.append(await model.complete(ASK))
    assert {answer.text for answer in answers} == {cold.text}
    assert (await model.complete(replace(ASK, seed=4))).text != cold.text


@pytest.mark.local_model
async def test_calls_take_turns_and_share_one_server(pulled: Path, unloaded: None) -> None:
    answers = await asyncio.gather(
        *(connect(NAME).complete(replace(ASK, seed=seed)) for seed in range(4))
    )
    assert len(local._loaded) == 1
    alone = await connect(NAME).complete(replace(ASK, seed=2))
    assert answers[2].text == alone.text


@pytest.mark.local_model
async def test_a_cancelled_call_leaves_the_model_usable(pulled: Path) -> None:
    model = connect(NAME)
    long = asyncio.create_task(model.complete(replace(ASK, max_tokens=2000)))
    await asyncio.sleep(0.5)
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    async with asyncio.timeout(20):
        assert (await model.complete(ASK)).text


CROWDED = """
import os, subprocess, sys
from pathlib import Path
from metaloop.models.local.server import Server

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
busy = "import os\\nmine = os.getppid()\\nwhile os.getppid() == mine: pass"
crowd = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(4)]
for _ in range(3):
    Server(Path(sys.argv[1]), threads=1)
for process in crowd:
    process.kill()
"""


@pytest.mark.local_model
def test_a_model_that_is_given_up_as_soon_as_it_is_loaded_is_freed(pulled: Path) -> None:
    """E.g. by Ctrl-C while it loads; on a busy machine its server is then only about to start."""
    command = [sys.executable, "-c", CROWDED, str(pulled)]
    subprocess.run(command, check=True, timeout=100)


@pytest.mark.local_model
async def test_a_prompt_that_does_not_fit_fails_alone(pulled: Path) -> None:
    model = connect(NAME)
    for long in (replace(ASK, prompt="word " * 9000), replace(ASK, system="word " * 9000)):
        with pytest.raises(ModelError, match="context"):
            await model.complete(long)
    assert (await model.complete(ASK)).text


@pytest.mark.local_model
def test_nothing_native_is_printed_and_test_works(
    pulled: Path, unloaded: None, capfd: pytest.CaptureFixture[str]
) -> None:
    result = CliRunner().invoke(models_app, ["test", NAME])
    assert "constrained answer: well-formed" in result.output
    assert "tokens/s" in result.output
    assert capfd.readouterr() == ("", "")


class Played:
    """A server that a stub plays; it takes `reading_s` to read a system prompt."""

    key = "none"

    def __init__(self, url: str, threads: int = 1, reading_s: float = 0.0) -> None:
        self.url, self.threads, self._reading_s = url.removesuffix("/v1"), threads, reading_s

    async def recall(self, system: str) -> None:
        await asyncio.sleep(self._reading_s)


@pytest.mark.parametrize(
    ("reply", "error", "tokens"),
    [
        (silent(), ModelError, 500),  # asked once: more room than its context has is of no use
        (Reply(hang_s=30), ModelUnavailable, ASK.max_tokens),
    ],
)
async def test_a_failed_answer_is_as_free_as_a_good_one(
    unloaded: None,
    monkeypatch: pytest.MonkeyPatch,
    reply: Reply,
    error: type[ModelError | ModelUnavailable],
    tokens: int,
) -> None:
    monkeypatch.setattr(local, "TIMEOUT_S", 2.0)
    with serving(lambda *_: reply) as stub:
        local._loaded[NAME] = local.Loaded(NAME, Played(stub.url))
        with pytest.raises(error) as failed:
            await connect(NAME).complete(ASK)
    spent = failed.value.spent
    assert spent is not None
    assert (spent.model, spent.output_tokens, spent.usd) == (NAME, tokens, 0.0)


async def test_a_cancelled_answer_is_free_too(unloaded: None) -> None:
    begun = threading.Event()

    def late(*_: object) -> Reply:
        begun.set()
        return Reply(hang_s=30)

    with serving(late) as stub:
        local._loaded[NAME] = local.Loaded(NAME, Played(stub.url))
        call = asyncio.create_task(connect(NAME).complete(ASK))
        assert await asyncio.to_thread(begun.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await call
    spent = spent_on(cancelled.value)
    assert spent is not None
    assert (spent.model, spent.usd) == (NAME, 0.0)


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server whose states a test may remove; it fails to restore those that are gone."""

    async def post(self: Server, path: str, body: dict[str, str]) -> dict[str, str]:
        if path.startswith("/slots"):
            state = self._scratch.path / body["filename"]
            if path.endswith("save"):
                state.touch()
            elif not state.exists():
                raise ModelError("local model: Unable to restore slot")
        return {"prompt": ""}

    native = SimpleNamespace(listening_address="http://127.0.0.1:1")
    monkeypatch.setattr("metaloop.models.local.server._start", lambda *_: native)
    monkeypatch.setattr(Server, "_post", post)
    return Server(Path("weights"), threads=1)


async def test_a_state_that_was_swept_from_the_temporary_folder_is_made_again(
    swept: Server,
) -> None:
    for _ in range(2):
        await swept.recall("system")
        for state in swept._scratch.path.glob("[!l]*"):
            state.unlink()
    for number in range(MOST_STATES + 1):  # nor is it missed when it would be forgotten
        await swept.recall(f"system {number}")


async def test_reading_a_new_system_prompt_is_no_crawling(
    unloaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans: list[float] = []
    monkeypatch.setattr(Pace, "crawls", lambda _, tokens, seconds: spans.append(seconds))
    with serving(lambda *_: ok()) as stub:
        local._loaded[NAME] = local.Loaded(NAME, Played(stub.url, threads=2, reading_s=0.5))
        answers = [await connect(NAME).complete(ASK) for _ in range(2)]
    assert answers[1].seconds >= 0.5  # what is told is the whole call
    assert spans[1] <= answers[1].seconds - 0.5


async def test_weights_that_are_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    local._loaded.clear()
    monkeypatch.setenv("METALOOP_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailable, match="metaloop models pull smollm2-135m"):
        await connect(NAME).complete(ASK)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(ModelUnavailable, match=r"bad\.gguf"):
        Server(tmp_path / "bad.gguf", threads=1)


@pytest.mark.local_model
async def test_a_crawling_model_goes_on_with_one_thread(
    pulled: Path, unloaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    local._loaded[NAME] = local.Loaded(NAME, Server(pulled, threads=2))
    monkeypatch.setattr(Pace, "crawls", lambda *_: True)
    before = await connect(NAME).complete(ASK)
    assert local._loaded[NAME].server.threads == 1
    assert (await connect(NAME).complete(ASK)).text == before.text


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = Scratch()
    left = tmp_path / "metaloop-states-left"
    left.mkdir()
    (left / "state").write_bytes(b"x")
    for lock in (left / "lock", mine.path / "lock"):
        lock.touch()
        os.utime(lock, (0, 0))
    other = Scratch()
    assert not left.exists()
    assert mine.path.exists()
    assert other.path.exists()


def test_a_crawling_model_is_noticed() -> None:
    pace = Pace()
    assert not pace.crawls(100, 5.0)
    assert not pace.crawls(100, 10.0)
    assert not pace.crawls(3, 10.0)  # too short to tell
    assert pace.crawls(100, 50.0)


async def test_trials_keep_their_cores() -> None:
    assert await best_threads() >= 1
    share_with(1000)
    try:
        assert await best_threads() == 1
    finally:
        share_with(1)
