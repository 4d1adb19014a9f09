"""The demo as two real models played it, replayed: every decision is made anew but theirs.

The answers were recorded from qwen2.5-coder-0.5b inside and qwen2.5-coder-1.5b outside
(`tests/cassettes/record.py`).
"""

import shutil
from pathlib import Path

import pytest
from toy import commit

import metaloop
from metaloop.models.cassette import Cassette

ROOT = Path(__file__).parents[2]
CASSETTE = ROOT / "tests" / "cassettes" / "ngram-lm.jsonl"


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """The status of the replayed run, and its journal's trials."""
    folder = tmp_path_factory.mktemp("replay")
    ignored = shutil.ignore_patterns("out", "__pycache__")
    task = commit(shutil.copytree(ROOT / "tasks" / "ngram-lm", folder / "ngram-lm", ignore=ignored))
    project = metaloop.Project(folder)
    status = metaloop.run(
        task,
        inner="local:qwen2.5-coder-0.5b",
        outer="local:qwen2.5-coder-1.5b",
        seed=1,
        project=project,
        replay=Cassette(CASSETTE),
    )
    with project.journal() as journal:
        return status, journal.trials(status.run)


def test_the_run_improves_the_program_on_what_it_saw_and_on_what_it_did_not(replayed):
    status, _ = replayed
    assert (status.state, status.trials["total"]) == ("done", 24)
    assert status.best < status.baseline
    assert status.holdout["best"] < status.holdout["baseline"]


def test_a_generated_mechanism_was_proven_installed_and_decided_trials(replayed):
    status, trials = replayed
    generated = [m for m in status.mechanisms if m.origin == "generated"]
    live = [m for m in generated if m.live and m.state in ("installed", "retired")]
    assert live
    assert any(t.arm == live[0].id and t.live and t.by == live[0].id for t in trials)


def test_two_different_models_filled_the_roles(replayed):
    roles = replayed[0].roles
    assert roles["proposer"]["model"] == "local:qwen2.5-coder-0.5b"
    assert roles["inventor"]["model"] == "local:qwen2.5-coder-1.5b"
    assert roles["inventor"]["calls"] > 0
