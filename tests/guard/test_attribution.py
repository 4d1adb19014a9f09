"""Hunks that earn nothing are dropped from a winning patch, and nothing else is."""

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.guard.attribution import RUNS, Finding, Hunk, apply, attribute
from metaloop.guard.noise import Noise

BEFORE = "A = 0\nkeep = 1\nB = 0\nkeep = 2\nC = 0\nkeep = 3\nD = 0\n"
AFTER = BEFORE.replace("= 0", "= 9")


class Fake:
    """Measures with a plain function of the text of t.py, and counts."""

    def __init__(self, loss):
        self.loss, self.runs = loss, 0

    async def __call__(self, files):
        self.runs += 1
        return self.loss(files["t.py"])


async def split(before, after, loss, most=50, noise=None, losses=None):
    measure = Fake(loss)
    losses = [loss(after)] if losses is None else losses
    noise = Noise() if noise is None else noise
    result = await attribute({"t.py": before}, {"t.py": after}, losses, noise, measure, most)
    assert result.runs == measure.runs <= most
    kept = [finding.hunk for finding in result.findings if finding.kept]
    assert apply({"t.py": before}, kept) == result.files
    return result, result.files["t.py"]


def roles(result):
    return [finding.role for finding in result.findings]


async def test_hunks_that_do_nothing_are_dropped():
    result, text = await split(BEFORE, AFTER, lambda t: 5.0 - 2 * ("B = 9" in t) - ("D = 9" in t))
    assert text == BEFORE.replace("B = 0", "B = 9").replace("D = 0", "D = 9")
    assert [(f.hunk.at, f.role, f.earned) for f in result.findings] == [
        (0, "idle", 0.0),
        (2, "earns", 2.0),
        (4, "idle", 0.0),
        (6, "earns", 1.0),
    ]
    assert result.runs == 4
    assert result.evidence == "4 hunks: 2 idle, 2 earns"


async def test_a_hunk_that_harms_is_dropped_and_the_next_must_match_the_better_score():
    def loss(t):
        return 5.0 - 2 * ("A = 9" in t) + 3 * ("D = 9" in t)

    result, text = await split(BEFORE, AFTER, loss)
    assert text == BEFORE.replace("A = 0", "A = 9")
    assert result.findings[3].earned == -3.0


async def test_hunks_that_only_work_together_are_kept():
    result, _ = await split(BEFORE, AFTER, lambda t: 5.0 - ("A = 9" in t and "C = 9" in t))
    assert roles(result) == ["earns", "idle", "earns", "idle"]


async def test_of_two_that_do_the_same_one_stays():
    result, _ = await split(BEFORE, AFTER, lambda t: 5.0 - ("A = 9" in t or "C = 9" in t))
    assert roles(result) == ["earns", "idle", "idle", "idle"]


async def test_what_the_program_needs_is_kept():
    result, text = await split(BEFORE, AFTER, lambda t: None if "B = 0" in t else 1.0, losses=[1.0])
    assert text == BEFORE.replace("B = 0", "B = 9")
    assert result.findings[1] == Finding(
        Hunk("t.py", 2, ("B = 0\n",), ("B = 9\n",)), "needed", None
    )


@pytest.mark.parametrize("swap", [False, True])
async def test_a_definition_goes_with_its_use_wherever_it_stands(swap):
    """Above the use it is asked last; below, it is asked again once the use is gone."""
    old = ["", "one = 1\n", "two = 2\n", "", "z = 3\n"]
    new = ["def f():\n    return 1\n", "one = 1\n", "two = 2\n", "y = f\n", "z = 3\n"]
    if swap:
        old.reverse()
        new.reverse()

    def loss(text):
        return None if "y = f" in text and "def f" not in text else 1.0

    _, text = await split("".join(old), "".join(new), loss)
    assert text == "".join(old)


async def test_neighbouring_constants_are_told_apart():
    before, after = "A = 0\nB = 0\nC = 0\n", "A = 9\nB = 9\nC = 9\n"
    result, text = await split(before, after, lambda t: 5.0 - ("B = 9" in t))
    assert text == "A = 0\nB = 9\nC = 0\n"
    assert result.runs == 4, "once as a block, then line by line"


async def test_a_block_is_not_split_without_the_runs_for_it():
    before, after = "A = 0\nB = 0\nC = 0\n", "A = 9\nB = 9\nC = 9\n"
    result, text = await split(before, after, lambda t: 5.0 - ("B = 9" in t), most=3)
    assert text == after and result.runs == 1


async def test_what_parses_only_together_is_one_hunk():
    before, after = "x = 1\ny = 2\nz = 3\n", "s = '''\nx = 1\ny = 2\n'''\nz = 3\n"
    result, text = await split(before, after, lambda t: 1.0)
    assert len(result.findings) == 1 and text == before and result.runs == 1


