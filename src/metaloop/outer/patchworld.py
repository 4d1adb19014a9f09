"""A world of patches, in which mechanisms that steer are screened where there are no parameters.

Each function of the program has a hidden chance that a patch of it is a gain, and one that it
crashes. The chance falls with every gain: what is easy is found first.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from metaloop.mechanism.api import Steer, Trial
from metaloop.mechanism.host import MechanismHost
from metaloop.task.space import Space


async def gains(host: MechanismHost, history: Sequence[Trial], seed: int, trials: int) -> float:
    """Gains in `trials` patches that follow the mechanism's advice, less the gains without it.

    The names of functions are those that the run's own `history` touched. Raises MechanismError.
    """
    names = sorted({name for t in history for name in t.touched}) or ["fit()"]
    names += ["load()", "score()", "update()"]
    await host.restart(Space({}), seed)
    return await _walk(names, seed, trials, host) - await _walk(names, seed, trials, None)


async def _walk(names: Sequence[str], seed: int, trials: int, host: MechanismHost | None) -> int:
    rng, won = Random(f"patches/{seed}"), 0  # noqa: S311
    chance = {name: rng.choice((0.0, 0.05, 0.4)) for name in names}
    crash = {name: rng.choice((0.0, 0.3)) for name in names}
    history, loss = [Trial(0, {}, 1.0, "kept", "baseline", None, "nothing")], 1.0
    for number in range(1, trials + 1):
        advice = await host.suggest(history) if host else Steer()
        steer = advice if isinstance(advice, Steer) else Steer()
        name = _pick(names, steer, rng)
        luck = rng.random()
        if luck < chance[name]:
            won, loss, status = won + 1, loss * 0.97, "kept"
            chance[name] *= 0.7
            measured: float | None = loss
        elif luck > 1 - crash[name]:
            status, measured = "crashed", None
        else:
            status, measured = "discarded", loss * 1.02
        history.append(Trial(number, {}, measured, status, "model", 0, f"train.py: {name}"))
    return won


def _pick(names: Sequence[str], steer: Steer, rng: Random) -> str:
    """The function that a proposer would patch, who takes advice two times of three."""
    bare = {name.strip("()"): name for name in names}
    focus = [bare[n.strip("()")] for n in steer.focus if n.strip("()") in bare]
    free = [n for n in names if n.strip("()") not in {a.strip("()") for a in steer.avoid}]
    if focus and rng.random() < 2 / 3:
        return rng.choice(focus)
    return rng.choice(free or list(names))
