"""The inner loop end to end: real sandbox, real git, real journal; only the model is scripted."""

import asyncio
import errno
import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import fmean

import pytest
from scripted import ScriptedModel
from toy import commit

from metaloop.bilevel import resume, run
from metaloop.execution.unconfined import Unconfined
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.inner.settings import Settings
from metaloop.journal.journal import Journal
from metaloop.journal.records import TrialRecord
from metaloop.models.base import ModelUnavailable
from metaloop.models.ledger import Budget, BudgetReached
from metaloop.project import Project
from metaloop.report.words import headline
from metaloop.task.spec import TaskError


def answer(hypothesis="h", params=None, edits=None):
    return json.dumps({"hypothesis": hypothesis, "params": params or {}, "edits": edits or []})


def nobody():
    return {"inner": ScriptedModel([], small=False)}


def branch_of(toy, status):
    return subprocess.check_output(["git", "rev-parse", status.branch], cwd=toy)


def edit(search, replace):
    return [{"file": "train.py", "search": search, "replace": replace}]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


def go(toy, project, answers, trials=None, **settings):
    model = ScriptedModel(answers, small=False)
    trials = len(answers) if trials is None else trials
    settings = Settings(levels="1", trials=trials, **settings)
    status = run(toy, settings, project=project, models={"inner": model})
    with project.journal() as journal:
        return status, journal.trials(status.run), journal


def test_gains_are_kept_losses_are_discarded(toy, project):
    status, trials, _ = go(
        toy, project,
        [
            answer(params={"X": 5.0}),
            answer(params={"X": 8.0}),
            answer(edits=edit("return X\n", "return X - 2.0\n")),
            answer(params={"N": 2}),
        ],
    )  # fmt: skip
    assert [t.status for t in trials] == ["kept", "kept", "discarded", "kept", "discarded"]
    assert [t.score for t in trials] == [6.0, 2.0, 5.0, 0.0, 0.0]
    assert (status.baseline, status.best, status.best_trial, status.state) == (6.0, 0.0, 3, "done")
    assert status.holdout == {"trial": 3, "split": "holdout", "baseline": 7.0, "best": 1.0}
    log = subprocess.run(
        ["git", "log", "--format=%s", f"metaloop/{status.run}"],
        cwd=toy,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert log == ["trial 3: train.py: value()", "trial 1: X 9 -> 5", "toy"]


def test_of_equals_the_simpler_is_kept(toy, project):
    _, trials, _ = go(
        toy, project,
        [
            answer(edits=edit("return X\n", "return X + 0.0\n")),
            answer(edits=edit("def value():\n    return X\n", "value = lambda: X\n")),
        ],
    )  # fmt: skip
    assert [t.status for t in trials[1:]] == ["discarded", "kept"]


def test_an_equal_score_is_no_gain_though_the_mean_of_the_baselines_be_rounded(toy, project):
    path = toy / "train.py"
    path.write_text(path.read_text().replace("X = 9.0", "X = -0.7"))
    score = abs(-0.7 - 3)
    assert fmean([score] * 3) > score
    longer = answer(edits=edit("return X\n", "return X + 0.0\n"))
    status, trials, _ = go(commit(toy), project, [longer])
    assert [(t.status, t.score, t.gain) for t in trials[1:]] == [("discarded", score, 0.0)]
    assert (status.baseline, status.sigma) == (score, 0.0)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("raise RuntimeError('boom')", "crashed", "RuntimeError: boom"),
        ("while True: pass", "timed_out", "killed after"),
        ("x = bytearray(10**9); return X", "crashed", "out of memory"),
        ("return float('nan')", "crashed", ""),
        ("import sys; sys.exit(0)", "crashed", "the judge refused"),
        ("print('loss: -99'); return X", "discarded", ""),
        ("open('judge.py', 'w').write('print(\"loss: -99\")'); return X", "crashed", ""),
        ("open('prepare.py', 'w').write('x'); return X", "crashed", ""),
        ("return float(open('secret.txt').read())", "crashed", ""),
        ("import shutil; shutil.rmtree('.', True); return X", "crashed", ""),
    ],
)
def test_whatever_a_candidate_does_is_a_status_and_never_the_end(toy, project, code, status, words):
    path = toy / "metaloop.toml"
    path.write_text(path.read_text().replace("timeout_s = 10", "timeout_s = 2"))
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "t"],
        cwd=toy,
        check=True,
    )
    result, trials, journal = go(
        toy, project, [answer(edits=edit("return X\n", f"{code}\n")), answer(params={"X": 4.0})]
    )
    assert trials[1].status == status
    assert (trials[1].score is None) == (status != "discarded")
    assert words in journal.details(result.run, 1).reason
    assert (trials[2].status, trials[2].score) == ("kept", 1.0)


