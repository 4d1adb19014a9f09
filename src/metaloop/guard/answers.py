"""Does a program carry the judge's answers? Runs of constants that both have.

A program's constants are read in the order in which they stand, and also every second, third and
fourth of them: so lists, tables, pairs, dictionaries and chains of `if` all give a run. A run
counts when it is so long that no run of the judge's is expected to equal it by chance, given how
the judge's values scatter; even steps, such as those of range(8) or [0] * 8, never count.

What is not seen: answers that are computed, encoded, compressed, or rounded to fewer than four
digits, and less than 8 values or 24 bytes of text in a row.
"""

from __future__ import annotations

import ast
import csv
import json
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaloop.task.source import SourceError, parse

VALUES = 8
"""Least values in a row that count."""
TEXT = 24
"""Least bytes in a row of one string: shorter pieces of text are alike by nature."""
MARGIN = 10
"""Bits of surprise beyond chance: one false alarm per 2**MARGIN programs."""
STRIDES = (1, 2, 3, 4)
MOST = 4_000_000
"""Values of one sequence, and bytes of one text file, that are looked at."""

Keys = NDArray[np.uint64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Sequence:
    """Values of one of the judge's files, in the order in which they stand."""

    source: str
    keys: Keys
    bits: float
    """Entropy per value."""


@dataclass(frozen=True)
class Stream:
    """Constants of a program; `least` of them in a row can count."""

    values: Values
    least: int


class Answers:
    """What the judge's files hold: read once, when first asked."""

    def __init__(self, directory: Path, names: list[str]) -> None:
        self._directory, self._names = directory, names
        self._sequences: list[Sequence] | None = None

    def leaked(self, file: str, best: str, text: str) -> list[str]:
        """The judge's files of which `text` holds a run that `best`, its former self, does not."""
        if text == best:
            return []
        if self._sequences is None:
            self._sequences = list(_read_all(self._directory, self._names))
        old, new = streams(file, best), streams(file, text)
        return sorted({s.source for s in self._sequences if _shared(s, old, new)})


def streams(file: str, text: str) -> list[Stream]:
    """The constants of a file; one that is no Python is a string of its own."""
    try:
        constants = _constants(text) if file.endswith(".py") else [text]
    except SourceError:
        constants = [text]
    flat = _values(constants)
    found = [Stream(flat[i::step], VALUES) for step in STRIDES for i in range(step)]
    for value in constants:
        if isinstance(value, str | bytes):
            raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            found.append(Stream(np.frombuffer(raw, np.uint8).astype(np.float64), TEXT))
            found.append(Stream(_numbers(raw), VALUES))
    return [stream for stream in found if len(stream.values) >= stream.least]


def _constants(source: str) -> list[Any]:
    """All constants in the order in which they stand, signs applied."""
    nodes = list(ast.walk(parse(source)))
    negated = {
        node.operand
        for node in nodes
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    }
    constants = [node for node in nodes if isinstance(node, ast.Constant)]
    constants.sort(key=lambda node: (node.lineno, node.col_offset))
    return [
        -node.value
        if node in negated and isinstance(node.value, int | float | complex)
        else node.value
        for node in constants
    ]


def _numbers(raw: bytes) -> Values:
    """The numbers written in a text; of one that is all digits, the digits."""
    words = list(raw) if raw.isdigit() else raw.translate(_SPACED).split()
    if raw.isdigit():
        return np.array(words, np.float64) - ord("0")
    return _values([number for word in words if (number := _number(word)) is not None])


_SPACED = bytes.maketrans(b",;[](){}", b"        ")


def _number(word: bytes | str | float) -> float | None:
    try:
        return float(word)
    except (ValueError, OverflowError):
        return None


def _values(items: list[Any]) -> Values:
    """Numbers as they are, words as numbers far from all others, anything else left out."""
    found = []
    for item in items:
        if isinstance(item, str | bytes):
            raw = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item
            found.append((1000 + zlib.crc32(raw) % 9000) * 1e200)
        elif isinstance(item, int | float) and (number := _number(item)) is not None:
            found.append(number)
    return _finite(np.array(found, np.float64))


def _finite(values: Values) -> Values:
    values = np.clip(np.nan_to_num(values, nan=0.0), -1e300, 1e300)
    return np.where(np.abs(values) < 1e-290, 0.0, values)


def _keys(values: Values) -> Keys:
    """Values to four significant digits, so that a rounded copy is the same."""
    size = np.abs(values)
    exponent = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    mantissa = np.rint(values / 10.0 ** (exponent - 3))
    return (mantissa * 4096 + exponent).astype(np.int64).view(np.uint64)


def _shared(sequence: Sequence, old: list[Stream], new: list[Stream]) -> bool:
    """True when a run of `new`, but none of `old`, is in `sequence`."""
    count = sum(len(stream.values) for stream in new)
    if not count or sequence.bits < 1e-3:
        return False
    surprise = math.log2(len(sequence.keys)) + math.log2(count) + MARGIN
    chance = math.ceil(surprise / sequence.bits)
    for least in (VALUES, TEXT):
        streams = [stream for stream in new if stream.least == least]
        if any(_uneven(run) for run in _common(sequence, old, streams, max(least, chance))):
            return True
    return False


def _common(
    sequence: Sequence, old: list[Stream], new: list[Stream], length: int
) -> Iterator[Values]:
    """The runs of that length which `new` has in common with `sequence`, but not with `old`."""
    known = [_windows(_keys(stream.values), length) for stream in old]
    here = [_windows(_keys(stream.values), length) for stream in new]
    if not sum(map(len, here)) or len(sequence.keys) < length:
        return
    fresh = np.setdiff1d(np.concatenate(here), np.concatenate([*known, here[0][:0]]))
    if not len(fresh):
        return
    # The judge's windows may be millions: they are looked up in the few of the program's.
    there = _windows(sequence.keys, length)
    common = there[fresh[np.searchsorted(fresh, there) % len(fresh)] == there]
    for stream, windows in zip(new, here, strict=True):
        for i in np.flatnonzero(np.isin(windows, fresh) & np.isin(windows, common)):
            yield stream.values[i : i + length]


def _uneven(run: Values) -> bool:
    """True for a run that does not go in one or two kinds of steps, as indices and fills do."""
    return len(np.unique(_keys(np.diff(run)))) > 2


_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)


