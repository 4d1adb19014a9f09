"""Scores `out/answers.json` on the sealed questions, once at the end, as `judge.py` does."""

from judge import main

if __name__ == "__main__":
    main("sealed")