def test_refused_answers_are_repaired_once_or_rejected(toy, project):
    model = ScriptedModel(
        [
            "no json",
            answer(params={"X": 5.0}),
            answer(params={"Q": 1}),
            answer(edits=edit("nowhere", "x")),
            "{}",
        ],
        name="test:scripted",
    )
    status = run(toy, Settings(levels="1", trials=2), project=project, models={"inner": model})
    assert status.trials["total"] == 2
    asked = [request.prompt for request in model.requests]
    assert "not one complete JSON object" in asked[1]
    assert "'Q' is no parameter" in asked[3]
    assert len({request.seed for request in model.requests}) == len(asked)
    with project.journal() as journal:
        assert journal.trials(status.run)[2].by == "fallback"


def test_of_an_answer_that_was_cut_off_the_model_is_told_so(toy, project):
    class Cut(ScriptedModel):
        async def complete(self, request):
            reason = "stop" if self.requests else "length"
            return replace(await super().complete(request), details={"finish_reason": reason})

    whole = answer(params=[{"X": 5.0}])
    model = Cut([whole[:-15], whole], small=False)
    status = run(toy, Settings(levels="1", trials=1), project=project, models={"inner": model})
    assert "refused: the answer was cut off" in model.requests[1].prompt
    assert status.best == 2.0


def test_a_tried_candidate_is_never_run_again(toy, project):
    _, trials, _ = go(toy, project, [answer(params={"X": 5.0})] * 30, trials=4)
    contents = [t.content for t in trials]
    assert len(set(contents)) == len(contents) == 5
    assert [t.by for t in trials[2:]] == ["fallback"] * 3


def test_the_trace_tells_what_was_changed(toy, project):
    model = ScriptedModel([answer(params={"X": v}) for v in (5.0, 12.0, 4.0)], small=False)
    run(toy, Settings(levels="1", trials=3), project=project, models={"inner": model})
    last = model.requests[-1].prompt
    assert "#1 X 9 -> 5: loss 2, better by 4, kept" in last
    assert "secret" not in last and "holdout" not in last


def test_a_program_that_does_not_run_is_an_error_with_its_output(toy, project):
    (toy / "train.py").write_text("X = 9.0\nN = 1\nraise SystemExit('no data here')\n")
    with pytest.raises(TaskError, match="no data here"):
        run(toy, Settings(levels="1", trials=1), project=project, include_uncommitted=True,
            models={"inner": ScriptedModel([answer()], small=False)})  # fmt: skip


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ('["python", "jugde.py"]', "jugde.py"),
        ('["python", "-c", "print(1)"]', "loss"),
        ('["python", "-c", "while True: pass"]', "timed"),
    ],
)
def test_a_holdout_that_does_not_work_is_an_error_at_once(toy, project, command, said):
    path = toy / "metaloop.toml"
    text = path.read_text()
    if "while True" in command:
        text = text.replace("timeout_s = 10", "timeout_s = 3")
    path.write_text(text.replace('["python", "judge.py", "holdout"]', command))
    with pytest.raises(TaskError) as error:
        run(toy, Settings(levels="1", trials=1), project=project, include_uncommitted=True,
            models={"inner": ScriptedModel([answer(params={"X": 5.0})], small=False)})  # fmt: skip
    assert str(error.value).startswith(f"{path}: [holdout] command: ")
    assert said in str(error.value)


def test_a_variant_that_does_not_work_is_an_error_at_once(toy, project):
    path = toy / "metaloop.toml"
    table = '[[perturbation]]\nname = "other order"\ncommand = ["python", "train.py.gone"]\n'
    path.write_text(f"{path.read_text()}\n{table}")
    with pytest.raises(TaskError, match="'other order': command: it gives"):
        run(toy, Settings(levels="1", trials=1), project=project, include_uncommitted=True,
            models={"inner": ScriptedModel([answer(params={"X": 5.0})], small=False)})  # fmt: skip


