"""How often the repeat guard promotes what is no better, finds what is, and what that costs.

    python benchmarks/guards.py

Simulated on normal noise with a baseline of eight runs, as `metaloop run` measures a noisy one.
"""

from __future__ import annotations

import asyncio
from random import Random

from metaloop.guard.base import Promotion, Scored, Shown
from metaloop.guard.noise import Noise
from metaloop.guard.repeat import Repeat

TIMES, BASELINE = 2000, 8


async def one(rng: Random, better: float) -> tuple[bool, int]:
    """Is a candidate promoted that is better by `better` sigma, and for how many further runs?"""
    base = [rng.gauss(0, 1) for _ in range(BASELINE)]

    async def measure(files: dict[str, str]) -> float:
        return rng.gauss(-better if files["p"] == "new" else 0.0, 1)

    shown = Shown(Scored(rng.gauss(-better, 1)), 1.0)
    promotion = Promotion(
        {"p": "new"},
        {"p": "old"},
        [shown.search.loss],
        base,
        Noise.of(base),
        shown,
        shown,
        shown,
        artefacts=None,
        usual_seconds=1.0,
    )
    if promotion.gain <= 0:  # the loop asks the guards about nothing else
        return False, 0
    verdict = await Repeat(measure).check(promotion)
    return verdict.ending == "passed", promotion.runs


async def main() -> None:
    """The table of benchmarks/README.md."""
    print("| better by, in sigma | promoted | further runs per candidate |\n| --- | --- | --- |")
    for better in (-2.0, -1.0, 0.0, 1.0, 1.6, 2.0, 3.0, 5.0):
        rng = Random(f"guards/{better}")
        found = [await one(rng, better) for _ in range(TIMES)]
        promoted, runs = (sum(column) / TIMES for column in zip(*found, strict=True))
        print(f"| {better:+g} | {promoted:.3f} | {runs:.2f} |")


if __name__ == "__main__":
    asyncio.run(main())
