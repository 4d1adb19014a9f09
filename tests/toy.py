"""A small task in a git repository of its own."""

import subprocess

TOML = """
name = "toy"
description = "prints how far X is from 3"
[edit]
files = ["train.py"]
[protect]
files = ["prepare.py"]
[run]
command = ["python", "train.py"]
timeout_s = 10
memory_mb = 256
[judge]
command = ["python", "judge.py"]
files = ["judge.py", "secret.txt"]
[metric]
name = "loss"
direction = "minimize"
[space]
X = { type = "float", low = -10, high = 10 }
N = { type = "int", low = 1, high = 4 }
[holdout]
command = ["python", "judge.py", "holdout"]
"""
TRAIN = """import json
X = 9.0
N = 1


def value():
    return X


json.dump({"x": value()}, open("out/x.json", "w"))
"""
JUDGE = """import json, sys
target = float(open("secret.txt").read())
x = json.load(open("out/x.json"))["x"]
print(f"loss: {abs(x - target) + (1 if sys.argv[1:] else 0)}")
"""
PLAIN = (
    *("-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null"),
    *("-c", "commit.gpgSign=false"),
)
"""Whatever the git configuration of who runs the tests is."""


def write_toy(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "metaloop.toml": TOML,
        "train.py": TRAIN,
        "prepare.py": "",
        "judge.py": JUDGE,
        "secret.txt": "3",
    }.items():
        (directory / name).write_text(text)
    return directory


def commit(directory):
    for args in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "toy"],
    ):
        subprocess.run(["git", *PLAIN, *args], cwd=directory, check=True)
    return directory