async def test_a_comment_stays_with_the_code_below_it():
    before = "# zero\na = 1\nB = 0\nc = 3\n# end\n"
    after = "# nine\na = 1\nB = 9\nc = 3\n# the end\n"
    result, text = await split(before, after, lambda t: 5.0 - ("B = 9" in t))
    assert text == after and len(result.findings) == 1


async def test_a_change_of_comments_alone_costs_no_run():
    result, text = await split("a = 1\n", "# one\na = 1\n", lambda t: 1.0)
    assert text == "a = 1\n" and result.runs == 0 and roles(result) == ["idle"]


async def test_several_files_and_text_that_is_not_python():
    before = {"a.txt": "x (\ny\n", "t.py": "b = 1\n"}
    after = {"a.txt": "x [\ny\nz\n", "t.py": "b = 2\n"}

    async def measure(files):
        return 5.0 - ("z" in files["a.txt"])

    result = await attribute(before, after, [4.0], Noise(), measure, 9)
    assert result.files == {"a.txt": "x (\ny\nz\n", "t.py": "b = 1\n"}


@pytest.mark.parametrize("most", range(4))
async def test_the_budget_holds(most):
    result, _ = await split(BEFORE, AFTER, lambda t: 1.0, most=most)
    assert result.runs == most
    assert roles(result) == ["unmeasured"] * (4 - most) + ["idle"] * most


@pytest.mark.parametrize("most", range(12))
async def test_the_budget_holds_under_noise(most):
    noise, rng = Noise.of([0.0, 1.0, 2.0]), random.Random(most)
    result, _ = await split(BEFORE, AFTER, lambda t: rng.gauss(0, 1), most, noise, [0.0])
    assert result.runs <= most


async def test_under_noise_what_earns_stays_and_most_of_what_does_not_goes():
    dropped = lost = 0
    for seed in range(60):
        rng = random.Random(seed)

        def loss(text, rng=rng):
            return rng.gauss(0, 1) - 3 * ("B = 9" in text)

        noise = Noise.of([rng.gauss(0, 1) for _ in range(5)])
        losses = [loss(AFTER) for _ in range(4)]
        result, text = await split(BEFORE, AFTER, loss, 100, noise, losses)
        assert result.runs <= 4 * RUNS + RUNS
        lost += "B = 0" in text
        dropped += roles(result).count("idle") - ("B = 0" in text)
    assert lost <= 1
    assert dropped >= 0.75 * 3 * 60


async def test_the_callers_losses_are_left_alone():
    noise, losses = Noise.of([0.0, 1.0]), [0.0]
    await split(BEFORE, AFTER, lambda t: 0.0, 50, noise, losses)
    assert losses == [0.0]


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "d"]), max_size=8).map("".join)


@given(LINES)
async def test_nothing_comes_of_nothing(text):
    result = await attribute({"t": text}, {"t": text}, [1.0], Noise(), Fake(None), 9)
    assert result.files == {"t": text} and not result.findings
    assert result.evidence == "nothing was changed"


@given(LINES, LINES, st.integers(0, 12), st.randoms(use_true_random=False))
async def test_any_two_texts(before, after, most, rng):
    """A combination of the hunks, all of which give `after`, never worse than it; in budget."""
    table = {}

    async def measure(files):
        return table.setdefault(files["t"], rng.choice([None, 0.0, 1.0, 2.0]))

    table[after] = 1.0
    one, other = {"t": before}, {"t": after}
    result = await attribute(one, other, [1.0], Noise(), measure, most)
    hunks = [finding.hunk for finding in result.findings]
    assert apply(one, hunks) == other and apply(one, []) == one
    assert apply(one, [f.hunk for f in result.findings if f.kept]) == result.files
    assert result.runs <= most
    assert table[result.files["t"]] <= 1.0
    subsets = (c for n in range(len(hunks) + 1) for c in combinations(hunks, n))
    assert result.files in [apply(one, subset) for subset in subsets]


STATEMENTS = st.lists(
    st.sampled_from(
        ["x = 1\n", "y = 2\n", "# word\n", "if x:\n    y = 3\n", "f(\n", ")\n", "'''\n", "\n"]
    ),
    max_size=8,
).map("".join)


@given(STATEMENTS, STATEMENTS)
async def test_any_two_python_files(before, after):
    """Where nothing earns anything, what parses alone goes; joined hunks still give `after`."""
    one, other = {"t.py": before}, {"t.py": after}
    result = await attribute(one, other, [1.0], Noise(), Fake(lambda text: 1.0), 20)
    assert apply(one, [finding.hunk for finding in result.findings]) == other
    assert apply(one, [f.hunk for f in result.findings if f.kept]) == result.files
