"""The command line in process: real sandbox, real git, real journal, no model."""

import errno
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from models.stub import ok, serving
from scripted import ScriptedModel
from toy import JUDGE, TRAIN, commit
from typer.testing import CliRunner

from metaloop.bilevel import run
from metaloop.cli import app
from metaloop.cli.run import _finish
from metaloop.execution import SandboxError
from metaloop.inner.evaluate import Measurement
from metaloop.inner.settings import Settings
from metaloop.mechanism.builtin import BUILTINS
from metaloop.project import Project
from metaloop.report.status import make_status
from metaloop.task.spec import load_task
from metaloop.task.winner import settle
from metaloop.task.workspace import LATER

KEYS = {
    "run", "state", "trials", "baseline", "best", "metric", "direction", "levels", "roles",
    "mechanisms",
}  # fmt: skip
ESCAPES = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def metaloop(*args, stdin=None):
    """Run the command; its exit code and what it printed."""
    return CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)


@pytest.fixture
def here(toy, monkeypatch):
    """The toy's repository, as the directory in which the user stands."""
    monkeypatch.chdir(toy)
    monkeypatch.delenv("METALOOP_JOURNAL", raising=False)
    return toy


def improve(here, **settings):
    """A run of one gain, made through the API."""
    answers = [json.dumps({"hypothesis": "h\x1b[31m", "params": {"X": x}}) for x in (5.0, 4.0)]
    models = {"inner": ScriptedModel(answers, name="test:in")}
    settings = Settings(levels="1", trials=2, **settings)
    return run(here, settings, project=Project(here), models=models).run


def test_a_run_and_all_that_tells_of_it(here):
    done = metaloop("run", ".", "--levels", "1", "--trials", "3")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "toy-1: measuring the baseline" and lines[1] == "baseline: loss 6"
    assert [line[:2] for line in lines if line.startswith("#")] == ["#1", "#2", "#3"]
    assert "report:  .metaloop/runs/toy-1/report.html" in lines
    assert not ESCAPES.search(done.output)
    status = json.loads(metaloop("status", "--json").stdout)
    assert set(status) >= KEYS
    assert (status["run"], status["state"], status["trials"]["total"]) == ("toy-1", "done", 3)
    assert json.loads(metaloop("runs", "--json").stdout) == [status]
    assert json.loads(metaloop("mechanisms", "toy-1", "--json").stdout) == []
    paths = json.loads(metaloop("report", "toy-1", "-o", "out", "--json").stdout)
    assert all(Path(path).is_file() for path in paths.values())
    for verb in (["status"], ["runs"], ["mechanisms", "toy-1"]):
        shown = metaloop(*verb)
        assert shown.exit_code == 0 and "toy-1" in shown.output
        assert not ESCAPES.search(shown.output)


def test_a_run_can_be_json_alone_and_can_go_on(here):
    first = metaloop("run", ".", "--levels", "1", "--trials", "1", "--json")
    assert json.loads(first.stdout)["trials"]["total"] == 1
    more = metaloop("resume", "toy-1", "--trials", "2")
    assert more.exit_code == 0
    assert "#2" in more.output and "#1 " not in more.output


