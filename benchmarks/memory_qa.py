"""What code and what tuning reach on `tasks/memory-qa`.

    python benchmarks/memory_qa.py               # the ladder of reference solutions
    python benchmarks/memory_qa.py --faults      # what each fault costs
    python benchmarks/memory_qa.py --tune 500    # the ceiling of tuning: so many trials of TPE

Programs run in this process, without a sandbox, and the judge's own function scores them: the same
answers and the same score as a trial has, which `tests/tasks/test_memory_qa.py` checks.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from metaloop.task.constants import set_constants
from metaloop.task.space import Params
from metaloop.task.spec import load_task

ROOT = Path(__file__).parents[1]
TASK = ROOT / "tasks" / "memory-qa"
SOLUTIONS = TASK / "solutions"
PARTS = ("validation", "holdout", "sealed")
LADDER = {
    "as shipped": (),
    "bugs fixed": ("memory_bugs.py",),
    "better ranking": ("memory_ranking.py",),
    "both": ("memory_bugs.py", "memory_ranking.py"),
}
TUNED: Params = {  # the best of three searches of 500 trials (--seed 0, 1 and 2: this is seed 2)
    "TOP_K": 5, "SHARE": 0.28634626958662407, "GRAM": 3, "NEIGHBOURS": 0,
    "RECENCY": 0.1665866098488337, "HALF_LIFE": 466.5932631540259,
    "MIN_SCORE": 0.5443714308728131, "ANSWER_WORDS": 2,
}  # fmt: skip


def functions(source: str) -> dict[str, str]:
    """Source of each top-level function, by name."""
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_source_segment(source, node) or "" for node in found}


def with_functions(source: str, mended: Mapping[str, str]) -> str:
    """`source` with functions in place of their namesakes; new ones stand before the last one."""
    for name, text in mended.items():
        known = functions(source)
        last = list(known.values())[-1]
        old, new = (known[name], text) if name in known else (last, f"{text}\n\n\n{last}")
        source = source.replace(old, new)
    return source


def shipped() -> str:
    """The program as shipped."""
    return (TASK / "memory.py").read_text()


def ladder(rung: str) -> str:
    """The program of a rung."""
    source = shipped()
    for name in LADDER[rung]:
        source = with_functions(source, functions((SOLUTIONS / name).read_text()))
    return source


def load_program(source: str) -> dict[str, Any]:
    """The names of a program, which has `prepare` to itself."""
    program = ModuleType("memory")
    sys.path.insert(0, str(TASK))
    sys.modules.pop("prepare", None)
    try:
        exec(compile(source, "memory.py", "exec"), program.__dict__)
    finally:
        sys.path.remove(str(TASK))
        sys.modules.pop("prepare", None)
    return program.__dict__


def answers(source: str) -> list[str]:
    """What a program hands in."""
    program, handed_in = load_program(source), []
    program["save"] = handed_in.extend
    program["main"]()
    return handed_in


class Shortcut:
    """The answers to the validation questions of one program under many assignments, quickly.

    What the parameters do not change is computed once: the memories, the scores of both searches
    (which GRAM and NEIGHBOURS alone decide), and what a turn answers to a question.
    """

    def __init__(self, source: str) -> None:
        self.program = load_program(source)
        conversations, self.questions = self.program["load"]()
        self.rows = json.loads((TASK / "judge" / "validation.json").read_text())["rows"]
        self.memories = {
            number: self.program["remember"](conversations[number])
            for number in sorted({self.questions[row][0] for row in self.rows})
        }
        self.own = dict(self.program)
        self.scored: dict[tuple[Any, ...], list[tuple[Any, Any]]] = {}
        self.found: dict[tuple[Any, ...], str] = {}

    def answers(self, params: Params) -> list[str]:
        """What the program hands in under `params`; other answers than those wanted are empty."""
        self.program.update({**self.own, **params})
        key = (params["GRAM"], params["NEIGHBOURS"])
        if key not in self.scored:
            self.scored[key] = self._score()
        self.program.update(letters=lambda _: 0.0, tokenize=lambda _: [])
        indexes = {i: self.program["make_index"](memory) for i, memory in self.memories.items()}
        self.program.update(tokenize=self.own["tokenize"], find_answer=self._find_answer)
        handed_in = [""] * len(self.questions)
        for row, (words, letters) in zip(self.rows, self.scored[key], strict=True):
            number, text = self.questions[row]
            self.program["word_scores"] = lambda *_, words=words: words
            self.program["letter_scores"] = lambda *_, letters=letters: letters
            handed_in[row] = self.program["answer"](text, self.memories[number], indexes[number])
        return handed_in

    def _score(self) -> list[tuple[Any, Any]]:
        found, indexes = [], {}
        for i, memory in self.memories.items():
            indexes[i] = self.own["make_index"](memory)
        for row in self.rows:
            i, text = self.questions[row]
            words = self.own["word_scores"](text, self.memories[i], indexes[i])
            found.append((words, self.own["letter_scores"](text, indexes[i])))
        return found

    def _find_answer(self, question: str, entry: Any) -> str:
        key = (question, id(entry), self.program["ANSWER_WORDS"])
        if key not in self.found:
            self.found[key] = self.own["find_answer"](question, entry)
        return self.found[key]


def load_judge() -> ModuleType:
    """The judge as a module."""
    spec = importlib.util.spec_from_file_location("memory_qa_judge", TASK / "judge.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


JUDGE = load_judge()


def score(given: list[str], part: str = "validation") -> float:
    """The judge's metric."""
    found = JUDGE.scores(given, part)
    return sum(found) / len(found)


