"""Iteration: how quickly a trial tells, and how many an evening buys."""

from __future__ import annotations

import os

import numpy as np

from metaloop.suitability.finding import Finding, Property, grade
from metaloop.suitability.trials import Observations
from metaloop.task.spec import Task
from metaloop.text import duration, number, plural

EVENING_H = 4


def seconds_per_trial(seen: Observations) -> list[float]:
    """Of the trials that ended with a score and ran alone."""
    samples = [*seen.base, *(s for repeats in seen.changes.values() for s in repeats)]
    return [s.seconds for s in samples if s.score is not None]


def iteration(task: Task, seen: Observations, budget_minutes: float | None) -> Property:
    """Judge the trials by their time, memory and repeatability."""
    times = seconds_per_trial(seen)
    if not times:
        text = "no trial ended with a score"
        finding = Finding("time per trial", 0.0, text, "make the program run; see the metric")
        return Property("iteration", (finding,))
    median = float(np.median(times))
    findings = (
        _time(times, median),
        _trials(median, budget_minutes),
        _start(task, seen, median),
        _limit(task, times),
        _memory(task, seen),
        _parallel(seen),
        _repeatable(seen),
    )
    return Property("iteration", findings)


def _time(times: list[float], median: float) -> Finding:
    return Finding(
        "time per trial",
        grade(median, (60, 1.0), (600, 0.66), (3600, 0.3), (36_000, 0.0), log=True),
        f"median {_time_text(median)}, p95 {_time_text(float(np.percentile(times, 95)))} of "
        f"{plural(len(times), 'trial')}, without the model's time",
        "let a trial do less: less data, fewer steps, a cached preparation",
    )


def _trials(median: float, budget_minutes: float | None) -> Finding:
    hour = 3600 / median
    text = f"{hour:.0f} an hour, {hour * EVENING_H:.0f} in an evening of {EVENING_H} h"
    if budget_minutes is not None:
        text += f", {budget_minutes * 60 / median:.0f} in {budget_minutes:g} min"
    return Finding("trials", None, f"{text}, one at a time")


def _start(task: Task, seen: Observations, median: float) -> Finding:
    python = any(name.endswith(".py") for name in task.spec.edit.files)
    if seen.stripped is None or not python:
        return Finding("start-up", None, "not measured: no editable file is Python")
    start = min(seen.stripped.seconds, median)
    share = start / median
    return Finding(
        "start-up",
        1.0 if median < 5 else grade(share, (0.5, 1.0), (0.8, 0.6), (1, 0.4)),
        f"{_time_text(start)}, {share:.0%} of a trial, for interpreter and imports",
        "import less, or load prepared data",
    )


def _limit(task: Task, times: list[float]) -> Finding:
    share = max(times) / task.spec.run.timeout_s
    return Finding(
        "time limit",
        grade(share, (0.5, 1.0), (0.8, 0.7), (1, 0.5)),
        f"the slowest trial used {share:.0%} of timeout_s = {task.spec.run.timeout_s:g}",
        "raise timeout_s: a change that takes a little longer is killed",
    )


def _memory(task: Task, seen: Observations) -> Finding:
    if seen.peak_mb is None:
        return Finding("memory", None, "not measured by this sandbox")
    share = seen.peak_mb / task.spec.run.memory_mb
    return Finding(
        "memory",
        grade(share, (0.6, 1.0), (0.9, 0.7), (1, 0.5)),
        f"peak {seen.peak_mb:.0f} MB, {share:.0%} of memory_mb = {task.spec.run.memory_mb}",
        "raise memory_mb, or use less",
    )


def _parallel(seen: Observations) -> Finding:
    """Informs only: it depends on what else this machine does."""
    if not seen.pair or any(s.score is None for s in seen.pair):
        return Finding("in parallel", None, "two trials side by side did not both end with a score")
    alone = float(np.median([s.seconds for s in seen.base if s.score is not None]))
    text = f"two side by side took {_time_text(seen.pair_s)}, one alone {_time_text(alone)}"
    text += f", on {plural(os.cpu_count() or 1, 'core')}"
    if seen.contended:
        both, one = (number(samples[0].score) for samples in (seen.pair, seen.base))
        text += f"; both then score otherwise than alone ({both}, not {one}): use --workers 1"
    return Finding("in parallel", None, text)


def _repeatable(seen: Observations) -> Finding:
    scores = set(seen.scores)
    if seen.contended:
        text = f"the same score in {len(seen.base)} runs alone"
        return Finding("deterministic", 1.0, text)
    runs = len(seen.base) + len(seen.pair)
    if len(scores) == 1:
        text = f"the same score in {runs} runs, two of them side by side"
        return Finding("deterministic", 1.0, text)
    change = "fix every seed in the program, so that a run can be repeated"
    text = f"{plural(len(scores), 'different score')} in {runs} runs of the unchanged program"
    return Finding("deterministic", 0.7, text, change)


def _time_text(seconds: float) -> str:
    """As everywhere, but two digits of what is short: most trials are."""
    return f"{seconds:.2g} s" if seconds < 10 else duration(seconds)
