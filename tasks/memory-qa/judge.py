"""Scores `out/answers.json` on the validation questions and prints `f1`: the mean overlap of words
with the true answers, as SQuAD and LoCoMo count it; higher is better. Runs apart from the program
that it scores, and trusts nothing that this left behind."""

from __future__ import annotations

import json
import string
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
QUESTIONS = 1050
BLOCKS = 30
MAX_ANSWER = 400  # characters
MAX_BYTES = 4_000_000
ARTICLES = {"a", "an", "the"}
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def read_answers(path: Path) -> list[str]:
    """The submitted answers; ValueError when the file is not a list of so many short texts."""
    if path.is_symlink() or not path.is_file():
        raise ValueError("missing, or not a regular file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.stat().st_size} bytes, at most {MAX_BYTES} are allowed")
    try:
        answers = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(answers, list) or len(answers) != QUESTIONS:
        raise ValueError(f"not a list of {QUESTIONS} answers")
    for number, answer in enumerate(answers):
        if not isinstance(answer, str):
            raise ValueError(f"answer {number} is no text")  # noqa: TRY004
        if len(answer) > MAX_ANSWER:
            raise ValueError(f"answer {number} is longer than {MAX_ANSWER} characters")
    return answers


def normal(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation and articles."""
    plain = text.lower().translate(NO_PUNCTUATION)
    return [word for word in plain.split() if word not in ARTICLES]


def f1(answer: str, truth: str) -> float:
    """Harmonic mean of precision and recall of the words of `answer`."""
    given, wanted = normal(answer), normal(truth)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted)) if common else 0.0


def scores(answers: list[str], part: str) -> list[float]:
    """F1 of each question of "validation", "holdout" or "sealed"."""
    truth = json.loads((HERE / "judge" / f"{part}.json").read_text())
    rows = zip(truth["rows"], truth["answers"], strict=True)
    return [f1(answers[row], answer) for row, answer in rows]


def main(part: str) -> None:
    """Print the metric of `part`, over all and per block of questions (they are shuffled, so a
    block is a random sample), or say on stderr what is wrong and exit with 1."""
    try:
        answers = read_answers(HERE / "out" / "answers.json")
    except ValueError as error:
        sys.exit(f"invalid out/answers.json: {error}")
    found = scores(answers, part)
    size = len(found) // BLOCKS
    blocks = [round(sum(found[i : i + size]) / size, 6) for i in range(0, len(found), size)]
    print(json.dumps({"f1": round(sum(found) / len(found), 6), "blocks": blocks}))


if __name__ == "__main__":
    main("validation")
