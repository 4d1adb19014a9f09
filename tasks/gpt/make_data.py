"""Makes `data/` and `judge/` from the source of CPython 3.11's standard library.

    python make_data.py /path/to/lib/python3.11

Run once by the authors; the result is shipped, so that scores are the same on every machine.
The corpus and the split are those of the task ngram-lm, cut to what the budget can use, and less
`profile` and `pstats`: what is scored is hidden from a run, and torch imports these two. Every
scored byte comes from a module of which no line is trained on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

TRAIN = """
    argparse ast asyncio/base_events bdb calendar cmd collections/__init__ configparser contextlib
    copy csv dataclasses enum fractions functools heapq http/client http/server json/decoder
    pathlib random selectors shlex shutil socketserver statistics string tempfile textwrap
    threading traceback weakref
"""
VALIDATION = """
    aifc cgi idlelib/config idlelib/configdialog idlelib/pyshell lib2to3/refactor mailbox
    modulefinder nntplib poplib smtpd tkinter/ttk turtle wsgiref/handlers xmlrpc/server
"""
HOLDOUT = """
    ftplib idlelib/debugger idlelib/editor idlelib/run imaplib lib2to3/pytree optparse
    sunau telnetlib tkinter/__init__ tkinter/tix trace turtledemo/__main__ wave webbrowser
    wsgiref/simple_server wsgiref/validate xmlrpc/client
"""

WINDOW = 64  # bytes of context before each target
SPACING = 128  # least distance of two targets: between a target and the next context stay
# at least 63 bytes that nobody sees, so contexts can neither cover a target nor be joined over it
ROWS = 2048  # positions of each of the two scored parts
SEED = 20240117


def read(stdlib: Path, modules: str) -> list[bytes]:
    """The source of `modules`, line ends as in the repository of CPython."""
    paths = [stdlib / f"{name}.py" for name in modules.split()]
    return [path.read_bytes().replace(b"\r\n", b"\n") for path in paths]


def positions(length: int, rng: np.random.Generator) -> np.ndarray:
    """Random positions of targets in a text, each with a full window before it."""
    gaps = rng.integers(SPACING, SPACING * 8 // 5, size=length // SPACING + 1)
    places = WINDOW - SPACING + np.cumsum(gaps)
    return places[places < length]


def sample(texts: list[bytes], train: bytes, rng: np.random.Generator) -> list[bytes]:
    """ROWS windows of WINDOW + 1 bytes: a context and its target, none of which is in `train`."""
    windows = [
        text[place - WINDOW : place + 1]
        for text in texts
        for place in positions(len(text), rng)
        if text[place - WINDOW : place + 1] not in train
    ]
    if len(windows) < ROWS:
        raise SystemExit(f"only {len(windows)} positions: more modules are needed")
    return [windows[i] for i in rng.permutation(len(windows))[:ROWS]]


def make(stdlib: Path) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of every file, by its path: training text, shuffled contexts, answers."""
    rng = np.random.default_rng(SEED)
    train = b"\n".join(read(stdlib, TRAIN))
    validation = sample(read(stdlib, VALIDATION), train, rng)
    holdout = sample(read(stdlib, HOLDOUT), train, rng)
    windows = np.frombuffer(b"".join(validation + holdout), np.uint8).reshape(-1, WINDOW + 1)
    order = rng.permutation(len(windows))  # row r of the contexts is window order[r]
    shuffled = windows[order]
    files: dict[str, dict[str, np.ndarray]] = {
        "data/data.npz": {
            "train": np.frombuffer(train, np.uint8),
            "contexts": shuffled[:, :WINDOW],
        }
    }
    hidden = np.flatnonzero(order >= ROWS)
    parts = {
        "validation": np.flatnonzero(order < ROWS),
        "holdout": hidden[::2],
        "sealed": hidden[1::2],
    }
    for part, rows in parts.items():
        files[f"judge/{part}.npz"] = {"rows": rows, "targets": shuffled[rows, WINDOW]}
    return files


if __name__ == "__main__":
    for name, arrays in make(Path(sys.argv[1])).items():
        path = Path(__file__).parent / name
        path.parent.mkdir(exist_ok=True)
        np.savez_compressed(path, allow_pickle=False, **arrays)
