"""A comparison in words and in rows of text, the same on a terminal and on the page."""

from __future__ import annotations

from metaloop.probe.compare import BACKWARDS, RESPECTS, Comparison, Reading
from metaloop.probe.damage import RAW, Interval


def headline(comparison: Comparison) -> str:
    """The two verdicts."""
    a, b = comparison.networks
    return f"Both give the same output; {a.name} is {a.verdict}, {b.name} is {b.verdict}."


def same_output(comparison: Comparison) -> str:
    """How equal the outputs are."""
    return f"Mean squared difference of the outputs: {comparison.mse:.2g}."


def rows(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Each measure with its value for both networks."""
    a, b = (_values(reading) for reading in comparison.networks)
    return [(name, value, b.get(name, "-")) for name, value in a.items()]


def _values(reading: Reading) -> dict[str, str]:
    worst = reading.ladder[-1]
    change = _percent(worst.change) if worst.change else "none before"
    decoded = {
        f"linear decodability of {name}, R^2": f"{value:.2f}"
        for name, value in reading.decodability.items()
    }
    return {
        "verdict": reading.verdict,
        f"violation gained per damage, at damage {worst.level:g}": _signed(worst.breaking),
        f"change of the violation, at damage {worst.level:g}": change,
        "noise scale that does this damage": f"{worst.scale:.1%}",
        f"share of units with |mirror correlation| > {RESPECTS}": f"{reading.respecting:.2f}",
        "participation ratio": f"{reading.participation_ratio:.1f}",
        **decoded,
        "weights that are not 0": str(reading.weights),
        "units that vary": str(reading.units),
        f"raw sensitivity, MSE under {RAW:.0%} noise ({BACKWARDS})": (
            f"{reading.raw_sensitivity:.4f}"
        ),
    }


def _signed(found: Interval) -> str:
    return f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


def _percent(found: Interval) -> str:
    return f"{found.mean:+.0%} ({found.low:+.0%} to {found.high:+.0%})"
