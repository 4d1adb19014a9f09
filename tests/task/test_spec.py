"""Bad input gets an error that names the file, the key and the mend."""

import pytest

from metaloop.task.spec import TaskError, load_task


def test_a_good_task_loads(toy):
    task = load_task(toy)
    assert task.params_of(task.sources()) == {"X": 9.0, "N": 1}
    assert not task.self_scored
    assert task.loss(2.0) == 2.0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("timeout_s = 10", "timeout = 10", "[run] timeout: unknown key; did you mean 'timeout_s'"),
        ("timeout_s = 10", "timeout_s = -1", "[run] timeout_s"),
        ('direction = "minimize"', 'direction = "down"', "[metric] direction"),
        ('name = "loss"', "", "[metric] name: missing"),
        ('files = ["train.py"]', 'files = ["trian.py"]', "'trian.py' is no file"),
        ('files = ["train.py"]', 'files = ["../x.py"]', "must lie inside the task"),
        ('files = ["prepare.py"]', 'files = ["train.py"]', "under both [edit] and [protect]"),
        ("low = -10, high = 10", "low = 10, high = -10", "[space] X: low (10) must be below"),
        ("low = -10, high = 10", "low = -10, high = 5", "train.py has X = 9.0, which is outside"),
        ("low = -10, high = 10", "low = -10, high = 10, log = true", "needs low > 0"),
        ("N = {", "M = {", "no editable file assigns a literal to a module-level constant M"),
        ("[edit]", "[edit", "not valid TOML"),
        ('command = ["python", "judge.py"]\n', "command = []\n", "[judge] command"),
    ],
)
def test_each_mistake_is_named(toy, old, new, words):
    path = toy / "metaloop.toml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(TaskError) as error:
        load_task(toy)
    assert words in str(error.value)
    assert "metaloop.toml" in str(error.value)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(TaskError, match="metaloop init"):
        load_task(tmp_path)


def test_an_editable_file_behind_a_link_is_refused(toy, tmp_path):
    (tmp_path / "elsewhere.py").write_text((toy / "train.py").read_text())
    (toy / "train.py").unlink()
    (toy / "train.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(TaskError, match="through a link"):
        load_task(toy)