def test_a_run_that_is_refused_leaves_nothing_behind(toy, project):
    (toy / "prepare.py").write_text("# not committed\n")
    with pytest.raises(TaskError, match="--include-uncommitted"):
        go(toy, project, [answer()], unsafe=True)
    assert not project.folder("toy-1").exists()


def test_a_run_that_the_journal_does_not_take_leaves_nothing_behind(toy, project, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Journal, "start_run", full)
    with pytest.raises(OSError, match="disk full"):
        go(toy, project, [answer()])
    assert not project.folder("toy-1").exists()
    listed = ["git", "branch", "--list", "metaloop/*"]
    assert subprocess.check_output(listed, cwd=toy) == b""


def test_without_a_model_and_without_a_space_there_is_nothing_to_run(toy, project):
    path = toy / "metaloop.toml"
    head, _, rest = path.read_text().partition("[space]")
    path.write_text(f"{head}[holdout]{rest.partition('[holdout]')[2]}")
    with pytest.raises(ValueError, match=r"no model is named and the task has no \[space\]"):
        run(toy, Settings(levels="1", unsafe=True), project=project)
    assert not project.folder("toy-1").exists()


def test_values_are_recorded_as_they_were_given_but_in_range(toy, project):
    status, _, journal = go(toy, project, [answer(params={"X": math.inf}), answer(params={"X": 5})])
    assigned = [journal.details(status.run, number).assigned["X"] for number in (1, 2)]
    assert list(map(repr, assigned)) == ["10.0", "5"]


def test_a_budget_of_nothing_allows_nothing(toy, project):
    with pytest.raises(BudgetReached):
        go(toy, project, [answer()], budget_minutes=0)


