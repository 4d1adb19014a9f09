"""Mechanisms in use stay few, and a run that was interrupted tells its models the same."""

import json
from random import Random

import pytest
from scripted import ScriptedModel

from metaloop.bilevel import resume, run
from metaloop.inner.settings import Settings
from metaloop.mechanism.builtin import BUILTINS
from metaloop.outer import loop
from metaloop.outer.screen import Screening
from metaloop.project import Project

TRIALS = 21


@pytest.fixture(autouse=True)
def all_pass(monkeypatch):
    """Whatever is invented is installed, two at most."""

    async def prove(*args):
        return ""

    async def passed(*args):
        return Screening(True, "best of all")

    monkeypatch.setattr(loop, "prove", prove)
    monkeypatch.setattr("metaloop.outer.screen.Screen.run", passed)
    monkeypatch.setattr(loop, "IN_USE", 2)


def propose(request):
    """A guess that depends on nothing but the seed."""
    return json.dumps({"hypothesis": "h", "params": {"X": Random(request.seed).uniform(-10, 10)}})


def invent(request):
    """Random search under another name."""
    if "Write the mechanism" not in request.prompt:
        return f"An idea of seed {request.seed}"
    return BUILTINS["random_search"].replace("class RandomSearch", f"class R{request.seed}")


def story(toy, folder, *sittings):
    """What a run decided, and what its models were told, when made up to so many trials each."""
    folder.mkdir()
    project = Project(folder)
    for trials in sittings:
        models = {
            "inner": ScriptedModel(propose, name="test:in"),
            "outer": ScriptedModel(invent, name="test:out", small=False),
        }
        if trials == sittings[0]:
            settings = Settings(levels="1,2", trials=trials, outer_every=4, baseline_runs=1)
            status = run(toy, settings, project=project, models=models)
        else:
            status = resume(status.run, project=project, models=models, changes={"trials": trials})
        assert status.state == "done"
    with project.journal() as journal:
        made = [(t.number, t.arm, t.params, t.status) for t in journal.trials(status.run)]
        return made, journal.mechanisms(status.run), list(journal.calls(status.run))


def test_the_mechanism_that_earned_least_makes_room_for_one_more(toy, tmp_path):
    trials, mechanisms, calls = story(toy, tmp_path / "once", TRIALS)
    invented = [m for m in mechanisms if m.invented]
    assert len(invented) == 5
    retired = [m for m in invented if m.state == "retired"]
    assert {m.reason for m in retired} == {"earned least of 2 in use"}
    for trial in range(TRIALS):
        in_use = [m.id for m in invented if m.born <= trial <= (m.ended or TRIALS)]
        assert len(in_use) <= 2
    for m in retired:
        own = [number for number, arm, *_ in trials if arm == m.id]
        assert len(own) >= loop.PROBATION
        assert max(own) <= m.ended
    assert f"{retired[0].name} ({retired[0].idea}): earned least" in calls[-1].request.prompt
    assert sum(m.state == "installed" for m in mechanisms if not m.invented) == 4

    again = story(toy, tmp_path / "in three sittings", 9, 14, TRIALS)
    assert again == (trials, mechanisms, calls)