def test_mechanisms_are_listed_with_their_source(here):
    def outer(request):
        if request.role == "strategist":
            answer = {"freeze": [], "focus": ["X"], "guidance": "[red]g\x1b[31m", "temperature": 1}
            return json.dumps(answer | {"diagnosis": ":bug: \x1b[2J <b>"})
        return "import os\nclass Bad\x1b[31m:\n    pass" if request.seed % 2 else "no code"

    models = {
        "inner": ScriptedModel(lambda r: json.dumps({"params": {"X": r.seed % 900 / 100}})),
        "outer": ScriptedModel(outer, name="test:out"),
    }
    settings = Settings(trials=5, outer_every=4)
    status = run(here, settings, project=Project(here), models=models)
    assert {m.state for m in status.mechanisms if m.origin == "generated"} == {"rejected"}
    listed = metaloop("mechanisms", "toy-1")
    assert "hill_climbing" in listed.output and "rejected" in listed.output
    rows = json.loads(metaloop("mechanisms", "toy-1", "--json").stdout)
    assert {"id", "name", "origin", "state", "live", "trials", "gain"} <= set(rows[0])
    shown = metaloop("mechanisms", "toy-1", "hill_climbing")
    assert BUILTINS["hill_climbing"].strip() in shown.output
    assert not ESCAPES.search(metaloop("mechanisms", "toy-1", "m1").output)
    assert json.loads(metaloop("mechanisms", "toy-1", "m1", "--json").stdout)["state"] == "rejected"
    unknown = metaloop("mechanisms", "toy-1", "m99")
    assert unknown.exit_code == 2 and "hill_climbing" in unknown.output


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run", ".", "--levels", "3"], "levels: '3' is none of 1, 1,1.5"),
        (["run", ".", "--trials", "0"], "trials: must be at least 1"),
        (["run", "nowhere"], "metaloop init"),
        (["run", ".", "--role", "inventor"], "write ROLE=MODEL"),
        (["run", ".", "--inner", "nobody:x"], "nobody"),
        (["run", ".", "--levels", "1", "--replay", "toy-9"], "no run 'toy-9'"),
        (["status"], "no runs yet"),
        (["status", "toy-7"], "no run 'toy-7'"),
        (["mechanisms", "toy-7"], "no run 'toy-7'"),
        (["report", "toy-7"], "no run 'toy-7'"),
        (["diff", "toy-7"], "no run 'toy-7'"),
        (["apply", "toy-7"], "no run 'toy-7'"),
        (["resume", "toy-7"], "no run 'toy-7'"),
        (["models", "pull", "nonesuch"], "qwen2.5-coder-0.5b"),
        (["study", "run", "."], "cannot be read as a design"),
        (["study", "run", "x.toml", "--replay", "typo.jsonl"], "does not exist"),
        (["check", ".", "--page", "train.py/page.html"], "train.py"),
        (["run", ".", "--nonsense"], "--nonsense"),
    ],
)
def test_bad_input_is_named_with_its_mend(here, args, words):
    done = metaloop(*args)
    assert done.exit_code == 2, done.output
    assert words in re.sub(r"\x1b\[\d*m", "", done.output)
    assert "Traceback" not in done.output


@pytest.mark.parametrize("model", ["nobody:x", "anthropic:x", "local:qwen2.5-coder-0.5b"])
def test_a_model_that_cannot_be_asked_leaves_no_run_behind(here, monkeypatch, tmp_path, model):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("METALOOP_CACHE", str(tmp_path))  # no weights there
    assert metaloop("run", ".", "--inner", model).exit_code == 2
    assert "no runs yet" in metaloop("status").output
    branches = subprocess.run(
        ["git", "branch", "--list", "metaloop/*"], cwd=here, capture_output=True
    )
    assert branches.stdout == b""


@pytest.mark.parametrize(
    "args", [["--outer", "local:smollm2-135m"], ["--role", "inventor=local:smollm2-135m"]]
)
def test_models_without_one_that_proposes_are_refused(here, args):
    done = metaloop("run", ".", *args)
    assert done.exit_code == 2 and "nobody proposes: add --inner" in done.output


def test_a_run_is_done_again_without_its_model(here):
    answers = (
        f'{{"hypothesis": "h", "params": {{"X": {8 - i}.0}}, "edits": []}}' for i in range(99)
    )
    with serving(lambda *_: ok(next(answers))) as stub:
        command = ["run", ".", "--levels", "1", "--trials", "3", "--inner", f"openai:m@{stub.url}"]
        assert metaloop(*command).exit_code == 0
        asked = len(stub.asked)
        again = metaloop(*command, "--replay", "toy-1")
    assert again.exit_code == 0, again.output
    assert asked == len(stub.asked) == 3
    first, second = (json.loads(metaloop("status", f"toy-{i}", "--json").stdout) for i in (1, 2))
    assert first["best"] == second["best"] == 3.0


