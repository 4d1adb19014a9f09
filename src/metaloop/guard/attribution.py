"""Attribution: which hunks of a winning patch earn its gain? The others are dropped.

Each hunk is reverted in turn, the last first: what stands below uses what stands above, so the use
of a new function goes before its definition. A hunk that the program did not run without is asked
again once another was dropped. What is dropped stays dropped, as in delta debugging (Zeller and
Hildebrandt 2002, IEEE TSE 28:183), but no halves are tried: a hunk costs one run, not up to two.

Under noise each smaller program is measured until it is surely worse than the winner, seems no
worse, or was measured `RUNS` times. Where the noise is known from five runs and the winner was
measured four times, a hunk that earns nothing is dropped with a probability of 0.87 (4.6 runs), one
that earns two standard deviations with 0.04 (2.5 runs), by simulation.
"""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from metaloop.guard.base import Measure
from metaloop.guard.noise import Noise
from metaloop.task.patch import Files, content_hash
from metaloop.task.source import SourceError, lines, parse

LEVEL = 0.05
"""One-sided level of each look at whether a program without a hunk is worse."""
RUNS = 6
"""At most this many measurements of a program without a hunk, where the task is noisy."""
HOPELESS = 3
"""Measurements after which a hunk that has earned nothing so far is given up."""

Role = Literal["earns", "idle", "needed", "unmeasured"]
"""`idle`: earns nothing, dropped; `needed`: no score without it; `unmeasured`: no runs left."""


@dataclass(frozen=True)
class Hunk:
    """Neighbouring lines of one file that a patch replaces."""

    file: str
    at: int
    """How many lines of the baseline's file stand above it."""
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """What one hunk is there for."""

    hunk: Hunk
    role: Role
    earned: float | None
    """Loss without it minus loss with it, in the metric's unit; None where it was not measured."""

    @property
    def kept(self) -> bool:
        return self.role != "idle"


@dataclass(frozen=True)
class Attribution:
    """A winning patch without the hunks that earn nothing."""

    files: Files
    findings: tuple[Finding, ...]
    """One for each hunk, by file and line."""
    runs: int

    @property
    def evidence(self) -> str:
        """In words, with a count of each role."""
        roles = [finding.role for finding in self.findings]
        counts = [f"{roles.count(role)} {role}" for role in dict.fromkeys(roles)]
        return f"{len(roles)} hunks: {', '.join(counts)}" if roles else "nothing was changed"


async def attribute(
    before: Files,
    after: Files,
    losses: list[float],
    noise: Noise,
    measure: Measure,
    most: int,
) -> Attribution:
    """Drop each hunk between `before` and `after` without which the loss is no worse.

    `losses` are the measurements of `after`, at least one; `most` bounds the runs. To leave
    parameters out, set those of `after` in `before`: what is equal makes no hunk.
    """
    blocks = [hunk for name in sorted(after) for hunk in _blocks(before, after, name)]
    sieve = _Sieve(before, after, blocks, losses, noise, measure, most)
    await sieve.ask(blocks)
    for block in reversed(sieve.kept.copy()):
        others = [hunk for hunk in sieve.kept if hunk.file == block.file and hunk != block]
        parts = _units(before, _lines(block), others)
        if 1 < len(parts) <= most - sieve.runs:
            sieve.split(block, parts)
            await sieve.ask(parts)
    findings = sorted(sieve.findings.values(), key=lambda f: (f.hunk.file, f.hunk.at))
    return Attribution(sieve.files, tuple(findings), sieve.runs)


def apply(before: Files, hunks: Iterable[Hunk]) -> Files:
    """The files of the baseline with these hunks of a patch made."""
    made = {name: lines(text) for name, text in before.items()}
    for hunk in sorted(hunks, key=lambda h: h.at, reverse=True):
        made[hunk.file][hunk.at : hunk.at + len(hunk.old)] = hunk.new
    return {name: "".join(found) for name, found in made.items()}


