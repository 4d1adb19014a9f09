"""What a report says of who made its cells and by which plan: only what is not the same for all."""

import json

import pytest
from small import DESIGN, write_small
from study.results import make_results
from typer.testing import CliRunner

from metaloop.cli import app
from metaloop.study.design import load_design
from metaloop.study.report.findings import find
from metaloop.study.report.words import silent
from metaloop.study.store import Store

HERE = {"source": "aaaa", "platform": "Linux-6.1", "processor": "x86_64", "python": "3.11"}


@pytest.fixture
def design(tmp_path):
    return load_design(write_small(tmp_path))


def fill(design, machine=lambda cell: HERE):
    """Made-up results for all cells."""
    for result in make_results(design):
        Store(design).write(result, machine(result.cell))


def edited(design, *edits):
    """The design, with parts of its text replaced."""
    text = DESIGN
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    design.file.write_text(text)
    return load_design(design.file)


def told(design):
    """What its report says that it does not say."""
    store = Store(design)
    return " ".join(silent(find(design, store.results(), store.origins())))


def test_cells_that_were_all_made_alike_need_no_word(design):
    fill(design)
    plain = silent(find(design, Store(design).results()))
    assert told(design) == " ".join(plain)


def test_states_of_the_repository_are_told_for_each_task(design):
    states = {1: "aaaa", 2: "bbbb"}
    fill(design, lambda cell: HERE | {"repository": states[cell.seed]})
    assert "Not all runs of a task began with the same state" in told(design)
    fill(design, lambda cell: HERE | ({"repository": "aaaa"} if cell.seed == 1 else {}))
    assert "began with the same state" not in told(design)


def test_cells_of_which_nothing_is_known_need_no_word(design):
    """Older files know neither source nor plan."""
    fill(design, lambda cell: {"platform": "Linux-6.1"})
    for path in design.cells_folder.rglob("seed-*.json"):
        data = json.loads(path.read_text())
        del data["beforehand"]
        path.write_text(json.dumps(data))
    changed = edited(design, ("matters = 0.5", "matters = 0.1"))
    assert told(changed) == " ".join(silent(find(changed, Store(changed).results())))


@pytest.mark.parametrize(
    ("other", "says", "not_says"),
    [
        ({"source": "bbbb"}, "2 versions of metaloop", "systems"),
        ({"source": None}, "2 versions of metaloop", "systems"),
        ({"platform": "Linux-6.2"}, "2 systems", "versions"),
        ({"processor": "arm"}, "2 systems", "versions"),
    ],
)
def test_who_made_the_cells_is_said_where_it_differs(design, other, says, not_says):
    fill(design, lambda cell: HERE | other if cell.arm == "C" else HERE)
    words = told(design)
    assert says in words
    assert not_says not in words


def test_what_was_changed_after_cells_were_there_is_said(design):
    fill(design)
    changed = edited(design, ("matters = 0.5", "matters = 0.05"), ("[1, 2]", "[2, 1, 3]"))
    store = Store(changed)
    for result in make_results(changed):
        if result.cell.seed == 3:
            store.write(result, HERE)
    again = edited(
        design,
        ("matters = 0.5", "matters = 0.05"), ("[1, 2]", "[1, 2, 3]"),
        ('question = "Do', 'decides = "A"\nquestion = "Do'),
    )  # fmt: skip
    words = told(again)
    assert "`seeds` (after 22 of these cells)" in words
    assert "`matters` (after 22 of these cells)" in words
    assert "`decides` (after 33 of these cells)" in words
    assert "`arms`" not in words
    assert "`question`" not in words


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("mixed pairs end better", "mixed pairs end worse", "question"),
        ('"placebo", "no-llm"', '"placebo"', "arms"),
        ("[1, 2]", "[1]", "seeds"),
        ("[models]", '[models]\npairs = [["local:smollm2-135m", "local:smollm2-135m"]]', "models"),
    ],
)
def test_each_part_of_a_plan_is_watched(design, old, new, key):
    fill(design)
    assert f"`{key}` (after " in told(edited(design, (old, new)))


def test_the_order_in_which_a_design_lists_things_is_no_change(design):
    fill(design)
    changed = edited(design, ("[1, 2]", "[2, 1]"), ('"C", "A"', '"A", "C"'))
    assert "changed since" not in told(changed)


def test_a_user_reads_it_in_the_report(design):
    fill(design, lambda cell: HERE | {"source": cell.arm})
    done = CliRunner().invoke(app, ["study", "report", str(design.file)])
    assert done.exit_code == 0, done.output
    for name in ("report.md", "report.html"):
        assert "4 versions of metaloop" in (design.report_folder / name).read_text()
