"""A read of a canary shows."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from metaloop.execution import Job, SandboxError
from metaloop.execution.sandbox import candidates, defect
from metaloop.guard.canary import plant, records_reads, touched
from metaloop.inner.baseline import show_baseline
from metaloop.inner.evaluate import Measurement
from metaloop.task.spec import TaskError, load_task

USABLE = {s.name: s for s in candidates() if not isinstance(s, SandboxError) and not defect(s)}


@pytest.fixture
def planted(tmp_path):
    path = tmp_path / "work" / "answers.json"
    if not records_reads(tmp_path):
        pytest.skip("this file system records no reads")
    trace = plant(path)
    time.sleep(0.02)  # the clock of a file's ctime is coarse
    return path, trace


def restore_times(path):
    before = path.stat()
    path.read_text()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "touch",
    [
        lambda path: path.read_text(),
        restore_times,
        lambda path: path.write_text("x"),
        lambda path: path.unlink(),
        lambda path: path.chmod(0o600),
        lambda path: path.rename(path.with_name("other")),
        lambda path: (path.unlink(), path.parent.rmdir(), path.parent.write_text("")),
    ],
)
def test_whatever_is_done_to_it_shows(planted, touch):
    path, trace = planted
    touch(path)
    assert touched(path, trace) is True


def test_programs_that_leave_it_alone_are_not_accused(planted):
    path, trace = planted
    (path.parent / "train.py").write_text("import os; os.listdir(); os.stat('answers.json')")
    subprocess.run([sys.executable, "train.py"], cwd=path.parent, check=True)
    assert touched(path, trace) is False


def test_nothing_is_overwritten_and_a_second_run_gets_a_fresh_one(planted):
    path, _ = planted
    with pytest.raises(FileExistsError):
        plant(path)
    path.unlink()
    assert touched(path, plant(path)) is False
    assert [p.name for p in path.parent.iterdir()] == ["answers.json"]


async def test_where_reads_are_not_recorded_a_task_with_canaries_is_refused(
    toy, tmp_path, monkeypatch
):
    with (toy / "metaloop.toml").open("a") as toml:
        toml.write('[guard]\ncanary = ["answers.csv"]\n')
    task = load_task(toy)
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda self: b"")  # as if mounted with noatime
    evaluator = SimpleNamespace(pristine=SimpleNamespace(root=tmp_path / "pristine"))
    with pytest.raises(TaskError, match=r"metaloop.toml: \[guard\] canary: .*noatime.*remove"):
        await show_baseline(task, evaluator, {}, Measurement("measured", 1.0, 1.0))
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


@pytest.mark.parametrize("sandbox", USABLE.values(), ids=list(USABLE))
async def test_a_read_in_the_sandbox_shows(planted, sandbox):
    path, trace = planted
    for source, seen in (("print(1)", False), ("open('answers.json').read()", True)):
        ran = await sandbox.run(Job(("python", "-c", source), path.parent))
        assert ran.ok
        assert touched(path, trace) is seen
