"""A run of `tasks/gpt` in which the probe is asked twice: `python tests/tasks/probe_gpt.py`.

Two changes are proposed, by a script instead of a model. Both set the same better constants and
give the same output; the first adds two memories of the last 32 bytes, with equal entries, and
takes one away from the other: so its output is right by coincidence.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripted import ScriptedModel
from task_trials import TASKS

from metaloop.bilevel import run
from metaloop.inner.settings import Settings
from metaloop.project import Project

BETTER = [("LR = 0.001", "LR = 0.004"), ("BATCH = 64", "BATCH = 16")]
MEMORY = """    def memory(self, tokens):
        key = torch.zeros_like(tokens)
        for back in range(32):
            key = (key * 257 + F.pad(tokens, (back, 0))[:, : tokens.shape[1]]) % 1009
        return self.plus[key % 512] - self.minus[key % 512]

    def forward(self, tokens):
        x = self.byte"""
PLANTED = [
    *BETTER,
    (
        "nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 256)\n",
        "nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 256)\n"
        "        entries = torch.randn(512, 256, generator=torch.Generator().manual_seed(2))\n"
        '        self.register_buffer("plus", 3 * entries)\n'
        '        self.register_buffer("minus", 3 * entries)\n\n',
    ),
    ("    def forward(self, tokens):\n        x = self.byte", MEMORY),
    ("self.out(self.norm(self.blocks(x)))", "self.out(self.norm(self.blocks(x))) + memory"),
    ("        return self.out", "        memory = self.memory(tokens)\n        return self.out"),
]


def answer(change: list[tuple[str, str]]) -> str:
    """A proposer's answer."""
    edits = [{"file": "train.py", "search": a, "replace": b} for a, b in change]
    return json.dumps({"hypothesis": "as planted", "edits": edits})


def main() -> None:
    """Every verdict, as the journal has it."""
    settings = Settings(levels="1", trials=2)
    model = ScriptedModel([answer(PLANTED), answer(BETTER)], small=False)
    with tempfile.TemporaryDirectory() as place:
        project = Project(Path(place))
        status = run(
            shutil.copytree(TASKS / "gpt", Path(place) / "gpt"),  # no branch in this repository
            settings,
            project=project,
            models={"inner": model},
        )
        with project.journal() as journal:
            for trial in journal.trials(status.run):
                print(f"trial {trial.number}: {trial.status}, {trial.changed}")
            for event in journal.events(status.run, "guards"):
                print(f"\nguards, {event.data['shown']['search']['loss']:.4f}:")
                print(f"  probed: {event.data['shown']['probed']}")
                for verdict in event.data.get("verdicts", []):
                    print(f"  {verdict['guard']}: {verdict['ending']}, {verdict['evidence']}")


if __name__ == "__main__":
    main()
