"""Train a network of one hidden layer on two spirals, and leave what it says of other points."""

import numpy as np

RATE = 0.05
MOMENTUM = 0.0
HIDDEN = 8
BATCH = 32
SCALE = 1.0
STEPS = 1500


def spirals(count, rng):
    """Points (count, 2) and the spiral, 0 or 1, that each is on."""
    label = np.arange(count) % 2
    turn = 3 * np.pi * np.sqrt(rng.random(count))
    angle = turn + np.pi * label
    points = np.stack([turn * np.cos(angle), turn * np.sin(angle)], 1) / (3 * np.pi)
    return points + rng.normal(0, 0.03, points.shape), label


def forward(weights, points):
    """Hidden units (count, hidden) and the probability of spiral 1 (count,)."""
    hidden = np.tanh(points * 6 @ weights[0] + weights[1])
    return hidden, 1 / (1 + np.exp(-np.clip(hidden @ weights[2] + weights[3], -30, 30)))


def train(points, label, rng):
    """Stochastic gradient descent with momentum."""
    weights = [rng.normal(0, SCALE, (2, HIDDEN)), rng.normal(0, SCALE, HIDDEN),
               rng.normal(0, SCALE / np.sqrt(HIDDEN), HIDDEN), np.zeros(1)]  # fmt: skip
    speed = [np.zeros_like(w) for w in weights]
    for _ in range(STEPS):
        batch = rng.integers(len(points), size=BATCH)
        hidden, said = forward(weights, points[batch])
        wrong = (said - label[batch]) / BATCH
        back = np.outer(wrong, weights[2]) * (1 - hidden**2)
        slopes = [
            points[batch].T * 6 @ back,
            back.sum(0),
            hidden.T @ wrong,
            wrong.sum(keepdims=True),
        ]
        for w, v, slope in zip(weights, speed, slopes, strict=True):
            v *= MOMENTUM
            v -= RATE * slope
            w += v
    return weights


points, label = spirals(400, np.random.default_rng(0))
weights = train(points, label, np.random.default_rng())
new, _ = spirals(1000, np.random.default_rng(1))
np.save("out/said.npy", forward(weights, new)[1])
