"""A 2 x 2 study of the toy task, small enough to be replayed in a test.

Usage: python tests/study/small.py DIR
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from toy import write_toy

DESIGN = """
name = "small"
question = "Do mixed pairs end better than pure ones?"
arms = ["C", "A", "placebo", "no-llm"]
seeds = [1, 2]
trials = 6
outer_every = 3
[models]
outer = ["local:qwen2.5-coder-0.5b", "local:smollm2-135m"]
inner = ["local:qwen2.5-coder-0.5b", "local:smollm2-135m"]
[[task]]
path = "toy"
matters = 0.5
"""


def write_small(directory):
    """The design's file, in `directory`, beside its task."""
    write_toy(directory / "toy")
    file = directory / "small.toml"
    file.write_text(DESIGN)
    return file


if __name__ == "__main__":
    print(write_small(Path(sys.argv[1])))
