"""Steers to where changes paid, or were hardly tried: upper confidence bounds over regions."""

import math
from collections import Counter

from metaloop.mechanism.api import Mechanism, Steer, Trial


class Spread(Mechanism):
    def suggest(self, history: list[Trial]) -> Steer:
        tried: Counter[str] = Counter()
        paid: Counter[str] = Counter()
        for trial in history[1:]:  # trial 0 is the baseline
            tried.update(trial.touched)
            if trial.status == "kept":
                paid.update(trial.touched)
        if not tried:
            return Steer(hint="Change the part that matters most for the result.")
        if len(history) % 3 == 0:
            stale = [name for name, _ in tried.most_common(3)]
            return Steer(avoid=stale, hint="Change a part that was not changed before.")
        total = sum(tried.values())
        bound = {n: paid[n] / tried[n] + math.sqrt(math.log(total) / tried[n]) for n in tried}
        best = max(bound, key=lambda name: bound[name])
        dead = [name for name in tried if tried[name] >= 4 and not paid[name] and name != best]
        return Steer(focus=[best], avoid=dead, hint=f"Try {best} in a way not tried yet.")
