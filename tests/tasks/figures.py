"""Prints the figures of a bundled task's README: `python tests/tasks/figures.py ngram-lm`."""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from task_trials import CIRCLES_TUNED, GPT_TUNED, NGRAM_TUNED, TaskTrials

NGRAM_GRID = {
    "BACKOFF": ["interpolate"], "ORDER": [4, 6, 8], "DISCOUNT": [0.3, 0.5], "ALPHA": [0.0002],
    "SLOPE": [1.0, 1.1], "MIN_COUNT": [1, 4],
}  # fmt: skip
CIRCLES_GRID = {
    "STEPS": [20000], "INNER": [7, 9], "OUTER_RADIUS": [0.4, 0.45], "MOVE": [0.03, 0.1],
    "FINAL": [0.03, 0.003], "HEAT": [0.001],
}  # fmt: skip
GPT_GRID = {"BATCH": [16], "LR": [0.002, 0.004], "WIDTH": [64, 128]}


def show(trials: TaskTrials, label: str, source: str) -> None:
    """One line of the table: the scores and the seconds of the run and its judge."""
    start = time.perf_counter()
    out = trials.run(source)
    scores = [trials.score(out)]
    seconds = time.perf_counter() - start
    if "holdout" in trials.spec:
        scores.append(trials.score(out, "holdout"))
    print(f"| {label} | {' | '.join(f'{s:.4f}' for s in scores)} | {seconds:.1f} |", flush=True)


def best_of_grid(trials: TaskTrials, grid: dict[str, list[object]]) -> dict[str, object]:
    """The assignment of the grid that the judge likes best; the holdout has no say."""
    sign = 1 if trials.spec["metric"]["direction"] == "minimize" else -1
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    return min(
        points, key=lambda point: sign * trials.score(trials.run(trials.with_constants(**point)))
    )


def main(name: str) -> None:
    """The table: as shipped, the best of a grid and of a longer search, a code improvement."""
    grid, tuned, solution = {
        "ngram-lm": (NGRAM_GRID, NGRAM_TUNED, "train_kneser_ney.py"),
        "circle-packing": (CIRCLES_GRID, CIRCLES_TUNED, "pack_slsqp.py"),
        "gpt": (GPT_GRID, GPT_TUNED, "train_gpt_scale.py"),
    }[name]
    with tempfile.TemporaryDirectory() as place:
        trials = TaskTrials(name, Path(place))
        show(trials, "as shipped", trials.source)
        best = best_of_grid(trials, grid)
        show(trials, f"best of a grid: {best}", trials.with_constants(**best))
        if best != tuned:
            show(trials, f"best of a longer search: {tuned}", trials.with_constants(**tuned))
        show(trials, f"code: {solution}", trials.solution(solution))


if __name__ == "__main__":
    main(sys.argv[1])
