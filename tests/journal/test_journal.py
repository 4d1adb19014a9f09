"""What is written is read back, a run is found by name, and a large journal stays quick to read."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from statistics import fmean
from threading import Barrier
from unittest.mock import AsyncMock

import pytest
from scripted import ScriptedModel

from metaloop.journal.journal import Journal, JournalError
from metaloop.journal.records import Details, Event, MechanismRecord, RunRecord, TrialRecord
from metaloop.models.base import Completion, ModelUnavailable, Request, charge
from metaloop.models.ledger import Budget, BudgetReached, Ledger, Metered
from metaloop.models.recorder import Call, Recorded
from metaloop.report.status import make_status
from metaloop.study.cells import read_result
from metaloop.study.result import Cell

RUN = RunRecord("toy-1", "toy", "running", "", 1.0, 1.0, 0.0, {"a": 1}, {"python": "3"})
TRIAL = TrialRecord(
    0, "kept", "model", "model", None, {"X": 1.5, "B": "a"}, 2.5, 0.5, "X 1 -> 1.5", "abc",
    accepted=True, live=True, asked=[["m1", "suggest", 3]],
    details=Details(edits=[{"file": "f", "search": "a", "replace": "b"}], assigned={"X": 1.5},
                    hypothesis="h", scores=[2.4, 2.6], seconds=1.0, diff="d", commit="c"),
)  # fmt: skip


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    journal.start_run(RUN)
    yield journal
    journal.close()


def test_runs_that_start_together_may_all_make_the_tables(tmp_path):
    """Four at once, ten times: a study's lanes open their journal in the same moment."""
    for i in range(10):
        start = Barrier(4)

        def open_it(path=tmp_path / str(i) / "journal.db", start=start):
            start.wait()
            journal = Journal(path)
            assert journal.runs() == []
            journal.close()

        with ThreadPoolExecutor(4) as pool:
            for opened in [pool.submit(open_it) for _ in range(4)]:
                opened.result()


def test_trials_come_back_as_they_were(journal, tmp_path):
    journal.add_trial("toy-1", TRIAL, 3.0)
    other = Journal(tmp_path / "journal.db")
    [back] = other.trials("toy-1")
    details = other.details("toy-1", 0)
    assert replace(back, details=replace(details, at=0.0)) == TRIAL
    assert other.run("toy-1").active_s == 3.0


def test_a_trial_is_never_recorded_twice(journal):
    journal.add_trial("toy-1", TRIAL, 1.0)
    with pytest.raises(Exception, match="UNIQUE"):
        journal.add_trial("toy-1", TRIAL, 1.0)
    assert len(journal.trials("toy-1")) == 1


def test_an_outer_step_is_recorded_whole_or_not_at_all(journal):
    mechanism = MechanismRecord("m1", "M", "generated", "installed", "", "class M: ...", born=9)
    with pytest.raises(Exception, match="UNIQUE"):
        journal.add_step("toy-1", [Event(8, "outer", {})], [mechanism, mechanism])
    assert journal.events("toy-1") == []
    journal.add_step("toy-1", [Event(8, "outer", {"levels": "1,2"})], [mechanism])
    assert journal.mechanisms("toy-1") == [mechanism]
    retired = Event(12, "retired", {"mechanism": "m1", "reason": "not live"})
    journal.add_trial("toy-1", replace(TRIAL, number=12), 1.0, [retired])
    [retired] = journal.mechanisms("toy-1")
    assert (retired.state, retired.ended, retired.reason) == ("retired", 12, "not live")


def test_calls_are_kept_under_their_key(journal):
    request = Request("proposer", "s", "p", {"b": 1, "a": {"type": "string"}}, 0.7, 3, 100)
    answered = Call("m", request, Completion("text", "m", 1, 2, 0.5, None, details={"x": 1}))
    failed = Call("m", replace(request, seed=4), error="garbage")
    spent = Completion("", "m", 100, 500, 2.0, 0.01)
    charged = Call("m", replace(request, seed=5), spent, error="empty")
    calls = journal.calls("toy-1")
    for call in (answered, failed, charged, answered):
        calls.put(call)
    assert list(calls) == [answered, failed, charged]
    assert calls.get(answered.key) == answered
    assert calls.get("none") is None


