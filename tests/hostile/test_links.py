"""A run that puts a link in place of its output gets nothing of the judge's scored as its own."""

import json

import pytest
from scripted import ScriptedModel
from toy import TOML, commit, write_toy

import metaloop


@pytest.mark.parametrize("place", ["", "deep/down"])
@pytest.mark.parametrize(
    "attack",
    [
        "import os; os.rename('out', 'gone'); os.symlink('key', 'out')",
        "import os; os.mkdir('my'); os.symlink(os.path.abspath('key'), 'my/out');"
        " os.rename('out', 'gone'); os.symlink('my/out', 'out')",
    ],
)
def test_the_answers_behind_a_link_are_not_scored(tmp_path, attack, place):
    repo = tmp_path / "repo"
    task = write_toy(repo / place)
    (task / "key").mkdir()
    (task / "key" / "x.json").write_text('{"x": 3.0}')
    (task / "metaloop.toml").write_text(TOML.replace('"secret.txt"]', '"secret.txt", "key"]'))
    commit(repo)

    def replace(code):
        edit = {"file": "train.py", "search": "def value", "replace": f"{code}\n\n\ndef value"}
        return json.dumps({"hypothesis": "h", "params": [], "edits": [edit]})

    answers = [replace(attack), replace(f"{attack}\nraise SystemExit")]
    model = ScriptedModel(answers, small=False)
    project = metaloop.Project(tmp_path)
    status = metaloop.run(task, project=project, models={"inner": model}, levels="1", trials=2)
    with project.journal() as journal:
        trials = journal.trials(status.run)
    assert [t.score for t in trials[1:]] == [None, None]
    assert status.best == status.baseline
