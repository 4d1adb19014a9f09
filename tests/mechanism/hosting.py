"""What tests of hostile mechanisms share: a history, the mark of their process, a refusal."""

import os

import pytest

from metaloop.mechanism.api import Trial
from metaloop.mechanism.host import MechanismError

HISTORY = [
    Trial(0, {"X": 0.5}, 1.0, "kept", "baseline", None, "nothing"),
    Trial(1, {"X": 0.4}, None, "crashed", "model", 0, "X 0.5 -> 0.4"),
]
MEMORY_MB = 400 + os.getpid() % 100
"""Unlike any other's, so that it marks our workers in the list of processes."""
MARK = f"metaloop.mechanism.worker\0{MEMORY_MB}"


async def refusal(host):
    """The MechanismError of one call, whose text is fit for a terminal."""
    with pytest.raises(MechanismError) as caught:
        await host.suggest(HISTORY)
    text = str(caught.value)
    assert text
    assert len(text) <= 1500
    assert all(c.isprintable() or c == "\n" for c in text), text
    return text