def test_a_project_may_be_named_by_a_relative_path(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, *_ = go(toy, Project(Path()), [answer(params={"X": 5.0})])
    shown = ["git", "show", f"{status.branch}:train.py"]
    assert b"X = 5.0" in subprocess.check_output(shown, cwd=toy)


def test_a_model_for_the_proposer_alone_proposes(toy, project):
    model = ScriptedModel([answer(params={"X": 5.0})])
    settings = Settings(levels="1", trials=1)
    status = run(toy, settings, project=project, models={"proposer": model})
    assert status.best == 2.0


def test_time_that_no_trial_came_of_is_counted_too(toy, project):
    """Or a budget of minutes would be given anew with every resume."""

    def unavailable(request):
        time.sleep(0.5)
        raise ModelUnavailable("gone")

    for sitting in (1, 2):
        models = {"inner": ScriptedModel(unavailable)}
        if sitting == 1:
            status = run(toy, Settings(levels="1"), project=project, models=models)
        else:
            status = resume(status.run, project=project, models=models)
        assert status.state == "paused"
        assert status.active_s >= 0.5 * sitting


def test_an_ended_run_goes_on_with_more_trials(toy, project):
    status, *_ = go(toy, project, [answer(params={"X": 5.0})])
    model = ScriptedModel([answer(params={"X": 4.0})], small=False)
    after = resume(status.run, project=project, changes={"trials": 2}, models={"inner": model})
    assert (after.trials["total"], after.best) == (2, 1.0)
    assert "#1 X 9 -> 5" in model.requests[0].prompt


def test_a_run_whose_patch_was_applied_goes_on_from_what_it_began_with(toy, project):
    gain = answer(edits=edit("return X\n", "return X - 2.0\n"))
    status, *_ = go(toy, project, [gain])
    patch = subprocess.run(
        ["git", "diff", "HEAD", status.branch], cwd=toy, check=True, capture_output=True
    ).stdout
    subprocess.run(["git", "apply"], cwd=toy, input=patch, check=True)
    model = ScriptedModel([answer(params={"X": 5.0})], small=False)
    after = resume(status.run, project=project, changes={"trials": 2}, models={"inner": model})
    assert (after.best_trial, after.best) == (2, 0.0)
    assert (after.holdout["baseline"], after.holdout["best"]) == (7.0, 1.0)


def test_a_run_goes_on_whatever_has_become_of_the_users_files(toy, project):
    status, *_ = go(toy, project, [answer(params={"X": 5.0})])
    (toy / "train.py").write_text("Y = 900.0\nN = (")
    (toy / "prepare.py").rename(toy / "prepared.py")
    model = ScriptedModel([answer(params={"X": 4.0})], small=False)
    again = {"project": project, "changes": {"trials": 2}, "models": {"inner": model}}
    assert resume(status.run, **again).best == 1.0
    (toy / "metaloop.toml").write_text("[")
    with pytest.raises(ValueError, match=r"metaloop\.toml has changed since toy-1 began"):
        resume(status.run, **again)


def test_commits_of_the_users_on_the_runs_branch_are_not_lost(toy, project):
    status, *_ = go(toy, project, [answer(params={"X": 5.0})])
    author = ["-c", "user.name=t", "-c", "user.email=t@t"]
    commit_empty = ["commit", "-q", "--allow-empty", "-m", "mine"]
    for args in (["checkout", "-q", status.branch], commit_empty):
        subprocess.run(["git", *author, *args], cwd=toy, check=True)
    before = branch_of(toy, status)
    with pytest.raises(TaskError, match="metaloop/toy-1 has commits that the run did not make"):
        resume(status.run, project=project, changes={"trials": 2}, models=nobody())
    assert branch_of(toy, status) == before
    with project.journal() as journal:
        record = journal.run(status.run)
    assert (record.state, record.config["settings"]["trials"]) == ("done", 1)


def test_what_was_begun_unconfined_goes_on_so_or_not_at_all(toy, project):
    """A program that needs it would crash in every further trial, each of them paid for."""
    status, *_ = go(toy, project, [answer(params={"X": 5.0})], unsafe=True)
    again = {"project": project, "models": nobody()}
    with pytest.raises(ValueError, match=r"toy-1 began without a sandbox .*add --unsafe"):
        resume(status.run, changes={"trials": 2}, **again)
    paused = resume(status.run, changes={"trials": 2, "unsafe": True}, **again)
    assert paused.reason.endswith("`metaloop resume toy-1 --unsafe` goes on")


def test_what_was_once_unconfined_is_never_told_as_sandboxed(toy, project):
    status, *_ = go(toy, project, [answer(params={"X": 5.0})])
    for unsafe in (True, False):
        resume(status.run, project=project, changes={"unsafe": unsafe}, models=nobody())
    with project.journal() as journal:
        sandbox = journal.run(status.run).config["sandbox"]
    assert sandbox.endswith(f"; later {Unconfined.name}")
    assert not sandbox.startswith(Unconfined.name)


def test_a_run_goes_on_with_the_interpreter_that_it_began_with(toy, project, tmp_path, monkeypatch):
    own = tmp_path / "env" / "bin"
    own.mkdir(parents=True)
    (own / "python").symlink_to(sys.executable)
    status, *_ = go(toy, project, [answer(params={"X": 5.0})])
    monkeypatch.setenv("VIRTUAL_ENV", str(own.parent))
    with pytest.raises(ValueError, match=f"`python` is {own / 'python'} now; activate"):
        resume(status.run, project=project, models=nobody())
    (own / "python3").symlink_to("python")
    with project.journal() as journal:
        config = journal.run(status.run).config
        for begun in ({"python": str(own / "python3")}, {}):  # {}: before that was recorded
            kept = {key: value for key, value in config.items() if key != "python"}
            journal.set_config(status.run, kept | begun)
            assert resume(status.run, project=project, models=nobody()).state == "done"


def test_a_last_measurement_that_failed_is_told_and_made_again(toy, project, monkeypatch):
    real, final = Evaluator.measure, count()

    async def slow(self, files, *args, **options):
        if options.get("fresh") and next(final):  # the first one is the baseline
            return Measurement("timed_out", None, 10.0, "killed after 10 s")
        return await real(self, files, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Evaluator, "measure", slow)
        status, *_ = go(toy, project, [answer(params={"X": 5.0})])
    assert (status.holdout["baseline"], status.holdout["best"]) == (None, None)
    assert "hidden holdout could not be measured (killed after 10 s)" in headline(status)
    after = resume(status.run, project=project, models=nobody())
    assert (after.holdout["baseline"], after.holdout["best"]) == (7.0, 3.0)
    assert "reason" not in after.holdout


def test_trials_that_cannot_be_made_pause_the_run(toy, project, monkeypatch):
    """Say on a full disk: it goes on when there is room."""
    real, left = Evaluator._run, count()

    async def full(self, files, command, keep):
        if next(left) < 3:  # the baseline
            return await real(self, files, command, keep)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Evaluator, "_run", full)
        status, trials, _ = go(toy, project, [answer(params={"X": x}) for x in (8.0, 7.0, 6.0)])
    assert (status.state, len(trials)) == ("paused", 3)
    assert "No space left on device; `metaloop resume toy-1` goes on" in status.reason
    after = resume(status.run, project=project, models=nobody())
    assert (after.state, after.best) == ("done", 3.0)  # the answer was paid for already


