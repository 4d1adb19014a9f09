"""What the command says of runs that stand in the journal: nothing is run here."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from metaloop.bilevel import resume
from metaloop.cli import app
from metaloop.execution import SandboxError
from metaloop.inner.settings import Settings
from metaloop.journal.records import RunRecord, TrialRecord
from metaloop.models.base import Completion, Request
from metaloop.models.ledger import Budget, BudgetReached, Ledger
from metaloop.models.recorder import Call
from metaloop.project import Project
from metaloop.report.status import make_status
from metaloop.task.spec import load_task


def metaloop(*args):
    """Run the command; its exit code and what it printed."""
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def here(toy, monkeypatch):
    """The toy's repository, as the directory in which the user stands."""
    monkeypatch.chdir(toy)
    monkeypatch.delenv("METALOOP_JOURNAL", raising=False)
    return toy


def record(here, state="running", reason="", **settings):
    """A run in the journal that nobody has driven."""
    project, spec = Project(here), load_task(here).spec.model_dump(mode="json")
    config = {
        "task": str(here), "spec": spec, "settings": Settings(**settings).to_dict(),
        "repo": str(here), "base": "0" * 40, "branch": "metaloop/toy-1", "prefix": "",
        "sandbox": "bubblewrap",
    }  # fmt: skip
    project.folder("toy-1").mkdir(parents=True)
    with project.journal() as journal:
        journal.start_run(RunRecord("toy-1", "toy", state, reason, 0.0, 0.0, 0.0, config, {}))
    return project


def test_a_run_whose_process_is_gone_is_interrupted_and_one_that_is_driven_is_running(here):
    project = record(here)
    with project.hold("toy-1"):
        for verb in ("status", "runs"):
            shown = metaloop(verb).output
            assert "running" in shown and "interrupted" not in shown
    assert "toy-1: interrupted" in metaloop("status").output
    assert "`metaloop resume toy-1` goes on" in metaloop("status").output
    assert json.loads(metaloop("runs", "--json").stdout)[0]["state"] == "interrupted"
    project.folder("toy-1").rename(here / "elsewhere")  # as of another machine that shares it
    assert "toy-1: running" in metaloop("status").output


def test_leave_to_run_unconfined_is_not_remembered(here, monkeypatch):
    project, given = record(here, "interrupted", unsafe=True), []

    def note(unsafe):
        given.append(unsafe)
        raise SandboxError("none here")

    monkeypatch.setattr("metaloop.bilevel.find_sandbox", note)
    for changes in (None, {"trials": 5}, {"unsafe": True}):
        with pytest.raises(SandboxError):
            resume("toy-1", project=project, changes=changes)
    assert given == [False, False, True]


def ended(project, monkeypatch):
    """What the command prints of a run as it stands in the journal, as if it had just ended."""

    def stand(run_id, **_):
        with project.journal() as journal:
            return make_status(journal, run_id)

    monkeypatch.setattr("metaloop.bilevel.resume", stand)
    return metaloop("resume", "toy-1")


@pytest.mark.parametrize(
    ("usd", "hint"),
    [(9.0, "metaloop resume toy-1, with a larger budget"), (None, '{"budget_usd": None}')],
)
def test_how_to_go_on_after_a_budget_is_what_works(here, monkeypatch, usd, hint):
    ledger = Ledger()
    ledger.add("proposer", Completion("x", "test:in", 10, 1, 0.1, usd))
    with pytest.raises(BudgetReached) as reached:
        Budget(usd=5.0).check(ledger)
    shown = ended(record(here, "done", str(reached.value)), monkeypatch).output
    (line,) = (line for line in shown.splitlines() if line.startswith("go on:"))
    assert hint in line


def test_a_run_whose_model_calls_failed_says_so(here, monkeypatch):
    project = record(here, "done")
    with project.journal() as journal:
        for seed, error in enumerate(["busy", "no such\x1b model"]):
            request = Request("proposer", "s", "p", seed=seed)
            journal.calls("toy-1").put(Call("test:in", request, error=error))
        stepped = TrialRecord(1, "kept", "model", "fallback", 0, {}, 5.0, 1.0, "X 9 -> 8", "x")
        for trial in (replace(stepped, number=0, arm="baseline", by="baseline"), stepped):
            journal.add_trial("toy-1", trial, 0.0)
    done = ended(project, monkeypatch)
    assert done.exit_code == 0
    told = r"proposer: 2 of 2 calls failed, the last with: no such\x1b model; in 1 trial a random"
    assert told in done.stderr
    heads, row = metaloop("status").output.splitlines()[3:5]
    assert heads.split()[2:4] == ["calls", "failed"] and row.split()[2:4] == ["2", "2"]
