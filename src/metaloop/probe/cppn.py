"""Compositional pattern-producing networks: they map a place in a picture to its colour.

The architecture and the file format are those of the networks published with arXiv:2505.11581:
dense layers without bias, whose columns are split among several activations.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metaloop.probe.network import Array, Run

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "cache": lambda x: x,
    "identity": lambda x: x,
    "gaussian": lambda x: 2 * np.exp(-np.square(x)) - 1,
    "sigmoid": lambda x: np.tanh(x / 2),  # 2 / (1 + exp(-x)) - 1, without overflow
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}
INPUTS, CHANNELS = 4, 3
"""y, x, 1.4 r and 1 go in; hue, saturation and brightness come out."""
MOST_LAYERS, MOST_UNITS, MOST_BYTES = 200, 1000, 256 * 2**20


@dataclass(frozen=True)
class Architecture:
    """`layers` hidden layers, each with the same activations of so many units."""

    layers: int
    activations: tuple[tuple[str, int], ...]

    @classmethod
    def parse(cls, text: str) -> Architecture:
        """From "layers;activation:count,...", e.g. `12;cache:15,gaussian:4`.

        Raises:
            ValueError: says what is wrong with the text.
        """
        try:
            layers, _, listed = text.partition(";")
            pairs = [part.split(":") for part in listed.split(",")]
            made = cls(int(layers), tuple((name.strip(), int(count)) for name, count in pairs))
        except ValueError:
            raise ValueError(
                f"{text[:80]!r} is not like '12;cache:15,gaussian:4' (layers;activation:count,...)"
            ) from None
        unknown = {name for name, _ in made.activations} - set(ACTIVATIONS)
        if unknown:
            raise ValueError(f"no activation {min(unknown)!r}; there are {', '.join(ACTIVATIONS)}")
        if not 1 <= made.layers <= MOST_LAYERS or min(count for _, count in made.activations) < 1:
            raise ValueError(f"layers must be 1 to {MOST_LAYERS}, and each count at least 1")
        if made.width > MOST_UNITS:
            raise ValueError(f"{made.width} units a layer; at most {MOST_UNITS}")
        return made

    @property
    def width(self) -> int:
        """Units of a layer."""
        return sum(count for _, count in self.activations)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of the matrices, input to output."""
        inner = [(self.width, self.width)] * (self.layers - 1)
        return [(INPUTS, self.width), *inner, (self.width, CHANNELS)]

    @property
    def size(self) -> int:
        """Weights in all."""
        return sum(rows * columns for rows, columns in self.shapes)

    def matrices(self, weights: Array) -> list[Array]:
        """The flat vector, cut; it holds `Dense_0`, `Dense_1`, `Dense_10`, ... by the alphabet."""
        shapes, parts, start = self.shapes, {}, 0
        for index in sorted(range(len(shapes)), key=str):
            rows, columns = shapes[index]
            parts[index] = weights[start : start + rows * columns].reshape(rows, columns)
            start += rows * columns
        return [parts[index] for index in range(len(shapes))]

    def forward(self, weights: Array, points: Array) -> tuple[Array, list[Array]]:
        """Of (points, 4): hue, saturation, value as they come out (points, 3), and all units."""
        *hidden, last = self.matrices(weights)
        ends = np.cumsum([count for _, count in self.activations])
        units, x = [], points
        for matrix in hidden:
            x = x @ matrix
            for (name, count), end in zip(self.activations, ends, strict=True):
                x[:, end - count : end] = ACTIVATIONS[name](x[:, end - count : end])
            units.append(x)
        return x @ last, units


def places(size: int) -> Array:
    """The inputs for a picture of `size` by `size` pixels on [-1, 1]: (pixels, 4)."""
    y, x = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    # the published networks were run with x down the rows, so that `y` is left to right
    return np.stack([y, x, 1.4 * np.hypot(x, y), np.ones_like(x)], axis=-1).reshape(-1, INPUTS)


