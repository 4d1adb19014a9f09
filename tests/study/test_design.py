"""A study's design is checked strictly, and says which cells there are."""

import pytest
from small import DESIGN, write_small
from study.results import make_results
from toy import write_toy
from typer.testing import CliRunner

from metaloop.cli import app
from metaloop.study.design import load_design
from metaloop.study.result import Cell
from metaloop.study.store import Store


def test_cells_are_paired_by_seed_and_ask_only_the_models_that_their_arm_needs(tmp_path):
    design = load_design(write_small(tmp_path))
    cells = design.cells()
    strong, cheap = design.outer
    assert len(cells) == len(set(cells)) == 2 * (4 + 2 + 4 + 1)
    assert cells[:4] == [
        Cell("toy", "C", o, i, 1) for o in (strong, cheap) for i in (strong, cheap)
    ]
    assert Cell("toy", "A", None, cheap, 2) in cells
    assert Cell("toy", "no-llm", None, None, 1) in cells
    assert len({cell.key for cell in cells}) == len(cells)


def test_arms_differ_in_nothing_but_their_treatment(tmp_path):
    design = load_design(write_small(tmp_path))
    by_arm = {c.arm: design.settings(c).to_dict() for c in design.cells() if c.seed == 1}
    treatment = {"inner", "outer", "levels", "control", "first"}
    rest = [{k: v for k, v in s.items() if k not in treatment} for s in by_arm.values()]
    assert all(settings == rest[0] for settings in rest)
    assert by_arm["C"]["levels"] == by_arm["placebo"]["levels"]
    assert by_arm["placebo"]["control"] == "placebo"


def test_pairs_may_be_named(tmp_path):
    file = write_small(tmp_path)
    text = DESIGN.replace(
        "[[task]]", 'pairs = [["local:qwen2.5-coder-0.5b", "local:smollm2-135m"]]\n[[task]]'
    )
    file.write_text(text)
    cells = [c for c in load_design(file).cells() if c.arm == "C"]
    assert {(c.outer, c.inner) for c in cells} == {
        ("local:qwen2.5-coder-0.5b", "local:smollm2-135m")
    }


def test_models_that_look_alike_do_not_share_a_file():
    alike = ["openai:m@http://a/v1", "openai:m@http://b/v1", "openai:m", "local:m"]
    alike += ["router:local:m|openai:m@0.5", "router:local:m|openai:m@0.7"]
    alike += ["openai:a/b", "openai:a-b"]
    keys = {Cell("toy", "A", None, model, 1).key for model in alike}
    assert len(keys) == len(alike)
    assert "toy/A/m/seed-1" in keys
    assert all(key.count("/") == 3 for key in keys)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"no-llm"', '"nollm"', ["arms", "no such arm: nollm", "no-llm"]),
        ("seeds = [1, 2]", "seeds = []", ["seeds", "at least 1"]),
        ("trials = 6", "trials = 0", ["trials", "greater than or equal to 1"]),
        ("trials = 6", "trails = 6", ["trails: unknown key"]),
        ("trials = 6", 'trials = 6\ndecides = "tpe"', ["decides", "'tpe'", "list both in arms"]),
        ("trials = 6", 'trials = 6\ndecides = "C"', ["decides", "name another arm"]),
        ("matters = 0.5", "matters = 0", ["task.0.matters", "greater than 0"]),
        ("matters = 0.5", "", ["task.0.matters: missing"]),
        ('path = "toy"', 'path = "elsewhere"', ["elsewhere", "no such file"]),
        ('"local:smollm2-135m"]\ninner', '"smollm2"]\ninner', ["models.outer", "provider:name"]),
        ('name = "small"', 'name = "Small Study"', ["name", "pattern"]),
        ("[[task]]", '[[task]]\npath = "toy"\nmatters = 1\n[[task]]', ["two tasks", "rename"]),
        ("[models]", "[models", ["not valid TOML"]),
    ],
)
def test_bad_designs_are_refused_with_the_file_the_key_and_the_mend(tmp_path, old, new, words):
    file = write_small(tmp_path)
    assert old in DESIGN
    file.write_text(DESIGN.replace(old, new, 1))
    with pytest.raises(ValueError) as caught:
        load_design(file)
    for word in words:
        assert word in str(caught.value)


def test_arms_without_models_need_a_space_and_others_need_models(tmp_path):
    file = write_small(tmp_path)
    file.write_text(DESIGN.replace("[models]", "[models]\npairs = []"))
    with pytest.raises(ValueError, match="list at least one for each loop"):
        load_design(file)
    toml = write_toy(tmp_path / "toy") / "metaloop.toml"
    before, _, after = toml.read_text().partition("[space]")
    toml.write_text(before + after[after.index("[holdout]") :])
    file.write_text(DESIGN)
    with pytest.raises(ValueError, match=r"has no \[space\]"):
        load_design(file)


def test_a_run_of_a_design_with_too_few_seeds_begins_with_a_warning(tmp_path, monkeypatch):
    """Here all cells are there already, so that none is run."""
    monkeypatch.chdir(tmp_path)
    design = load_design(write_small(tmp_path))
    for result in make_results(design):
        Store(design).write(result, {})
    done = CliRunner().invoke(app, ["study", "run", "small.toml"])
    assert done.exit_code == 0, done.output
    assert "warning: 2 seeds cannot tell a difference from chance" in done.stderr
    assert "at least 6 for what decides and 8 for the other contrasts" in done.stderr


def test_a_report_in_the_place_of_the_task_is_refused(tmp_path):
    """It would lie among the program's files."""
    file = write_small(tmp_path)
    file.write_text(DESIGN.replace('name = "small"', 'name = "toy"'))
    with pytest.raises(ValueError, match=r"name: the report would be written into .*toy; rename"):
        load_design(file)


def test_a_task_of_other_content_is_another_task(tmp_path):
    file = write_small(tmp_path)
    before = load_design(file).tasks[0].content
    (tmp_path / "toy" / "README.md").write_text("about it")
    assert load_design(file).tasks[0].content == before
    (tmp_path / "toy" / "secret.txt").write_text("4")
    assert load_design(file).tasks[0].content != before