def test_a_run_is_driven_by_one_process_at_a_time(here, request):
    command = [Path(sys.executable).with_name("metaloop"), "run", ".", "--levels", "1"]
    process = subprocess.Popen(
        [*command, "--trials", "500"], stdout=subprocess.PIPE, text=True, cwd=here
    )
    request.addfinalizer(process.kill)
    next(line for line in process.stdout if line.startswith("#2"))
    refused = metaloop("resume", "toy-1")
    assert refused.exit_code == 2 and "toy-1 is running" in refused.output
    next(line for line in process.stdout if line.startswith("#4"))  # undisturbed
    process.kill()
    process.communicate(timeout=30)
    status = json.loads(metaloop("status", "--json").stdout)
    assert status["state"] == "interrupted"
    done = status["trials"]["total"]
    assert metaloop("resume", "toy-1", "--trials", done + 1).exit_code == 0


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("timeout_s", "timeout", "[run] timeout: unknown key; did you mean 'timeout_s'?"),
        ('"minimize"', '"down"', "[metric] direction"),
        ('["train.py"]', '["gone.py"]', "[edit] files: 'gone.py' is no file"),
        ("high = 4", "high = 0", "[space] N"),
    ],
)
def test_a_bad_task_is_named_by_file_key_and_mend(here, before, after, words):
    path = here / "metaloop.toml"
    path.write_text(path.read_text().replace(before, after))
    done = metaloop("run", ".")
    assert done.exit_code == 2
    assert str(path) in done.output and words in done.output


def test_uncommitted_changes_are_refused_or_taken_along(here):
    (here / "train.py").write_text(TRAIN.replace("9.0", "8.0"))
    refused = metaloop("run", ".", "--levels", "1", "--trials", "1")
    assert refused.exit_code == 2 and "--include-uncommitted" in refused.output
    taken = metaloop("run", ".", "--levels", "1", "--trials", "1", "--include-uncommitted")
    assert taken.exit_code == 0 and "baseline: loss 5" in taken.output