def test_an_editable_file_may_be_one_that_git_ignores(toy, project):
    (toy / ".gitignore").write_text("train.py\n")
    author = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for args in (["rm", "-q", "--cached", "train.py"], ["add", ".gitignore"]):
        subprocess.run(["git", *args], cwd=toy, check=True)
    subprocess.run(["git", *author, "commit", "-qm", "t"], cwd=toy, check=True)
    status, *_ = go(toy, project, [answer(params={"X": 5.0})])
    assert (status.baseline, status.best) == (6.0, 2.0)


def test_a_patch_that_brings_chance_into_a_deterministic_task_is_no_gain(toy, project, monkeypatch):
    """Its first draw is a lucky one. What it scatters is no noise of the other programs."""
    real, draws = Evaluator.measure, iter([1.0, 9.0, 8.0, 9.0, 8.0, 9.0])

    async def measure(self, files, *args, **options):
        measured = await real(self, files, *args, **options)
        drawn = "random" in files["train.py"]
        return replace(measured, score=next(draws)) if drawn else measured

    monkeypatch.setattr(Evaluator, "measure", measure)
    chance = answer(edits=edit("return X\n", "import random\n    return X\n"))
    status, trials, _ = go(toy, project, [chance, answer(params={"X": 8.9})])
    assert [t.status for t in trials] == ["kept", "discarded", "kept"]
    assert status.best == pytest.approx(5.9)


def test_with_nothing_kept_baseline_and_best_are_the_same_on_the_holdout(toy, project, monkeypatch):
    drawn = count()

    async def noisy(self, artefacts, command):
        return Measurement("measured", float(next(drawn)), 0.0)

    monkeypatch.setattr(Evaluator, "rejudge", noisy)
    status, *_ = go(toy, project, [answer(params={"X": -9.0})])
    assert (status.best_trial, next(drawn)) == (0, 2)  # asked before the search, and at its end
    assert status.holdout["baseline"] == status.holdout["best"] == 1.0


@pytest.mark.parametrize(("again", "queries"), [(5.0, 2), (4.0, 3)])
def test_no_interruption_gives_a_query_of_the_holdout_back(
    toy, project, monkeypatch, again, queries
):
    """Or a night of them could ask it as often as it likes. The same program is the same query."""
    with (toy / "metaloop.toml").open("a") as spec:
        spec.write('[[perturbation]]\nname = "same"\ncommand = ["python", "train.py"]\n')
    real, asked = Evaluator.rejudge, []

    async def rejudge(self, artefacts, command):
        asked.append(command)
        return await real(self, artefacts, command)

    def check(self, ledger):
        if len(asked) > 1:  # after the holdout, before the perturbation
            raise BudgetReached("the budget is spent")

    def models(x):
        return {"inner": ScriptedModel([answer(params={"X": x})], name=f"test:{x}", small=False)}

    monkeypatch.setattr(Evaluator, "rejudge", rejudge)
    settings = Settings(levels="1", trials=1)
    with monkeypatch.context() as patched:
        patched.setattr(Budget, "check", check)
        status = run(commit(toy), settings, project=project, models=models(5.0))
    assert (status.trials["total"], status.guards["queries"]) == (0, 2)
    after = resume(status.run, project=project, models=models(again))
    assert (after.best, after.guards["queries"]) == (again - 3, queries)
    more = resume(status.run, project=project, models=models(3.5), changes={"trials": 2})
    assert (more.best, more.guards["queries"]) == (0.5, queries + 1)


