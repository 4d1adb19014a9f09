"""`metaloop route` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metaloop.cli import app
from metaloop.models.router.table import Row

from .tables import rows


def route(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["route", *map(str, words)])
    return result.exit_code, result.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.jsonl"
    path.write_text("\n".join(row.to_json() for row in rows(300)))
    return path


def test_fit_and_explain(table: Path, tmp_path: Path) -> None:
    router = tmp_path / "router.json"
    code, told = route("fit", table, "-o", router)
    assert code == 0
    assert "300 rows, 3 models; best single model: ada" in told
    assert "clusters earn" in told
    code, told = route("explain", "oven butter flour roast dough", "--router", router)
    assert code == 0
    assert told.startswith("eve: best of clusters")
    assert "a typical query" in told
    code, told = route("explain", "court judge", "--router", router, "--alpha", 1, "--json")
    assert json.loads(told)["model"] == "bob"
    assert json.loads(told)["fallbacks"]


def test_eval_prints_the_controls(table: Path, tmp_path: Path) -> None:
    code, told = route("eval", table, "--plot", tmp_path / "curve.svg", "--json")
    assert code == 0
    arms = {point["arm"] for point in json.loads(told)["points"]}
    assert arms == {
        "router", "no cluster", "shuffled embedding", "best single", "random", "oracle"
    }  # fmt: skip
    assert "<svg" in (tmp_path / "curve.svg").read_text()


def test_eval_prints_a_dash_where_nothing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    logged = [Row(r.query, {"bob": 0.2}) for r in rows(12)]
    logged[3] = Row(logged[3].query, {"ada": 1.0})  # no split holds it out
    path.write_text("\n".join(row.to_json() for row in logged))
    code, told = route("eval", path)
    assert code == 0
    assert "nan" not in told
    assert any(line.split()[-3:] == ["-", "-", "unknown"] for line in told.splitlines())
    assert "NaN" not in route("eval", path, "--json")[1]


def test_bad_input_ends_with_code_2_and_the_mend(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"query": "q", "records": {"a": 7}}')
    code, told = route("fit", bad)
    assert code == 2
    assert "line 1: records.a" in told
    code, told = route("explain", "q", "--router", tmp_path / "none.json")
    assert code == 2
    assert "metaloop route fit" in told
    assert route("fit", bad, "--embed", "word2vec")[0] == 2


def test_serving_to_others_without_a_key_is_refused(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("METALOOP_ROUTE_KEY", raising=False)
    router = tmp_path / "router.json"
    route("fit", table, "-o", router)
    code, told = route("serve", "--router", router, "--host", "0.0.0.0")
    assert code == 2
    assert "METALOOP_ROUTE_KEY" in told
    code, told = route("serve", "--router", router)
    assert code == 2
    assert "provider:name" in told  # ada, bob and eve cannot be called
