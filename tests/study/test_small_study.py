"""A whole 2 x 2 study, its model answers recorded from two real local models.

`tests/cassettes/record.py` says how. Everything else is real: processes, sandboxes, git, journal.
"""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small import DESIGN, write_small

from metaloop.project import Project
from metaloop.study.design import load_design
from metaloop.study.runner import run_study
from metaloop.study.store import Store

CASSETTE = Path(__file__).parents[1] / "cassettes" / "small-study.jsonl"


def start(file, *args):
    command = [sys.executable, "-c", "from metaloop.cli import main; main()", "study", *args]
    return subprocess.Popen(
        [*command, str(file), "--replay", str(CASSETTE)],
        cwd=file.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(file, *args):
    process = start(file, *args)
    printed, errors = process.communicate(timeout=600)
    assert process.returncode == 0, printed + errors
    return printed


def table(file):
    return (file.parent / "small" / "cells.csv").read_bytes()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The study, run once without a disturbance, two cells side by side."""
    file = write_small(tmp_path_factory.mktemp("undisturbed"))
    finish(file, "run", "--workers", "2")
    return file


def runs(file):
    """Label and trials of each run in the study's journal."""
    with Project(file.parent).journal() as journal:
        return [
            (run.config["label"], run.state, [t.number for t in journal.trials(run.id)])
            for run in journal.runs()
        ]


def test_every_cell_is_an_ordinary_run_and_a_file(done):
    design = load_design(done)
    assert [result.cell for result in Store(design).results()] == design.cells()
    assert sorted(label for label, _, _ in runs(done)) == sorted(map(design.label, design.cells()))
    branches = subprocess.run(["git", "-C", str(done.parent), "branch"], capture_output=True)
    assert branches.stdout == b""  # nothing is left with the user
    # What recorded answers cost is a figure of the study, whoever pays for them now.
    assert all(bool(r.tokens) == (r.cell.inner is not None) for r in Store(design).results())


def test_the_report_is_written_and_says_what_was_found(done):
    folder = done.parent / "small"
    page = (folder / "report.html").read_text()
    assert "Do mixed pairs end better than pure ones?" in page
    assert "22 of 22" in page or "22 cells" in page
    assert (folder / "report.md").exists()
    assert table(done).count(b"\n") == 23


def test_a_study_killed_half_way_goes_on_to_the_same_table_and_runs_nothing_twice(done, tmp_path):
    file, kills = write_small(tmp_path), 0
    design = load_design(file)
    while kills < 3:
        process = start(file)
        until = len(Store(design).results()) + 4
        while len(Store(design).results()) < until and process.poll() is None:
            time.sleep(0.2)
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it ended by itself"
        process.stdout.close()
        process.stderr.close()
        time.sleep(1)  # its worker dies with it
        kills += 1
    finish(file)
    assert table(file) == table(done)
    mine = runs(file)
    assert len(mine) == len({label for label, _, _ in mine}) == 22
    assert all(state == "done" and trials == list(range(7)) for _, state, trials in mine)


def test_results_that_are_there_are_not_run_again(done, tmp_path):
    """Another machine has the exported cells alone, and no journal."""
    file = write_small(tmp_path)
    (done.parent / "cells").rename(tmp_path / "cells")
    try:
        finish(file)
        assert table(file) == table(done)
        assert runs(file) == []
    finally:
        (tmp_path / "cells").rename(done.parent / "cells")


def bare(trials, seeds=(1,)):
    """A design that asks no model."""
    text = DESIGN.replace('"C", "A", "placebo", "no-llm"', '"random"')
    return text.replace("[1, 2]", f"{[*seeds]}").replace("trials = 6", f"trials = {trials}")


def write_bare(directory, trials, seeds=(1,)):
    file = write_small(directory)
    file.write_text(bare(trials, seeds))
    return file


def begun(file):
    """The design, and the process that runs it, with its first cell done."""
    design, process = load_design(file), start(file, "run")
    while not Store(design).results() and process.poll() is None:
        time.sleep(0.05)
    return design, process


def test_a_removed_result_is_run_anew_where_the_design_has_changed(tmp_path):
    for trials in (2, 3):
        file = write_bare(tmp_path, trials)
        (tmp_path / "cells/toy/random/seed-1.json").unlink(missing_ok=True)
        finish(file)
        (result,) = Store(load_design(file)).results()
        assert len(result.curve) == trials + 1
        assert result.sealed is None  # the toy has a holdout alone, which guards have asked


def test_a_study_goes_on_by_the_design_it_began_with(tmp_path):
    """E.g. a second `compare` writes its own into the same file, and is refused."""
    file = write_bare(tmp_path, trials=3, seeds=range(1, 9))
    design, process = begun(file)
    file.write_text(bare(trials=5, seeds=range(1, 9)))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert [len(r.curve) for r in Store(design).results()] == [4] * 8
    assert "trials per cell: 3" in (tmp_path / "small" / "report.md").read_text()


def test_a_cell_that_arrives_meanwhile_is_not_run_again(tmp_path):
    """Another machine has made it: e.g. the folder is pulled while a night runs."""
    design = load_design(write_bare(tmp_path, trials=1, seeds=(1, 2, 3)))
    store, arrived = Store(design), design.cells()[1:]

    def pull():
        first = store.read(design.cells()[0])
        for cell in arrived:
            store.write(replace(first, cell=cell), {"processor": "another"})

    run_study(design, Project(tmp_path), told=pull)
    assert [label for label, _, _ in runs(design.file)] == [design.label(design.cells()[0])]
    assert all("another" in store.path(cell).read_text() for cell in arrived)


def test_a_study_stops_where_its_task_has_changed(tmp_path):
    file = write_bare(tmp_path, trials=3, seeds=range(1, 9))
    design, process = begun(file)
    secret = tmp_path / "toy" / "secret.txt"
    before = secret.read_text()
    secret.write_text("4")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "has changed since the study began" in errors
    secret.write_text(before)
    finish(file, "run")
    assert len(Store(design).results()) == 8


def test_no_lane_is_an_error(tmp_path):
    process = start(write_bare(tmp_path, trials=2), "run", "--workers", "0")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "workers: must be at least 1" in errors) == (2, True)


def test_status_tells_what_is_left(tmp_path):
    file = write_small(tmp_path)
    command = [sys.executable, "-c", "from metaloop.cli import main; main()"]
    shown = subprocess.run(
        [*command, "study", "status", str(file)], capture_output=True, text=True, check=True
    )
    assert "0 of 22 cells" in shown.stdout


def test_a_second_study_beside_the_first_is_refused(done, tmp_path):
    file = write_small(tmp_path)
    first = start(file)
    folder = tmp_path / ".metaloop" / "runs"
    while not folder.is_dir() and first.poll() is None:
        time.sleep(0.05)
    second = start(file)
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "is running already" in errors
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 130
    assert "goes on" in errors
