"""Bad input gets an error that names the file, the key and the mend."""

import json

import pytest

from metaloop.task.spec import Spec, TaskError, load_task


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
        ('name = "toy"', 'name = ".toy"', "name: String should match"),
        ('name = "toy"', 'name = "v1..2"', "name: String should match"),
        ('files = ["train.py"]', 'files = ["trian.py"]', "'trian.py' is no file"),
        ('files = ["train.py"]', 'files = ["../x.py"]', "must lie inside the task"),
        ('files = ["prepare.py"]', 'files = ["train.py"]', "under both [edit] and [protect]"),
        ('["judge.py", "secret.txt"]', '["./"]', "'train.py' is under both [edit] and [judge]"),
        ("timeout_s = 10", 'hide = ["secrets"]', "[run] hide: 'secrets' is no file of"),
        ("timeout_s = 10", 'hide = ["secret*"]', "name a file or directory that is there, without"),
        ("timeout_s = 10", 'hide = ["../toy"]', "[run] hide: '../toy' must lie inside"),
        ("timeout_s = 10", 'hide = ["{repository}/../x"]', "must lie inside the repository"),
        ("timeout_s = 10", 'hide = ["{repository}/test*"]', "of the repository, without"),
        ("timeout_s = 10", 'hide = ["link"]', "[run] hide: 'link' is reached through a link"),
        ("[edit]", '[guard]\ncanary = ["prepare.py/x"]\n[edit]', "canary: 'prepare.py/x' lies in"),
        (
            "[judge]",
            'hide = ["/etc", "{stdlib}/idlelib", "./key/"]\n[guard]\ncanary = ["key/x"]\n[judge]',
            "[guard] canary: 'key/x' lies in './key/'",
        ),
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
    (toy / "link").symlink_to(toy / "secret.txt")
    (toy / "key").mkdir()
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


@pytest.mark.parametrize("table", ["protect", "judge"])
def test_what_judges_as_a_whole_directory_is_not_edited_in_part(toy, table):
    (toy / "src").mkdir()
    (toy / "train.py").rename(toy / "src" / "train.py")
    text = (toy / "metaloop.toml").read_text().replace('["train.py"]', '["src/train.py"]', 1)
    old = {"protect": '"prepare.py"', "judge": '"secret.txt"'}[table]
    (toy / "metaloop.toml").write_text(text.replace(old, '"src/"'))
    with pytest.raises(TaskError) as error:
        load_task(toy)
    assert f"'src/train.py' is under both [edit] and [{table}], there as 'src'" in str(error.value)


def test_a_file_is_known_by_one_name_however_it_is_spelt(toy):
    path = toy / "metaloop.toml"
    text = path.read_text().replace('["train.py"]', '["./train.py"]', 1)
    path.write_text(text.replace('"secret.txt"', '".//secret.txt"') + '[guard]\ncanary = ["./a"]\n')
    task = load_task(toy)
    assert list(task.sources()) == ["train.py"]
    assert task.owner == {"X": "train.py", "N": "train.py"}
    assert task.spec.judge.files == ["judge.py", "secret.txt"]
    assert task.spec.guard.canary == ["a"]
    assert Spec.model_validate(task.spec.model_dump(mode="json")) == task.spec


def test_what_is_hidden_may_be_there_or_be_anywhere_on_the_machine(toy):
    (toy / "key").mkdir()
    path = toy / "metaloop.toml"
    hide = ["key", "./key/", "{repository}/docs", "/no/such/*", "{stdlib}/idlelib"]
    path.write_text(path.read_text().replace("timeout_s = 10", f"hide = {json.dumps(hide)}"))
    assert load_task(toy).spec.run.hide == hide


def test_a_byte_order_mark_is_refused_in_a_program_and_read_over_in_the_spec(toy):
    path = toy / "metaloop.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_task(toy).spec.name == "toy"
    program = (toy / "train.py").read_bytes()
    (toy / "train.py").write_bytes(b"\xef\xbb\xbf" + program)
    with pytest.raises(TaskError, match=r"'train.py' begins with a byte order mark; save"):
        load_task(toy)