def _windows(keys: Keys, length: int) -> Keys:
    """A hash of each run of `length` keys: sums of powers of an odd number, modulo 2**64."""
    if len(keys) < length:
        return keys[:0]
    with np.errstate(over="ignore"):
        sums = np.zeros(len(keys) + 1, np.uint64)
        np.cumsum(keys * _powers(_BASE, len(keys)), out=sums[1:])
        runs: Keys = sums[length:] - sums[:-length]
        return runs * _powers(_INVERSE, len(runs))


def _powers(base: int, count: int) -> Keys:
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors)


def _read_all(directory: Path, names: list[str]) -> Iterator[Sequence]:
    for name in names:
        top = directory / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            for values in _read(path):
                keys = _keys(_finite(values[:MOST]))
                if len(keys) >= VALUES:
                    counts = np.unique(keys, return_counts=True)[1]
                    share = counts / counts.sum()
                    bits = float(-(share * np.log2(share)).sum())
                    yield Sequence(path.relative_to(directory).as_posix(), keys, bits)


def _read(path: Path) -> Iterator[Values]:
    """The sequences of one data file; of code and of what cannot be read, none."""
    try:
        if path.suffix == ".npy":
            yield from _of_array(np.load(path, mmap_mode="r", allow_pickle=False))
        elif path.suffix == ".npz":
            yield from _of_archive(path)
        elif path.suffix in {".json", ".jsonl", ".csv", ".tsv", ".txt"}:
            with path.open("rb") as file:
                yield from _of_text(file.read(MOST), path.suffix)
    except (OSError, ValueError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error):
        return


def _of_archive(path: Path) -> Iterator[Values]:
    with zipfile.ZipFile(path) as archive:
        small = [i.filename for i in archive.infolist() if i.file_size <= 8 * MOST]
    with np.load(path, allow_pickle=False) as arrays:
        for name in small:
            if name.removesuffix(".npy") in arrays.files:
                yield from _of_array(arrays[name.removesuffix(".npy")])


def _of_array(array: NDArray[Any]) -> Iterator[Values]:
    """Row after row, and column after column where there are several."""
    rows = array[: MOST // max(1, array[:1].size)] if array.ndim else array.reshape(1)
    for order in ("C", "F") if rows.ndim > 1 else ("C",):
        flat = rows.ravel(order)
        if array.dtype.kind in "biuf":
            yield flat.astype(np.float64)
        elif array.dtype.kind in "US":
            yield _values(flat.tolist())


def _of_text(raw: bytes, suffix: str) -> Iterator[Values]:
    if suffix in {".json", ".jsonl"}:
        yield from _of_json(raw, suffix)
        return
    yield np.frombuffer(raw, np.uint8).astype(np.float64)
    yield _numbers(raw)
    lines = raw.decode(errors="replace").splitlines()
    if suffix != ".txt":
        rows = list(csv.reader(lines, delimiter="\t" if suffix == ".tsv" else ","))
        width = max(map(len, rows)) if len(rows) >= VALUES else 0
        for column in range(width):
            yield _cells([row[column] for row in rows if len(row) > column])


def _cells(cells: list[str]) -> Values:
    numbers = [_number(cell) for cell in cells]
    return _values([c if n is None else n for c, n in zip(cells, numbers, strict=True)])


def _of_json(raw: bytes, suffix: str) -> Iterator[Values]:
    """All values as they stand, those of each key, and the text of all strings."""
    texts = raw.splitlines() if suffix == ".jsonl" else [raw]
    columns: dict[str, list[Any]] = {}
    every: list[Any] = []
    for text in texts:
        try:
            _collect(json.loads(text), "", every, columns)
        except (ValueError, RecursionError):  # cut short, or no JSON
            continue
    words = "\n".join(item for item in every if isinstance(item, str))
    yield np.frombuffer(words.encode("utf-8", "surrogatepass"), np.uint8).astype(np.float64)
    yield _values(every)
    for column in columns.values():
        if VALUES <= len(column) < len(every):
            yield _values(column)


def _collect(found: Any, key: str, every: list[Any], columns: dict[str, list[Any]]) -> None:
    if isinstance(found, dict):
        for name, item in found.items():
            _collect(item, name, every, columns)
    elif isinstance(found, list):
        row = len(found) < VALUES  # too short to be a sequence: its places are columns
        for place, item in enumerate(found):
            _collect(item, f"{key}.{place}" if row else key, every, columns)
    else:
        every.append(found)
        columns.setdefault(key, []).append(found)
