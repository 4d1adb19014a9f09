"""What the report of a study claims: its words follow the numbers."""

import re
from dataclasses import replace

import numpy as np
import pytest
from study.results import (
    ARMS,
    CHEAP,
    EFFECTS,
    STRONG,
    make_design,
    make_result,
    make_results,
)

from metaloop.study.design import Design
from metaloop.study.report import rows
from metaloop.study.report.findings import find, questions
from metaloop.study.report.labels import Names
from metaloop.study.report.trade import points
from metaloop.study.report.words import forewarned, headline, incomplete, legend, says, silent
from metaloop.study.report.write import write
from metaloop.study.result import Mechanism

SMALL = ("A", "C", "tpe")


def told(design, results):
    """The headline and all that the data of the first task says."""
    findings = find(design, results)
    task = findings.tasks[0]
    return headline(findings, task), " ".join(says(findings, task))


def test_a_planted_effect_is_claimed():
    design = make_design(trials=8, arms=SMALL)
    top, text = told(design, make_results(design, mixed=0.06))
    assert (
        top
        == "Different models in the two loops did better than the same one in both on `ngram-lm`."
    )
    assert "Mixed pairs of `1.5b` and `0.5b` ended 0.06" in text
    assert "a difference was seen, and 0.02, what is worth having, is below it." in text


def test_a_planted_loss_is_claimed():
    design = make_design(trials=8, arms=SMALL)
    top, text = told(design, make_results(design, mixed=-0.06))
    assert top.startswith(
        "Different models in the two loops did worse than the same one in both on `ngram-lm`."
    )
    assert re.search(r"ended 0\.0\d+ worse than the mean", text)


def test_no_effect_is_none_at_this_power():
    design = make_design(trials=8, arms=SMALL)
    top, text = told(design, make_results(design, noise=0.06))
    assert (
        top
        == "No difference seen at this power between mixed and pure pairs of models on `ngram-lm`."
    )
    assert "no difference was seen at this power. A true difference of 0.02" in text
    assert re.search(
        r"found in \d+ % of studies whose seeds scatter as here \(in 80 % with \d+ seeds\)", text
    )
    assert "the interval does not rule it out" in text


def test_small_noise_rules_a_difference_out():
    design = make_design(trials=8, arms=SMALL)
    _, text = told(design, make_results(design, noise=0.004))
    assert "the interval rules it out" in text


def test_who_sits_outside():
    design = make_design(trials=8, arms=("C",))
    _, text = told(design, make_results(design, role=0.1))
    assert "Who sits outside: `1.5b` over `0.5b` did better than the reverse" in text
    _, text = told(design, make_results(design, role=-0.1))
    assert "Who sits outside: `1.5b` over `0.5b` did worse than the reverse" in text


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_few_seeds_tell_nothing(seeds):
    design = make_design(seeds=seeds, trials=8, arms=SMALL)
    top, text = told(design, make_results(design, mixed=0.5))
    assert top.startswith("Too few seeds")
    assert "cannot tell it from chance" in text
    assert "was seen" not in text


@pytest.mark.parametrize("seeds", [6, 8])
def test_what_correction_makes_undecidable_is_not_called_unseen(seeds):
    """With nine secondary questions eight seeds cannot show any of them, whatever they are."""
    design = make_design(seeds=seeds, trials=8, arms=(*ARMS, "gp"))
    top, text = told(design, make_results(design, mixed=0.5, role=0.5))
    assert top.startswith("Different models in the two loops did better")
    assert (
        f"C against the other arms: {seeds} seeds cannot tell it from chance (p, corrected" in text
    )
    assert f"the reverse: {seeds} seeds cannot tell it" in text
    assert "not seen to beat" not in text


def test_three_models_need_more_seeds_for_what_decides():
    design = make_design(seeds=6, trials=8, arms=("C",), models=(STRONG, CHEAP, "local:x-3b"))
    top, text = told(design, make_results(design, mixed=0.5))
    assert top.startswith("Too few seeds")
    assert "would have been found" not in text


def test_runs_without_any_gain_are_no_proof_that_nothing_was_missed():
    design = make_design(trials=8, arms=SMALL)
    results = [replace(r, curve=[0.0] * 9) for r in make_results(design)]
    top, text = told(design, results)
    assert top.startswith("No difference seen")
    assert "All seeds gave the same, so nothing tells" in text
    assert "rules it out" not in text and "% of studies" not in text
    [task] = find(design, results).tasks
    row = rows.tested(task.gain, whole=True).rows[0]
    assert row[2:4] == ["0", "-"] and row[-3:] == ["-", "-", "-"]


