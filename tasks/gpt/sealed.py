"""Scores `out/probs.npy` on the sealed rows, once at the end of a run, as `judge.py` does."""

from judge import main

if __name__ == "__main__":
    main("sealed")