@dataclass(frozen=True)
class Cppn:
    """A picture as a network. Its output is the picture's brightness, 0 to 1, on `size` by `size`
    pixels; the invariant is its left-right symmetry."""

    name: str
    architecture: Architecture
    weights: Array
    size: int = 64

    @cached_property
    def points(self) -> Array:
        """(pixels, 4)"""
        return places(self.size)

    @cached_property
    def partner(self) -> NDArray[np.intp]:
        """The mirrored pixel."""
        return np.arange(self.size**2).reshape(self.size, -1)[:, ::-1].ravel()

    @cached_property
    def features(self) -> Mapping[str, Array]:
        """Where a pixel is: the side, the distance from the mirror axis, the height, the radius."""
        side, height, radius, _ = self.points.T
        return {"side": side, "|side|": np.abs(side), "height": height, "radius": radius}

    def run(self, weights: Array) -> Run:
        """Brightness (pixels, 1), and the units of each hidden layer."""
        channels, units = self.architecture.forward(weights, self.points)
        return Run(np.abs(channels[:, 2:]).clip(0, 1), units)

    def picture(self, weights: Array, size: int) -> Array:
        """(size, size, 3): red, green, blue, 0 to 1."""
        from matplotlib.colors import hsv_to_rgb

        hue, saturation, value = self.architecture.forward(weights, places(size))[0].T
        colour = (hue % 1, saturation.clip(0, 1), np.abs(value).clip(0, 1))
        rgb: Array = hsv_to_rgb(np.stack(colour, axis=-1)).reshape(size, size, 3)
        return rgb


def load_cppns(path: Path) -> list[Cppn]:
    """The networks of an .npz file: `arch`, and a flat vector of weights for each by its name.

    Raises:
        ValueError: names the file, the field and what it should be. Nothing in it is unpickled.
    """
    fields = _read(path)
    if "arch" not in fields:
        raise ValueError(f"{path}: no field `arch`, the architecture as 'layers;activation:count'")
    try:
        architecture = Architecture.parse(str(fields.pop("arch")))
    except ValueError as error:
        raise ValueError(f"{path}: field `arch`: {error}") from None
    if not fields:
        raise ValueError(f"{path}: no weights; add a vector of {architecture.size} numbers")
    return [
        Cppn(name, architecture, _weights(f"{path}: field `{name}`", values, architecture))
        for name, values in fields.items()
    ]


def load_pair(paths: Sequence[Path]) -> tuple[Cppn, Cppn]:
    """The two networks of one file, or of two with one each.

    Raises:
        ValueError: a file cannot be read, or they hold another number of networks in all.
    """
    found = [(path, network) for path in paths for network in load_cppns(path)]
    if len(found) != 2:
        named = ", ".join(f"`{network.name}` of {path}" for path, network in found[:4])
        raise ValueError(
            f"two networks are compared, in one file or two; found {len(found)}: {named}"
        )
    (first, a), (second, b) = found
    if a.name == b.name:
        a, b = (replace(n, name=f"{path.stem} {n.name}") for path, n in ((first, a), (second, b)))
    return a, b


def _read(path: Path) -> dict[str, NDArray[np.generic]]:
    """All fields, none of them as an object."""
    field = ""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MOST_BYTES:
            raise ValueError(f"{size} bytes unpacked; at most {MOST_BYTES}")
        fields = {}
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                field = f" field `{name}`:"
                fields[name] = np.asarray(arrays[name])
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        if isinstance(error, zipfile.BadZipFile) and not field:
            raise ValueError(f"{path}: not an .npz file; write it with numpy.savez") from None
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"{path}:{field} {reason}") from None
    return fields


def _weights(where: str, values: NDArray[np.generic], architecture: Architecture) -> Array:
    if values.dtype.kind not in "fiu" or values.shape != (architecture.size,):
        raise ValueError(
            f"{where} is {values.dtype} {values.shape}; `arch` asks for {architecture.size} numbers"
        )
    weights = values.astype(np.float64)
    if not np.isfinite(weights).all():
        raise ValueError(f"{where} has numbers that are not finite")
    return weights
