"""The router behind the seam: a `Model` whose answers come from the model that suits the request.

It goes by `Request.prompt`: the system prompt is the same in every call of a role. Its calls are
recorded under its own name, the answer with who gave it, so that a replay or a resumed run gets
the very same answer and decision without deciding again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

from metaloop.models.base import (
    Completion,
    Model,
    ModelError,
    ModelUnavailable,
    Request,
    Role,
    charge,
    in_all,
    spent_on,
)
from metaloop.models.recorder import Call
from metaloop.models.router.fit import Fitted
from metaloop.models.router.learner import Learner
from metaloop.models.router.name import RouterName
from metaloop.models.router.outcomes import Logged, Outcomes
from metaloop.models.router.policy import REST_S, Decision

PATIENCE = 4.0
"""So at most a fifth of the time goes into waiting for a model that is not there."""


class Router:
    """Several models as one. With `fitted` it decides as that was fitted; without, it learns.

    A model that gives no answer, or garbage, is followed by the next best; `details["route"]` of
    the completion holds the decision, who failed, and what the answer alone cost: the completion
    itself is charged with the answers of those that failed as well.

    A model that was not available rests: it is passed over for `REST_S`, or `PATIENCE` times as
    long as that took to find out, unless nobody else is available. The decision is made as ever,
    and what came of it is recorded, so who rests is no part of a run's state.
    """

    def __init__(
        self, name: str, models: Mapping[str, Model], alpha: float, fitted: Fitted | None = None
    ) -> None:
        self.name = name
        self.small = any(model.small for model in models.values())
        self._models = dict(models)
        self._alpha = alpha
        self._fitted = fitted
        self._outcomes = Outcomes(0, [], [])
        self._learners: dict[Role, Learner] = {}
        self._resting: dict[str, float] = {}

    def follow(self, outcomes: Outcomes, calls: Iterable[Call]) -> None:
        """Learn from the run that `outcomes` tells of; `calls` are those of earlier sittings."""
        self._outcomes, self._learners = outcomes, {}
        logs: dict[Role, list[Logged]] = {}
        for call in calls:
            if call.model == self.name and not call.unanswered:
                logs.setdefault(call.request.role, []).append(Logged.of(call))
        for role, log in logs.items():
            self._learner(role).restore(log, outcomes)

    async def complete(self, request: Request) -> Completion:
        """Answer; raises ModelUnavailable when no model is there, ModelError when all fail."""
        learner = self._learner(request.role)
        try:
            decision = self._decide(request, learner)
        except ValueError as error:
            raise ModelError(f"{self.name}: {error}") from error
        fitted = list(learner.fitted)
        failed: list[str] = []
        reasons: list[str] = []
        wasted: list[Completion] = []
        start = time.monotonic()
        resting = {model for model, until in self._resting.items() if until > start}
        for model in sorted((decision.model, *decision.fallbacks), key=resting.__contains__):
            if failed and model in resting:
                break
            try:
                completion = await self._ask(model, request)
            except (ModelError, ModelUnavailable) as error:
                failed += [model] if isinstance(error, ModelError) else []
                reasons.append(str(error))
                wasted += [error.spent] if error.spent else []
                continue
            except asyncio.CancelledError as error:
                spent = spent_on(error)
                charge(error, [*wasted, spent] if spent else wasted)
                raise
            route = {"failed": failed, "fitted": fitted, "cost": completion.usd}
            details = completion.details | {"route": asdict(decision) | route}
            completion = in_all([*wasted, replace(completion, details=details)])
            self._log(learner, Call(self.name, request, completion))
            return completion
        told = f"{self.name}: no model answered: {'; '.join(reasons)}"
        spent = replace(in_all(wasted), model=self.name) if wasted else None
        if not failed:
            raise ModelUnavailable(told, spent)
        self._log(learner, Call(self.name, request, spent, told))
        raise ModelError(told, spent)

    async def _ask(self, model: str, request: Request) -> Completion:
        start = time.monotonic()
        try:
            return await self._models[model].complete(request)
        except ModelUnavailable:
            now = time.monotonic()
            self._resting[model] = now + max(REST_S, PATIENCE * (now - start))
            raise

    def _decide(self, request: Request, learner: Learner) -> Decision:
        if self._fitted is None:
            return learner.decide(request.prompt, request.key(self.name), self._outcomes)
        vector = self._fitted.embedder.embed([request.prompt])[0]
        return self._fitted.policy.decide(vector, self._alpha)

    def _learner(self, role: Role) -> Learner:
        return self._learners.setdefault(role, Learner(list(self._models), self._alpha))

    def _log(self, learner: Learner, call: Call) -> None:
        learner.log.append(Logged.of(call))


def connect_router(text: str) -> Router:
    """The router that a name stands for; raises ValueError when it is none.

    Models of a file whose names are no references cannot be asked, and are refused.
    """
    from metaloop.models.reference import connect
    from metaloop.models.router.file import load

    parsed = RouterName.parse(text)
    fitted = None if parsed.file is None else load(parsed.file)
    names = parsed.models if fitted is None else fitted.policy.models
    return Router(text, {name: connect(name) for name in names}, parsed.alpha, fitted)
