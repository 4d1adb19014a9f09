"""The metric, read from what the judge (or a self-scoring run) printed."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MOST_BLOCKS = 10_000


class MetricError(ValueError):
    """The output holds no usable value of the metric."""


def read_metric(stdout: str, name: str) -> float:
    """The last `name: value` line of `stdout`, or the last JSON object line that holds `name`.

    Raises MetricError when there is none, or when the value is not a finite number.
    """
    line = re.compile(rf"{re.escape(name)}\s*[:=]\s*(\S+)\s*$")
    for text in reversed(stdout.splitlines()):
        text = text.strip()
        if match := line.match(text):
            return _number(name, match[1])
        if text.startswith("{") and name in text:
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):  # no JSON, or JSON meant to break us
                continue
            if isinstance(found, dict) and name in found:
                return _number(name, found[name])
    raise MetricError(f"no line `{name}: <number>` in the output")


def read_blocks(stdout: str, name: str) -> list[float]:
    """The list `blocks` of the last JSON object line that holds `name`: the metric on each block of
    the judge's data, always the same blocks in the same order. Empty where there is none."""
    for text in reversed(stdout.splitlines()):
        if not text.strip().startswith("{") or name not in text:
            continue
        try:
            found = json.loads(text)
            if isinstance(found, dict) and name in found:
                return [_number(name, x) for x in found.get("blocks", [])][:MOST_BLOCKS]
        except (ValueError, TypeError, RecursionError):
            continue
    return []


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise MetricError(f"{name}: {str(value)[:40]!r} is not a number") from None
    if not math.isfinite(number):
        raise MetricError(f"{name} is {number}")
    return number
