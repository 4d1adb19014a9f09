"""Loop 1, the inner loop: propose, run, measure, keep or discard.

Trial k is proposed knowing the trials up to k - workers, whichever finished first, so that a run
with several workers repeats itself as exactly as a run with one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from metaloop.inner.evaluate import Measurement
from metaloop.inner.promote import promote
from metaloop.inner.proposal import Proposal
from metaloop.inner.propose import propose
from metaloop.inner.search import Search
from metaloop.models.ledger import BudgetReached


@dataclass(frozen=True)
class Attempt:
    """A proposal and, where it could be run, its first measurement."""

    proposal: Proposal
    measured: Measurement | None


async def inner_loop(search: Search, until: int) -> None:
    """Run the trials up to number `until`; BudgetReached may end it earlier."""
    in_flight: deque[tuple[asyncio.Task[Proposal], asyncio.Task[Attempt]]] = deque()
    reached: BudgetReached | None = None
    try:
        for number in range(len(search.trials), until + 1):
            try:
                search.check_budget()
            except BudgetReached as limit:
                reached = limit
                break
            busy = [task.get_name() for task, _ in in_flight]  # a task has the name of its arm
            view, arm = search.view(number), search.choose_arm(number, busy)
            proposing = asyncio.create_task(propose(search, view, arm), name=arm)
            in_flight.append((proposing, asyncio.create_task(attempt(search, proposing))))
            if len(in_flight) == search.settings.workers:
                await decide(search, await in_flight.popleft()[1])
        while in_flight:  # what is under way is finished, budget or not
            await decide(search, await in_flight.popleft()[1])
    except Exception:  # models that are asked for the others may answer: that is paid for, and kept
        await asyncio.gather(*(task for task, _ in in_flight), return_exceptions=True)
        raise
    finally:
        tasks = [task for both in in_flight for task in both]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if reached is not None:
        raise reached


async def attempt(search: Search, proposing: asyncio.Task[Proposal]) -> Attempt:
    """Run what is proposed unless it cannot or need not be run."""
    proposal = await proposing
    if proposal.files is None:
        return Attempt(proposal, None)
    return Attempt(proposal, await search.evaluator.measure(proposal.files, keep=True))


async def decide(search: Search, made: Attempt) -> None:
    """Keep or discard, and write it down. The guards have to confirm what seems better."""
    proposal, measured = made.proposal, made.measured
    if measured is None or proposal.files is None or search.is_duplicate(proposal.files):
        search.reject(proposal)
    elif measured.score is None:
        search.record(proposal, measured, "crashed")
    else:
        gain = search.best_loss - search.task.loss(measured.score)
        better = gain > 0 or (gain == 0 and search.is_smaller(proposal.files))
        checked = await promote(search, proposal.files, measured) if better else None
        await search.consider(proposal, measured, gain, checked)
    if measured is not None:
        search.evaluator.forget(measured)
