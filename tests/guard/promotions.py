"""A promotion in a few words, for tests of single guards."""

from metaloop.guard.base import Promotion, Scored, Shown
from metaloop.guard.noise import Noise


def promotion(before="", after="", losses=(1.0,), best_losses=(2.0,), **changes):
    """A candidate of one file that seems better; `seconds` and `prints` are the candidate's."""
    shown = Shown(Scored(losses[0]), changes.pop("seconds", 2.0), changes.pop("prints", False))
    best = Shown(Scored(best_losses[0]), 2.0, changes.pop("best_prints", False))
    return Promotion(
        files=changes.pop("files", {"train.py": after}),
        best_files=changes.pop("best_files", {"train.py": before}),
        losses=list(losses),
        best_losses=list(best_losses),
        noise=changes.pop("noise", Noise()),
        shown=changes.pop("shown", shown),
        best_shown=changes.pop("best_shown", best),
        baseline_shown=changes.pop("baseline_shown", best),
        artefacts=None,
        usual_seconds=changes.pop("usual_seconds", 2.0),
        **changes,
    )
