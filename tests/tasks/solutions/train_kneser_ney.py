"""A code improvement of `train.py`: Kneser-Ney, and a cache of what the context itself holds.

Shorter orders count in how many different surroundings a byte was seen, not how often; and bytes
that followed the same few bytes earlier in the same context are more probable.
"""

import numpy as np
from prepare import load, save

ORDER = 6
DISCOUNTS = (0.0, 0.9, 1.6, 2.4)  # taken from counts of 0, 1, 2, 3 and more
CACHE = {1: 0.03, 2: 0.1, 3: 0.2, 4: 0.3, 5: 0.5, 7: 0.7}  # matched bytes: weight


def pack(columns):
    """One integer key for up to 8 byte columns."""
    key = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        key = key * np.uint64(256) + column
    return key


def grams(train, length):
    """The keys of all substrings of `length` bytes."""
    end = len(train) - length + 1
    return pack([train[i : end + i] for i in range(length)])


def next_byte_counts(train, contexts, order):
    """Occurrences at the longest order, and numbers of different bytes before at the others."""
    if order == ORDER:
        seen = grams(train, order + 1)
    else:
        seen = np.unique(grams(train, order + 2)) & np.uint64(256 ** (order + 1) - 1)
    byte, prefix = (seen & np.uint64(255)).astype(np.int64), seen >> np.uint64(8)
    if order == 0:
        return np.tile(np.bincount(byte, minlength=256), (len(contexts), 1))
    wanted = pack([contexts[:, i] for i in range(-order, 0)])
    keys, row = np.unique(wanted, return_inverse=True)
    place = np.searchsorted(keys, prefix) % len(keys)
    hit = keys[place] == prefix
    table = np.bincount(place[hit] * 256 + byte[hit], minlength=len(keys) * 256)
    return table.reshape(-1, 256)[row]


def combine(counts, shorter):
    """Modified Kneser-Ney: what is taken from the counts is given to the shorter order."""
    taken = np.take(DISCOUNTS, np.minimum(counts, 3))
    total = counts.sum(axis=1, keepdims=True)
    share = taken.sum(axis=1, keepdims=True)
    return np.where(total > 0, (counts - taken + share * shorter) / np.maximum(total, 1), shorter)


def add_cache(probs, contexts, order, weight):
    """Mix in the bytes that followed the last `order` bytes earlier in the same context."""
    rows, length = contexts.shape
    found = np.zeros((rows, 256))
    for i in range(order, length):
        same = (contexts[:, i - order : i] == contexts[:, length - order :]).all(axis=1)
        found[np.flatnonzero(same), contexts[same, i]] += 1
    total = found.sum(axis=1, keepdims=True)
    share = weight * total / (total + 1)
    return (1 - share) * probs + share * found / np.maximum(total, 1)


def predict(train, contexts):
    """Probabilities of the next byte for each context: shape (N, 256), each row sums to 1."""
    counts = next_byte_counts(train, contexts, 0) + 0.1
    probs = counts / counts.sum(axis=1, keepdims=True)
    for order in range(1, ORDER + 1):
        probs = combine(next_byte_counts(train, contexts, order), probs)
    for order, weight in CACHE.items():
        probs = add_cache(probs, contexts, order, weight)
    return probs


if __name__ == "__main__":
    train, contexts = load()
    save(predict(train, contexts))
