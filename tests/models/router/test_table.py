"""Tables of outcomes: what is read, and what is refused with which words."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaloop.models.router.table import Row, Table, load_table, read_row

GOOD = '{"query": "q", "records": {"a": 1}}'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("[" * 100_000, "not JSON"),
        ('{"query": "q", "records": {"a": 1}, "cost": 1}', "unknown field 'cost'"),
        ('{"records": {"a": 1}}', "query: must be text"),
        ('{"query": " ", "records": {"a": 1}}', "query: must be text"),
        ('{"query": "\\ud800", "records": {"a": 1}}', "query: must be text"),
        ('{"query": "q"}', "records: must be"),
        ('{"query": "q", "records": {}}', "records: must be"),
        ('{"query": "q", "records": {" ": 1}}', "name of a model"),
        ('{"query": "q", "records": {"a": 1.5}}', "records.a: must be a score from 0 to 1"),
        ('{"query": "q", "records": {"a": NaN}}', "records.a: must be a score"),
        ('{"query": "q", "records": {"a": true}}', "records.a: must be a score"),
        ('{"query": "q", "records": {"a": null}}', "leave the model out"),
        ('{"query": "q", "records": {"a": 1, "a": 0}}', "'a' stands twice"),
        ('{"query": "q", "records": {"a": 1' + "0" * 400 + "}}", "records.a: must be a score"),
        ('{"query": "q", "records": {"a": 1}, "role": "boss"}', "role: must be one of proposer"),
        ('{"query": "q", "records": {"a": 1}, "usages": []}', "usages: must be"),
        ('{"query": "q", "records": {"a": 1}, "usages": {"b": {}}}', "usages.b: has no score"),
        ('{"query": "q", "records": {"a": 1}, "usages": {"a": {"usd": 1}}}', "usages.a: must be"),
        (
            '{"query": "q", "records": {"a": 1}, "usages": {"a": {"cost": -1}}}',
            "usages.a.cost: must be dollars",
        ),
        (
            '{"query": "q", "records": {"a": 1}, "usages": {"a": {"cost": Infinity}}}',
            "leave it out where it is unknown",
        ),
    ],
)
def test_a_bad_line_is_refused_by_file_line_and_field(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "table.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n")
    with pytest.raises(ValueError) as refused:
        load_table(path)
    assert str(refused.value).startswith(f"{path}, line 3: ")
    assert told in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no row in it"):
        load_table(path)


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD.encode() * 1000)[:-20])
    with pytest.raises(ValueError, match="cannot be read"):
        load_table(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        load_table(tmp_path / "nowhere.jsonl")


def test_rows_of_one_role_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    rows = [
        Row("a", {"m": 1.0}, role="proposer"),
        Row("b", {"m": 0.0}, role="inventor"),
        Row("c", {"m": 0.0}),
    ]
    path.write_text("\n".join(row.to_json() for row in rows))
    assert load_table(path, "inventor").queries == ["b"]
    assert load_table(path).queries == ["a", "b", "c"]
    with pytest.raises(ValueError, match="no row with role 'repairer'"):
        load_table(path, "repairer")


def test_what_is_missing_is_unknown_and_never_zero() -> None:
    table = Table([Row("q", {"a": 1.0, "b": 0.0}, {"a": 0.0}), Row("r", {"b": 1.0})])
    assert table.costs[0, 0] == 0.0
    assert math.isnan(table.costs[0, 1])
    assert math.isnan(table.scores[1, 0])


def test_duplicates_are_queries_that_differ_in_case_and_blanks() -> None:
    table = Table([Row(q, {"a": 1.0}) for q in ("What is it?", "what  is it?\n", "What is this?")])
    assert table.groups().tolist() == [0, 0, 1]


names = st.text(min_size=1).filter(lambda t: t.strip() and t.isprintable())
numbers = st.floats(0, 1)


@settings(deadline=None)
@given(names, st.dictionaries(names, numbers, min_size=1), st.data())
def test_a_row_comes_back_as_it_was_written(
    query: str, scores: dict[str, float], data: st.DataObject
) -> None:
    priced = data.draw(st.sets(st.sampled_from(sorted(scores))))
    row = Row(query, scores, dict.fromkeys(sorted(priced), 0.25), "proposer")
    assert read_row(row.to_json().encode(), "here") == row


fields = st.sampled_from(["query", "records", "usages", "role", "cost", "a"])
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(fields, inner),
)


@settings(deadline=None)
@given(values)
def test_any_json_is_read_or_refused_with_a_message(value: object) -> None:
    try:
        row = read_row(json.dumps(value).encode(), "here")
    except ValueError as error:
        assert str(error).startswith("here: ")
    else:
        assert all(0 <= score <= 1 for score in row.scores.values())
