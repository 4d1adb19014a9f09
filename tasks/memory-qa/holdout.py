"""Scores `out/answers.json` on the hidden holdout; prints the metric as `judge.py` does."""

from judge import main

if __name__ == "__main__":
    main("holdout")
