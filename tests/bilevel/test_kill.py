"""kill -9 at random moments: after `resume` the run is the one it would have been."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy import commit, write_toy

from metaloop.project import Project

SCRIPT = Path(__file__).with_name("scripted_run.py")


def start(verb, project, task, workers=1):
    command = [sys.executable, str(SCRIPT), verb, str(project), str(task), str(workers)]
    return subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(verb, project, task, workers=1):
    process = start(verb, project, task, workers)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()


def story(project):
    """All that the run decided, and nothing that depends on the clock."""
    with Project(project).journal() as journal:
        trials = [
            (t.number, t.status, t.arm, t.by, t.params, t.score, t.gain, t.parent, t.live)
            for t in journal.trials("toy-1")
        ]
        mechanisms = [
            (m.id, m.name, m.state, m.reason, m.born, m.ended) for m in journal.mechanisms("toy-1")
        ]
        events = [(e.trial, e.kind, timeless(e.data)) for e in journal.events("toy-1")]
        assert journal.run("toy-1").state == "done"
    return trials, mechanisms, events


def timeless(data):
    """An event's data without the seconds that a program ran."""
    shown = data.get("shown")
    return data | {"shown": shown | {"seconds": 0.0}} if shown else data


def children(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_bytes().rpartition(b")")[2].split()  # its name may be no text
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != b"Z":
            found += [int(path.parent.name), *children(int(path.parent.name))]
    return found


def is_trial(pid):
    """Whether it is the program of a trial itself, and none of what is around it."""
    with contextlib.suppress(OSError):
        first, *rest = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return "python" in Path(os.fsdecode(first)).name and b"train.py" in rest
    return False


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    toy = commit(write_toy(folder / "toy"))
    (folder / "project").mkdir()
    began = time.monotonic()
    finish("start", folder / "project", toy)
    return story(folder / "project"), time.monotonic() - began


def sittings(project, toy, kills, seconds, rng, workers=1):
    """Start, kill and resume until `kills` are done, then finish; nothing kept is ever lost."""
    verb, kept = "start", {}
    for _ in range(kills):
        process = start(verb, project, toy, workers)
        time.sleep(rng.uniform(0.3, seconds / 2))
        process.kill()
        process.communicate(timeout=120)
        with Project(project).journal() as journal:
            if not journal.runs():
                continue  # killed before the run had begun
            verb = "resume"
            now = {t.number: (t.status, t.score) for t in journal.trials("toy-1")}
        assert sorted(now) == list(range(len(now)))
        assert kept.items() <= now.items()
        kept = now
    finish(verb, project, toy, workers)


def check_git(project, toy, trials):
    """The branch holds the best; no worktree is left behind."""
    shown = ["git", "show", "metaloop/toy-1:train.py"]
    best = [t for t in trials if t[1] == "kept"][-1]
    source = subprocess.run(shown, cwd=toy, check=True, capture_output=True, text=True).stdout
    assert f"X = {best[4]['X']!r}" in source
    listed = subprocess.run(["git", "worktree", "list"], cwd=toy, capture_output=True, text=True)
    assert len(listed.stdout.splitlines()) == 1


def test_a_killed_run_goes_on_as_if_nothing_had_happened(undisturbed, toy, tmp_path):
    """Fourteen kills of the main process: trials, mechanisms and events are the very same."""
    expected, seconds = undisturbed
    project = tmp_path / "project"
    project.mkdir()
    sittings(project, toy, 14, seconds, random.Random(5))
    trials, mechanisms, events = story(project)
    assert trials == expected[0]
    assert mechanisms == expected[1]
    assert [e for e in events if e[1] != "holdout"] == [e for e in expected[2] if e[1] != "holdout"]
    check_git(project, toy, trials)


def test_with_workers_side_by_side_what_is_recorded_stays(undisturbed, toy, tmp_path):
    """Which trial ends first is then chance, so that the story may be another one."""
    project = tmp_path / "project"
    project.mkdir()
    sittings(project, toy, 5, undisturbed[1], random.Random(7), workers=3)
    trials, _, _ = story(project)
    assert [t[0] for t in trials] == list(range(25))
    check_git(project, toy, trials)


def test_a_killed_trial_or_worker_is_on_record_and_not_the_end(toy, tmp_path):
    """Kills below the main process: five of programs, then three of anything."""
    rng, project, left = random.Random(6), tmp_path / "project", 8
    program = toy / "train.py"  # slow enough to be hit while it runs
    program.write_text(f"{program.read_text()}import time\ntime.sleep(0.3)\n")
    commit(toy)
    project.mkdir()
    process = start("start", project, toy, workers=3)
    while left:
        if process.poll() is not None:  # hit while a sandbox was set up, the run is paused
            with Project(project).journal() as journal:
                if journal.run("toy-1").state == "done":
                    break
            process.communicate()
            process = start("resume", project, toy, workers=3)
        with Project(project).journal() as journal:  # a baseline that is killed ends the run
            begun = bool(journal.runs()) and bool(journal.trials("toy-1"))
        below = children(process.pid) if begun else []
        if found := [pid for pid in below if left <= 3 or is_trial(pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(found), signal.SIGKILL)
                left -= 1
    process.communicate(timeout=120)
    finish("resume", project, toy)
    trials, _, _ = story(project)
    assert [t[0] for t in trials] == list(range(25))
    assert "crashed" in {t[1] for t in trials}
    check_git(project, toy, trials)