def test_a_baseline_in_which_random_steps_stood_in_is_named():
    design = make_design(seeds=9, trials=8, arms=SMALL)
    results = make_results(design)
    assert "random steps stood in" not in told(design, results)[1]
    tpe = Mechanism("tpe", "TPE", "builtin", "installed", True, 8, 5, 0.1)
    i = next(i for i, r in enumerate(results) if r.cell.arm == "tpe")
    results[i] = replace(results[i], mechanisms=[tpe])
    assert "In 3 of 72 trials of TPE random steps stood in" in told(design, results)[1]


def test_nothing_is_decided_before_the_last_seed():
    design = make_design(seeds=8, trials=8, arms=SMALL)
    results = [r for r in make_results(design, mixed=0.5, role=0.5) if r.cell.seed < 8]
    top, text = told(design, results)
    assert top == "No answer yet on `ngram-lm`: 7 of 8 seeds are there of what decides."
    assert "nothing is decided before all 8 seeds are there" in text
    assert "`1.5b` over `0.5b` against the reverse (+0.5" in text
    for claim in ("was seen", "did better", "did worse", "ended better than", "ended worse than"):
        assert claim not in text


def test_secondary_contrasts_wait_for_those_they_are_corrected_with():
    design = make_design(seeds=8, trials=8, arms=SMALL)
    results = [r for r in make_results(design, mixed=0.5) if r.cell.arm != "tpe"]
    top, text = told(design, results)
    assert top.startswith(
        "Different models in the two loops did better than the same one in both on `ngram-lm`."
    )
    assert top.endswith("What the outer loop earns is not known before its controls are there.")
    assert "Not decided before all cells are there: `1.5b` over `0.5b`" in text
    assert "Over all its pairs" not in text
    task = find(design, results).tasks[0]
    assert [row[5] for row in rows.tested(task.gain, whole=False).rows[1:]] == ["-", "-"]


def test_what_restarts_also_reach_is_not_credited_to_mechanisms():
    design = make_design(trials=8, arms=("A", "C", "restart", "tpe"))
    results = make_results(design, {**EFFECTS, "C": 0.4, "restart": 0.4, "tpe": 0.3})
    _, text = told(design, results)
    assert "C ended better than A (" in text
    assert "it was not seen to beat restart." in text
    assert "which asks no model" not in text
    results = make_results(design, {**EFFECTS, "C": 0.4, "restart": 0.3, "tpe": 0.5})
    _, text = told(design, results)
    assert "C ended worse than TPE (" in text
    assert "not shown" not in text
    assert "C was not seen to beat TPE, which asks no model" in text


def test_a_dead_mechanism_with_a_gain_is_named():
    design = make_design(seeds=2, trials=8, arms=("A", "C"))
    results = make_results(design)
    assert "No gain is credited to a mechanism that never acted." in told(design, results)[1]
    i = next(i for i, r in enumerate(results) if r.cell.arm == "C")
    dead = Mechanism("m9", "Ghost", "generated", "installed", True, 3, 0, 0.1)
    results[i] = replace(results[i], mechanisms=[dead])
    assert "But 1 mechanism never acted and yet" in told(design, results)[1]
    [task] = find(design, results).tasks
    assert [v.mechanism.name for v in task.violations] == ["Ghost"]


def test_missing_cells_are_told():
    design = make_design(seeds=6, trials=8, arms=SMALL)
    results = make_results(design)
    assert incomplete(find(design, results)) == ""
    lacking = [r for r in results if r.cell.arm != "tpe" or r.cell.seed > 2]
    words = incomplete(find(design, lacking))
    assert words.startswith("Only 40 of the 42 planned cells are there")
    assert "TPE (2)" in words
    none = find(design, [])
    assert headline(none, none.tasks[0]).startswith("The deciding contrast cannot be computed")


def test_what_is_not_planned_is_left_out():
    design = make_design(seeds=2, trials=8, arms=SMALL)
    other = make_results(make_design(seeds=2, trials=8, arms=SMALL, tasks=("other",)))
    assert find(design, other).done == 0


def test_limits_name_tasks_models_and_trials():
    design = make_design(trials=8, arms=SMALL)
    words = " ".join(silent(find(design, make_results(design))))
    for name in ("`ngram-lm`", "8 trials", "`qwen2.5-coder-1.5b`", "10 seeds"):
        assert name in words


