"""What `train.py` is given, and what it has to hand in. Read-only: candidates do not change it."""

import re
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
WINDOW = 64  # bytes of context that a prediction is made from
BUDGET = 2**19  # bytes that a trial learns to predict: the same for every candidate
PAIRS = 48  # contexts that the probe asks for, as they are and with a variable renamed
VARIABLE = re.compile(rb"[^\w.]([a-z]\w+)(?: [+-]?= | [=!]= |\[)")  # no attribute, not cut off
END = re.compile(rb"[\w\s]$")  # within a word, or in blanks, of which there are mostly more


def load():
    """The training text and the contexts, both as bytes (uint8, values 0..255).

    `train` has shape (T,): the source of some modules of Python's standard library, one after
    the other. `contexts` has shape (N, 64): from other modules, each row the 64 bytes before
    the one byte that is to be predicted. The rows are in random order.
    """
    with np.load(HERE / "data" / "data.npz", allow_pickle=False) as data:
        return data["train"], data["contexts"]


def batches(train, size, seed):
    """Windows to learn from, shape (size, 65), as int64, until the budget is spent.

    In each row the bytes 1 to 64 are to be predicted, each from those before it.
    """
    rng = np.random.default_rng(seed)
    for _ in range(BUDGET // (size * WINDOW)):
        starts = rng.integers(0, len(train) - WINDOW, size)
        yield train[starts[:, None] + np.arange(WINDOW + 1)].astype(np.int64)


def save(probs, weights):
    """Hand in `probs`, shape (N, 256): for each context the probability of every next byte; and
    `weights`, the arrays that gave them, by name: the probe asks what becomes of them."""
    (HERE / "out").mkdir(exist_ok=True)
    np.save(HERE / "out" / "probs.npy", np.asarray(probs, dtype=np.float32))
    np.savez(HERE / "out" / "weights.npz", **weights)


def renamed(contexts):
    """Rows of contexts in which a variable can be renamed, and what they are with another name.

    The other name is one of the same length, of a variable in some other context: the kind of byte
    that comes next stays the same. Of the rows that end neither within a word nor in blanks, those
    that end soonest after the variable.
    """
    texts = [row.tobytes() for row in contexts]
    found = {row: VARIABLE.search(text) for row, text in enumerate(texts)}
    names = {row: match[1] for row, match in found.items() if match and not END.search(texts[row])}
    pool = sorted(set(names.values()))
    images, distance = {}, {}
    for row, name in names.items():
        others = [other for other in pool if len(other) == len(name) and other not in texts[row]]
        places = [place.end() for place in re.finditer(rb"(?<![\w.])%b(?!\w)" % name, texts[row])]
        if others:
            text, other = texts[row], others[row % len(others)]
            for end in places:
                text = text[: end - len(name)] + other + text[end:]
            images[row], distance[row] = text, WINDOW - places[-1]
    rows = sorted(sorted(images, key=distance.__getitem__)[:PAIRS])
    return np.array(rows), np.stack([np.frombuffer(images[row], np.uint8) for row in rows])


def answer(predict):
    """What the probe asks: for weights under noise, `predict(weights, contexts)` for some of the
    contexts and then for the same with a variable renamed."""
    _, contexts = load()
    rows, images = renamed(contexts)
    asked = np.concatenate([contexts[rows], images])
    for path in sorted((HERE / "out" / "probe").glob("*.npz")):
        with np.load(path, allow_pickle=False) as weights:
            probs = predict(dict(weights), asked)
        np.save(path.with_suffix(".npy"), np.asarray(probs, dtype=np.float32))
