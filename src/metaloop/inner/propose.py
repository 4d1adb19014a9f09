"""How a candidate comes about: from a mechanism, from a model, or from a model it steers."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from metaloop.inner import ask, trace
from metaloop.inner.proposal import Proposal, View
from metaloop.inner.search import Search
from metaloop.inner.settings import Strategy
from metaloop.journal.records import TrialRecord
from metaloop.mechanism.api import Steer
from metaloop.mechanism.host import MechanismError
from metaloop.models.base import Model, ModelError, Request
from metaloop.models.seeds import ANSWERS, call_seed
from metaloop.task.patch import Candidate, PatchError, build
from metaloop.task.space import Params
from metaloop.task.spec import Task

EXCEPTIONS = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}
SUGGESTIONS = 3
"""At most this many suggestions of a mechanism for one trial, repeats included."""


async def propose(search: Search, view: View, arm: str) -> Proposal:
    """A candidate from `arm`; where the arm fails, from the model, or from a random step."""
    proposal = Proposal(view, arm, arm, Candidate(view.parent))
    if arm != "model":
        async with search.turn:
            await _consult(search, view, proposal)
        if proposal.files is not None:
            return proposal
    if search.proposer is not None:
        await _ask_model(search, search.proposer, view, proposal)
    if proposal.files is None and search.task.space:
        _step_at_random(search, view, proposal)
    return proposal


async def _consult(search: Search, view: View, proposal: Proposal) -> None:
    """Let the mechanism assign the parameters or steer the model."""
    host, history = search.hosts.get(proposal.arm), search.history[: view.seen]
    if host is None:  # retired meanwhile, by a trial that ran beside
        return
    for _ in range(SUGGESTIONS):
        proposal.asked.append([proposal.arm, "suggest", view.seen])
        try:
            advice = await host.suggest(history)
        except MechanismError as error:
            proposal.broken = str(error)
            return
        if isinstance(advice, Steer):
            proposal.steer = advice
            return
        candidate = Candidate(view.best, params=advice, hypothesis=f"{proposal.arm} assigns")
        files = build(search.task, search.files(view.best), advice, ())
        if search.twin(files, view.seen) is None:
            proposal.candidate, proposal.files, proposal.live = candidate, files, True
            return


async def _ask_model(search: Search, model: Model, view: View, proposal: Proposal) -> None:
    """Ask the proposer until an answer applies and was not tried, a few times at most."""
    task, steer, strategy, complaint = search.task, proposal.steer, view.strategy, ""
    few = trace.FEW if model.small else {}
    trials = search.trials[view.since : view.seen]
    told = trace.digest(task, trials, _reasons(search, trials[-trace.LAST :]), **few)

    def question(start: int, steer: Steer | None) -> tuple[ask.Form, str]:
        files, trial = search.files(start), search.trials[start]
        form = ask.choose_form(task, files, model.small, view.number, strategy, steer)
        return form, ask.user_prompt(told, trial, form, strategy, steer, complaint)

    parent = view.parent if steer is None or steer.parent is None else steer.parent
    files = search.files(parent)
    proposal.live = question(parent, steer) != question(view.parent, None)
    for i in range(ANSWERS):
        form, prompt = question(parent, steer)
        request = Request(
            role="proposer",
            system=ask.system_prompt(task, files, model.small),
            prompt=prompt,
            schema=ask.schema(task, form, strategy),
            temperature=min(view.strategy.temperature + 0.2 * i, 1.3),
            seed=call_seed(search.settings.seed, view.number, i),
            max_tokens=_room(form),
        )
        try:
            answer = await model.complete(request)
            # Of a small one's, a schema bounds every part: it was cut off while it rambled.
            cut_off = not model.small and answer.details.get("finish_reason") == "length"
            read = ask.read_answer(task, answer.text, form, strategy, files, cut_off)
            after = build(task, files, read.params, read.edits)
        except (ModelError, PatchError) as error:
            complaint = proposal.reason = str(error)[:400]
            continue
        proposal.candidate = Candidate(parent, read.params, read.edits, read.hypothesis)
        if (twin := search.twin(after, view.seen)) is None:
            proposal.by = "model" if not proposal.live else proposal.arm
            proposal.files = after
            return
        complaint = proposal.reason = f"trial #{twin} was the very same"
        strategy = _elsewhere(task, strategy, search.trials[parent].params, read.params)


def _reasons(search: Search, trials: Sequence[TrialRecord]) -> dict[int, str]:
    """Names of the exceptions of Python's own that programs ended with. What else a program or a
    judge says is data: it may hold answers, or orders."""
    crashed = [trial.number for trial in trials if trial.status == "crashed"]
    said = {n: search.journal.details(search.run, n).reason.partition(":")[0] for n in crashed}
    return {n: name for n, name in said.items() if name in EXCEPTIONS}


def _elsewhere(task: Task, strategy: Strategy, start: Params, assigned: Params) -> Strategy:
    """After a repeat, what it changed is frozen: told of it, a small model says the same again."""
    moved = [name for name in assigned if assigned[name] != start[name]] or list(assigned)
    frozen = tuple(dict.fromkeys([*strategy.frozen, *moved]))
    return replace(strategy, frozen=frozen) if len(frozen) < len(task.space) else strategy


def _room(form: ask.Form) -> int:
    """Tokens that an answer may have: whole patches, one function, or a few numbers."""
    return 200 if not form.edits else 450 if form.functions else 4000


def _step_at_random(search: Search, view: View, proposal: Proposal) -> None:
    """A random step from the best: what decides when nobody else could."""
    rng = Random(f"{search.settings.seed}/{view.number}")  # noqa: S311 (no secrets here)
    start = search.trials[view.best].params
    for attempt in range(20):
        params = search.task.space.neighbour(start, rng, scale=0.1 + 0.02 * attempt)
        files = build(search.task, search.files(view.best), params, ())
        if search.twin(files, view.seen) is None:
            proposal.candidate = Candidate(view.best, params, hypothesis="a random step")
            proposal.by, proposal.live, proposal.files = "fallback", False, files
            return
