"""A study never costs more than its budget, and goes on with a larger one."""

import pytest
from models.stub import ok, serving
from toy import write_toy
from typer.testing import CliRunner

from metaloop.cli import app
from metaloop.models import prices, provider
from metaloop.models.ledger import BudgetReached
from metaloop.project import Project
from metaloop.study.cells import run_cell, spent_usd
from metaloop.study.design import load_design
from metaloop.study.runner import run_study
from metaloop.study.store import Store

DESIGN = """
name = "dear"
arms = ["A", "C", "random"]
seeds = [1]
trials = 3
outer_every = 2
[models]
outer = ["openai:stub-1b@{url}"]
inner = ["openai:stub-1b@{url}"]
[[task]]
path = "toy"
matters = 0.5
"""


@pytest.fixture
def dear(tmp_path, monkeypatch):
    """A study of two cells whose model answers at a cent each, its project, and its endpoint."""
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    for module in (prices, provider):
        monkeypatch.setattr(module, "price", lambda *_: 0.01)
    write_toy(tmp_path / "toy")
    answers = (f'{{"hypothesis": "h", "params": [{{"X": {8 - i}.0}}]}}' for i in range(99))
    with serving(lambda number, body: ok(next(answers))) as stub:
        (tmp_path / "dear.toml").write_text(DESIGN.format(url=stub.url))
        yield load_design(tmp_path / "dear.toml"), Project(tmp_path), stub


def test_a_cell_stops_at_its_budget_and_goes_on_with_more(dear):
    design, project, stub = dear
    cell = design.cells()[0]
    with pytest.raises(BudgetReached, match=r"the budget of \$0\.02 is used up"):
        run_cell(design, cell, project, budget_usd=0.02)
    assert (len(stub.asked), spent_usd(design, project)) == (2, pytest.approx(0.02))
    with pytest.raises(BudgetReached, match="is used up"):
        run_cell(design, cell, project, budget_usd=0.0)
    assert len(stub.asked) == 2
    result, _ = run_cell(design, cell, project, budget_usd=1.0)
    assert (len(stub.asked), len(result.curve)) == (3, 4)


def test_what_cells_share_is_paid_once(dear):
    design, project, stub = dear
    for cell in design.cells():
        run_cell(design, cell, project)
    assert spent_usd(design, project) == pytest.approx(0.01 * len(stub.asked))


def test_what_costs_nothing_is_run_on_a_budget_that_is_used_up(dear):
    design, project, stub = dear
    text = design.file.read_text().replace(f"stub-1b@{stub.url}", "gpt-4o-mini")
    design.file.write_text(text)
    design = load_design(design.file)
    with pytest.raises(BudgetReached, match=r"the budget of \$0 is used up: \$0\.0000 spent"):
        run_study(design, project, budget_usd=0.0)
    assert [result.cell.arm for result in Store(design).results()] == ["random"]


def test_the_command_says_how_to_go_on(dear, monkeypatch):
    design, project, stub = dear
    text = design.file.read_text().replace(f"stub-1b@{stub.url}", "gpt-4o-mini")
    design.file.write_text(text)
    monkeypatch.chdir(project.root)
    done = CliRunner().invoke(app, ["study", "run", str(design.file), "--budget-usd", "0"])
    assert done.exit_code == 3, done.output
    assert "larger --budget-usd" in done.output


def test_cells_side_by_side_cannot_share_a_budget(dear):
    design, project, _ = dear
    with pytest.raises(ValueError, match="budget-usd: cells side by side"):
        run_study(design, project, workers=2, budget_usd=1.0)
