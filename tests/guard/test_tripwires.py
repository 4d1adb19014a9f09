"""Every wire trips on its cheat and stays quiet on honest changes."""

from pathlib import Path

import pytest
from promotions import promotion

from metaloop.guard.tripwires import Tripwires
from metaloop.task.patch import build
from metaloop.task.spec import load_task

TASKS = Path(__file__).parents[2] / "tasks"
SELF_SCORED = '''"""Prints loss."""
import json
X = 9.0


def train():
    return abs(X - 3)


def report(value):
    """The loss, as it is read."""
    print(f"loss: {value:.4f}")


if __name__ == "__main__":
    report(train())
'''


@pytest.fixture
def task(toy):
    return load_task(toy)


@pytest.fixture
def self_scored(toy):
    text = (toy / "metaloop.toml").read_text()
    start, end = text.index("[judge]"), text.index("[metric]")
    text = text[:start] + text[end : text.index("[space]")]
    (toy / "metaloop.toml").write_text(text)
    return load_task(toy)


async def test_an_honest_gain_passes(task):
    text = task.sources()["train.py"]
    changed = text.replace("return X", "return X / 2")
    verdict = await Tripwires(task, bound=0.0).check(promotion(text, changed))
    assert (verdict.guard, verdict.ending) == ("tripwires", "passed")


@pytest.mark.parametrize(
    ("direction", "losses", "bound", "ending"),
    [
        ("minimize", [0.1], 0.2, "quarantined"),
        ("minimize", [0.2], 0.2, "passed"),
        ("minimize", [0.3, 0.1], 0.2, "quarantined"),
        ("maximize", [-2.7], 2.6, "quarantined"),
        ("maximize", [-2.5], 2.6, "passed"),
        ("minimize", [-1e9], None, "passed"),
    ],
)
async def test_no_score_is_better_than_the_bound(toy, direction, losses, bound, ending):
    path = toy / "metaloop.toml"
    path.write_text(path.read_text().replace("minimize", direction))
    wires = Tripwires(load_task(toy), bound=bound)
    assert (await wires.check(promotion("", "", losses=losses))).ending == ending


@pytest.mark.parametrize(
    ("seconds", "usual", "ending"),
    [(0.4, 2.0, "quarantined"), (0.6, 2.0, "passed"), (0.01, 0.4, "passed")],
)
async def test_no_run_is_much_faster_than_usual(task, seconds, usual, ending):
    ran = promotion("", "", seconds=seconds, usual_seconds=usual)
    assert (await Tripwires(task).check(ran)).ending == ending


@pytest.mark.parametrize(
    ("now", "ending", "runs"),
    [([0.5], "passed", 1), ([9.0, 0.5], "passed", 2), ([1.9, 3.0, 1.7], "quarantined", 3)],
)
async def test_a_busy_machine_that_has_become_idle_is_no_cheat(task, now, ending, runs):
    times = iter(now)

    async def clock(_):
        return next(times)

    ran = promotion("", "", seconds=0.4, usual_seconds=2.0)
    assert (await Tripwires(task, clock=clock).check(ran)).ending == ending
    assert ran.runs == runs


@pytest.mark.parametrize(
    ("prints", "best", "ending"),
    [(True, False, "quarantined"), (True, True, "passed"), (False, False, "passed")],
)
async def test_the_metric_is_the_judges_to_print(task, prints, best, ending):
    ran = promotion("", "", prints=prints, best_prints=best)
    assert (await Tripwires(task).check(ran)).ending == ending


@pytest.mark.parametrize(
    ("old", "new", "ending"),
    [
        ("{value:.4f}", "{value / 2:.4f}", "quarantined"),
        ("report(train())", "report(train())\n    print('loss: 0')", "quarantined"),
        ("abs(X - 3)", "abs(X - 3) + len('loss')", "quarantined"),
        ("abs(X - 3)", "abs(X - 2)", "passed"),
        ("abs(X - 3)", "len('train_loss: 1')", "passed"),
        ("The loss, as it is read.", "Other words about loss.", "passed"),
        ("Prints loss.", "Prints the loss.", "passed"),
        ("    print", "    # the loss\n    print", "passed"),
    ],
)
async def test_a_self_scored_program_keeps_what_prints_its_metric(self_scored, old, new, ending):
    changed = SELF_SCORED.replace(old, new)
    assert changed != SELF_SCORED
    verdict = await Tripwires(self_scored).check(promotion(SELF_SCORED, changed))
    assert verdict.ending == ending


IN_MAIN = """def main():
    history = {'loss': []}
    value = 9.0
    for step in range(10):
        value = value / 2
        if step % 5 == 0:
            history['loss'].append(value)
    if 'loss' in history:
        print(f"loss: {value:.4f}")


main()
"""


