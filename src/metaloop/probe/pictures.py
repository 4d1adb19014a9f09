"""Pictures of two CPPNs: what they draw, damaged, swept one weight at a time, unit by unit."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from metaloop.probe.compare import TOLERATED, Comparison
from metaloop.probe.cppn import Cppn, places
from metaloop.probe.damage import Damaged, noisy
from metaloop.probe.network import Array
from metaloop.report.figure import MODEL, MUTED, WARM, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (MODEL, WARM[1])
GAP = 3
SWEEP = (-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0)
"""What is added to a weight in a sweep."""
CANDIDATES, SWEPT = 100, 5
"""Weights drawn at random, and those of them that are shown."""


def png(image: Array) -> str:
    """(rows, columns, 3) of 0 to 1, or with a fourth channel for opacity, as a data URI."""
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(file, image.clip(0, 1), format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def tiles(rows: list[list[Array]], columns: int = 0) -> Array:
    """Square pictures of one size in rows, with transparent gaps; short rows end early, and the
    sheet has room for `columns` at least."""
    size, width = len(rows[0][0]), max(columns, *map(len, rows))
    step = size + GAP
    sheet = np.zeros((len(rows) * step - GAP, width * step - GAP, 4))
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            place = np.s_[i * step : i * step + size, j * step : j * step + size]
            sheet[place] = np.concatenate([picture, np.ones((size, size, 1))], axis=-1)
    return sheet


def damaged(network: Cppn, rung: Damaged, count: int, size: int = 128) -> Array:
    """The picture, and the first `count` draws of noise at that damage, in a row."""
    noise = [noisy(network.weights, rung.scale, seed) for seed in range(count)]
    return tiles([[network.picture(weights, size) for weights in (network.weights, *noise)]])


def sweeps(network: Cppn, size: int = 96) -> Array:
    """Weight sweeps as in arXiv:2505.11581: a row for each weight, a column for each value of
    `SWEEP` added to it. Of `CANDIDATES` random connections, those that move the picture most."""
    small = replace(network, size=24)
    base = small.run(small.weights).output
    connections = np.flatnonzero(network.weights)
    drawn = np.random.default_rng(0).permutation(connections)[:CANDIDATES]
    moved = {
        index: sum(
            np.abs(small.run(_moved(network, index, step)).output - base).mean()
            for step in (SWEEP[0], SWEEP[-1])
        )
        for index in drawn
    }
    chosen = sorted(moved, key=lambda index: -moved[index])[:SWEPT]
    return tiles(
        [[network.picture(_moved(network, i, step), size) for step in SWEEP] for i in chosen]
    )


def _moved(network: Cppn, index: int, step: float) -> Array:
    weights = network.weights.copy()
    weights[index] += step
    return weights


def unit_maps(network: Cppn, size: int = 36) -> Array:
    """A row for each layer, a tile for each unit that varies: red below 0, white 0, blue above,
    each unit on its own scale."""
    layers = network.architecture.forward(network.weights, places(size))[1]
    rows = []
    for units in layers:
        largest = np.abs(units).max(axis=0)
        varied = units[:, units.std(axis=0) > 1e-6 * np.maximum(largest, 1e-6)]
        rows.append([_map(column, size) for column in varied.T])
    return tiles([row for row in rows if row], network.architecture.width)


def _map(unit: Array, size: int) -> Array:
    value = (unit / np.abs(unit).max()).reshape(size, size, 1)
    ends = np.where(value > 0, [0.13, 0.34, 0.62], [0.73, 0.16, 0.18])
    return np.asarray(1 - np.abs(value) * (1 - ends))


def ladder_plot(comparison: Comparison) -> str:
    """SVG: the growth of the violation per damage, with its interval, over the damage."""
    return svg("probe", 3.2, lambda axes: _paint_ladder(comparison, axes))


def _paint_ladder(comparison: Comparison, axes: Axes) -> None:
    for reading, colour in zip(comparison.networks, COLOURS, strict=True):
        damage = [rung.damage for rung in reading.ladder]
        growth = [rung.breaking for rung in reading.ladder]
        axes.plot(damage, [g.mean for g in growth], "o-", color=colour, label=reading.name)
        low, high = [g.low for g in growth], [g.high for g in growth]
        axes.fill_between(damage, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.axhline(TOLERATED, color=MUTED, linestyle="--", linewidth=1, label="tolerated")
    axes.set_xlabel("damage: mean change of the output, share of its range")
    axes.set_ylabel("asymmetry gained per damage")
