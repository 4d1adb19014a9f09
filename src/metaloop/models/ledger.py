"""What was spent, per role, and the limits that stop a run before it spends more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from metaloop.models.base import (
    Completion,
    Model,
    ModelError,
    ModelUnavailable,
    Request,
    Role,
    spent_on,
)
from metaloop.models.recorder import Call


@dataclass
class Usage:
    """What one role has used. Of cached calls no tokens, seconds or dollars are counted."""

    models: set[str] = field(default_factory=set)
    calls: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    known_usd: float = 0.0
    """Dollars of the calls whose price is known."""
    unpriced: int = 0
    """Calls whose price is unknown."""

    @property
    def usd(self) -> float | None:
        """Dollars in all; None once the price of any call is unknown."""
        return None if self.unpriced else self.known_usd

    def charge(self, completion: Completion) -> None:
        """Count what an answer cost, of use or not."""
        if completion.cached:
            self.cached += 1
            return
        self.input_tokens += completion.input_tokens
        self.output_tokens += completion.output_tokens
        self.seconds += completion.seconds
        if completion.usd is None:
            self.unpriced += 1
        else:
            self.known_usd += completion.usd

    def to_dict(self) -> dict[str, Any]:
        """For `--json` and the journal."""
        fields = {name: value for name, value in vars(self).items() if name != "models"}
        return {"model": ", ".join(sorted(self.models)), **fields, "usd": self.usd}


class Ledger:
    """Usage per role; `roles` holds those that were asked at least once."""

    def __init__(self) -> None:
        self.roles: dict[Role, Usage] = {}

    def add(self, role: Role, completion: Completion) -> None:
        """Enter an answer."""
        self._open(role, completion.model).charge(completion)

    def enter(self, call: Call) -> None:
        """Enter a recorded call of an earlier sitting."""
        if call.answer is None:
            self.fail(call.request.role, call.model, 0.0, call.completion)
        else:
            self.add(call.request.role, call.answer)

    def fail(self, role: Role, model: str, seconds: float, spent: Completion | None = None) -> None:
        """Enter a call that failed. Without `spent` no answer came: it took `seconds`, no more."""
        usage = self._open(role, model)
        usage.failed += 1
        if spent is None:
            usage.seconds += seconds
        else:
            usage.charge(spent)

    @property
    def known_usd(self) -> float:
        """Dollars of all calls whose price is known."""
        return sum(usage.known_usd for usage in self.roles.values())

    @property
    def usd(self) -> float | None:
        """Dollars in all; None once the price of any call is unknown."""
        return None if any(u.unpriced for u in self.roles.values()) else self.known_usd

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Role -> usage, for `--json` and the journal."""
        return {role: usage.to_dict() for role, usage in self.roles.items()}

    def _open(self, role: Role, model: str) -> Usage:
        usage = self.roles.setdefault(role, Usage())
        usage.models.add(model)
        usage.calls += 1
        return usage


USED_UP = "is used up"
"""In the message of a limit that a run can go beyond when it is given a larger one."""


class BudgetReached(Exception):
    """A limit of the run is reached; raised before anything more is spent."""


class Budget:
    """Limits in dollars and minutes, checked before each call; None is no limit.

    `elapsed_s` is the time that earlier sittings of a resumed run have used; their dollars are
    in the ledger that the run was resumed with.
    """

    def __init__(
        self, usd: float | None = None, minutes: float | None = None, *, elapsed_s: float = 0.0
    ) -> None:
        for name, limit in (("budget-usd", usd), ("budget-minutes", minutes)):
            # `not >=` refuses NaN as well.
            if limit is not None and not limit >= 0:
                raise ValueError(f"{name} is {limit}; give a number that is not negative")
        self.usd = usd
        self.minutes = minutes
        self._start = time.monotonic() - elapsed_s

    @property
    def elapsed_s(self) -> float:
        """Seconds used by this run, earlier sittings included."""
        return time.monotonic() - self._start

    def check(self, ledger: Ledger) -> None:
        """Raise BudgetReached when nothing more may be spent."""
        if self.minutes is not None and self.elapsed_s >= self.minutes * 60:
            raise BudgetReached(f"the budget of {self.minutes:g} minutes {USED_UP}")
        if self.usd is None:
            return
        if unknown := [role for role, usage in ledger.roles.items() if usage.unpriced]:
            raise BudgetReached(
                f"what a call as {', '.join(unknown)} cost is unknown, so the budget of "
                f"${self.usd:g} cannot hold: limit a new run by minutes or trials, or choose a "
                "model whose answers tell their tokens"
            )
        if ledger.known_usd >= self.usd:
            raise BudgetReached(
                f"the budget of ${self.usd:g} {USED_UP}: ${ledger.known_usd:.4f} spent"
            )

    def admit(self, refs: Iterable[str]) -> None:
        """Refuse models whose price is unknown when dollars are limited: ValueError.

        What cannot be counted cannot be bounded, so this is asked before the run starts.
        """
        from metaloop.models.prices import priced

        if self.usd is None:
            return
        if unknown := [ref for ref in dict.fromkeys(refs) if not priced(ref)]:
            raise ValueError(
                f"nobody knows the price of {', '.join(unknown)}, so a budget in dollars cannot "
                "hold: limit the run by minutes or trials, or choose a model whose price is known"
            )


class Metered:
    """A model whose calls are entered in a ledger, after the budget has allowed them.

    Goes outside `Recorded`, so that answers from the record are entered as cached.
    """

    def __init__(self, model: Model, ledger: Ledger, budget: Budget) -> None:
        self.name = model.name
        self.small = model.small
        self._model = model
        self._ledger = ledger
        self._budget = budget

    async def complete(self, request: Request) -> Completion:
        """Answer; raises BudgetReached, or what the model raises."""
        self._budget.check(self._ledger)
        start = time.monotonic()
        try:
            completion = await self._model.complete(request)
        except (ModelError, ModelUnavailable) as error:
            self._ledger.fail(request.role, self.name, time.monotonic() - start, error.spent)
            raise
        except asyncio.CancelledError as error:
            if (spent := spent_on(error)) is not None:
                self._ledger.fail(request.role, self.name, spent.seconds, spent)
            raise
        self._ledger.add(request.role, completion)
        return completion
