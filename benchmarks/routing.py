"""Does a router earn, on real queries that it has not seen, and how fast is it?

    python benchmarks/routing.py DATA [--plot FILE]      # accuracy and cost, in Markdown
    python benchmarks/routing.py DATA --speed            # decisions a second; fit of 100,000 rows

DATA is a table of outcomes: the figures in `docs/routing.md` are of dcrouter-train.jsonl.gz (5,608
queries, nine models; ulab-uiuc/LLMRouter, MIT). Run it on one core: OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from random import Random

import numpy as np

from metaloop.models.router.evaluate import ROUTER, SHUFFLED, SINGLE, Evaluation, Point, evaluate
from metaloop.models.router.fit import fit
from metaloop.models.router.plot import draw_curve
from metaloop.models.router.table import Row, Table, load_table

ROWS = 100_000
DECISIONS = 50_000


def accuracy(table: Table, plot: Path | None) -> None:
    """The tables of `docs/routing.md`, and whether the required figures are reached."""
    evaluation = evaluate(table)
    print("| choice | alpha | score | 95 % | gain over the best single, 95 % | cost | 95 % |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for point in evaluation.points:
        print(f"| {' | '.join(_cells(point))} |")
    print()
    for found in evaluation.evidence:
        print(f"- {found}")
    print()
    _verdicts(evaluation)
    if plot is not None:
        plot.write_text(draw_curve(evaluation), encoding="utf-8")


def _cells(point: Point) -> list[str]:
    alpha = "" if point.alpha is None else f"{point.alpha:g}"
    low, high = point.score_interval
    less, more = point.gain_interval
    cells = [point.arm, alpha, f"{point.score:.4f}", f"{low:.4f} to {high:.4f}"]
    cells.append("" if point.arm == SINGLE else f"{less:+.4f} to {more:+.4f}")
    if point.share is None or point.share_interval is None:
        return [*cells, "unknown", ""]
    low, high = point.share_interval
    return [*cells, f"{point.share:.3f}", f"{low:.3f} to {high:.3f}"]


def _verdicts(evaluation: Evaluation) -> None:
    top, single = evaluation.of(ROUTER, 1.0), evaluation.of(SINGLE)
    control, cheap = evaluation.of(SHUFFLED, 1.0), evaluation.cheapest(0.62)
    limit = single.score + single.error
    print(f"alpha = 1: {top.score:.4f} (required 0.635); best single model {single.score:.4f}")
    if cheap is not None and cheap.share is not None:
        print(f"score >= 0.62 at {cheap.share:.3f} of its cost, alpha = {cheap.alpha} (0.35)")
    print(f"shuffled embedding: {control.score:.4f} (at most {limit:.4f})")


def speed(table: Table) -> None:
    """Decisions a second after embedding, their 99th percentile, and the fit of a large table."""
    fitted = fit(table)
    vectors = list(fitted.embedder.embed(table.queries))
    taken = np.empty(DECISIONS)
    for i in range(DECISIONS):
        start = time.perf_counter()
        fitted.policy.decide(vectors[i % len(vectors)], 0.9)
        taken[i] = time.perf_counter() - start
    rate, p99 = DECISIONS / taken.sum(), 1000 * np.percentile(taken, 99)
    print(f"decisions: {rate:,.0f} a second, 99th percentile {p99:.3f} ms")
    queries = table.queries[:1000]
    start = time.perf_counter()
    for query in queries:
        fitted.embedder.embed([query])
    print(f"embedding: {len(queries) / (time.perf_counter() - start):,.0f} queries a second")
    large = _enlarged(table)
    start, busy = time.perf_counter(), time.process_time()
    evidence = fit(large).policy.evidence
    took, used = time.perf_counter() - start, time.process_time() - busy
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"fit of {len(large):,} rows: {used:.1f} s of processor time ({took:.1f} s went by), "
        f"{memory:.2f} GB at most ({evidence})"
    )


def _enlarged(table: Table) -> Table:
    """Rows with the words of two queries of `table`, no two alike, and the outcomes of one."""
    rng = Random(0)
    words = [query.split() for query in table.queries]
    rows = []
    for i in range(ROWS):
        at = rng.randrange(len(table))
        other = rng.choice(words)
        query = " ".join([*words[at], *rng.sample(other, min(len(other), 10)), str(i)])
        scores = dict(zip(table.models, table.scores[at].tolist(), strict=True))
        costs = dict(zip(table.models, table.costs[at].tolist(), strict=True))
        rows.append(Row(query, scores, costs))
    return Table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--speed", action="store_true")
    given = parser.parse_args()
    table = load_table(given.data)
    if given.speed:
        speed(table)
    else:
        accuracy(table, given.plot)


if __name__ == "__main__":
    main()
