"""Run or resume a bilevel run with scripted models, in a process of its own that can be killed.

Usage: python scripted_run.py start|resume PROJECT TASK WORKERS
"""

import json
import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripted import ScriptedModel

from metaloop.bilevel import resume, run
from metaloop.inner.settings import Settings
from metaloop.mechanism.builtin import BUILTINS
from metaloop.project import Project

TRIALS = 24


def proposer(request):
    """A guess that depends on nothing but the seed."""
    return json.dumps({"hypothesis": "h", "params": {"X": Random(request.seed).uniform(-10, 10)}})


def inventor(request):
    """A strategy that is always the same; a mechanism that is hill climbing under another name."""
    if request.role == "strategist":
        return json.dumps(
            {"diagnosis": "d", "freeze": ["N"], "focus": ["X"], "guidance": "g", "temperature": 0.9}
        )
    return BUILTINS["hill_climbing"].replace("class HillClimbing", f"class Climb{request.seed % 7}")


def main(verb, project, task, workers):
    """One sitting."""
    models = {
        "inner": ScriptedModel(proposer, name="test:in"),
        "outer": ScriptedModel(inventor, name="test:out"),
    }
    project = Project(Path(project))
    if verb == "start":
        settings = Settings(trials=TRIALS, outer_every=8, workers=int(workers))
        run(task, settings, project=project, models=models)
    else:
        resume("toy-1", project=project, models=models)


if __name__ == "__main__":
    main(*sys.argv[1:])
