"""Names of routers, and the roles that they may fill."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaloop.models.reference import connect, members
from metaloop.models.roles import Roles
from metaloop.models.router.file import save
from metaloop.models.router.fit import fit
from metaloop.models.router.name import RouterName, name_of
from metaloop.models.router.table import Row, Table

SMALL, LARGE = "local:qwen2.5-coder-0.5b", "local:qwen2.5-coder-1.5b"
PAIR = f"router:{SMALL}|{LARGE}"


def test_models_and_alpha_are_read() -> None:
    url = "openai:x@http://127.0.0.1:1/v1"
    assert RouterName.parse(f"router:{SMALL}|{url}@0.7") == RouterName(None, (SMALL, url), 0.7)
    assert RouterName.parse(f"router:{SMALL}|{url}").models == (SMALL, url)
    assert RouterName.parse("router:a/b.json@1").file == "a/b.json"
    assert name_of({"router": [SMALL, LARGE], "alpha": 0.7}) == f"{PAIR}@0.7"


@pytest.mark.parametrize(
    "text", ["router:", f"{PAIR}@2", f"{PAIR}@nan", f"router:{SMALL}|", f"router:{SMALL}|{SMALL}"]
)
def test_a_bad_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"router|alpha"):
        connect(text)


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"router": SMALL},
        {"router": [SMALL]},
        {"router": [SMALL, 1]},
        {"router": [SMALL, LARGE], "alpha": "x"},
        {"router": [SMALL, LARGE], "alpha": 2},
        {"router": [SMALL, LARGE], "beta": 1},
    ],
)
def test_a_bad_table_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"router|alpha"):
        name_of(table)


def test_a_task_may_name_a_router(toy: Path) -> None:
    from metaloop.task.spec import TaskError, load_task

    path = toy / "metaloop.toml"
    text = path.read_text()
    table = f'{{ router = ["{SMALL}", "{LARGE}"], alpha = 0.7 }}'
    path.write_text(f"{text}\n[models]\nproposer = {table}\n")
    spec = load_task(toy).spec
    assert spec.models == {"proposer": f"{PAIR}@0.7"}
    assert type(spec).model_validate(spec.model_dump(mode="json")) == spec
    path.write_text(f"{text}\n[models]\nproposer = {{ router = [] }}\n")
    with pytest.raises(TaskError, match=r"\[models\] proposer: write"):
        load_task(toy)


def test_a_fitted_router_answers_with_the_models_of_its_file(tmp_path: Path) -> None:
    rows = [Row(f"query {i}", {SMALL: 0.2, LARGE: 0.9}) for i in range(20)]
    save(fit(Table(rows)), tmp_path / "r.json")
    name = f"router:{tmp_path / 'r.json'}"
    assert members(name) == [LARGE, SMALL]
    assert connect(name).name == name
    save(fit(Table([Row("q", {"gpt": 1.0})])), tmp_path / "r.json")
    with pytest.raises(ValueError, match="provider:name"):
        connect(name)


def test_a_router_may_fill_every_role() -> None:
    assert {model.name for model in Roles(PAIR, PAIR).values()} == {PAIR}


def test_what_is_missing_is_told_of_each_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    told = Roles("router:openai:a|anthropic:b", "openai:a").missing()
    assert len(told) == 2