def test_secondary_contrasts_are_corrected_for_one_another():
    design = make_design(trials=8)
    [task] = find(design, make_results(design)).tasks
    assert len(task.gain.deciding) == 1
    assert task.gain.deciding[0].told.p_holm == task.gain.deciding[0].told.p
    assert len(task.gain.secondary) == 8  # one of roles, seven other arms
    least = min(c.told.p for c in task.gain.secondary)
    assert min(c.told.p_holm for c in task.gain.secondary) == pytest.approx(8 * least)
    assert len(task.gain.each) == 28
    assert all(c.told.p_holm is None for c in task.gain.each)


def test_names_leave_out_what_all_share():
    names = Names([STRONG, CHEAP, None])
    assert names.pair(STRONG, CHEAP) == "`1.5b` over `0.5b`"
    assert Names(["local:a-b", "openai:a-b"]).model("openai:a-b") == "`openai:a-b`"
    assert Names([STRONG]).model(STRONG) == "`qwen2.5-coder-1.5b`"


def test_the_front_is_what_nothing_beats():
    rng = np.random.default_rng(0)
    design = make_design(seeds=2, trials=8, arms=SMALL)
    results = [make_result(c, {"A": 1.0, "C": 3.0, "tpe": 2.0}[c.arm], 8, rng)
               for c in design.cells()]  # fmt: skip
    findings = find(design, results)
    shown = points(findings.tasks[0].groups, findings.names, lambda r: float(r.tokens))
    assert {p.label for p in shown if p.front and not p.label.startswith("C")} == {"TPE"}
    assert not any(p.front for p in shown if p.label.startswith("A "))


def test_points_of_models_with_long_names_are_told_apart():
    models = tuple(f"openai:accounts/fireworks/models/qwen2p5-coder-{n}b-instruct" for n in (32, 7))
    design = make_design(seeds=2, trials=4, models=(*models, STRONG), arms=("C",))
    findings = find(design, make_results(design))
    shown = points(findings.tasks[0].groups, findings.names, lambda r: float(r.tokens))
    assert len({p.label for p in shown}) == 9


