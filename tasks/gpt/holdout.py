"""Scores `out/probs.npy` on the hidden holdout rows; prints the metric as `judge.py` does."""

from judge import main

if __name__ == "__main__":
    main("holdout")
