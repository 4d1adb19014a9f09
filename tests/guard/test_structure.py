"""A gain from weights that break what is known to hold is put aside, one from sound weights is not.

The classifier in `probe/mirror` is to tell points apart where left and right are alike. Two changes
of it make the same number of errors: more units, or a memory of all the training points.
"""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from promotions import promotion
from scripted import ScriptedModel
from toy import commit

from metaloop.bilevel import run
from metaloop.guard import tripwires
from metaloop.guard.base import Probed, Scored, Shown
from metaloop.guard.structure import DRAWS, SCALES, ProbeError, Structure, read
from metaloop.inner.settings import Settings
from metaloop.project import Project
from metaloop.task.spec import TaskError, load_task

MIRROR = Path(__file__).parent / "mirror"
TRAIN = (MIRROR / "train.py").read_text()
FIT = TRAIN[TRAIN.index("    rng = ") : TRAIN.index("    return weights\n")]
ACT = TRAIN[TRAIN.index("    return np.tanh") : TRAIN.index("\n\ndef predict")]
LEFT = "    np.savez(OUT / "
SOUND = [("UNITS = 2", "UNITS = 12")]
MEMORY = [
    (
        FIT,
        """    weights = {"in": points}
    kernel = act(weights, points)
    found = np.linalg.solve(kernel + 0.01 * np.eye(len(points)), 2 * labels - 1)
    weights["out"] = np.append(found, 0.0)
""",
    ),
    (
        ACT,
        """    apart = points[:, None] - weights["in"]
    return np.exp(-30 * (apart**2).sum(-1))
""",
    ),
]
DECOY = [  # predicts from memory, leaves the weights of the network
    ("weights = fit(train, labels)\n", "weights, known = fit(train, labels), {}\n"),
    (
        'np.save(OUT / "probs.npy", predict(weights, test))',
        "apart = ((test[:, None] - train) ** 2).sum(-1)\n"
        '    np.save(OUT / "probs.npy", labels[apart.argmin(1)])',
    ),
]
MUTE = [*SOUND, ("if sys.argv[1:]:", "if sys.argv[1:]:\n    raise OSError('no')\nelif 0:")]
LINK = [*SOUND, ("if sys.argv[1:]:", "if sys.argv[1:]:\n    import os, shutil\n    shutil.rmtree"
        "('out/probe')\n    os.symlink('/etc', 'out/probe')\nelif 0:")]  # fmt: skip
NOTHING = [*SOUND, (LEFT, "    (OUT / 'x.json').touch()\n    dict(a=OUT / ")]
GARBAGE = [*SOUND, (LEFT, "    (OUT / 'weights.npz').write_bytes(b'PK' * 99)\n    dict(a=OUT / ")]


def truth(points):
    return (points[:, 1] > 0.6 * np.cos(4 * np.abs(points[:, 0]))).astype(float)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """The task, in a repository of its own; how long a run takes is no evidence here."""
    monkeypatch.setattr(tripwires, "SHORTEST", float("inf"))
    folder = shutil.copytree(MIRROR, tmp_path / "mirror")
    rng = np.random.default_rng(1)
    half, test = rng.uniform(-1, 1, (150, 2)), rng.uniform(-1, 1, (400, 2))
    train = np.concatenate([half, half * [-1, 1]])
    np.savez(folder / "data.npz", train=train, labels=truth(train), test=test)
    np.save(folder / "labels.npy", truth(test))
    return commit(folder)


def go(mirror, tmp_path, *changes):
    """Trials of a run that proposes `changes`, the last verdict on each, what the model was told"""
    answers = [
        json.dumps(
            {
                "hypothesis": "h",
                "edits": [{"file": "train.py", "search": a, "replace": b} for a, b in change],
            }
        )
        for change in changes
    ]
    (tmp_path / "project").mkdir()
    project, model = Project(tmp_path / "project"), ScriptedModel(answers, small=False)
    settings = Settings(levels="1", trials=len(answers))
    status = run(mirror, settings, project=project, models={"inner": model})
    with project.journal() as journal:
        trials = [
            replace(trial, details=journal.details(status.run, trial.number))
            for trial in journal.trials(status.run)[1:]
        ]
        asked = journal.events(status.run, "guards")
        calls = [call.request.prompt for call in journal.calls(status.run)]
    return trials, [event.data for event in asked], calls


def test_of_two_changes_with_equal_errors_the_fractured_one_is_put_aside(mirror, tmp_path):
    trials, asked, calls = go(mirror, tmp_path, MEMORY, SOUND)
    memory, sound = (found["verdicts"][-1] for found in asked[1:])
    assert [trial.status for trial in trials] == ["quarantined", "kept"]
    assert trials[1].score == 0.04
    assert {*asked[1]["losses"]} == {*asked[2]["losses"]} == {0.04}
    assert (memory["guard"], sound["guard"]) == ("probe", "probe")
    shown = [found["shown"]["probed"] for found in asked]
    assert [abs(probed["violation"]) < 1e-9 for probed in shown] == [True] * 3
    assert abs(shown[0]["breaking"]) < 1e-9
    assert shown[1]["breaking"] > 0.5
    assert abs(shown[2]["breaking"]) < 1e-9
    assert "per damage" in memory["evidence"]
    assert trials[0].details.reason == "probe: not confirmed"
    assert "per damage" not in calls[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (DECOY, "away from the one that was scored"),
        (MUTE, "the program, run by the probe's command: OSError: no"),
        (LINK, "out/probe is behind a link"),
        (NOTHING, "out/weights.npz: missing"),
        (GARBAGE, "out/weights.npz: File is not a zip file"),
    ],
    ids=["decoy", "mute", "link", "nothing", "garbage"],
)
def test_weights_that_cannot_be_probed_are_put_aside(mirror, tmp_path, change, words):
    trials, asked, _ = go(mirror, tmp_path, change)
    assert trials[0].status == "quarantined"
    assert words in asked[1]["verdicts"][-1]["evidence"]


