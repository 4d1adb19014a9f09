"""The words and the rule of analysis, as they are printed with every report."""

TERMS = (
    "Arms: A inner loop alone; B and strategy; C and invented mechanisms; D mechanisms without "
    "strategy; restart: A, restarted when C has its outer steps; placebo: C with mechanisms that "
    "do nothing; no-llm: built-in mechanisms alone; random, TPE, CMA-ES and gp (Gaussian process) "
    "by themselves. X over Y: model X in the outer loop, Y in the inner. All at equal trials, not "
    "at equal time."
)

PAIRS_DECIDE = (
    "The contrast that decides: mixed pairs of models against the mean of their two pure pairs, in "
    "the final gain of arm C. With more than two models there is one for every two, corrected "
    "for one another."
)
ARM_DECIDES = (
    "The contrast that decides: C against {}, in the final gain, corrected with all other "
    "contrasts of its task."
)
MEASURES = (
    "Gain: how far the best of a run lies above its baseline, in the metric's unit, at equal "
    "trials. Area: the mean gain of the best so far over all trials. Sealed gain: that on a split "
    "which no guard and no model saw. What somebody earned is counted when a change is kept; where "
    "scores scatter, later measurements of the best change the gain."
)
ANALYSIS = (
    "Cells are paired by seed. A contrast uses the seeds that all of its cells have. C against "
    "another arm: the mean over C's pairs of models of each less the arm with the same models, "
    "else the same inner model, else none.",
    "p: two-sided sign flip test of the mean. Holm: corrected over the secondary contrasts of the "
    "task. A difference was seen if the corrected p is below 0.05 and the 95 % interval "
    "leaves 0 out.",
    "Intervals: bootstrap of the mean over seeds, widened for few of them; below 5 seeds the t "
    "interval; none where all are equal. Effect size: mean "
    "difference over its standard deviation, corrected for few pairs.",
    "Power: how often so many seeds find a true difference of the size that was said beforehand "
    "to be worth having; seeds needed to find it in 80 % of studies; and the difference that these "
    "seeds find in 80 %. Where several questions are corrected together, at 5 % over their number.",
    "Time and tokens are counted as if no cell had shared a call or a trial with another; the "
    "CSV leaves out the seconds of trials, on which no two machines agree.",
)


def rule(decides: str | None) -> list[str]:
    """The rule of a study; `decides` names the arm against which C is asked about, if one is."""
    return [MEASURES, ARM_DECIDES.format(decides) if decides else PAIRS_DECIDE, *ANALYSIS]
