"""Level 1.5: bounds of what a strategist may change, and what it is told."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import ScriptedModel
from toy import write_toy

from metaloop.inner.settings import Strategy
from metaloop.journal.records import TrialRecord
from metaloop.models.base import ModelError
from metaloop.outer.digest import make_digest
from metaloop.outer.strategy import bounded, revise
from metaloop.task.patch import PatchError
from metaloop.task.spec import load_task

GOOD = {
    "diagnosis": "it repeats itself",
    "freeze": ["N"],
    "focus": ["X"],
    "guidance": "try smaller X",
    "temperature": 0.9,
}
NAMES = ["X", "N", "value"]
OLD = Strategy(("X",), ("N",), "as it was", 0.5)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return load_task(write_toy(tmp_path_factory.mktemp("toy")))


def trial(number, status="discarded", changed="X 9 -> 8", score=6.0, gain=-1.0, **more):
    params = more.pop("params", {"X": 8.0, "N": 1})
    return TrialRecord(
        number, status, more.pop("arm", "model"), "model", 0, params, score, gain, changed, "hash"
    )


BASELINE = trial(0, "kept", "nothing", gain=0.0, arm="baseline", params={"X": 9.0, "N": 1})

values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
    | st.sampled_from([*NAMES, "nowhere", 10**400, math.nan, math.inf]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)  # fmt: skip
keys = st.sampled_from(list(GOOD))
lists = st.lists(st.sampled_from([*NAMES, "nowhere", 7, None]), max_size=6)


@given(
    st.dictionaries(keys, values)
    | st.fixed_dictionaries({"freeze": lists, "focus": lists, "temperature": st.floats()})
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_model_answers_the_search_has_somewhere_to_go(task, data):
    try:
        strategy = bounded(task, NAMES, data)
    except PatchError:
        return
    assert len(strategy.frozen) <= len(task.space) // 2
    assert set(strategy.frozen) <= set(task.space)
    assert set(strategy.focus) <= set(NAMES)
    assert len(strategy.focus) <= 3
    assert set(strategy.focus).isdisjoint(strategy.frozen)
    assert 0.3 <= strategy.temperature <= 1.2
    assert strategy.guidance.isprintable()
    assert Strategy.from_dict(json.loads(json.dumps(vars(strategy)))) == strategy


def test_everything_frozen_is_not_everything_frozen(task):
    assert bounded(task, NAMES, GOOD | {"freeze": ["X", "N"], "focus": []}).frozen == ("X",)
    assert bounded(task, NAMES, GOOD | {"freeze": ["X"], "focus": ["X"]}).frozen == ()


def test_unknown_names_and_repeats_are_dropped(task):
    data = GOOD | {"freeze": ["M", "N", "N"], "focus": ["value", "value", "os.system", "X"]}
    strategy = bounded(task, NAMES, data)
    assert (strategy.frozen, strategy.focus) == (("N",), ("value", "X"))


def test_guidance_is_cleaned_and_cut(task):
    strategy = bounded(task, NAMES, GOOD | {"guidance": "go\x1b[2J\u202e on" + "x" * 5000})
    assert strategy.guidance.startswith("go[2J on")
    assert len(strategy.guidance) == 300


async def revised(task, *answers):
    model = ScriptedModel(answers)
    digest = make_digest(task, [BASELINE, trial(1)], {"model": 0.0})
    result = await revise(model, task, task.sources(), OLD, digest, seed=5)
    return result, model.requests


async def test_a_good_answer_is_the_next_strategy(task):
    (strategy, diagnosis), (request,) = await revised(
        task, f"Sure!\n```json\n{json.dumps(GOOD)}```"
    )
    assert strategy == Strategy(("N",), ("X",), "try smaller X", 0.9)
    assert diagnosis == "it repeats itself"
    assert request.role == "strategist"
    assert request.schema["properties"]["focus"]["items"]["enum"] == NAMES
    assert "as it was" in request.prompt


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "freeze everything!",
        "[1, 2]",
        '{"params": {"X": 3}}',
        '{"temperature": "hot"}',
        '{"temperature": NaN}',
        '{"temperature": true}',
        '{"temperature": null}',
        '{"freeze": ["N"',
        ModelError("empty answer"),
    ],
)
async def test_garbage_twice_keeps_the_old_strategy_and_says_why(task, bad):
    (strategy, diagnosis), requests = await revised(task, bad, bad)
    assert strategy == OLD
    assert diagnosis.startswith("no usable answer: ")
    assert len(diagnosis) > len("no usable answer: ")
    first, second = requests
    assert "was refused" not in first.prompt
    assert "Your last answer was refused: " in second.prompt
    assert second.seed != first.seed
    assert second.temperature > first.temperature


async def test_garbage_once_is_mended(task):
    (strategy, _), requests = await revised(task, "nonsense", json.dumps(GOOD))
    assert strategy.guidance == "try smaller X"
    assert len(requests) == 2


def test_huge_numbers_are_brought_into_bounds(task):
    assert bounded(task, NAMES, {"temperature": 10**400}).temperature == 1.2
    assert bounded(task, NAMES, {"temperature": -math.inf}).temperature == 0.3


def test_the_digest_says_where_the_search_stands_still(task):
    trials = [
        BASELINE,
        trial(1, "kept", "X 9 -> 5", 2.0, 4.0, params={"X": 5.0, "N": 1}),
        trial(2, "crashed", "train.py: value()", None, None),
        trial(3, "discarded", "X 5 -> 6; train.py: value(), module", 3.0, -1.0, arm="tpe"),
        trial(4, "discarded", "X 5 -> 6", 3.0, -1.0),
    ]
    digest = make_digest(task, trials, {"model": 0.5, "tpe": 0.0})
    for words in (
        "4 trials: 2 discarded, 1 kept, 1 crashed",
        "loss 6 -> 2 (minimize), last gain at trial 1, none since 3 trials",
        "X: changed 3 times",
        "N: never changed (int 1..4)",
        "model: 3 trials, 1 kept, gain 4, credit per trial 0.5",
        "tpe: 1 trials, 0 kept",
        "train.py value(): patched 2 times, 0 kept, 1 crashed",
        "#2 train.py: value(): crashed, no score",
    ):
        assert words in digest.text
    assert digest.brief.splitlines()[0] == digest.text.splitlines()[0]
    assert len(digest.brief) < len(digest.text)


def test_a_parameter_is_not_mistaken_for_one_whose_name_ends_alike(task, tmp_path):
    directory = write_toy(tmp_path / "toy")
    for name in ("metaloop.toml", "train.py"):
        path = directory / name
        path.write_text(path.read_text().replace("X =", "LEN ="))
    (directory / "train.py").write_text("LEN = 9.0\nN = 1\n")
    longer = load_task(directory)
    trials = [trial(0, "kept", "nothing", params={"LEN": 9.0, "N": 1}, gain=0.0)]
    trials.append(trial(1, changed="LEN 9 -> 8", params={"LEN": 8.0, "N": 1}))
    digest = make_digest(longer, trials, {})
    assert (
        "N: never changed" in digest.text.splitlines()[3:][1] or "\nN: never changed" in digest.text
    )
    assert "LEN: changed 1 times" in digest.text


def test_a_run_of_crashes_alone_has_a_digest(task):
    crashes = [trial(n, "crashed", "nothing", None, None) for n in range(1, 9)]
    digest = make_digest(task, [BASELINE, *crashes], {})
    assert "8 crashed" in digest.brief and "none since 8 trials" in digest.brief
