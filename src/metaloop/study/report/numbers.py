"""How the numbers of a comparison are written."""

from __future__ import annotations

import math

from metaloop.study.statistics import Comparison
from metaloop.text import plural


def amount(value: float) -> str:
    """A difference, with its sign, in the metric's unit."""
    return f"{value:+.3g}" if value else "0"


def share(value: float) -> str:
    """A probability in whole percent; never 0 or 100 unless it is."""
    if 0 < value < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < value < 1 else f"{100 * value:.0f} %"


def p_value(p: float | None) -> str:
    """A p-value for a table."""
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def corrected(told: Comparison) -> float:
    """The p-value that counts: that of the family, where there is one."""
    return told.p if told.p_holm is None else told.p_holm


def p_is(told: Comparison) -> str:
    """The p-value that counts, in words."""
    return p_equals(corrected(told))


def p_equals(p: float) -> str:
    """E.g. `p = 0.021`, `p < 0.001`."""
    shown = p_value(p)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def extent(told: Comparison) -> str:
    """The interval, in words; of one pair, or of equal ones, there is none."""
    if told.n < 2:
        return "one pair, no interval"
    return f"95 % interval {between(told.interval)}" if told.spread else "no interval, all equal"


def between(values: tuple[float, float]) -> str:
    """The interval of a difference."""
    return f"{amount(values[0])} to {amount(values[1])}"


def evidence(told: Comparison) -> str:
    """Interval, p, n and effect size, as they stand between brackets."""
    if told.n < 2:
        return extent(told)
    effect = f", effect size {told.effect:.2g}" if math.isfinite(told.effect) else ""
    return f"{extent(told)}, {p_is(told)}, n = {told.n}{effect}"


def too_few(n: int, questions: int) -> str:
    """Why so few pairs tell nothing, of so many questions that are corrected together."""
    if n == 1:
        return "one seed cannot tell it from chance"
    p = "p" if questions == 1 else f"p, corrected for {questions} questions,"
    least = p_value(min(1.0, questions * 2.0 ** (1 - n)))
    return f"{plural(n, 'seed')} cannot tell it from chance ({p} cannot fall below {least})"
