"""The plain words of a study's report: each sentence follows from the numbers by a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from metaloop.study.arms import ARMS
from metaloop.study.design import Design
from metaloop.study.groups import Life
from metaloop.study.report.findings import (
    DECIDES,
    Findings,
    TaskFindings,
    contrasted,
    questions,
)
from metaloop.study.report.labels import arm_name, tick
from metaloop.study.report.numbers import amount, corrected, evidence, extent, p_is, share, too_few
from metaloop.study.report.origins import makers, revised
from metaloop.study.statistics import LEVEL, Comparison, fewest
from metaloop.text import joined, plural

MOST = 6
"""Groups that are named where cells are missing."""
NOTHING = "The deciding contrast cannot be computed: no seed has all of its cells yet."
UNASKED = (
    "Whether different models in the two loops help is not asked: it takes mixed and pure pairs."
)


def verdict(told: Comparison) -> int:
    """1 or -1 if a difference was seen, 0 if none: the corrected p is below 0.05 and the interval
    leaves 0 out."""
    if corrected(told) >= LEVEL or told.interval.low <= 0 <= told.interval.high:
        return 0
    return 1 if told.mean > 0 else -1


def headline(findings: Findings, task: TaskFindings) -> str:
    """The answer of a task to the deciding question."""
    deciding = [c.told for c in task.gain.deciding]
    where = f" on {tick(task.name)}"
    if findings.decides:
        return _against(findings.decides, task)
    if not deciding:
        return NOTHING if contrasted(findings.design) else UNASKED
    planned = len(findings.design.seeds)
    if (there := _there(findings, task)) < planned:
        return f"No answer yet{where}: {there} of {planned} seeds are there of what decides."
    if planned < fewest(len(deciding)):
        return f"Too few seeds{where} to tell whether different models in the two loops help."
    seen = {verdict(told) for told in deciding} - {0}
    if not seen:
        return f"No difference seen at this power between mixed and pure pairs of models{where}."
    how = {1: "did better", -1: "did worse"}[seen.pop()] if len(seen) == 1 else ""
    if not how:
        return f"Different models in the two loops helped or harmed{where}, depending on which."
    some = "" if all(verdict(told) for told in deciding) else "Some "
    start = f"{some}different models in the two loops {how} than the same one in both{where}."
    return start[0].upper() + start[1:] + _outer_loop(task)


def _there(findings: Findings, task: TaskFindings) -> int:
    """Seeds that all of the contrasts have which decide by pairs of models."""
    deciding = task.gain.deciding
    if len(deciding) < len(contrasted(findings.design)):
        return 0
    return min((c.told.n for c in deciding), default=0)


def _against(arm: str, task: TaskFindings) -> str:
    """The answer of a task of which one arm decides."""
    where = f" on {tick(task.name)}"
    if task.missing:
        return f"No answer yet{where}: {task.done} of {task.planned} cells are there."
    told = next(c.told for c in task.gain.overall if c.second == arm)
    if told.n < fewest(questions := len(task.gain.secondary)):
        return f"{DECIDES} against {arm}{where}: {too_few(told.n, questions)}."
    how = {1: "ended better than", -1: "ended worse than"}.get(verdict(told))
    if how:
        return f"{DECIDES} {how} {arm}{where}, by {abs(told.mean):.3g} ({evidence(told)})."
    return f"No difference seen at this power between {DECIDES} and {arm}{where}."


def _outer_loop(task: TaskFindings) -> str:
    """What a difference between pairs of models must not be taken for."""
    alone = [c.told for c in task.gain.overall if c.second == arm_name("A")]
    if task.missing:
        return " What the outer loop earns is not known before its controls are there."
    if alone and verdict(alone[0]) <= 0:
        return " The outer loop was not seen to earn anything over the inner loop alone."
    return ""


def says(findings: Findings, task: TaskFindings) -> list[str]:
    """What the data of one task says."""
    planned, deciding = len(findings.design.seeds), task.gain.deciding
    whole = _there(findings, task) == planned
    told = [
        _decided(c.first, c.told, whole, planned, len(deciding)) + _by_whom(task, i)
        for i, c in enumerate(deciding)
    ]
    absent = len(contrasted(findings.design)) - len(told)
    if absent:
        more = f"Of {absent} more of such pairs, no seed has all four cells."
        told.append(more if told else NOTHING)
    worn = [*stood_in(task.at_random), *_unsealed(findings, task)]
    if task.missing:
        return [*told, *_so_far(task), *worn, *_alive(task)]
    told += [_seats(c.first, c.told, len(task.gain.secondary)) for c in task.gain.roles]
    return [*told, *_controls(findings, task), *worn, *_alive(task)]


def _decided(mixed: str, told: Comparison, whole: bool, planned: int, asked: int) -> str:
    """The deciding contrast: how large, how sure, and what so many seeds could have shown.

    The tests are `asked` ones of `planned` seeds. Whoever could stop as soon as one says yes would
    find more than there is, so before the `whole` is there nothing is said to be seen.
    """
    which, matters = "better" if told.mean >= 0 else "worse", told.matters
    start = (
        f"{mixed[0].upper()}{mixed[1:]} ended {abs(told.mean):.3g} {which} than the mean of their "
        f"two pure pairs ({evidence(told)}): "
    )
    if not whole:
        return f"{start}nothing is decided before all {planned} seeds are there."
    if told.n < fewest(asked):
        return f"{start}{too_few(told.n, asked)}."
    seen, least = verdict(told), min(map(abs, told.interval))
    if seen and least >= matters:
        return (
            f"{start}a difference was seen, and {matters:.3g}, what is worth having, is below it."
        )
    if seen:
        return f"{start}a difference was seen. {_size(told)}"
    if corrected(told) < LEVEL or not told.interval.low <= 0 <= told.interval.high:
        start += "interval and test disagree, so it does not count as one. "
    else:
        start += "no difference was seen at this power. "
    return start + _missed(told)


def _by_whom(task: TaskFindings, i: int) -> str:
    """What of the deciding contrast each source earned."""
    parts = [f"{amount(found[i].told.mean)} by {source}" for source, found in task.sources.items()]
    return f" It is made up of {joined(parts)} (described, not tested)."


def _size(told: Comparison) -> str:
    if max(map(abs, told.interval)) < told.matters:
        return f"It is smaller than {told.matters:.3g}, the least that is worth having."
    return f"Whether it reaches {told.matters:.3g}, the least that is worth having, stays open."


def _missed(told: Comparison) -> str:
    """What might have been overlooked."""
    if not told.spread:
        return "All seeds gave the same, so nothing tells what else they would have shown."
    found = (
        f"A true difference of {told.matters:.3g}, the least that is worth having, would have been "
        f"found in {share(told.power)} of studies whose seeds scatter as here"
    )
    more = f" (in 80 % with {told.needed} seeds)" if (told.needed or 0) > told.n else ""
    if max(map(abs, told.interval)) < told.matters:
        return f"{found}{more}; the interval rules it out."
    return f"{found}{more}; the interval does not rule it out."


def _so_far(task: TaskFindings) -> list[str]:
    """The secondary contrasts, corrected for one another, before all of them are there."""
    listed = [f"{c.name} ({amount(c.told.mean)}, n = {c.told.n})" for c in task.gain.secondary]
    return [f"Not decided before all cells are there: {joined(listed)}."] if listed else []


def _seats(first: str, told: Comparison, questions: int) -> str:
    if told.n < fewest(questions):
        return f"Who sits outside, {first} or the reverse: {too_few(told.n, questions)}."
    how = {1: "did better than", -1: "did worse than"}.get(verdict(told))
    what = (
        f"{first} {how} the reverse" if how else f"no difference was seen, {first} or the reverse"
    )
    torn = not how and not told.interval.low <= 0 <= told.interval.high
    but = ", by the corrected test; by the interval there is one" if torn else ""
    return f"Who sits outside: {what} ({amount(told.mean)}; {evidence(told)}){but}."


def _controls(findings: Findings, task: TaskFindings) -> list[str]:
    """The deciding arm against every other one, in one sentence for each outcome."""
    rows, questions = {c.second: c.told for c in task.gain.overall}, len(task.gain.secondary)
    most = max((told.n for told in rows.values()), default=0)
    if rows and most < fewest(questions):
        return [f"{DECIDES} against the other arms: {too_few(most, questions)}."]
    lines = []
    for outcome, words in ((1, "ended better than"), (-1, "ended worse than")):
        seen = [n for n, told in rows.items() if verdict(told) == outcome]
        listed = joined([f"{n} ({amount(rows[n].mean)}, {p_is(rows[n])})" for n in seen])
        lines += [f"Over all its pairs of models, {DECIDES} {words} {listed}."] if seen else []
    same = [n for n, told in rows.items() if told.interval.low <= 0 <= told.interval.high]
    listed = joined([f"{n} ({amount(rows[n].mean)}, {extent(rows[n])})" for n in same])
    if same:
        lines.append(f"No difference was seen at this power between {DECIDES} and {listed}.")
    torn = [n for n, told in rows.items() if not verdict(told) and n not in same]
    listed = joined(
        [f"{n} ({amount(rows[n].mean)}, {p_is(rows[n])}, n = {rows[n].n})" for n in torn]
    )
    if torn:
        lines.append(
            f"{DECIDES} differs by the interval, but not the corrected test, from {listed}."
        )
    return lines + _reading(findings, rows)


def _reading(findings: Findings, rows: Mapping[str, Comparison]) -> list[str]:
    """What the controls mean together."""
    level = {name: verdict(told) for name, told in rows.items()}
    lines = []
    unbeaten = [n for n in ("restart", "placebo") if level.get(n, 1) <= 0]
    if unbeaten and level.get("A", 0) > 0:
        lines.append(
            f"So it is not shown that what {DECIDES} earned over A is due to its mechanisms: it "
            f"was not seen to beat {joined(unbeaten)}."
        )
    bare = [arm_name(a) for a in findings.bare]
    unbeaten = [n for n in bare if level.get(n, 1) <= 0]
    if unbeaten:
        ask = "asks" if len(unbeaten) == 1 else "ask"
        lines.append(
            f"{DECIDES} was not seen to beat {joined(unbeaten)}, which {ask} no model and cost "
            "no tokens."
        )
    return lines


def stood_in(at_random: Iterable[tuple[str, int, int]]) -> list[str]:
    """Of which arms the gains are not what their names say."""
    return [
        f"In {steps} of {plural(trials, 'trial')} of {arm} random steps stood in, since it "
        "proposed nothing new or had failed: its gain may be too low."
        for arm, steps, trials in at_random
    ]


def _unsealed(findings: Findings, task: TaskFindings) -> list[str]:
    """Runs that the means of sealed gains leave out; nothing where the task has no such split."""
    if not any(s.sealed for s in task.summaries):
        return []
    lacks = [
        f"{findings.names.cell(s.group)} ({count})"
        for s in task.summaries
        if (count := s.group.n - (s.sealed.n if s.sealed else 0))
    ]
    listed = joined(lacks)
    return [f"Sealed gains leave out runs that had no score there: {listed}."] if lacks else []


def _alive(task: TaskFindings) -> list[str]:
    """Whether the mechanisms acted to which gains are credited."""
    acting = _acting(task)
    if not acting:
        return []
    counts = (
        f"{plural(sum(r.invented for r in acting), 'mechanism')} invented, "
        f"{sum(r.proven for r in acting)} proven, "
        f"{sum(r.installed for r in acting)} installed, {sum(r.live for r in acting)} live "
        f"(changed at least one trial){_earned(task)}"
    )
    if not task.violations:
        return [f"{counts}. No gain is credited to a mechanism that never acted."]
    dead = plural(len(task.violations), "mechanism")
    return [f"{counts}. But {dead} never acted and yet are credited with a gain: a fault."]


def _acting(task: TaskFindings) -> list[Life]:
    """Of arms whose mechanisms are no placebo."""
    return [row for row in task.life if row.group.arm != "placebo"]


def _earned(task: TaskFindings) -> str:
    """How much of the gain is credited to them, over the groups of cells."""
    shares = sorted(row.share for row in _acting(task) if row.share is not None)
    if not shares:
        return ""
    low, high = share(shares[0]), share(shares[-1])
    lower = " (more than 100 % where later measurements of the best came out lower)"
    extent = low if low == high else f"{low} to {high}"
    more = lower if shares[-1] > 1 else ""
    return f", credited with {extent} of the gain of their runs{more}"


def silent(findings: Findings) -> list[str]:
    """What the data does not say."""
    design, models = findings.design, findings.names.all()
    tasks, trials = joined([tick(t.name) for t in findings.tasks]), plural(design.trials, "trial")
    lines = [f"Nothing about other tasks than {tasks}, or runs of more than {trials}."]
    if models:
        lines.append(f"Nothing about other models than {joined(models)}, least of all larger ones.")
    if len(findings.tasks) > 1:
        lines.append(
            "Nothing about all tasks together: each has its answer. Nothing is corrected for there "
            f"being {len(findings.tasks)} tasks, so one of them may stand out by chance."
        )
    return [
        *lines,
        "Not that there is no difference where none was seen: with "
        f"{plural(len(design.seeds), 'seed')}, small ones go unseen. The tables state the power.",
        "Nothing is decided by areas, sealed gains, who earned a gain, and single pairs of models: "
        "they are described without correction, and some will stand out by chance.",
        *revised(findings.origins),
        *makers(findings.origins),
    ]


def incomplete(findings: Findings) -> str:
    """How many of the planned cells are there; nothing when all are."""
    if findings.done >= findings.planned:
        return ""
    several = len(findings.tasks) > 1
    lacks = [
        f"{name}{f' on {tick(t.name)}' if several else ''} ({count})"
        for t in findings.tasks
        for name, count in t.missing
    ]
    more = f" and {len(lacks) - MOST} other groups" if len(lacks) > MOST else ""
    planned = len(findings.design.seeds)
    decided = all(_there(findings, task) == planned for task in findings.tasks)
    what = "what decides has all of its seeds, all else is" if decided else "all of this is"
    return (
        f"Only {findings.done} of the {findings.planned} planned cells are there: {what} "
        f"preliminary. Seeds are missing of {', '.join(lacks[:MOST])}{more}."
    )


def legend(task: TaskFindings) -> str:
    """What the last columns of the table of contrasts mean."""
    return (
        f"Power: how often so many seeds find a true difference of {task.matters:.3g}, the least "
        "that is worth having, at the level that correction leaves, if seeds scatter as here. n "
        "needed: seeds that find it in 80 % of studies. In reach: the difference that these seeds "
        "find in 80 %. Holm: p corrected, as said below."
    )


def forewarned(design: Design) -> list[str]:
    """What no result of a design will answer, to be told before its first cell."""
    deciding, others = questions(design)
    outside = [arm for arm in design.arms if ARMS[arm].asks == "both"]
    told = []
    if outside and design.outer_every >= design.trials:
        told.append(
            f"{joined(outside)} will make no outer step in {plural(design.trials, 'trial')}: set "
            "outer_every lower, or trials higher"
        )
    if not deciding + others:
        return [
            *told,
            f"nothing is compared, its arms are only described: list arm {DECIDES}, and another "
            "arm or two models for both loops",
        ]
    asked = {"what decides": deciding, "the other contrasts": others}
    if design.decides:
        asked = {"what decides": others}
    seeds = len(design.seeds)
    lacks = [f"{fewest(n)} for {what}" for what, n in asked.items() if n and seeds < fewest(n)]
    if not lacks:
        return told
    few = f"{plural(seeds, 'seed')} cannot tell a difference from chance, whatever the results"
    return [*told, f"{few}: it takes at least {joined(lacks)}"]
