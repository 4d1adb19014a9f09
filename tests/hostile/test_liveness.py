"""A mechanism that changes no decision is retired, on record; so is one that breaks in use."""

import json
import subprocess

import pytest
from scripted import ScriptedModel
from toy import commit, write_toy

from metaloop.bilevel import resume, run
from metaloop.inner.settings import Settings
from metaloop.journal.records import TrialRecord
from metaloop.mechanism.builtin import BASELINES
from metaloop.models.seeds import call_seed
from metaloop.outer import screen
from metaloop.project import Project

# It knows whether it is in the run, by the score of the baseline, and is on its best behaviour
# while it is screened.
ACTOR = """
class Actor(Mechanism):
    def suggest(self, history):
        if history and history[0].loss == 6.0:
            IN_THE_RUN
        paid = [n for t in history if t.status == "kept" for n in t.touched]
        dead = [n for t in history if t.status == "crashed" for n in t.touched]
        return Steer(focus=paid[-2:], avoid=dead)
"""
IDLER = """
class Idler(Mechanism):
    def suggest(self, history):
        return Steer()
"""


def proposer(request):
    """A patch for a task without parameters, else a number; new with every seed."""
    offset = request.seed % 100_000
    if "Parameters and their ranges" in request.system:
        return json.dumps({"hypothesis": "h", "params": {"X": 5 + offset / 1e5}, "edits": []})
    after = f"return X + {offset} + 0 * X"
    edit = {"file": "train.py", "search": "return X", "replace": after}
    rewrite = {"function": "value", "code": ["def value():", f"    {after}"]}  # of a small model
    return json.dumps({"hypothesis": "h", "edits": [edit], **rewrite})


SAME = """
class Same(Mechanism):
    def suggest(self, history):
        return dict(history[0].params)
"""
SAME_PATCH = json.dumps(
    {"edits": [{"file": "train.py", "search": "return X", "replace": "return X + 1"}]}
)
STEP = """
class Step(PointMechanism):
    def move(self, points, losses, failures):
        return [0.9 * x for x in points[0]]
"""
SLEEP = "(__import__('time').sleep(1) or 0)"


@pytest.fixture
def patch_only(tmp_path):
    directory = write_toy(tmp_path / "patches")
    path = directory / "metaloop.toml"
    head, _, rest = path.read_text().partition("[space]")
    path.write_text(f"{head}[holdout]{rest.partition('[holdout]')[2]}")
    return commit(directory)


def go(task, tmp_path, monkeypatch, source, answer=proposer, small=False, **settings):
    monkeypatch.setattr(screen, "VERSIONS", 1 if task.name == "toy" else 3)
    (tmp_path / "project").mkdir(parents=True)
    project, told = Project(tmp_path / "project"), []
    models = {
        "inner": ScriptedModel(answer, name="test:in", small=small),
        "outer": ScriptedModel(lambda request: f"```python\n{source}```", name="test:out"),
    }
    settings = {"levels": "1,2", "trials": 11, "outer_every": 6, "baseline_runs": 1} | settings
    status = run(
        task, Settings(**settings), project=project, models=models,
        listener=lambda run, record: told.append(record),
    )  # fmt: skip
    assert (status.state, status.trials["total"]) == ("done", settings["trials"])
    with project.journal() as journal:
        return journal.trials(status.run), journal.mechanisms(status.run), status


SLOW, *LATE = ({call_seed(0, number, i) for i in range(3)} for number in range(8, 12))
"""Seeds of the proposals of trial 8, and of those at which the mechanism below is broken."""


def test_a_mechanism_that_breaks_while_it_is_chosen_for_the_trial_beside(
    patch_only, tmp_path, monkeypatch
):
    """Trial 9 has broken it, and nothing to run, before the slow trial 8 is measured: 10 is chosen
    while it still seems in use."""

    def answer(request):
        if any(request.seed in late for late in LATE):
            return "no JSON"
        text = proposer(request)
        return text.replace("0 * X", SLEEP) if request.seed in SLOW else text

    source = ACTOR.replace("IN_THE_RUN", "if len(history) > 7: raise RuntimeError('late')")
    trials, mechanisms, _ = go(
        patch_only, tmp_path, monkeypatch, source, answer, workers=2, trials=14
    )
    assert "late" in only_generated(mechanisms, "retired").reason
    assert "rejected" in {t.status for t in trials}


