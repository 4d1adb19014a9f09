"""Scores `out/probs.npy` on the validation rows and prints `val_bpb`: bits per byte, lower is
better. Runs apart from the program that it scores, and trusts nothing that this left behind."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROWS = 4096
BLOCKS = 64
FLOOR = 2.0**-24  # the least probability a byte is given: no single miss costs over 24 bits
TOLERANCE = 0.01  # how far the sum of a row may be from 1 (float16 needs some)
MAX_HEADER = 1000  # bytes


def read_header(content: bytes, rows: int) -> tuple[str, bool, int]:
    """Of an npy file: the type of its values, whether columns come first, where the values start.

    numpy's own reader raises all kinds of errors, and allocates, on the word of a hostile header.
    """
    start = 10 + int.from_bytes(content[8:10], "little")
    if content[:8] != b"\x93NUMPY\x01\x00" or start > MAX_HEADER:
        raise ValueError("not an npy file (version 1.0) as numpy.save writes it")
    try:
        header = ast.literal_eval(content[10:start].decode("ascii").strip())
        shape, dtype, columns_first = (header[k] for k in ("shape", "descr", "fortran_order"))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, KeyError):
        raise ValueError("the header of the npy file cannot be read") from None
    if shape != (rows, 256):
        raise ValueError(f"shape is {shape!a:.50}, expected ({rows}, 256)")
    if dtype not in ("<f2", "<f4"):
        raise ValueError(f"dtype is {dtype!a:.50}, expected float16 (<f2) or float32 (<f4)")
    return dtype, bool(columns_first), start


def read_probs(path: Path, rows: int = ROWS) -> np.ndarray:
    """The submitted probabilities, shape (rows, 256); ValueError when the file is not that."""
    if path.is_symlink() or not path.is_file():
        raise ValueError("missing, or not a regular file")
    most = MAX_HEADER + rows * 256 * 4  # float32
    if path.stat().st_size > most:
        raise ValueError(f"{path.stat().st_size} bytes, at most {most} are allowed")
    content = path.read_bytes()
    dtype, columns_first, start = read_header(content, rows)
    size = rows * 256 * np.dtype(dtype).itemsize
    if len(content) - start != size:
        raise ValueError(f"{len(content) - start} bytes of values, expected {size}")
    values = np.frombuffer(content, np.dtype(dtype), offset=start)
    probs = values.reshape((rows, 256), order="F" if columns_first else "C")
    return np.array(probs, dtype=np.float64)


def check(probs: np.ndarray) -> np.ndarray:
    """`probs`, floored and normalised exactly; ValueError when a row is no distribution."""
    if not np.isfinite(probs).all():
        raise ValueError("some probabilities are NaN or infinite")
    if (probs < 0).any():
        raise ValueError("some probabilities are negative")
    sums = probs.sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > TOLERANCE:
        raise ValueError(f"row {worst} sums to {sums[worst]:.4f}; every row must sum to 1")
    probs = np.maximum(probs, FLOOR)
    normalised: np.ndarray = probs / probs.sum(axis=1, keepdims=True)
    return normalised


def bits(part: str) -> np.ndarray:
    """-log2 of the probability given to each true byte of "validation", "holdout" or "sealed"."""
    probs = check(read_probs(HERE / "out" / "probs.npy"))
    with np.load(HERE / "judge" / f"{part}.npz", allow_pickle=False) as answers:
        return -np.log2(probs[answers["rows"], answers["targets"]])


def main(part: str) -> None:
    """Print the metric of `part`, over all and per block of rows (they are shuffled, so a block is
    a random sample), or say on stderr what is wrong and exit with 1."""
    try:
        found = bits(part)
    except ValueError as error:
        sys.exit(f"invalid out/probs.npy: {error}")
    blocks = [round(float(block.mean()), 6) for block in np.split(found, BLOCKS)]
    print(json.dumps({"val_bpb": round(float(found.mean()), 6), "blocks": blocks}))


if __name__ == "__main__":
    main("validation")