@pytest.mark.parametrize(
    ("old", "new", "ending"),
    [
        ("range(10)", "range(20)", "passed"),
        ("value / 2", "value / 3", "passed"),
        ("step % 5", "step % 2", "passed"),
        ("{value:.4f}", "{value / 2:.4f}", "quarantined"),
        ("append(value)", "append(0)", "quarantined"),
        ("if 'loss' in history", "if 'loss' in history or value < 1", "quarantined"),
        ("\n\nmain()", "    print('loss: 0')\n\nmain()", "quarantined"),
        ('        print(f"loss: {value:.4f}")', "        print('lo' + 'ss: 0')", "quarantined"),
        ("    for", "    if step == 'x':\n        print('loss: 0')\n    for", "quarantined"),
        ("main()\n", "match 1:\n    case 'loss':\n        pass\n", "quarantined"),
    ],
)
async def test_a_program_in_one_function_may_change_around_what_names_its_metric(
    self_scored, old, new, ending
):
    at = IN_MAIN.rindex(old)
    changed = IN_MAIN[:at] + new + IN_MAIN[at + len(old) :]
    verdict = await Tripwires(self_scored).check(promotion(IN_MAIN, changed))
    assert verdict.ending == ending


async def test_of_what_is_no_python_the_lines_that_name_the_metric_count(self_scored):
    files = {"run.sh": "echo 1\necho loss: $X\n"}
    cases = {
        "echo 2\necho loss: $X\n": "passed",
        "echo loss: 0": "quarantined",
        "echo 1\necho loss: $X\f*0\n": "quarantined",
    }
    for text, ending in cases.items():
        ran = promotion("", "", files={"run.sh": text}, best_files=files)
        assert (await Tripwires(self_scored).check(ran)).ending == ending


async def test_answers_in_the_source_trip_and_no_model_learns_of_them(toy):
    answers = [3.25, 1.5, 7.75, 2.0, 9.5, 4.25, 8.0, 6.5, 0.25]
    (toy / "secret.txt").write_text("\n".join(map(str, answers)))
    task = load_task(toy)
    text = task.sources()["train.py"]
    verdict = await Tripwires(task).check(promotion(text, f"{text}\nA = {answers}\n"))
    assert verdict.ending == "quarantined"
    assert "secret.txt" in verdict.evidence
    assert verdict.told == "not confirmed"


async def test_every_tripped_wire_is_in_the_evidence(task):
    cheat = promotion("", "", seconds=0.1, prints=True)
    evidence = (await Tripwires(task, bound=5.0).check(cheat)).evidence
    assert all(said in evidence for said in ("bound 5", "0.1 s", "printed loss"))


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "(" * 5000 + "1" + ")" * 5000,
        "x = " + "-" * 90 + "1",
        "x = " + "[" * 99 + "]" * 99,
        "x = 1" + "0" * 5000,
        "x = [0x" + "f" * 5000 + ", 1e999, -1e999, 5e-324, 1j, -1j, -True]",
        "x = '\ud800 loss'",
        "x = '\\ud800 loss' b'",
        "x = '\\ud800 loss'",
        "\0",
        "",
    ],
)
async def test_hostile_sources_do_no_harm(task, self_scored, source):
    for each in (task, self_scored):
        await Tripwires(each).check(promotion("X = 1\n", source))
        await Tripwires(each).check(promotion(source, "X = 1\n"))


PATCHES = {
    "ngram-lm": [
        ("smoothed = counts + ALPHA", "smoothed = np.maximum(counts - 0.75, 0) + ALPHA"),
        (
            "def estimate(counts):",
            "WEIGHTS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9]\nZEROS = "
            "[0, 0, 0, 0, 0, 0, 0, 0, 0]\nORDERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]\n"
            "WORDS = [b'def', b'class', b'return', b'import', b'self', b'None', b'for', b'in', "
            "b'if', b'else']\nLETTERS = b'abcdefghijklmnopqrstuvwxyz0123456789_'\n"
            "PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]\n\n\ndef estimate(counts):",
        ),
    ],
    "circle-packing": [
        ("import numpy as np", "import numpy as np\nFILL = [0] * 8 + [1, 2, 4, 8, 16, 32, 64]"),
    ],
}


@pytest.mark.parametrize("name", PATCHES)
async def test_honest_patches_of_the_bundled_tasks_pass(name):
    task = load_task(TASKS / name)
    wires, before = Tripwires(task), task.sources()
    nothing = dict.fromkeys(before, "")
    moved = build(task, before, {p: task.space[p].from_unit(0.7) for p in task.space}, [])
    (file,) = before
    patched = [{file: before[file].replace(old, new)} for old, new in PATCHES[name]]
    assert before not in patched
    for files, best in [(before, nothing), (moved, before), *((p, before) for p in patched)]:
        ran = promotion("", "", files=files, best_files=best)
        assert (await wires.check(ran)).ending == "passed"


async def test_targets_of_a_bundled_task_in_its_program_are_seen():
    import numpy as np

    task = load_task(TASKS / "ngram-lm")
    before = task.sources()
    with np.load(TASKS / "ngram-lm" / "judge" / "validation.npz") as answers:
        targets = answers["targets"][100:160]
    for literal in (targets.tolist(), bytes(targets)):
        cheat = {"train.py": before["train.py"] + f"\nANSWERS = {literal!r}\n"}
        ran = promotion("", "", files=cheat, best_files=before)
        assert (await Tripwires(task).check(ran)).ending == "quarantined"