def only_generated(mechanisms, state):
    found = [m for m in mechanisms if m.origin == "generated" and m.state == state]
    assert found, [(m.name, m.state, m.reason) for m in mechanisms]
    return found[0]


@pytest.mark.parametrize(
    ("steer", "small"),
    [
        ("Steer()", False),
        ("Steer(focus=['nothing()'])", True),  # it is not told of what it cannot change
    ],
)
def test_an_inert_mechanism_is_retired_on_record(patch_only, tmp_path, monkeypatch, steer, small):
    source = ACTOR.replace("IN_THE_RUN", f"return {steer}")
    trials, mechanisms, status = go(patch_only, tmp_path, monkeypatch, source, small=small)
    actor = only_generated(mechanisms, "retired")
    assert actor.reason == "not live: its last 3 calls changed no decision"
    own = [t for t in trials if t.arm == actor.id]
    assert len(own) == 3
    assert not any(t.live for t in own)
    assert {t.by for t in own} == {"model"}  # who did the work has the credit
    assert actor.ended == own[-1].number
    shown = next(m for m in status.mechanisms if m.id == actor.id)
    assert (shown.state, shown.live, shown.trials) == ("retired", 0, 3)


def test_the_end_of_a_mechanism_outlives_the_process(patch_only, tmp_path, monkeypatch):
    """Killed as soon as the trial that decides it is on record."""
    monkeypatch.setattr(screen, "VERSIONS", 3)
    source, idle = ACTOR.replace("IN_THE_RUN", "return Steer()"), []
    models = {
        "inner": ScriptedModel(proposer, name="test:in"),
        "outer": ScriptedModel(lambda request: f"```python\n{source}```", name="test:out"),
    }

    def die(run, record):
        if isinstance(record, TrialRecord) and record.arm not in ("model", "baseline"):
            idle.append(record)
            if len(idle) == 3:
                raise KeyboardInterrupt

    project = Project(tmp_path)
    settings = Settings(levels="1,2", trials=11, outer_every=6, baseline_runs=1)
    status = run(patch_only, settings, project=project, models=models, listener=die)
    assert status.state == "interrupted"
    ended = resume(status.run, project=project, models=models)
    shown = next(m for m in ended.mechanisms if m.id == idle[0].arm)
    assert (shown.state, shown.trials) == ("retired", 3)


def test_an_inert_mechanism_is_retired_where_there_are_parameters(toy, tmp_path, monkeypatch):
    async def passed(*_):
        return screen.Screening(True, "best of all")

    monkeypatch.setattr(screen.Screen, "run", passed)
    trials, mechanisms, _ = go(toy, tmp_path, monkeypatch, IDLER)
    idler = only_generated(mechanisms, "retired")
    assert idler.reason.startswith("not live")
    assert len([t for t in trials if t.arm == idler.id]) == 3


def test_a_mechanism_that_steers_is_live(patch_only, tmp_path, monkeypatch):
    source = ACTOR.replace("IN_THE_RUN", "return Steer(focus=['value()'])")
    trials, mechanisms, _ = go(patch_only, tmp_path, monkeypatch, source)
    actor = only_generated(mechanisms, "installed")
    own = [t for t in trials if t.arm == actor.id]
    assert own
    assert all(t.live for t in own)
    assert {t.by for t in own} == {actor.id}


def test_a_placebo_goes_through_the_same_motions_and_says_nothing(
    patch_only, tmp_path, monkeypatch
):
    source = ACTOR.replace("IN_THE_RUN", "return Steer(focus=['value()'])")
    _, real, _ = go(patch_only, tmp_path / "c", monkeypatch, source)
    trials, inert, _ = go(patch_only, tmp_path / "p", monkeypatch, source, control="placebo")
    told = [(m.id, m.name, m.state, m.source, m.born) for m in real if m.born == 7]
    assert [(m.id, m.name, m.state, m.source, m.born) for m in inert if m.born == 7] == told
    placebo = next(m for m in inert if m.origin == "placebo")
    assert not any(m.origin == "generated" and m.state == "installed" for m in inert)
    own = [t for t in trials if t.arm == placebo.id]
    assert own
    assert {(t.by, t.live) for t in own} == {("model", False)}


