"""Scores `out/circles.json` and prints `sum_radii`, higher is better.

All checks are exact: a float is a fraction, and fractions do not round. Two circles may touch, and
touch the border, but an overlap of any size, however small, makes the packing invalid. (Published
evaluators forgive about 1e-6, which is as much as records differ by.)
"""

from __future__ import annotations

import json
import math
import sys
from fractions import Fraction
from itertools import combinations
from pathlib import Path

COUNT = 26
MAX_BYTES = 20_000
Circle = tuple[Fraction, Fraction, Fraction]  # x, y, radius


def read(path: Path) -> list[Circle]:
    """The submitted circles: a JSON list of COUNT lists [x, y, radius]; ValueError if not that."""
    if path.is_symlink() or not path.is_file():
        raise ValueError("missing, or not a regular file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    try:
        circles = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("not valid JSON") from None
    if not isinstance(circles, list) or len(circles) != COUNT:
        raise ValueError(f"expected a list of {COUNT} circles [x, y, radius]")
    return [exact(circle, i) for i, circle in enumerate(circles)]


def exact(circle: object, i: int) -> Circle:
    """Circle number `i` as fractions; ValueError when it is not three finite numbers."""
    if not isinstance(circle, list) or len(circle) != 3:
        raise ValueError(f"circle {i} is not [x, y, radius]")
    if not all(type(value) in (int, float) and abs(value) <= 2 for value in circle):
        raise ValueError(f"circle {i} has a value that is not a number between -2 and 2")
    x, y, r = (Fraction(value) for value in circle)
    return x, y, r


def check(circles: list[Circle]) -> None:
    """ValueError when a radius is not positive, a circle sticks out, or two overlap."""
    for i, (x, y, r) in enumerate(circles):
        if r <= 0:
            raise ValueError(f"the radius of circle {i} is not positive")
        outside = max(r - x, r - y, x + r - 1, y + r - 1)
        if outside > 0:
            raise ValueError(f"circle {i} sticks out of the square by {float(outside):.3g}")
    for (i, a), (j, b) in combinations(enumerate(circles), 2):
        squared = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
        if squared < (a[2] + b[2]) ** 2:
            depth = float(a[2] + b[2]) - math.sqrt(squared)
            raise ValueError(f"circles {i} and {j} overlap (by about {depth:.3g})")


def main() -> None:
    """Print the metric, or say on stderr what is wrong and exit with 1."""
    try:
        circles = read(Path(__file__).parent / "out" / "circles.json")
        check(circles)
    except ValueError as error:
        sys.exit(f"invalid out/circles.json: {error}")
    print(f"sum_radii: {float(sum(r for _, _, r in circles)):.12f}")


if __name__ == "__main__":
    main()