def test_a_locale_that_lacks_a_character_ends_no_run(here):
    """As the one that a line is cut with."""
    (here / "train.py").write_text(f"{TRAIN}if X != 9.0:\n    raise SystemExit('no ' * 99)\n")
    commit(here)
    call = (sys.executable, "-c", "from metaloop.cli import main; main()")
    done = subprocess.run(
        [*call, "run", ".", "--levels", "1", "--trials", "2"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no no\\u2026]" in done.stdout


@pytest.mark.parametrize("minutes", ["0", "0.001"])
def test_a_budget_that_allows_no_trial_is_exit_code_3(here, minutes):
    done = metaloop("run", ".", "--levels", "1", "--budget-minutes", minutes)
    assert done.exit_code == 3 and "budget" in done.output


def test_no_sandbox_is_exit_code_4(here, monkeypatch):
    def none(unsafe):
        raise SandboxError("no usable sandbox; install bubblewrap")

    monkeypatch.setattr("metaloop.bilevel.find_sandbox", none)
    done = metaloop("run", ".", "--levels", "1")
    assert done.exit_code == 4 and "bubblewrap" in done.output


def test_a_run_that_paused_for_a_full_disk_says_so_though_no_report_fits(here, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    models = {"inner": ScriptedModel([])}
    settings = Settings(levels="1", trials=2, unsafe=True)
    status = run(here, settings, project=Project(here), models=models)
    monkeypatch.setattr("metaloop.bilevel.resume", lambda *_, **__: status)
    monkeypatch.setattr("metaloop.report.write.write_report", full)
    done = metaloop("resume", "toy-1", "--unsafe")
    assert done.exit_code == 130, done.output
    assert "No space left on device; `metaloop report toy-1`" in done.output
    assert "go on:   metaloop resume toy-1 --unsafe" in done.output.splitlines()


def test_a_journal_that_fails_is_one_message_that_names_it(here):
    metaloop("runs")
    with sqlite3.connect(here / ".metaloop" / "journal.db") as journal:
        journal.execute("DROP TABLE runs")
        journal.execute("CREATE TABLE runs (id TEXT)")
    done = metaloop("status")
    assert done.exit_code == 2
    lines = done.output.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"error: the journal {here}/.metaloop/journal.db: no such column")


def test_ctrl_c_ends_cleanly_says_how_to_go_on_and_is_exit_code_130(here, request):
    command = [Path(sys.executable).with_name("metaloop"), "run", ".", "--levels", "1"]
    process = subprocess.Popen(
        [*command, "--trials", "500"], stdout=subprocess.PIPE, text=True, cwd=here
    )
    request.addfinalizer(process.kill)
    next(line for line in process.stdout if line.startswith("#2"))
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130, rest
    assert "metaloop resume toy-1" in rest and "report:" in rest
    assert json.loads(metaloop("status", "--json").stdout)["state"] == "interrupted"
    done = json.loads(metaloop("status", "--json").stdout)["trials"]["total"]
    assert metaloop("resume", "toy-1", "--trials", done + 1).exit_code == 0


def test_the_winning_patch_can_be_applied(here):
    name = improve(here)
    shown = metaloop("resume", name).output.splitlines()
    assert [line for line in shown if "patch:" in line] == [f"patch:   metaloop apply {name}"]
    subprocess.run(["git", "config", "diff.noprefix", "true"], cwd=here, check=True)
    patch = metaloop("diff", name).stdout_bytes
    assert b"-X = 9.0\n+X = 4.0" in patch
    subprocess.run(["git", "apply", "--check"], cwd=here, input=patch, check=True)
    asked = metaloop("apply", name, stdin="n\n")
    assert asked.exit_code == 0 and (here / "train.py").read_text() == TRAIN
    applied = metaloop("apply", name, "--yes")
    assert applied.exit_code == 0 and "nothing was committed" in applied.output
    assert "X = 4.0" in (here / "train.py").read_text()
    again = metaloop("apply", name, "--yes")
    assert again.exit_code == 2 and "patch does not apply" in again.output
    assert f"or let git merge it: git merge metaloop/{name}" in again.output


def test_a_branch_that_could_not_be_moved_is_told_at_the_end(here, capsys):
    name = improve(here)
    project = Project(here)
    commit = subprocess.check_output(["git", "rev-parse", f"metaloop/{name}"], text=True).strip()
    with project.journal() as journal:
        ended = make_status(journal, name)
    (project.folder(name) / LATER).write_text(commit)
    _finish(project, ended, True)
    assert f"git branch -f metaloop/{name} {commit[:10]}" in capsys.readouterr().err


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("settled", [True, False])
def test_a_patch_of_a_cell_of_a_study_can_be_applied(here, versioned, settled):
    """For a task somewhere in a repository, that git ignores or not, and when its commits are
    gone too."""
    task = here / "tasks" / "toy"
    task.mkdir(parents=True)
    for name in subprocess.check_output(["git", "ls-files"], cwd=here, text=True).split():
        (task / name).parent.mkdir(exist_ok=True)
        (task / name).write_bytes((here / name).read_bytes())
    models = {"inner": ScriptedModel([json.dumps({"hypothesis": "h", "params": {"X": 4.0}})])}
    settings = Settings(levels="1", trials=1)
    if not versioned:
        (here / ".gitignore").write_text("tasks/\n")
    run(task, settings, project=Project(here), models=models, apart=())
    if settled:
        with Project(here).journal() as journal:
            settle(Project(here).folder("toy-1"), journal.run("toy-1").config)
        resumed = metaloop("resume", "toy-1", "--trials", 2)
        assert resumed.exit_code == 2 and "is a cell of a study, and done" in resumed.output
        assert metaloop("status", "toy-1").exit_code == 0
        assert metaloop("report", "toy-1").exit_code == 0
    assert b"+X = 4.0" in metaloop("diff", "toy-1").stdout_bytes
    applied = metaloop("apply", "toy-1", "--yes")
    target = here if versioned else task
    assert applied.exit_code == 0 and f"applied to {target};" in applied.output
    assert "X = 4.0" in (task / "train.py").read_text()


def test_a_run_without_a_gain_has_nothing_to_apply(here):
    models = {"inner": ScriptedModel([json.dumps({"hypothesis": "h", "params": {"X": -9.0}})])}
    run(here, Settings(levels="1", trials=1), project=Project(here), models=models)
    assert metaloop("diff", "toy-1").stdout == ""
    done = metaloop("apply", "toy-1", "--yes")
    assert (done.exit_code, "nothing to apply" in done.output) == (0, True)


INIT = (
    "--command", "python train.py", "--edit", "train.py", "--metric", "loss",
    "--direction", "minimize", "--description", "how far X is from 3",
)  # fmt: skip


def test_init_writes_a_task_that_is_proven(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "train.py").write_text("X = 9.0\nprint('loss:', abs(X - 3))\n")
    made = metaloop("init", fresh, *INIT, "--param", "X=float:-10:10")
    assert made.exit_code == 0, made.output
    assert "loss: 6 in" in made.output and "self-scored" in made.output
    done = metaloop("run", fresh, "--levels", "1", "--trials", "1")
    assert done.exit_code == 0 and "baseline: loss (self-scored) 6" in done.output
    again = metaloop("init", fresh, *INIT)
    assert again.exit_code == 2 and "exists already" in again.output


def test_init_takes_any_text_and_numbers_as_choices(tmp_path):
    (tmp_path / "train.py").write_text("BATCH = 32\nMODE = 'fast'\nprint('loss:', BATCH)\n")
    answers = [*INIT[:-1], '\U0001f600 \x7f \ud800 "quoted" \\ and \n more']
    choices = ("--param", "BATCH=16|32|64.5", "--param", "MODE=fast|slow|0x")
    made = metaloop("init", tmp_path, *answers, *choices)
    assert made.exit_code == 0, made.output
    task = load_task(tmp_path)
    assert task.spec.description == '\U0001f600 \x7f ? "quoted" \\ and \n more'
    assert task.spec.space["BATCH"].choices == [16, 32, 64.5]
    assert task.spec.space["MODE"].choices == ["fast", "slow", "0x"]


def test_init_with_a_judge_and_init_that_asks(tmp_path):
    for name, text in {"train.py": TRAIN, "judge.py": JUDGE, "secret.txt": "3"}.items():
        (tmp_path / name).write_text(text)
    # `out/` is given to every run; the questions are answered with their defaults where empty.
    answers = "\n\nloss\n\nhow far X is from 3\n"
    judge = ("--judge", "python judge.py")
    asked = metaloop("init", tmp_path, *judge, stdin=answers)
    assert asked.exit_code == 0, asked.output
    assert "self-scored" not in asked.output
    assert f"every candidate can read all of {tmp_path}" in asked.output
    (tmp_path / "metaloop.toml").unlink()
    hidden = ("--judge-file", "judge.py", "--judge-file", "secret.txt")
    closed = metaloop("init", tmp_path, *judge, *hidden, stdin=answers)
    assert closed.exit_code == 0 and "Nothing is hidden" not in closed.output, closed.output


def test_init_takes_what_is_hidden_as_an_option_and_refuses_it_without_a_judge(here, monkeypatch):
    monkeypatch.setattr(
        "metaloop.suitability.scaffold.prove", lambda *_: Measurement("measured", 6.0, 0.1)
    )
    (here / "metaloop.toml").unlink()
    hidden = ("--judge-file", "judge.py", "--judge-file", "secret.txt")
    refused = metaloop("init", here, *INIT, *hidden)
    assert refused.exit_code == 2 and "give --judge as well" in refused.output
    assert metaloop("init", here, *INIT, *hidden, "--judge", "python judge.py").exit_code == 0
    assert load_task(here).spec.judge_files == ["judge.py", "secret.txt"]


def test_init_proves_what_a_run_sees_of_a_repository_and_leaves_it_alone(tmp_path):
    """The rest of the repository, but nothing that git ignores."""
    service = tmp_path / "svc"
    service.mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "far.py").write_text("FAR = 3\n")
    code = "import sys\nsys.path.insert(0, '../lib')\nfrom far import FAR\nprint('loss:', FAR)\n"
    (service / "train.py").write_text(code)
    (tmp_path / ".gitignore").write_text("data.txt\n")
    commit(tmp_path)
    git = ("git", "-C", str(tmp_path))
    asked = [(*git, "for-each-ref"), (*git, "worktree", "list"), (*git, "diff", "--cached")]
    before = [subprocess.check_output(command) for command in asked]
    made = metaloop("init", service, *INIT)
    assert made.exit_code == 0 and "loss: 3 in" in made.output, made.output
    (service / "metaloop.toml").unlink()
    (service / "data.txt").write_text("3")
    (service / "train.py").write_text(f"{code}open('data.txt')\n")
    lacking = metaloop("init", service, *INIT)
    assert lacking.exit_code == 2 and "git ignores data.txt" in lacking.output
    assert [subprocess.check_output(command) for command in asked] == before


