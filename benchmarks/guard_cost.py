"""What the guards of a noisy task cost: the share of a run's program runs that they ask for.

Real runs in the sandbox on `benchmarks/noisy-mlp`, without a model: built-in mechanisms under the
arbiter. The baseline's measurements count as neither.

    python benchmarks/guard_cost.py --trials 48
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import metaloop
from metaloop.mechanism.builtin import BUILTINS

TASK = Path(__file__).parent / "noisy-mlp"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    print("| seed | sigma | baseline | best | asked | promoted | runs of guards | share |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    spent = made = 0
    for seed in range(1, args.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            task = shutil.copytree(TASK, Path(folder) / "task")  # no branch in this repository
            status = metaloop.run(
                task,
                project=metaloop.Project(Path(folder)),
                levels="1",
                first=tuple(BUILTINS),
                trials=args.trials,
                seed=seed,
            )
        guards = status.guards
        spent, made = spent + guards["runs"], made + args.trials
        share = guards["runs"] / (guards["runs"] + args.trials)
        print(
            f"| {seed} | {status.sigma:.4f} | {status.baseline:.4f} | {status.best:.4f} | "
            f"{guards['asked']} | {guards['promoted']} | {guards['runs']} | {share:.0%} |",
            flush=True,
        )
    print(f"\n{spent} of {spent + made} runs of programs: {spent / (spent + made):.0%}")


if __name__ == "__main__":
    main()
