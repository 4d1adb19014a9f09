"""What became of a model's answer: read from the journal, which is the truth.

A call is found again by its seed, which is made of the trial or the outer step that it was for.
The router keeps no second record, so it knows after a resume what it knew before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from metaloop.journal.records import MechanismRecord, TrialRecord
from metaloop.models.base import Role
from metaloop.models.recorder import Call
from metaloop.models.router.table import Row
from metaloop.models.seeds import ANSWERS, INVENTION, OUTER, call_seed

ALL = 1 << 60
"""As many trials as there are."""
KEPT, RAN, FAILED = 1.0, 0.5, 0.0
_TRIALS = {"kept": KEPT, "discarded": RAN, "quarantined": RAN}


@dataclass(frozen=True)
class Logged:
    """One call: who answered, at what price, and who had failed before."""

    role: Role
    seed: int
    query: str
    """`Request.prompt`, the part that changes."""
    model: str | None
    """None when nobody answered."""
    cost: float | None
    """Of that answer alone."""
    failed: tuple[str, ...] = ()
    fitted: tuple[int, int] = (0, 0)
    """What the router knew when it decided: so many calls, with the outcomes of so many trials."""

    @classmethod
    def of(cls, call: Call) -> Logged:
        """From the record of a call, made by a router or not."""
        request, completion = call.request, call.answer
        if completion is None:
            nobody = call.unanswered or call.model.startswith("router:")
            failed = () if nobody else (call.model,)
            return cls(request.role, request.seed, request.prompt, None, None, failed)
        route: dict[str, Any] = completion.details.get("route", {})
        calls, trials = route.get("fitted", (0, 0))
        return cls(
            request.role,
            request.seed,
            request.prompt,
            completion.model,
            route.get("cost", completion.usd),
            tuple(route.get("failed", ())),
            (calls, trials),
        )


class Outcomes:
    """The trials and mechanisms of a run, asked what each call led to. Both lists may grow."""

    def __init__(
        self, seed: int, trials: Sequence[TrialRecord], mechanisms: Sequence[MechanismRecord]
    ) -> None:
        self.trials, self._mechanisms, self._seed = trials, mechanisms, seed
        self._proposed: dict[int, tuple[int, int]] = {}
        self._known = 0

    def rows(self, log: Iterable[Logged], seen: int = ALL) -> list[Row]:
        """A row for each call whose outcome the first `seen` trials show.

        Costs that nobody knows are left out. A model that failed in the call scored 0.
        """
        log = list(log)
        asked = {(call.role, call.seed) for call in log}
        rows = []
        for call in log:
            rows += [Row(call.query, {model: FAILED}, {}, call.role) for model in call.failed]
            score = self._score(call, asked, seen) if call.model else None
            if call.model and score is not None:
                costs = {} if call.cost is None else {call.model: call.cost}
                rows.append(Row(call.query, {call.model: score}, costs, call.role))
        return rows

    def _score(self, call: Logged, asked: set[tuple[Role, int]], seen: int) -> float | None:
        if call.role == "proposer":
            return self._of_proposal(call.seed, asked, seen)
        if call.role in ("inventor", "repairer"):
            return self._of_invention(call.seed, seen)
        return None  # nothing verifies what other roles say

    def _of_proposal(self, seed: int, asked: set[tuple[Role, int]], seen: int) -> float | None:
        """Kept: 1, ran: 0.5; 0 when the answer was refused, crashed, or was tried before."""
        for number in range(self._known, len(self.trials)):
            for attempt in range(ANSWERS):
                self._proposed[call_seed(self._seed, number, attempt)] = number, attempt
        self._known = len(self.trials)
        number, attempt = self._proposed.get(seed, (ALL, 0))
        if number >= min(seen, len(self.trials)):
            return None
        trial = self.trials[number]
        again = ("proposer", call_seed(self._seed, number, attempt + 1)) in asked
        if again or trial.by == "fallback":
            return FAILED
        return _TRIALS.get(trial.status, FAILED)

    def _of_invention(self, seed: int, seen: int) -> float | None:
        """Earned: 1, proven: 0.5, else 0; known from the first trial after the outer step on."""
        made = [m for m in self._mechanisms if m.invented]
        for born, mechanisms in groupby(made, key=lambda m: m.born):
            number = (seed - call_seed(self._seed, born - 1, OUTER)) // INVENTION
            of_step = list(mechanisms)
            if not 0 <= number < len(of_step):
                continue
            if born >= min(seen, len(self.trials) if seen < ALL else ALL):
                return None
            mechanism = of_step[number]
            if mechanism.screening is None:
                return FAILED
            return KEPT if self._earned(mechanism.id, seen) else RAN
        return None

    def _earned(self, mechanism: str, seen: int) -> bool:
        own = (t for t in self.trials[:seen] if t.arm == t.by == mechanism and t.status == "kept")
        return sum(t.gain or 0.0 for t in own) > 0
