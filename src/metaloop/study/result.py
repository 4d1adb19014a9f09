"""What a finished cell of a study tells: the row from which all of a report is computed."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One run of a study: a task, an arm, the models of the two loops, a seed."""

    task: str
    arm: str
    """A (level 1), B (1, 1.5), C (1, 1.5, 2), D (1, 2), restart, placebo, no-llm, random, tpe,
    cma-es, gp."""
    outer: str | None
    """Model of the outer loop; None where the arm asks none."""
    inner: str | None
    seed: int

    @property
    def key(self) -> str:
        """A name that is also a relative path, e.g. `ngram-lm/C/qwen-1.5b+qwen-0.5b/seed-3`
        (outer + inner)."""
        models = "+".join(_short(ref) for ref in (self.outer, self.inner) if ref)
        return "/".join(p for p in (self.task, self.arm, models, f"seed-{self.seed}") if p)


@dataclass(frozen=True)
class Mechanism:
    """A mechanism of a cell and what it did."""

    id: str
    name: str
    origin: str
    """builtin, generated, or placebo: a generated one in whose place an inert one acted."""
    state: str
    """rejected, installed or retired."""
    proven: bool
    """It passed the contract tests (and then perhaps failed screening)."""
    trials: int
    live: int
    """Trials that its calls changed."""
    gain: float

    @property
    def invented(self) -> bool:
        """A model wrote it, whether it acted or an inert one did in its place."""
        return self.origin != "builtin"


@dataclass(frozen=True)
class Result:
    """A finished cell. Gains are in the metric's unit, above 0 is better than the baseline."""

    cell: Cell
    baseline: float
    direction: str
    curve: list[float]
    """Gain of the best so far after each trial; the first is the baseline's, 0."""
    sealed: float | None
    """Gain on the split that no guard and no model saw."""
    calls: int
    input_tokens: int
    output_tokens: int
    model_seconds: float
    """Of its model calls, as if it had shared none with other cells; a replay repeats it."""
    trial_seconds: float
    """Of its trials, likewise; no two machines agree on it."""
    usd: float | None
    """None where the price of a call is unknown."""
    mechanisms: list[Mechanism]

    @property
    def gain(self) -> float:
        """Final gain over the baseline."""
        return self.curve[-1]

    @property
    def area(self) -> float:
        """Area under best-so-far: the mean gain over the trials."""
        return fmean(self.curve[1:])

    @property
    def invented(self) -> list[Mechanism]:
        """Its mechanisms that a model wrote, rejected ones too."""
        return [m for m in self.mechanisms if m.invented]

    @property
    def by_builtin(self) -> float:
        """The part of the final gain that trials of built-in mechanisms earned."""
        return sum((m.gain for m in self.mechanisms if m.origin == "builtin"), 0.0)

    @property
    def by_generated(self) -> float:
        """The same of generated mechanisms."""
        return sum((m.gain for m in self.mechanisms if m.origin == "generated"), 0.0)

    @property
    def by_model(self) -> float:
        """The rest: of the model, of random steps where it had no usable answer and, where scores
        scatter, of what later measurements of the best changed."""
        rest = self.gain - self.by_builtin - self.by_generated
        return rest if abs(rest) > 1e-10 * abs(self.gain) else 0.0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def seconds(self) -> float:
        return self.model_seconds + self.trial_seconds

    def to_dict(self) -> dict[str, Any]:
        """As it is exported; `from_dict` reads it back exactly."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Result:
        """Raises KeyError or TypeError for anything that `to_dict` did not write."""
        rest = {name: value for name, value in data.items() if name not in ("cell", "mechanisms")}
        return cls(
            cell=Cell(**data["cell"]),
            mechanisms=[Mechanism(**m) for m in data["mechanisms"]],
            **rest,
        )


def _short(ref: str) -> str:
    """The model's name without what would upset a path; a digest tells those apart that are then
    alike, e.g. one name at two addresses."""
    plain = ref.removeprefix("local:")
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in plain)
    digest = hashlib.sha256(ref.encode()).hexdigest()[:8]
    return name if name == plain else f"{name[:80]}-{digest}"
