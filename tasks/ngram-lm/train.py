"""A byte n-gram model of Python source: how probable is each next byte after a context?"""

import numpy as np
from prepare import load, save

ORDER = 3  # how many bytes of the context the longest n-gram looks at
DISCOUNT = 0.2  # share of the probability that order 1 leaves to order 0
SLOPE = 1.0  # that share is multiplied by SLOPE at each higher order
ALPHA = 0.1  # added to every count
MIN_COUNT = 1  # an order is used where its context was seen at least so often
BACKOFF = "backoff"  # shorter orders only for bytes not seen after the context; or "interpolate"


def pack(columns):
    """One integer key for up to 8 byte columns."""
    key = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        key = key * np.uint64(256) + column
    return key


def next_byte_counts(train, contexts, order):
    """How often each byte follows the last `order` bytes of each context: shape (N, 256)."""
    if order == 0:
        return np.tile(np.bincount(train, minlength=256), (len(contexts), 1))
    end = len(train) - order
    seen = pack([train[i : end + i] for i in range(order)])
    wanted = pack([contexts[:, i] for i in range(-order, 0)])
    keys, row = np.unique(wanted, return_inverse=True)
    place = np.searchsorted(keys, seen) % len(keys)
    hit = keys[place] == seen
    cell = place[hit] * 256 + train[order:][hit]
    table = np.bincount(cell, minlength=len(keys) * 256).reshape(-1, 256)
    return table[row]


def estimate(counts):
    """Counts of next bytes to probabilities."""
    smoothed = counts + ALPHA
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def combine(counts, shorter, order):
    """Probabilities of this order, given its counts and the probabilities of the order below."""
    share = min(DISCOUNT * SLOPE ** (order - 1), 0.999)
    if BACKOFF == "interpolate":
        mixed = (1 - share) * estimate(counts) + share * shorter
    else:
        unseen = np.where(counts == 0, shorter, 0.0)
        unseen /= unseen.sum(axis=1, keepdims=True)
        known = np.where(counts > 0, estimate(counts), 0.0)
        known /= np.maximum(known.sum(axis=1, keepdims=True), 1e-12)
        mixed = (1 - share) * known + share * unseen
    trusted = counts.sum(axis=1, keepdims=True) >= MIN_COUNT
    return np.where(trusted, mixed, shorter)


def predict(train, contexts):
    """Probabilities of the next byte for each context: shape (N, 256), each row sums to 1."""
    probs = estimate(next_byte_counts(train, contexts, 0))
    for order in range(1, ORDER + 1):
        probs = combine(next_byte_counts(train, contexts, order), probs, order)
    return probs


if __name__ == "__main__":
    train, contexts = load()
    save(predict(train, contexts))
