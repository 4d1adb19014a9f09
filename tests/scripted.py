"""A model for tests: it says what it was told to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from metaloop.models.base import Completion, ModelUnavailable, Request

Answer = str | Exception
"""A text to answer with, or an error to raise."""


class ScriptedModel:
    """A test double: answers from a list in order, or from a function of the request.

    `requests` holds what it was asked. A list that is used up raises ModelUnavailable.

    >>> import asyncio
    >>> model = ScriptedModel(["hello"])
    >>> asyncio.run(model.complete(Request("proposer", "be brief", "greet me"))).text
    'hello'
    """

    def __init__(
        self,
        answers: Iterable[Answer] | Callable[[Request], Answer],
        *,
        name: str = "scripted",
        small: bool = True,
    ) -> None:
        self.name = name
        self.small = small
        self.requests: list[Request] = []
        self._answers = answers if callable(answers) else _in_order(answers)

    async def complete(self, request: Request) -> Completion:
        """The scripted answer; raises it when it is an error. Tokens are counted as words."""
        self.requests.append(request)
        answer = self._answers(request)
        if isinstance(answer, Exception):
            raise answer
        words = len(f"{request.system} {request.prompt}".split())
        return Completion(answer, self.name, words, len(answer.split()), seconds=0.0, usd=0.0)


def _in_order(answers: Iterable[Answer]) -> Callable[[Request], Answer]:
    rest = iter(answers)
    return lambda _: next(rest, ModelUnavailable("the script has no more answers"))
