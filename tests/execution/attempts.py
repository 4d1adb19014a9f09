"""What the tests of escapes share: a program that makes attempts, and what it has to say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from metaloop.execution import Outcome

Run = Callable[..., Awaitable[Outcome]]

# Each tries several things and prints what worked.
ATTEMPT = """
import os, socket, subprocess, sys
def attempt(name, action):
    try:
        result = action()
    except Exception as error:
        return print("refused", name, type(error).__name__)
    print("DONE", name, repr(result)[:200])
"""


def all_refused(outcome: Outcome) -> None:
    """The program made all its attempts, and none did anything."""
    assert outcome.ok, outcome.stderr
    assert "refused" in outcome.stdout
    assert "DONE" not in outcome.stdout, outcome.stdout
