import json
import os
import random
from pathlib import Path

A = 0.2
B = 0.3
C = 0.4
D = 0.6
E = 0.7
F = 0.8
luck = random.Random(os.environ.get("LUCK"))  # unset in a sandbox: other luck in every run


def reward():
    """At best 0.01 more than at worst, in one episode of luck between 0 and 1."""
    return 0.01 * (1 - (A - B) ** 2) * (C + D) * (1 - E * F) + luck.random()


Path("out/episode.json").write_text(json.dumps(reward()))