class _Sieve:
    """The smallest program so far, beside the one that a smaller one must not lose against."""

    def __init__(
        self,
        before: Files,
        after: Files,
        hunks: list[Hunk],
        losses: list[float],
        noise: Noise,
        measure: Measure,
        most: int,
    ) -> None:
        self._before, self._noise, self._measure, self._most = before, noise, measure, most
        self.kept = list(hunks)
        self.findings: dict[Hunk, Finding] = {}
        self.runs = 0
        self._bar, self._bar_files = list(losses), after

    @property
    def files(self) -> Files:
        return apply(self._before, self.kept)

    def split(self, block: Hunk, parts: list[Hunk]) -> None:
        """Ask of `parts` from now on, instead of `block`."""
        del self.findings[block]
        place = self.kept.index(block)
        self.kept[place : place + 1] = parts

    async def ask(self, hunks: list[Hunk]) -> None:
        """Revert each, the last first; again those the program needed before one was dropped."""
        waiting, needed = deque(reversed(hunks)), list[Hunk]()
        while waiting:
            hunk = waiting.popleft()
            finding = self.findings[hunk] = await self._revert(hunk)
            if finding.role == "needed":
                needed.append(hunk)
            elif not finding.kept:
                waiting += needed
                needed.clear()

    async def _revert(self, hunk: Hunk) -> Finding:
        """Measure the program without `hunk`, and go on from it where it is no worse."""
        rest = [other for other in self.kept if other != hunk]
        files = apply(self._before, rest)
        if content_hash(files) == content_hash(self.files):
            self.kept = rest
            return Finding(hunk, "idle", 0.0)
        if not _parses(hunk.file, files[hunk.file]):
            return Finding(hunk, "needed", None)
        losses: list[float] = []
        role = None
        while role is None:
            if self.runs >= self._most:
                return Finding(hunk, "unmeasured", None)
            if (loss := await self._run(files)) is None:
                return Finding(hunk, "needed", None)
            losses.append(loss)
            if len(self._bar) < len(losses) and self.runs < self._most:
                other = await self._run(self._bar_files)
                self._bar += [] if other is None else [other]
            earned = mean(losses) - mean(self._bar)
            reach = self._reach(losses)
            role = self._role(earned, reach, len(losses))
        if role == "idle":
            self.kept = rest
            # Only a sure gain raises the bar: of many lucky means the best would be no fair one.
            if earned < -reach:
                self._bar, self._bar_files = losses, files
        return Finding(hunk, role, earned)

    async def _run(self, files: Files) -> float | None:
        self.runs += 1
        return await self._measure(files)

    def _role(self, earned: float, reach: float, runs: int) -> Role | None:
        """None: one more run is asked for."""
        if earned > reach:
            return "earns"
        if self._noise.sigma == 0 or runs == RUNS or (runs >= HOPELESS and earned <= 0):
            return "idle"
        return None

    def _reach(self, losses: list[float]) -> float:
        """How far the noise alone may take the loss up."""
        if self._noise.sigma == 0:
            return 0.0
        from scipy.stats import t  # slow to import, and deterministic tasks need none of it

        noise = self._noise.pooled(losses)
        error = noise.error(len(losses), len(self._bar))
        return error * float(t.ppf(1 - LEVEL, noise.freedom))


def _blocks(before: Files, after: Files, name: str) -> list[Hunk]:
    """The changes of one file, each with all neighbouring changed lines."""
    old, new = lines(before[name]), lines(after[name])
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    hunks = [
        Hunk(name, a, tuple(old[a:b]), tuple(new[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]
    return _units(before, hunks, [])


def _lines(block: Hunk) -> list[Hunk]:
    """A block that replaces line by line, as constants in a row do, in lines; others whole."""
    if len(block.old) != len(block.new):
        return [block]
    pairs = enumerate(zip(block.old, block.new, strict=True))
    return [Hunk(block.file, block.at + i, (a,), (b,)) for i, (a, b) in pairs if a != b]


def _units(before: Files, hunks: list[Hunk], others: list[Hunk]) -> list[Hunk]:
    """Hunks of one file, joined until each can be reverted alone, beside `others` that stay.

    The rest must parse, and be another program: a comment goes with the code below it.
    """
    spans: list[tuple[int, int]] = []
    start, end = 0, len(hunks)

    def stands(start: int, stop: int) -> bool:
        return _can_go(before, hunks[start:stop], [*others, *hunks[:start], *hunks[stop:]])

    for stop in range(1, end + 1):
        if stands(start, stop):
            spans.append((start, stop))
            start = stop
    if start < end:  # what is left over goes with what stands above it
        while spans and not stands(start, end):
            start = spans.pop()[0]
        spans.append((start, end))
    return [_joined(before, hunks[a:b]) for a, b in spans]


def _can_go(before: Files, hunks: list[Hunk], rest: list[Hunk]) -> bool:
    name = hunks[0].file
    one = {name: before[name]}
    without, whole = apply(one, rest), apply(one, [*rest, *hunks])
    return _parses(name, without[name]) and content_hash(without) != content_hash(whole)


def _joined(before: Files, hunks: list[Hunk]) -> Hunk:
    """One hunk from the first to the last, with the unchanged lines between them."""
    name, start, end = hunks[0].file, hunks[0].at, hunks[-1].at + len(hunks[-1].old)
    old = lines(before[name])[:end]
    new = old.copy()
    for hunk in reversed(hunks):
        new[hunk.at : hunk.at + len(hunk.old)] = hunk.new
    return Hunk(name, start, tuple(old[start:]), tuple(new[start:]))


def _parses(name: str, text: str) -> bool:
    if not name.endswith(".py"):
        return True
    try:
        parse(text)
    except SourceError:
        return False
    return True
