"""A router in a run: recorded, replayed, resumed, paid for and reported as what it is."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from scripted import ScriptedModel

from metaloop.bilevel import resume, run
from metaloop.guard import tripwires
from metaloop.models import reference
from metaloop.models.base import ModelUnavailable, Request
from metaloop.models.router import learner
from metaloop.project import Project
from metaloop.report.routing import rows_of_run
from metaloop.report.write import write_report

GOOD, POOR = (f"openai:{name}@http://127.0.0.1:9/v1" for name in ("good", "poor"))
NAME = f"router:{GOOD}|{POOR}@1"


class Models:
    """Stands in for the network: `good` halves the way to the target, `poor` writes no JSON."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Request]] = []
        self.down_after = 1_000

    def connect(self, ref: str) -> ScriptedModel:
        def answer(request: Request) -> str | Exception:
            if len(self.asked) >= self.down_after:
                return ModelUnavailable("down")
            self.asked.append((ref, request))
            x = round(Random(request.seed).uniform(-9, 9), 3)
            return json.dumps({"hypothesis": "h", "params": [{"X": x}]}) if ref == GOOD else "sorry"

        return ScriptedModel(answer, name=ref)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Models:
    made = Models()
    monkeypatch.setattr(reference, "connect", made.connect)
    monkeypatch.setattr(learner, "REFIT", 5)
    monkeypatch.setattr(tripwires, "SHORTEST", 60.0)  # seconds differ between repetitions
    return made


def make(folder: Path) -> Project:
    folder.mkdir()
    return Project(folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make(tmp_path / "project")


def told(project: Project, run_id: str) -> list[tuple[object, ...]]:
    """What must be the same in every repetition: trials, who answered, and why."""
    with project.journal() as journal:
        trials = [(t.number, t.status, t.score, t.changed) for t in journal.trials(run_id)]
        calls = [
            (call.key, call.completion.model, json.dumps(call.completion.details["route"]))
            for call in journal.calls(run_id)
            if call.completion
        ]
    return [*trials, *calls]


def test_a_run_learns_whom_to_ask_and_reports_it(
    toy: Path, project: Project, models: Models
) -> None:
    status = run(toy, project=project, inner=NAME, levels="1", trials=20)
    asked = [ref for ref, _ in models.asked]
    assert asked[-10:].count(GOOD) >= 8
    assert status.roles["proposer"]["model"] in (f"{GOOD}, {POOR}", GOOD)
    with project.journal() as journal:
        rows = rows_of_run(journal, status.run)
        page = write_report(journal, status.run, project.folder(status.run))
    by = {model: [r.scores[model] for r in rows if model in r.scores] for model in (GOOD, POOR)}
    assert sum(by[POOR]) == 0
    assert max(by[GOOD]) == 1.0
    for text in (page.read_text(), page.with_suffix(".md").read_text()):
        assert "What the routers learned" in text
        assert "all queries" in text


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(
    toy: Path, tmp_path: Path, models: Models
) -> None:
    whole, parts = make(tmp_path / "whole"), make(tmp_path / "parts")
    straight = run(toy, project=whole, inner=NAME, levels="1", trials=18)
    stopped = run(toy, project=parts, inner=NAME, levels="1", trials=7)
    for trials in (12, 18):
        resume(stopped.run, project=parts, changes={"trials": trials})
    assert told(parts, stopped.run) == told(whole, straight.run)


@pytest.mark.parametrize("calls", [5, 9])
def test_a_trial_that_was_cut_short_is_taken_up_again(
    toy: Path, tmp_path: Path, models: Models, calls: int
) -> None:
    whole, parts = make(tmp_path / "whole"), make(tmp_path / "parts")
    straight = run(toy, project=whole, inner=NAME, levels="1", trials=12)
    models.asked.clear()
    models.down_after = calls
    stopped = run(toy, project=parts, inner=NAME, levels="1", trials=12)
    assert stopped.state == "paused"
    models.down_after = 1_000
    resume(stopped.run, project=parts)
    assert told(parts, stopped.run) == told(whole, straight.run)


def test_a_replay_is_exact_and_asks_nobody(toy: Path, tmp_path: Path, models: Models) -> None:
    first, second = make(tmp_path / "first"), make(tmp_path / "second")
    recorded = run(toy, project=first, inner=NAME, levels="1", trials=12)
    models.asked.clear()
    with first.journal() as journal:
        calls = journal.calls(recorded.run)
        again = run(toy, project=second, inner=NAME, levels="1", trials=12, replay=calls)
    assert not models.asked
    assert told(second, again.run) == told(first, recorded.run)


def test_workers_do_not_disturb_a_replay(toy: Path, tmp_path: Path, models: Models) -> None:
    first, second = make(tmp_path / "first"), make(tmp_path / "second")
    settings = {"inner": NAME, "levels": "1", "trials": 12, "workers": 3}
    recorded = run(toy, project=first, **settings)
    with first.journal() as journal:
        again = run(toy, project=second, replay=journal.calls(recorded.run), **settings)
    trials = len(told(first, recorded.run))
    assert told(second, again.run)[:13] == told(first, recorded.run)[:13]
    assert trials == len(told(second, again.run))


def test_a_budget_in_dollars_asks_the_price_of_every_model(toy: Path, project: Project) -> None:
    with pytest.raises(ValueError, match="nobody knows the price of openai:good"):
        run(toy, project=project, inner=NAME, budget_usd=1.0)


def test_the_command_makes_a_table_of_the_runs(
    toy: Path, tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from metaloop.cli import app

    monkeypatch.chdir(toy)
    status = run(toy, inner=NAME, levels="1", trials=6)
    table, router = tmp_path / "t.jsonl", tmp_path / "r.json"
    made = CliRunner().invoke(app, ["route", "from-runs", "-o", str(table)])
    assert made.exit_code == 0, made.output
    assert status.trials["total"] == 6
    fitted = CliRunner().invoke(
        app, ["route", "fit", str(table), "-o", str(router), "--role", "proposer"]
    )
    assert fitted.exit_code == 0, fitted.output
    assert "best single model: openai:good" in fitted.output