def by_kind(given: list[str], part: str = "validation") -> dict[str, float]:
    """The metric for each kind of question."""
    kinds = json.loads((TASK / "judge" / f"{part}.json").read_text())["kinds"]
    found = defaultdict(list)
    for kind, value in zip(kinds, JUDGE.scores(given, part), strict=True):
        found[kind].append(value)
    return {kind: sum(values) / len(values) for kind, values in sorted(found.items())}


def row(label: str, values: list[float], seconds: float) -> None:
    """One line of a table: three scores, and how long it took to get there."""
    print(f"| {label} | {' | '.join(f'{v:.3f}' for v in values)} | {seconds:.1f} |", flush=True)


def show_ladder() -> None:
    """The scores of each rung and of the tuned program, by part and by kind of question."""
    sources = {rung: ladder(rung) for rung in LADDER} | {"tuned": set_constants(shipped(), TUNED)}
    for label, source in sources.items():
        start = time.perf_counter()
        given = answers(source)
        row(label, [score(given, part) for part in PARTS], time.perf_counter() - start)
        print("  " + ", ".join(f"{kind} {v:.2f}" for kind, v in by_kind(given).items()))


def show_faults() -> None:
    """What mending one fault alone gains, and what leaving it alone costs."""
    source, mended = shipped(), functions((SOLUTIONS / "memory_bugs.py").read_text())
    base, top = score(answers(source)), score(answers(ladder("bugs fixed")))
    for name, text in mended.items():
        alone = score(answers(with_functions(source, {name: text}))) - base
        others = {other: text for other, text in mended.items() if other != name}
        left = top - score(answers(with_functions(source, others)))
        print(f"| `{name}` | {alone:+.3f} | {-left:+.3f} |", flush=True)


def tune(trials: int, seed: int) -> Params:
    """The best assignment that TPE finds, from the shipped one on; the holdout has no say."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    task = load_task(TASK)
    program = Shortcut(shipped())

    def objective(trial: optuna.Trial) -> float:
        params = {name: suggest(trial, task.space[name]) for name in task.space}
        return score(program.answers(params))

    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(dict(task.params_of(task.sources())))
    start, best = time.perf_counter(), float("-inf")
    for number in range(1, trials + 1):
        study.optimize(objective, n_trials=1)
        if study.best_value > best or number in (24, 50, 100, 200, 300, 400, trials):
            best = study.best_value
            print(f"trial {number}: best {best:.4f} ({time.perf_counter() - start:.0f} s)",
                  flush=True)  # fmt: skip
    return dict(study.best_params)


def suggest(trial: Any, param: Any) -> Any:
    """The value of a parameter of the task's space in a trial of Optuna."""
    if param.kind == "choice":
        return trial.suggest_categorical(param.name, list(param.choices))
    if param.kind == "int":
        return trial.suggest_int(param.name, int(param.low), int(param.high), log=param.log)
    return trial.suggest_float(param.name, param.low, param.high, log=param.log)


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="what code and what tuning reach on memory-qa")
    parser.add_argument("--faults", action="store_true", help="what each fault costs")
    parser.add_argument("--tune", type=int, metavar="TRIALS", help="so many trials of TPE")
    parser.add_argument("--seed", type=int, default=0, help="of TPE")
    given = parser.parse_args()
    if given.tune:
        start = time.perf_counter()
        best = tune(given.tune, given.seed)
        seconds = time.perf_counter() - start
        print(best)
        handed_in = answers(set_constants(shipped(), best))
        row(f"{given.tune} trials", [score(handed_in, part) for part in PARTS], seconds)
    elif given.faults:
        show_faults()
    else:
        show_ladder()


if __name__ == "__main__":
    main()