@pytest.mark.parametrize(("asks_more", "finished"), [(False, 4), (True, 2)])
def test_a_budget_lets_what_is_under_way_beside_it_finish(
    toy, project, monkeypatch, asks_more, finished
):
    """Of four trials side by side all are, or those before one that needs a further call."""

    def check(self, ledger):
        if decided:
            raise BudgetReached("the budget is spent")

    def listen(run, record):
        if isinstance(record, TrialRecord) and record.number > 0:
            decided.append(record)
            met.set()

    class Slow(ScriptedModel):
        async def complete(self, request):
            completion = await super().complete(request)
            if completion.text == "no JSON":
                await met.wait()
            return completion

    decided, met, values = [], asyncio.Event(), (5.0, 4.5, 4.0, 3.5)
    monkeypatch.setattr(Budget, "check", check)
    answers = [answer(params={"X": x}) for x in values]
    if asks_more:
        answers[2] = "no JSON"
    status = run(
        toy, Settings(levels="1", trials=9, workers=4), project=project, listener=listen,
        models={"inner": Slow(answers, small=False)},
    )  # fmt: skip
    assert [t.number for t in decided] == list(range(1, finished + 1))
    assert [t.params["X"] for t in decided] == list(values[:finished])
    assert (status.state, status.reason) == ("done", "the budget is spent")


def test_answers_under_way_when_a_trial_beside_them_ends_the_run_are_not_lost(toy, project):
    """They are paid for. The first answer is of no use and uses up the budget."""

    class Paid(ScriptedModel):
        async def complete(self, request):
            completion = await super().complete(request)
            if len(self.requests) == len(answers):
                all_asked.set()
            await all_asked.wait()
            for _ in range(0 if completion.text == "no JSON" else 1000):
                await asyncio.sleep(0)  # until long after the first trial has failed
            return replace(completion, usd=0.5)

    all_asked = asyncio.Event()
    answers = ["no JSON", answer(params={"X": 5.0}), answer(params={"X": 4.0})]
    again = {"project": project, "models": {"inner": Paid(answers, small=False)}}
    settings = Settings(levels="1", trials=3, workers=3, budget_usd=0.4)
    status = run(toy, settings, **again)
    assert (status.trials["total"], status.roles["proposer"]["usd"]) == (0, 1.5)
    answers = [answer(params={"X": 6.0})]
    again["models"] = {"inner": Paid(answers, small=False)}
    after = resume(status.run, changes={"budget_usd": 9.0}, **again)
    assert (after.trials["total"], after.best, after.roles["proposer"]["usd"]) == (3, 1.0, 2.0)


def test_a_replay_costs_nothing_and_goes_on_within_its_own_budget(toy, project):
    class Paid(ScriptedModel):
        async def complete(self, request):
            return replace(await super().complete(request), usd=0.5)

    def models(*values):
        answers = [answer(params={"X": x}) for x in values]
        return {"inner": Paid(answers, name="test:paid", small=False)}

    settings = Settings(levels="1", trials=2)
    first = run(toy, settings, project=project, models=models(8.0, 7.0))
    assert first.roles["proposer"]["usd"] == 1.0
    with project.journal() as journal:
        calls = journal.calls(first.run)
        again = run(toy, settings, project=project, models=models(), replay=calls)
    used = again.roles["proposer"]
    assert (again.best, used["calls"], used["cached"], used["usd"]) == (first.best, 2, 2, 0.0)
    more = {"changes": {"trials": 4, "budget_usd": 0.75}, "models": models(6.0, 5.0)}
    after = resume(again.run, project=project, **more)
    assert (after.trials["total"], after.roles["proposer"]["usd"]) == (4, 1.0)


def test_workers_side_by_side_try_different_mechanisms(toy, project):
    status = run(toy, Settings(levels="1,2", trials=4, outer_every=2, workers=2), project=project)
    with project.journal() as journal:
        arms = [trial.arm for trial in journal.trials(status.run)]
    assert len(set(arms[3:5])) == 2


def test_several_workers_repeat_what_they_did(toy, project):
    def tried(seed):
        answers = [answer(params={"X": x}) for x in (8, 7, 6, 5, 4, 3)]
        _, trials, _ = go(toy, project, answers, workers=3, seed=seed)
        return [(t.number, t.score, t.status, t.parent) for t in trials]

    assert tried(1) == tried(1)