async def test_what_nobody_answered_is_charged_each_time_and_found_by_none(journal):
    spent = Completion("", "m", 100, 500, 2.0, 0.5, details={"at_most": 2})
    model = ScriptedModel([ModelUnavailable("late", spent), ModelUnavailable("late", spent), "ok"])
    ledger, calls = Ledger(), journal.calls("toy-1")
    metered = Metered(Recorded(model, calls), ledger, Budget())
    request = Request("proposer", "s", "p")
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            await metered.complete(request)
    # A run that is resumed knows what its earlier sittings may have cost.
    assert journal.ledger("toy-1").to_dict() == ledger.to_dict()
    with pytest.raises(BudgetReached):
        Budget(usd=1.0).check(journal.ledger("toy-1"))
    assert calls.get(request.key("scripted")) is None
    await metered.complete(request)
    assert calls.get(request.key("scripted")).answer.text == "ok"


async def test_a_cancelled_call_is_charged_and_asked_again(journal):
    """Ctrl-C, or a worker that is stopped: what was under way is paid for all the same."""
    spent = Completion("", "m", 100, 500, 2.0, 0.5, details={"at_most": 1})
    cancelled = asyncio.CancelledError()
    charge(cancelled, [spent])
    model = ScriptedModel([])
    model.complete = AsyncMock(side_effect=[cancelled, asyncio.CancelledError()])
    ledger, calls = Ledger(), journal.calls("toy-1")
    metered = Metered(Recorded(model, calls), ledger, Budget())
    request = Request("proposer", "s", "p")
    for _ in range(2):  # of the second nothing had been sent yet
        with pytest.raises(asyncio.CancelledError):
            await metered.complete(request)
    assert (ledger.usd, ledger.roles["proposer"].failed) == (0.5, 1)
    assert journal.ledger("toy-1").to_dict() == ledger.to_dict()
    assert calls.get(request.key("scripted")) is None


def test_a_connection_that_the_server_dropped_is_made_anew(journal):
    with journal._engine.connect() as db:
        dropped = db.connection.driver_connection
    dropped.close()
    assert [run.id for run in journal.runs()] == ["toy-1"]


def test_an_unknown_run_names_the_known_ones(journal):
    with pytest.raises(JournalError, match="toy-1"):
        journal.run("toy-2")


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "journal.db"
    path.write_text("something else entirely, and long enough to be read as a header" * 20)
    with pytest.raises(JournalError, match="cannot open"):
        Journal(path)


def test_listeners_hear_every_record(journal):
    heard = []
    journal.listeners.append(lambda run, record: heard.append((run, type(record).__name__)))
    journal.add_trial("toy-1", TRIAL, 0.0)
    journal.add_event("toy-1", 0, "noise", sigma=0.0)
    journal.set_state("toy-1", "done")
    assert heard == [("toy-1", "TrialRecord"), ("toy-1", "Event"), ("toy-1", "Event")]


def test_the_ledger_is_what_entering_every_call_would_give(journal):
    calls, ledger = journal.calls("toy-1"), Ledger()
    for i in range(12):
        request = Request("proposer" if i % 3 else "inventor", "s", "p", seed=i)
        usd = None if i % 4 == 0 else 0.5
        answer = Completion("text", f"m-{i % 2}", 10 + i, i, 0.25, usd, details={"usd": 1})
        call = Call("m", request, answer)
        if i in (4, 9):
            call = Call("m", request, error="garbage")
        if i in (5, 8):
            call = Call("m", request, answer, error="empty")
        calls.put(call)
        ledger.enter(call)
    assert journal.ledger("toy-1").to_dict() == ledger.to_dict()
    assert list(journal.ledger("toy-1").roles) == list(ledger.roles)
    assert journal.ledger("toy-2").roles == {}


