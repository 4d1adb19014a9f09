"""Level 2: inventing and repairing, with models that fail in every way."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedModel
from toy import write_toy

from metaloop.models.base import ModelError
from metaloop.outer.contract import check_source
from metaloop.outer.invent import REPAIRS, SMALL_REPAIRS, code_of, invent, without_examples
from metaloop.outer.prompts import THINKING, Brief
from metaloop.task.spec import load_task

CODE = "class Mine(Mechanism):\n    def suggest(self, history):\n        return {}"


@pytest.fixture
def brief(tmp_path):
    return Brief(
        task=load_task(write_toy(tmp_path / "toy")),
        digest="the whole digest",
        brief="the short digest",
        inner_loop="def inner_loop(): ...",
        mechanisms={"tpe": "class TPE: ..."},
        failures=["Quantum (annealing): no better than random search"],
        tried=frozenset({"annealing"}),
    )


async def invented(brief, answers, error="line 3: it is wrong", small=True, seed=7):
    """Have something invented; `error` is what the contract says until the code reads "good"."""
    model = ScriptedModel(answers, small=small)

    async def prove(source):
        return "" if "good" in source else error

    return await invent(model, model, brief, prove, seed), model.requests


async def test_a_small_model_gets_one_call_with_one_idea(brief):
    invention, (request,) = await invented(brief, [f"```python\n{CODE}  # good\n```"])
    assert invention.proven
    assert (invention.name, invention.reason) == ("Mine", "")
    assert invention.idea in request.prompt
    assert invention.idea != "annealing"  # tried before
    assert "the short digest" in request.prompt
    assert "class StepFromBest" in request.system
    assert "the whole digest" not in request.prompt


async def test_ideas_differ_by_seed(brief):
    ideas = {(await invented(brief, ["good"], seed=seed))[0].idea for seed in range(20)}
    assert len(ideas) > 5


@pytest.mark.parametrize("small", [True, False])
async def test_repairs_change_seed_and_temperature_and_show_the_error(brief, small):
    answers = lambda request: f"{CODE}  # {request.seed}"  # noqa: E731
    invention, requests = await invented(brief, answers, small=small)
    written = requests[0 if small else len(THINKING) :]
    repairs = SMALL_REPAIRS if small else REPAIRS
    assert len(written) == len(invention.attempts) == repairs + 1
    assert [r.role for r in written] == ["inventor"] + ["repairer"] * repairs
    assert len({r.seed for r in requests}) == len(requests)
    temperatures = [r.temperature for r in written]
    assert temperatures == sorted(temperatures)
    assert temperatures[-1] > temperatures[0]
    for before, request in pairwise(written):
        assert "line 3: it is wrong" in request.prompt
        assert f"# {before.seed}" in request.prompt  # the latest version, not the first
    assert not invention.proven
    assert invention.reason == "line 3: it is wrong"
    assert [a.temperature for a in invention.attempts] == temperatures


async def test_a_repair_that_works_ends_it(brief):
    invention, requests = await invented(brief, [CODE, f"{CODE}  # good", "never asked"])
    assert invention.proven
    assert len(requests) == 2
    assert [a.error for a in invention.attempts] == ["line 3: it is wrong", ""]
    assert "good" in invention.source


async def test_a_strong_model_thinks_first_and_reads_everything(brief):
    answers = ["explored", "criticized", "# Annealing from elites\nsteps", f"{CODE} # good"]
    invention, requests = await invented(brief, answers, small=False)
    assert invention.idea == "Annealing from elites"
    assert "explored" in requests[1].prompt
    assert "criticized" in requests[2].prompt
    assert "# Annealing from elites\nsteps" in requests[3].prompt
    for part in ("the whole digest", "class TPE", "Quantum (annealing): no better"):
        assert part in requests[-1].prompt
    assert "def inner_loop()" in requests[-1].system
    assert "class PointMechanism" in requests[-1].system


@pytest.mark.parametrize(
    ("base", "kept", "other"),
    [("PointMechanism", "def move(", "def suggest("), ("Mechanism", "def suggest(", "def move(")],
)
async def test_a_strong_repairer_mends_what_a_strong_model_wrote(brief, base, kept, other):
    """Its length and its kind may be as they were, and it reads what the inventor read."""
    code = CODE.replace("Mechanism", base)
    _, requests = await invented(brief, ["a", "b", "c", code, f"{code} # good"], small=False)
    written, repaired = requests[-2:]
    assert kept in written.prompt and other in written.prompt
    rules = repaired.prompt.partition("mended. ")[2]
    assert kept in rules and other not in rules
    assert "at most 120 lines" in written.prompt and "at most 120 lines" in rules
    assert repaired.system == written.system


async def test_a_small_repairer_is_asked_in_its_own_words(brief):
    strong = ScriptedModel(["a", "b", "c", CODE], small=False)
    small = ScriptedModel([f"{CODE} # good"])

    async def prove(source):
        return "" if "good" in source else "it is wrong"

    await invent(strong, small, brief, prove, 7)
    [request] = small.requests
    assert "class StepFromBest" in request.system
    assert "at most 40 lines" in request.prompt


@pytest.mark.parametrize("small", [True, False])
async def test_a_model_that_never_answers_is_on_record(brief, small):
    invention, _ = await invented(brief, lambda r: ModelError("502 bad gateway"), small=small)
    assert not invention.proven
    assert invention.reason == "the model gave no answer: 502 bad gateway"
    assert invention.name == "unnamed"


async def test_thinking_survives_a_failed_call(brief):
    answers = [ModelError("x"), "explored", "criticized", ModelError("x"), "specified", "good"]
    invention, requests = await invented(brief, answers, small=False)
    assert invention.proven
    assert len({r.seed for r in requests}) == len(requests)


async def test_no_answer_to_a_repair_is_not_shown_as_the_error(brief):
    answers = ["a", "b", "c", CODE, ModelError("overloaded"), f"{CODE} # good"]
    invention, requests = await invented(brief, answers, small=False)
    assert invention.proven
    assert "line 3: it is wrong" in requests[-1].prompt
    assert "overloaded" not in requests[-1].prompt


garbage = ["", "\0", "I cannot help with that.", "```python\n```", "\ud800", "{" * 5000,
           "x = " + "-" * 15_000 + "1", "1+" * 6000 + "1", "class \x1b[2J:", "```"]  # fmt: skip


@pytest.mark.parametrize("text", garbage)
async def test_garbage_is_a_failed_invention_with_a_reason(brief, text):
    model = ScriptedModel(lambda request: text)

    async def prove(source):
        return check_source(source)

    invention = await invent(model, model, brief, prove, 7)
    assert not invention.proven
    assert invention.reason
    assert invention.name == "unnamed"
    assert len(invention.attempts) == SMALL_REPAIRS + 1


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        f"\n{CODE}\n\n",
        f"```python\n{CODE}\n```",
        f"```py\n{CODE}\n```\nThat should do.",
        f"Sure, here it is:\n\n```\n{CODE}\n```\nIt anneals.",
        f"First install it:\n```\npip install x\n```\nthen\n```python\n{CODE}\n```",
        f"```python  \n{CODE}",  # cut short by max_tokens
        f"```Python\n{CODE}\n```",
        f"```python3\n{CODE}\n```",
        f"```python\r\n{CODE}\n```",
    ],
)
def test_code_is_found_in_prose(text):
    assert code_of(text) == CODE


@pytest.mark.parametrize(
    "example",
    [
        "mechanism = Ladder()\nprint(mechanism.move([[0.1, 0.2]], [1.0], 0))",
        "if __name__ == '__main__':\n    Ladder().move(\n        [], [], 0)",
        "for point in [[0.1], [0.2]]:\n    print(point)",
        '"""It is called like this."""\npoints = [[0.5]]',
    ],
)
def test_what_shows_how_it_is_called_is_left_out(example):
    assert without_examples(f"{CODE}\n\n{example}\n") == CODE


@pytest.mark.parametrize(
    "source", [CODE, "STEP = 1\n" + CODE, CODE + "\n\ndef helper():\n    pass", "x ="]
)
def test_what_a_mechanism_is_made_of_stays(source):
    assert without_examples(source) == source


@given(st.text(alphabet="`\n pythoncls:x", max_size=200))
def test_code_of_any_text_is_text(text):
    assert isinstance(code_of(text), str)
