"""The files of a study's report: a page that can do nothing, a table that reads back.

They are the same for the same results.
"""

import csv
import io
import random
import re
from dataclasses import replace

import pytest
from pages import check_page
from study.results import EFFECTS, make_design, make_results

from metaloop.study.arms import ARMS
from metaloop.study.report.comparison import write_comparison
from metaloop.study.report.table import render_csv
from metaloop.study.report.write import write
from metaloop.study.result import Mechanism

EVIL = "</p><script>alert(1)</script>\x1b[31m ` | ``` $x$ [a](javascript:alert(1)) \u202e*#"
SMALL = ("A", "C", "tpe")


def test_csv_reads_back_exactly():
    design = make_design(seeds=11, trials=8, arms=("C", "tpe"))
    results = make_results(design)
    rows = list(csv.DictReader(io.StringIO(render_csv(results))))
    by_key = {(r.cell.arm, r.cell.outer or "", r.cell.inner or "", r.cell.seed): r for r in results}
    assert len(rows) == len(results) == 55
    for row in rows:
        result = by_key[row["arm"], row["outer"], row["inner"], int(row["seed"])]
        assert float(row["gain"]) == result.gain
        assert float(row["area"]) == result.area
        assert float(row["sealed_gain"]) == result.sealed
        assert float(row["model_seconds"]) == result.model_seconds
        assert int(row["trials"]) == 8
        assert (row["invented"], row["proven"]) == (("2", "1") if row["arm"] == "C" else ("0", "0"))
    assert [int(r["seed"]) for r in rows[:11]] == list(range(1, 12))
    unknown = replace(results[0], usd=None, sealed=None)
    [row] = csv.DictReader(io.StringIO(render_csv([unknown])))
    assert (row["usd"], row["sealed_gain"]) == ("", "")


def test_csv_does_not_depend_on_the_machine():
    results = make_results(make_design(seeds=2, trials=8, arms=SMALL))
    slower = [replace(r, trial_seconds=r.trial_seconds * 3) for r in results]
    assert render_csv(results) == render_csv(slower)


def test_the_report_is_the_same_in_every_order(tmp_path):
    design = make_design(seeds=3, trials=6, arms=SMALL, tasks=("ngram-lm", "memory-qa"))
    results = make_results(design)
    write(design, results, tmp_path / "a")
    random.Random(0).shuffle(results)
    write(design, [*results, results[0]], tmp_path / "b")
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert {"report.html", "report.md", "cells.csv", "curves-1.svg", "heat-2.svg"} <= set(files)
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_foreign_text_can_do_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(ARMS, EVIL, ARMS["A"])
    design = make_design(
        seeds=2,
        models=(f"local:a{EVIL}", f"local:b{EVIL}"),
        arms=("C", "A", EVIL),
        tasks=(f"task {EVIL}",),
        trials=6,
        name=EVIL,
        question=EVIL,
    )
    results = make_results(design, {**EFFECTS, EVIL: 0.1})
    ghost = Mechanism("m1", EVIL, "generated", "installed", True, 1, 0, 0.1)
    results = [replace(r, mechanisms=[ghost]) for r in results]
    path = write(design, results, tmp_path / "study")
    page = check_page(path.read_text("utf-8"))
    assert "&lt;script&gt;" in page
    outside = re.sub(r"`[^`]*`", "", path.with_suffix(".md").read_text("utf-8"))
    assert "<script" not in re.sub(r"\\<", "", outside)
    assert "[a](" not in outside.replace("\\[a\\](", "")
    rows = [line for line in outside.splitlines() if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 5  # one for each table
    path = write_comparison(design, results, tmp_path / "compare")
    check_page(path.read_text("utf-8"))


def test_the_page_needs_nothing_else(tmp_path):
    design = make_design(seeds=2, trials=6)
    page = check_page(write(design, make_results(design), tmp_path).read_text("utf-8"))
    assert page.count("<svg") == 5
    for title in ("What the data says", "What it does not say", "Did the mechanisms act?"):
        assert title in page


@pytest.mark.parametrize("keep", [lambda c: False, lambda c: c.arm == "tpe", lambda c: c.seed == 1])
def test_a_report_of_what_little_there_is(keep, tmp_path):
    design = make_design(seeds=2, trials=4, arms=SMALL)
    results = [r for r in make_results(design) if keep(r.cell)]
    page = check_page(write(design, results, tmp_path).read_text("utf-8"))
    assert "preliminary" in page
    assert "nan" not in re.sub(r"<[^>]*>", "", page)