@pytest.mark.parametrize(
    ("command", "sign"),
    [
        ("make && python train.py", "'&&'"),
        ("python train.py || true", "'||'"),
        ("python train.py | tail -1", "'|'"),
        ("make; python train.py", "';'"),
        ("python train.py > log", "'>'"),
        ("SEED=1 python train.py", "'SEED='"),
    ],
)
def test_init_refuses_what_only_a_shell_understands(tmp_path, command, sign):
    (tmp_path / "train.py").write_text("print('loss:', 1)\n")
    refused = metaloop("init", tmp_path, *INIT, "--command", command)
    assert refused.exit_code == 2 and f"no shell reads it, and {sign}" in refused.output
    assert f"sh -c '{command}'" in refused.output and not (tmp_path / "metaloop.toml").exists()


def test_init_takes_a_shell_and_what_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "metaloop.suitability.scaffold.prove", lambda *_: Measurement("measured", 6.0, 0.1)
    )
    (tmp_path / "train.py").write_text("print('loss:', 1)\n")
    command = """sh -c 'X=1 python train.py | tail -1' --sep=";" \\> a&b"""
    assert metaloop("init", tmp_path, *INIT, "--command", command).exit_code == 0
    words = ["sh", "-c", "X=1 python train.py | tail -1", "--sep=;", ">", "a&b"]
    assert load_task(tmp_path).spec.run.command == words


def test_init_without_answers_names_the_option(tmp_path):
    done = metaloop("init", tmp_path, stdin="")
    assert done.exit_code == 2 and "--command" in done.output


def test_init_of_a_program_that_prints_no_metric(tmp_path):
    (tmp_path / "train.py").write_text("print('hello')\n")
    done = metaloop("init", tmp_path, *INIT)
    assert done.exit_code == 2 and "loss" in done.output


def test_help_names_every_verb():
    shown = metaloop("--help").output
    verbs = "run resume runs status report mechanisms diff apply init check probe models route"
    for verb in (*verbs.split(), "study", "compare"):
        assert re.search(rf"^\W*{verb}\s", shown, re.M), verb