def noisy(journal, direction):
    """A run in which guards measured the baseline again, and the best twice."""
    spec = {"metric": {"name": "m", "direction": direction}, "judge": None}
    journal.set_config("toy-1", {"spec": spec, "settings": {"levels": "1"}, "branch": "b"})
    turn = 1.0 if direction == "minimize" else -1.0

    def add(number, status, scores, again=(), ending="discarded"):
        trial = replace(TRIAL, number=number, status=status, score=fmean(scores), gain=1.0)
        asked = {"best_losses": [turn * score for score in again], "queries": 0, "runs": 1}
        checked = {"verdicts": [{"ending": ending}], **asked} if number else {"queries": 0}
        journal.add_trial(
            "toy-1",
            replace(trial, details=Details(scores=scores)),
            0.0,
            [Event(number, "guards", checked)],
        )

    return add


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_baseline_and_best_are_told_by_all_measurements_of_them(journal, direction):
    add, turn = noisy(journal, direction), 1.0 if direction == "minimize" else -1.0
    add(0, "kept", [turn * 9.0, turn * 10.0])
    add(1, "discarded", [turn * 8.0], [turn * 11.0])
    assert make_status(journal, "toy-1").best == make_status(journal, "toy-1").baseline
    add(2, "kept", [turn * 4.0], [turn * 10.0], "passed")
    add(3, "discarded", [turn * 3.0], [turn * 6.0, turn * 5.0])
    status = make_status(journal, "toy-1")
    assert (status.baseline, status.best) == (turn * 10.0, turn * 5.0)
    result = read_result(journal, "toy-1", Cell("toy", "A", "", "", 1))
    assert (result.curve, result.gain) == ([0.0, 0.0, 5.0, 5.0], 5.0)


def test_where_nothing_scatters_a_score_stands_to_the_last_bit(journal):
    """Though the mean of equal numbers may be another one."""
    score = next(x for x in (Random(n).random() for n in range(99)) if fmean([x] * 3) != x)
    add = noisy(journal, "minimize")
    add(0, "kept", [1.0])
    add(1, "kept", [score], [1.0], "passed")
    add(2, "discarded", [score], [score, score])
    assert make_status(journal, "toy-1").best == score


def test_a_status_is_counted_by_the_database(journal):
    spec = {"metric": {"name": "loss", "direction": "minimize"}, "judge": None}
    journal.set_config("toy-1", {"spec": spec, "settings": {"levels": "1"}, "branch": "b"})
    assert make_status(journal, "toy-1").best is None
    baseline = replace(TRIAL, arm="baseline", by="baseline", score=2.0)
    scores = Details(scores=[1.0, 2.0, 3.0])
    journal.add_trial("toy-1", replace(baseline, details=scores), 0.0)
    for number, (status, arm, by, score, gain) in enumerate(
        [
            ("kept", "m1", "m1", 1.5, 0.5),
            ("kept", "m1", "fallback", 1.25, 0.25),
            ("discarded", "m1", "m1", 9.0, -7.75),
            ("crashed", "model", "model", None, None),
        ],
        start=1,
    ):
        made = replace(TRIAL, number=number, status=status, arm=arm, by=by, score=score, gain=gain)
        journal.add_trial("toy-1", replace(made, live=number < 3), 0.0)
    m1 = MechanismRecord("m1", "M", "generated", "installed", "", "class M: ...", born=1)
    journal.add_step("toy-1", [], [m1, replace(m1, id="m2")])
    status = make_status(journal, "toy-1")
    assert status.trials == {"total": 4, "kept": 2, "discarded": 1, "crashed": 1}
    assert (status.baseline, status.sigma, status.best, status.best_trial) == (2.0, 1.0, 1.25, 2)
    one, two = status.mechanisms
    assert (one.trials, one.live, one.gain) == (3, 2, 0.5)
    assert (two.trials, two.live, two.gain) == (0, 0, 0.0)