def test_beside_a_placebo_an_idle_built_in_mechanism_is_retired(patch_only, tmp_path, monkeypatch):
    monkeypatch.setattr("metaloop.outer.loop.builtins_for", lambda space: {"spread": IDLER})
    wrong = "class Wrong(Mechanism):\n    pass\n"
    _, mechanisms, _ = go(patch_only, tmp_path, monkeypatch, wrong, control="placebo")
    spread = next(m for m in mechanisms if m.id == "spread")
    assert (spread.state, spread.reason[:8]) == ("retired", "not live")


@pytest.mark.parametrize("workers", [1, 3])
def test_what_steers_a_model_to_nothing_that_can_be_run_is_not_live(
    patch_only, tmp_path, monkeypatch, workers
):
    """Every answer is refused, or the same as one that is under way."""
    twice = lambda request: "no JSON" if workers == 1 else SAME_PATCH  # noqa: E731
    source = ACTOR.replace("IN_THE_RUN", "return Steer(focus=['value()'])")
    trials, mechanisms, _ = go(
        patch_only, tmp_path, monkeypatch, source, twice, workers=workers, trials=16
    )
    refused = [t for t in trials if t.status == "rejected"]
    assert {t.arm for t in refused} > {"model"}
    assert not any(t.live for t in refused)
    assert {t.by for t in refused if not t.content} == {"model"}
    assert only_generated(mechanisms, "retired").reason.startswith("not live")


def test_what_repeats_a_trial_that_is_under_way_is_not_idle(toy, tmp_path, monkeypatch):
    """A mechanism without chance proposes the same to all workers until one of them is through."""
    monkeypatch.setitem(BASELINES, "tpe", STEP)
    settings = Settings(levels="1", trials=16, workers=4, baseline_runs=1, first=("tpe",))
    status = run(toy, settings, project=Project(tmp_path))
    assert status.trials["rejected"] >= 3
    assert [m.state for m in status.mechanisms] == ["installed"]
    assert status.best < status.baseline


def test_where_there_is_no_model_the_last_mechanism_stays(toy, tmp_path, monkeypatch):
    """Or the rest of the run would be random steps under its name."""
    names = ("tpe", "cma_es")
    for name in names:
        monkeypatch.setitem(BASELINES, name, SAME)
    settings = Settings(levels="1", trials=9, baseline_runs=1, first=names)
    status = run(toy, settings, project=Project(tmp_path))
    assert sorted(m.state for m in status.mechanisms) == ["installed", "retired"]


def test_a_placebo_is_not_installed_where_no_mechanism_would_be(patch_only, tmp_path, monkeypatch):
    source = "class Wrong(Mechanism):\n    pass\n"
    _, mechanisms, _ = go(patch_only, tmp_path, monkeypatch, source, control="placebo")
    made = [m for m in mechanisms if m.origin != "builtin"]
    assert made
    assert {(m.origin, m.state) for m in made} == {("generated", "rejected")}


def test_steering_to_where_the_model_would_start_anyway_is_not_live(
    patch_only, tmp_path, monkeypatch
):
    source = ACTOR.replace("IN_THE_RUN", "return Steer(parent=0)")  # nothing is ever kept
    trials, mechanisms, _ = go(patch_only, tmp_path, monkeypatch, source)
    actor = only_generated(mechanisms, "retired")
    assert actor.reason.startswith("not live")
    assert not any(t.live for t in trials if t.arm == actor.id)


@pytest.mark.parametrize(
    ("in_the_run", "reason"),
    [
        ("raise RuntimeError('\\x1b[2Jgotcha')", "RuntimeError:  [2Jgotcha"),
        ("__import__('os')._exit(0)", "its process ended"),
        ("return Steer(parent=10**6)", "there is no measured trial 1000000"),
        ("return Steer(hint='x' * 10**7)", "longer than 65536 bytes"),
    ],
)
def test_a_mechanism_that_breaks_in_use_is_retired_with_the_reason(
    patch_only, tmp_path, monkeypatch, in_the_run, reason
):
    source = ACTOR.replace("IN_THE_RUN", in_the_run)
    trials, mechanisms, _ = go(patch_only, tmp_path, monkeypatch, source, workers=2)
    actor = only_generated(mechanisms, "retired")
    assert reason in actor.reason
    own = [t for t in trials if t.arm == actor.id]
    assert own
    assert all(t.status != "rejected" for t in own)  # the model stood in
    branch = subprocess.run(["git", "branch"], cwd=patch_only, capture_output=True, text=True)
    assert "metaloop/toy-1" in branch.stdout
