"""How far a study is: what the line of its progress says."""

from study.results import make_design, make_results

from metaloop.study.progress import progress


def test_no_cell_is_called_the_last_that_was_not():
    """Arms without a model may be done before the first that asks one: results say no order."""
    design = make_design(seeds=2, arms=("C", "tpe"))
    results = make_results(design)
    bare = [r for r in results if r.cell.arm == "tpe"]
    state = progress(design, [results[0], *bare])
    assert state.line().startswith("3 of 10 cells; the rest takes about")
