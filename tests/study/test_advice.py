"""What `metaloop compare` advises from its results, and the page that says it."""

from dataclasses import replace

import pytest
from pages import check_page
from study.results import EFFECTS, STRONG, make_design, make_results

from metaloop.study.report.advice import duels, recommendation
from metaloop.study.report.comparison import differences, write_comparison
from metaloop.study.report.table import render_csv


def planned(seeds=10):
    arms = ("A", "C", "random", "tpe", "cma-es")
    return make_design(seeds=seeds, trials=8, arms=arms, models=(STRONG,))


def compared(seeds=10, noise=0.01, **effects):
    return make_results(planned(seeds), {**EFFECTS, **effects}, noise=noise)


def advised(seeds=10, noise=0.01, **effects):
    return recommendation(planned(seeds), compared(seeds, noise, **effects))


def test_advice_for_the_bilevel_loop():
    words = advised(C=0.5)
    assert words.startswith("Use the bilevel loop: it ended better than every other arm, by 0.1")
    assert "the closest, TPE (95 % interval +0.1" in words


def test_advice_for_what_is_free():
    assert advised(tpe=0.5).startswith("Use TPE: it ended 0.1")
    words = advised(C=0.34)
    assert words.startswith("TPE alone reaches the same for nothing")
    assert advised(C=0.34, noise=0.2).startswith("Start with ")


def test_advice_for_the_inner_loop():
    assert advised(C=0.5, A=0.5).startswith("The inner loop alone reaches the same")
    assert advised(C=0.3, A=0.6).startswith("Use the inner loop alone: it ended 0.")


@pytest.mark.parametrize("seeds", [1, 3, 7])
def test_no_advice_from_few_seeds(seeds):
    words = advised(seeds=seeds, C=0.9)
    assert words.startswith(f"Too few seeds to tell these arms apart ({seeds}, at least 8")
    assert "so far the bilevel loop leads" in words


def test_no_advice_without_gain():
    assert "no arm found any gain" in advised(**dict.fromkeys(EFFECTS, -9.0))
    words = advised(seeds=1, **dict.fromkeys(EFFECTS, -9.0))
    assert words.startswith("Too few seeds")
    assert words.endswith("so far no arm found any gain.")


def test_no_advice_before_all_runs_are_there(tmp_path):
    """A budget may end what asks models; what asks none is then made all the same."""
    design, results = planned(8), compared(8, C=0.5, A=0.6)
    assert recommendation(design, results).startswith("Use the inner loop alone")
    part = [r for r in results if r.cell.arm != "A" and (r.cell.arm, r.cell.seed) != ("C", 8)]
    words = recommendation(design, part)
    assert words == (
        "No recommendation before all runs are there: 9 of 40 are missing, of the inner loop alone "
        "(8) and the bilevel loop (1)."
    )
    assert words in write_comparison(design, part, tmp_path).with_suffix(".md").read_text("utf-8")
    # three p values, corrected for one another, would be too low where four are asked for
    assert {row[-1] for row in differences(design, part).rows} == {"-"}
    assert {row[-1] for row in differences(design, results).rows} != {"-"}


def test_advice_depends_on_pairs_not_on_spread():
    """Seeds that differ much hide nothing: what counts is the difference within each."""
    results = [replace(r, curve=[g + r.cell.seed for g in r.curve]) for r in compared(C=0.5)]
    assert {d.arm: d.verdict for d in duels(results)}["tpe"] == 1


def test_the_comparison_page(tmp_path):
    design, results = planned(2), compared(seeds=2)
    page = check_page(write_comparison(design, results, tmp_path).read_text("utf-8"))
    assert "metaloop compare" in page
    assert page.count("<svg") == 3
    assert (tmp_path / "cells.csv").read_text("utf-8") == render_csv(results)
    other = make_results(make_design(seeds=1, trials=4, tasks=("other",)))
    with pytest.raises(ValueError, match="of one task"):
        write_comparison(design, [*results, *other], tmp_path)