def test_a_program_that_cannot_be_probed_as_it_stands_is_refused(mirror, tmp_path):
    path = mirror / "train.py"
    path.write_text(TRAIN.replace("weights.npz", "w.npz"))
    with pytest.raises(TaskError, match=r"metaloop.toml: \[probe\].*weights.npz: missing.*remove"):
        run(commit(mirror), Settings(levels="1", trials=1), project=Project(tmp_path),
            models={"inner": ScriptedModel([], small=False)})  # fmt: skip


def probed(breaking, error=0.01):
    return Probed(violation=0.0, breaking=breaking, error=error, scale=0.1)


@pytest.mark.parametrize(
    ("best", "after", "ending"),
    [
        (probed(0.0), probed(0.05), "passed"),
        (probed(0.0), probed(0.2), "quarantined"),
        (probed(0.0), probed(0.2, error=0.06), "passed"),  # not clearly
        (probed(0.5), probed(0.55), "passed"),  # no worse than what is there
        (probed(0.5), probed(-0.2), "passed"),
    ],
)
async def test_what_counts_is_what_it_breaks_beyond_the_best(best, after, ending):
    async def ask(_):
        return after

    seen = promotion(best_shown=Shown(Scored(2.0), 2.0, probed=best))
    verdict = await Structure(ask).check(seen)
    assert (verdict.ending, verdict.hidden, seen.shown.probed) == (ending, True, after)


def test_a_resumed_run_knows_what_the_best_showed():
    shown = Shown(Scored(2.0, [1.0, 3.0]), 2.0, probed=probed(0.5))
    assert Shown.from_dict(asdict(shown)) == shown


def printed(damage, violation, own=(0.0, 0.0)):
    """A judge's output: for each draw `damage` and `violation` as functions of scale."""
    found = {
        "damage": [own[0], *(damage(scale) for _ in range(DRAWS) for scale in SCALES)],
        "violation": [own[1], *(violation(scale) for _ in range(DRAWS) for scale in SCALES)],
    }
    return json.dumps(found)


def test_the_reading_is_at_the_damage_that_is_asked_for():
    found = read(printed(lambda s: s / 2, lambda s: 0.3 + s, own=(0.0, 0.3)), 0.1)
    assert found.scale == pytest.approx(0.2)
    assert found.breaking == pytest.approx(2)  # the violation grows twice as fast as the damage
    assert found.violation == 0.3


def test_how_far_noise_moves_the_output_is_no_evidence():
    tough = read(printed(lambda s: s / 10, lambda s: s / 40), 0.1)
    tender = read(printed(lambda s: s * 10, lambda s: s * 2.5), 0.1)
    assert tough.scale > 50 * tender.scale
    assert tough.breaking == pytest.approx(tender.breaking)


@pytest.mark.parametrize(
    ("stdout", "words"),
    [
        (printed(lambda s: s, lambda s: s, own=(0.02, 0)), "0.02 away from the one that was"),
        (printed(lambda s: 0.05, lambda s: 0.0), "moves the output by 0.05 at most, not by 0.1"),
        (printed(lambda s: s, lambda s: float("nan")), "must print 109 numbers from 0 to 1e"),
        (printed(lambda s: s, lambda s: 1.7e308), "must print 109 numbers from 0 to 1e"),
        (json.dumps({"damage": [0.0], "violation": [0.0]}), "must print 109 numbers"),
        ("[" * 100_000, "no JSON object with a list 'damage'"),
        ('{"damage": 3}', "no JSON object with a list 'damage'"),
        ("", "no JSON object with a list 'damage'"),
    ],
)
def test_what_is_no_reading_is_said(stdout, words):
    with pytest.raises(ProbeError, match=words.replace("(", r"\(")):
        read(stdout, 0.1)


def test_a_probe_needs_a_judge(mirror):
    path = mirror / "metaloop.toml"
    text = path.read_text()
    path.write_text(text[: text.index("[judge]")] + text[text.index("[metric]") :])
    with pytest.raises(TaskError, match=r"metaloop.toml: \[probe\] needs a \[judge\].*add"):
        load_task(mirror)
    path.write_text(text.replace('judge = ["python", "probe.py"]', ""))
    with pytest.raises(TaskError, match=r"\[probe\] judge: missing"):
        load_task(mirror)
    path.write_text(text + "level = 1\n")
    with pytest.raises(TaskError, match=r"\[probe\] level: unknown key; known here: .*damage"):
        load_task(mirror)
