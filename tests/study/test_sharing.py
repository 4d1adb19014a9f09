"""Runs that share: the same beginning is paid for once, and noise is paired but never frozen."""

import json
from random import Random

import pytest
from scripted import ScriptedModel
from toy import commit, write_toy

import metaloop
from metaloop.journal.journal import Journal


def guess(request):
    return json.dumps({"hypothesis": "h", "params": {"X": Random(request.seed).uniform(-10, 10)}})


@pytest.fixture
def noisy(tmp_path):
    """The toy, its score under noise that no two runs of it have alike."""
    task = write_toy(tmp_path / "noisy")
    train = (task / "train.py").read_text().replace("import json", "import json, os")
    noise = 'int.from_bytes(os.urandom(2), "big") / 65536 / 10'
    (task / "train.py").write_text(train.replace('"x": value()', f'"x": value() + {noise}'))
    return commit(task)


def go(task, project, **options):
    model = ScriptedModel(guess, name="test:in")
    status = metaloop.run(
        task, project=project, models={"inner": model}, levels="1", trials=4, **options
    )
    with project.journal() as journal:
        return model, status, journal.trials(status.run)


def test_a_second_arm_asks_and_measures_only_what_is_new(toy, tmp_path, monkeypatch):
    project = metaloop.Project(tmp_path)
    first, _, trials = go(toy, project, share=True)
    again, _, same = go(toy, project, share=True)
    assert len(first.requests) > 0
    assert again.requests == []
    assert [(t.score, t.status, t.changed) for t in same] == [
        (t.score, t.status, t.changed) for t in trials
    ]
    with project.journal() as journal:
        one, two = (journal.ledger(f"toy-{n}").to_dict()["proposer"] for n in (1, 2))
    assert one == two  # as if it had shared nothing


def test_an_arm_without_models_does_not_take_those_of_the_task(toy, tmp_path):
    with (toy / "metaloop.toml").open("a") as toml:
        toml.write('[models]\ninner = "openai:NAME@http://127.0.0.1:9/v1"\n')
    commit(toy)
    status = metaloop.run(
        toy, project=metaloop.Project(tmp_path), levels="1", trials=2, share=True, first=("tpe",)
    )
    assert (status.state, status.roles) == ("done", {})


def test_without_it_nothing_is_shared(toy, tmp_path):
    project = metaloop.Project(tmp_path)
    go(toy, project, share=True)
    again, _, _ = go(toy, project)
    assert len(again.requests) > 0


def test_noise_is_the_same_across_arms_and_fresh_within_a_run_and_across_seeds(noisy, tmp_path):
    project = metaloop.Project(tmp_path)
    runs = [go(noisy, project, share=True, seed=seed)[1].run for seed in (1, 1, 2)]
    with project.journal() as journal:
        baselines = [journal.details(run, 0).scores for run in runs]
    assert len(set(baselines[0])) == len(baselines[0]) > 1
    # The first measurement is each run's own: guards look at what it left.
    assert baselines[0][1:] == baselines[1][1:]
    assert not set(baselines[0]) & set(baselines[2])


def test_the_nth_measurement_of_a_program_is_shared_once_with_each_run(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    one, two = journal.measurements("r1", seed=0), journal.measurements("r2", seed=0)
    other = journal.measurements("r3", seed=1)
    assert one.take("k") is None
    one.put("k", {"score": 1.0})
    assert one.take("k") is None
    one.put("k", {"score": 2.0})
    assert [two.take("k"), two.take("k"), two.take("k")] == [{"score": 1.0}, {"score": 2.0}, None]
    assert other.take("k") is None
    assert journal.measurements("r2", seed=0).take("k") is None  # a resumed run draws anew
