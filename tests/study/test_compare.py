"""`metaloop compare`: the one-line form of a study, against a real HTTP endpoint."""

import json

import pytest
from models.stub import ok, serving
from study.results import make_results
from toy import TOML, commit, write_toy
from typer.testing import CliRunner

from metaloop.cli import app
from metaloop.study.compare import design_comparison
from metaloop.study.store import Store
from metaloop.task.spec import load_task

MODEL = "openai:stub@http://127.0.0.1:1/v1"


def test_the_design_has_equal_trials_and_survives_odd_paths(tmp_path):
    task = load_task(write_toy(tmp_path / 'a "quoted" \\ \x1b place'))
    design = design_comparison(
        task, MODEL, MODEL, trials=5, seeds=range(1, 4), home=tmp_path / "home"
    )
    assert design.arms == ("C", "A", "random", "tpe", "cma-es")
    assert {design.settings(cell).trials for cell in design.cells()} == {5}
    assert design.settings(design.cells()[0]).outer_every == 1
    assert design.tasks[0].task.directory == task.directory


def test_a_task_without_a_space_is_compared_with_the_inner_loop_alone(tmp_path):
    toy = write_toy(tmp_path / "toy")
    before, _, after = TOML.partition("[space]")
    (toy / "metaloop.toml").write_text(before + after[after.index("[holdout]") :])
    design = design_comparison(
        load_task(toy), MODEL, MODEL, trials=5, seeds=[1], home=tmp_path / "home"
    )
    assert design.arms == ("C", "A")


def test_what_does_not_compare_is_kept_apart(tmp_path):
    toy = write_toy(tmp_path / "toy")
    path = toy / "metaloop.toml"
    path.write_text(path.read_text().replace('name = "toy"', 'name = "My_toy.v2"'))

    def folder(trials=5, seeds=(1,)):
        design = design_comparison(
            load_task(toy), MODEL, MODEL, trials=trials, seeds=seeds, home=tmp_path / "home"
        )
        return design.file.parent

    first = folder()
    assert first.name.startswith("My_toy.v2-")
    assert folder(seeds=(1, 2)) == first
    assert folder(trials=6) != first
    (toy / "train.py").write_text((toy / "train.py").read_text().replace("9.0", "8.0"))
    assert folder() != first


@pytest.mark.parametrize("answer", ['{"hypothesis": "h", "params": [{"X": 4.0}]}', "no idea"])
def test_a_user_gets_a_table_a_plot_and_one_sentence(tmp_path, monkeypatch, answer):
    toy = commit(write_toy(tmp_path / "toy"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    with serving(lambda number, body: ok(answer)) as stub:
        command = ["compare", str(toy), "--inner", f"openai:stub-1b@{stub.url}"]
        done = CliRunner().invoke(app, [*command, "--trials", "3", "--seeds", "1"])
        assert done.exit_code == 0, done.output
        asked = len(stub.asked)
        again = CliRunner().invoke(app, [*command, "--trials", "3", "--seeds", "1"])
        assert len(stub.asked) == asked  # what is done stays done
    assert "Too few seeds to tell these arms apart" in done.output
    assert "random" in again.output
    [folder] = (tmp_path / ".metaloop" / "compare").iterdir()
    assert "<svg" in (folder / "compare.html").read_text()
    rows = (folder / "cells.csv").read_text().splitlines()
    assert len(rows) == 1 + 5
    cells = [json.loads(path.read_text()) for path in folder.rglob("seed-1.json")]
    assert {cell["result"]["cell"]["arm"] for cell in cells} == {
        "C",
        "A",
        "random",
        "tpe",
        "cma-es",
    }


def test_who_adds_seeds_is_told_that_this_is_a_second_look(tmp_path, monkeypatch):
    toy = commit(write_toy(tmp_path / "toy"))
    monkeypatch.chdir(tmp_path)
    task, home, there = load_task(toy), tmp_path / ".metaloop" / "compare", set()

    def compare(seeds):
        design = design_comparison(task, MODEL, MODEL, trials=3, seeds=seeds, home=home)
        for result in make_results(design):
            if result.cell not in there:
                Store(design).write(result, {})
                there.add(result.cell)
        command = ["compare", str(toy), "--inner", MODEL, "--trials", "3"]
        done = CliRunner().invoke(app, [*command, "--seeds", str(len(seeds))])
        assert done.exit_code == 0, done.output
        page, markdown = (design.file.parent / f"compare.{kind}" for kind in ("html", "md"))
        return ["looks again" in text for text in (done.output, *map(read, (page, markdown)))]

    assert compare(range(1, 3)) == [False] * 3
    assert compare(range(1, 4)) == [True] * 3


def read(path):
    return path.read_text(encoding="utf-8")


def test_without_a_model_it_says_what_to_add(tmp_path):
    toy = commit(write_toy(tmp_path / "toy"))
    done = CliRunner().invoke(app, ["compare", str(toy)])
    assert done.exit_code == 2
    assert "--inner MODEL" in done.output