def test_what_decides_is_final_before_its_controls_are_there(tmp_path):
    design = make_design()
    results = [r for r in make_results(design) if r.cell.arm == "C"]
    write(design, results, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "No answer yet" not in text
    assert "what decides has all of its seeds, all else is preliminary" in text
    write(design, results[1:], tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "No answer yet" in text
    assert "all of this is preliminary" in text


def test_it_is_told_who_earned_the_difference(tmp_path):
    """Built-in mechanisms earn a tenth of each gain here, generated ones a fifth."""
    design = make_design()
    results = make_results(design, mixed=0.1)
    for r in results:
        assert r.by_model + r.by_builtin + r.by_generated == pytest.approx(r.gain)
    task = find(design, results).tasks[0]
    (whole,), parts = task.gain.deciding, {k: c[0].told.mean for k, c in task.sources.items()}
    assert sum(parts.values()) == pytest.approx(whole.told.mean)
    assert parts["generated mechanisms"] == pytest.approx(whole.told.mean * 0.2)
    write(design, results, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert re.search(
        r"made up of \+0\.\d+ by the model, random steps and later measurements, .* by generated "
        r"mechanisms \(desc",
        text,
    )


def test_a_design_without_pure_pairs_says_that_it_does_not_ask(tmp_path):
    design = make_design()
    results = [r for r in make_results(design) if r.cell.outer != r.cell.inner or not r.cell.outer]
    planned = [r.cell for r in results]

    class Mirror(Design):
        def cells(self):
            return planned

    mirror = Mirror(**vars(design))
    write(mirror, results, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "is not asked: it takes mixed and pure pairs" in text
    assert "cannot be computed" not in text
    assert "Who sits outside" in text


@pytest.mark.parametrize(
    ("tpe", "top"),
    [
        (
            0.20,
            r"C ended better than TPE on `ngram-lm`, by 0\.1\d+ \(95 % interval .*, n = 10.*\)\.",
        ),
        (0.50, r"C ended worse than TPE on `ngram-lm`, by 0\.1\d+ .*"),
        (0.375, r"No difference seen at this power between C and TPE on `ngram-lm`\."),
    ],
)
def test_an_arm_decides_where_the_design_says_so(tpe, top):
    design = make_design(trials=8, arms=SMALL, decides="tpe")
    results = make_results(design, {**EFFECTS, "tpe": tpe}, mixed=0.06)
    headed, text = told(design, results)
    assert re.fullmatch(top, headed)
    assert "Mixed pairs" not in text
    assert told(design, results[:-1])[0] == "No answer yet on `ngram-lm`: 69 of 70 cells are there."


def test_better_pairs_are_not_taken_for_an_outer_loop_that_earns():
    design = make_design(trials=8, arms=SMALL)
    same = {**EFFECTS, "A": EFFECTS["C"] + 0.03}
    top, _ = told(design, make_results(design, same, mixed=0.06))
    assert top.endswith("The outer loop was not seen to earn anything over the inner loop alone.")


def test_what_decides_waits_for_all_of_its_models():
    """Two of three models: their contrast would be corrected for one question instead of three."""
    design = make_design(trials=8, arms=("C",), models=(STRONG, CHEAP, "local:x-3b"))
    results = make_results(design, mixed=0.06)
    assert told(design, results)[0].startswith("Different models")
    part = [r for r in results if "local:x-3b" not in (r.cell.outer, r.cell.inner)]
    top, text = told(design, part)
    assert top == "No answer yet on `ngram-lm`: 0 of 10 seeds are there of what decides."
    assert "nothing is decided before all 10 seeds are there" in text
    assert "was seen" not in text
    findings = find(design, part)
    assert "all of this is preliminary" in incomplete(findings)
    row = rows.tested(findings.tasks[0].gain, whole=False).rows[0]
    assert (row[5], row[7:]) == ("-", ["-"] * 3)


@pytest.mark.parametrize(
    ("seeds", "changes", "words"),
    [
        (3, {}, "it takes at least 6 for what decides and 9 for the other contrasts"),
        (8, {}, "it takes at least 9 for the other contrasts"),
        (8, {"arms": ("C", "tpe"), "decides": "tpe"}, ""),
        (6, {"arms": ("C", "tpe"), "decides": "tpe"}, "it takes at least 7 for what decides"),
        (9, {}, ""),
        (9, {"arms": ("A", "B", "tpe")}, "nothing is compared"),
        (9, {"arms": ("C",), "models": (STRONG,)}, "nothing is compared"),
        (9, {"trials": 6}, "C and placebo will make no outer step in 6 trials"),
        (9, {"trials": 6, "arms": ("A", "tpe")}, "nothing is compared"),
    ],
)
def test_a_design_that_cannot_answer_is_told_beforehand(seeds, changes, words):
    design = make_design(seeds=seeds, **{"arms": (*ARMS, "gp"), **changes})
    lines = forewarned(design)
    assert [words in line for line in lines] == ([True] if words else [])


@pytest.mark.parametrize("models", [(STRONG,), (STRONG, CHEAP), (STRONG, CHEAP, "local:x-3b")])
def test_the_questions_of_a_design_are_those_of_its_report(models):
    design = make_design(seeds=2, trials=4, models=models)
    [task] = find(design, make_results(design)).tasks
    assert questions(design) == (len(task.gain.deciding), len(task.gain.secondary))


def test_a_share_above_the_whole_gain_is_explained():
    """Where scores scatter, the best is measured again, and a credited gain may come out lower."""
    design = make_design(trials=8, arms=SMALL)
    results = make_results(design)
    assert "later measurements of the best" not in told(design, results)[1]
    lower = [replace(r, curve=[g * 0.15 for g in r.curve]) for r in results]
    _, text = told(design, lower)
    assert "credited with 133 % of the gain of their runs (more than 100 %" in text
    assert "later measurements of the best came out lower" in text


def test_runs_without_a_sealed_score_are_told():
    design = make_design(trials=8, arms=SMALL)
    results = make_results(design)
    assert "sealed" not in told(design, results)[1]
    cut = [
        replace(r, sealed=None) if r.cell.arm == "tpe" and r.cell.seed > 4 else r for r in results
    ]
    findings = find(design, cut)
    table = {row[0]: row[-1] for row in rows.gains(findings.tasks[0], findings.names).rows}
    assert table["TPE"].endswith(" (4)")
    assert "(" not in table["A `0.5b`"]
    assert "Sealed gains leave out runs that had no score there: TPE (6)." in told(design, cut)[1]
    unsealed = [replace(r, sealed=None) for r in results]
    assert "ealed gains leave out" not in told(design, unsealed)[1]


def test_several_tasks_are_not_corrected_for_one_another():
    words = "Nothing is corrected for there being 2 tasks"
    two = make_design(seeds=2, trials=4, arms=SMALL, tasks=("one", "two"))
    assert words in " ".join(silent(find(two, make_results(two))))
    one = make_design(seeds=2, trials=4, arms=SMALL)
    assert "there being" not in " ".join(silent(find(one, make_results(one))))


def test_power_is_told_to_rest_on_the_scatter_seen():
    design = make_design(trials=4, arms=SMALL)
    [task] = find(design, make_results(design)).tasks
    assert "if seeds scatter as here" in legend(task)
