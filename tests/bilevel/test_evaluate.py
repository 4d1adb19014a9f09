"""One candidate measured: real sandbox, real git, real judge."""

import asyncio
import errno
import subprocess
import sys
from types import SimpleNamespace

import pytest
from toy import JUDGE, TRAIN, commit, write_toy

from metaloop.execution import find_sandbox, view
from metaloop.execution.sandbox import SandboxError, candidates, defect
from metaloop.inner.evaluate import Evaluator
from metaloop.task.spec import load_task
from metaloop.task.workspace import Workspace

SANDBOXES = [find_sandbox(unsafe=True)]
SANDBOXES += [s for s in candidates() if not isinstance(s, SandboxError) and not defect(s)]


def evaluator(task, folder, sandbox=None, slots=1):
    workspace = Workspace.create(load_task(task), folder, "toy-1", False)
    return Evaluator(workspace.task, workspace, sandbox or find_sandbox(), slots)


def trained(code):
    return {"train.py": f"{TRAIN}\n{code}\n"}


async def test_data_nested_without_end_is_the_end_of_the_trial_alone(toy, tmp_path):
    running = evaluator(toy, tmp_path / "run")
    nest = "import os\nos.chdir('out')\nfor _ in range({}):\n    os.mkdir('d')\n    os.chdir('d')"
    deep = await running.measure(trained(nest.format(1200)))
    assert (deep.status, deep.score) == ("crashed", None)
    assert "more than 32 levels" in deep.reason
    assert (await running.measure(trained(nest.format(32)))).score == 6.0


@pytest.mark.parametrize("file", ["prepare.py", "judge.py", "metaloop.toml"])
async def test_a_run_that_touches_what_judges_it_is_rejected(toy, tmp_path, file):
    """Without a sandbox nothing else is in its way."""
    running = evaluator(toy, tmp_path / "run", find_sandbox(unsafe=True))
    touched = await running.measure(trained(f"open({file!r}, 'a').write('# mine')"))
    assert (touched.status, touched.score) == ("rejected", None)
    assert (await running.measure(trained(""))).score == 6.0


async def test_output_that_is_no_data_is_told_where_the_judge_lacks_it(toy, tmp_path):
    (toy / "judge.py").write_text("open('out/x.parquet')\n")
    running = evaluator(commit(toy), tmp_path / "run")
    lost = await running.measure(trained("open('out/x.parquet', 'w')"))
    assert "'out/x.parquet'; of out/ it sees .csv, .json, " in lost.reason


@pytest.mark.parametrize("link", ["'out', 'out'", "'other', 'out'); os.symlink('out', 'other'"])
async def test_output_behind_a_link_to_itself_is_the_end_of_the_trial_alone(toy, tmp_path, link):
    running = evaluator(toy, tmp_path / "run")
    looped = await running.measure(
        {"train.py": f"import os\nos.rmdir('out')\nos.symlink({link})\nX = 9.0\nN = 1\n"}
    )
    assert (looped.status, looped.score) == ("crashed", None)
    assert "symbolic link" in looped.reason


async def test_strange_outputs_in_a_row_are_the_end_of_their_trials_alone(toy, tmp_path):
    spec = toy / "metaloop.toml"
    spec.write_text(spec.read_text().replace("timeout_s = 10", "timeout_s = 10\ndisk_mb = 1"))
    running = evaluator(commit(toy), tmp_path / "run")
    sparse = "for n in '12':\n    open(f'out/{n}.npy', 'wb').truncate(600 << 10)"
    rename = "import os\nos.rename('out', 'other')"
    for code, reason in (
        ("import shutil\nshutil.rmtree('out')", "No such file"),
        (rename, "No such file"),
        (f"{rename}\nos.symlink('other', 'out')", "behind a link"),
        (sparse, "larger than the task's disk_mb"),
    ):
        strange = await running.measure(trained(code))
        assert (strange.status, strange.score) == ("crashed", None)
        assert reason in strange.reason
    full = "open('out/x.txt', 'w').write('x' * 1_010_000)"  # a megabyte is 1 << 20 bytes
    assert (await running.measure(trained(full))).score == 6.0


async def test_a_full_disk_is_no_strange_output(toy, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    running = evaluator(toy, tmp_path / "run")
    monkeypatch.setattr("metaloop.inner.evaluate.shutil.copyfileobj", fails)
    with pytest.raises((OSError, SandboxError), match="No space left"):
        for _ in range(3):
            await running.measure(running.task.sources())


async def test_a_judge_that_takes_too_long_has_said_nothing_to_other_runs(toy, tmp_path):
    (toy / "judge.py").write_text("import time\ntime.sleep(9)\n")
    spec = toy / "metaloop.toml"
    spec.write_text(spec.read_text().replace("timeout_s = 10", "timeout_s = 1"))
    workspace = Workspace.create(load_task(commit(toy)), tmp_path / "run", "toy-1", False)
    shared = []
    known = SimpleNamespace(take=lambda _: None, put=lambda *told: shared.append(told))
    running = Evaluator(workspace.task, workspace, find_sandbox(), 1, known)
    late = await running.measure(running.task.sources())
    assert (late.status, late.reason) == ("timed_out", "the judge was killed after 1 s")
    assert shared == []


async def test_what_nobody_foresaw_is_the_end_of_the_trial_and_a_broken_machine_of_the_run(
    toy, tmp_path, monkeypatch
):
    running = evaluator(toy, tmp_path / "run")
    failures = []

    async def fails(job):
        raise failures.pop()

    async def measured():
        return await running.measure(running.task.sources())

    works = running.sandbox
    monkeypatch.setattr(running, "sandbox", SimpleNamespace(run=fails))
    for failure in (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), RuntimeError("a loop")):
        failures.append(failure)
        found = await measured()
        assert (found.status, found.score) == ("crashed", None)
        assert str(failure) in found.reason
    failures.append(OSError("no more processes"))
    with pytest.raises(SandboxError, match="3 runs in a row could not be made: no more processes"):
        await measured()
    failures.append(SandboxError("no user namespaces"))
    with pytest.raises(SandboxError, match="no user namespaces"):
        await measured()
    monkeypatch.setattr(running, "sandbox", works)
    assert (await measured()).score == 6.0


@pytest.mark.parametrize("sandbox", SANDBOXES, ids=lambda s: s.name.split()[0])
async def test_trials_that_are_judged_at_the_same_time_get_each_their_own_score(
    toy, tmp_path, sandbox
):
    (toy / "judge.py").write_text(f"import time\ntime.sleep(0.3)\n{JUDGE}")
    running = evaluator(commit(toy), tmp_path / "run", sandbox, slots=2)
    sources = [{"train.py": TRAIN.replace("9.0", x)} for x in ("4.0", "5.0")]
    measured = await asyncio.gather(*map(running.measure, sources))
    assert [m.score for m in measured] == [1.0, 2.0], measured


async def test_other_tasks_of_the_repository_are_hidden(tmp_path):
    repo = tmp_path / "repo"
    for name in ("", "toys/toy", "toys/toy/variant", "toys/other", "toys/other/deep"):
        write_toy(repo / name)
    (repo / "toys" / "common.py").write_text("shared = 1\n")
    (repo / "toys" / "toy" / "judge.py").write_text("assert open('../other/secret.txt')\n" + JUDGE)
    running = evaluator(commit(repo) / "toys" / "toy", tmp_path / "run")

    async def reads(path):
        return (await running.measure(trained(f"assert open({path!r}).read() != ''"))).score == 6.0

    assert not await reads("../other/secret.txt")
    assert not await reads("../other/deep/secret.txt")
    assert await reads("../common.py")
    assert await reads("../../secret.txt")
    assert await reads("variant/secret.txt")


async def test_what_a_task_hides_of_its_repository_is_hidden(tmp_path):
    repo = tmp_path / "repo"
    write_toy(repo / "toy")
    spec = repo / "toy" / "metaloop.toml"
    hide = 'hide = ["{repository}/tests"]'
    spec.write_text(spec.read_text().replace("[judge]", f"{hide}\n[judge]"))
    for name in ("tests", "docs"):
        (repo / name).mkdir()
        (repo / name / "answer.txt").write_text("3")
    running = evaluator(commit(repo) / "toy", tmp_path / "run")

    async def reads(path):
        return (await running.measure(trained(f"assert open({path!r}).read() == '3'"))).score == 6.0

    assert not await reads("../tests/answer.txt")
    assert await reads("../docs/answer.txt")


@pytest.mark.parametrize("sandbox", SANDBOXES, ids=lambda s: s.name[:8])
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("__editable__.toypkg-1.pth", "{top}/src\n"),
        ("__editable___toypkg_1_finder.py", "MAPPING = {{'toypkg': '{top}/src/toypkg'}}\n"),
    ],
)
async def test_a_program_of_an_editable_install_is_the_candidates(
    tmp_path, monkeypatch, sandbox, file, text
):
    """Never that of the checkout, to which the install is linked and in which the user works on."""
    mono = tmp_path / "mono"
    toy = write_toy(mono / "bench")
    (toy / "src" / "toypkg").mkdir(parents=True)
    program = toy / "src" / "toypkg" / "train.py"
    (toy / "train.py").rename(program)
    spec = (toy / "metaloop.toml").read_text().replace('["train.py"]', '["src/toypkg/train.py"]')
    spec = spec.replace('["python", "train.py"]', '["python", "-m", "toypkg.train"]')
    (toy / "metaloop.toml").write_text(spec)
    packages = environment(tmp_path / "env", monkeypatch)
    (packages / file).write_text(text.format(top=toy))
    commit(mono)
    running = evaluator(toy, tmp_path / "run", sandbox)
    program.write_text(TRAIN.replace("9.0", "3.0"))
    tried = {"src/toypkg/train.py": TRAIN.replace("9.0", "5.0")}
    assert (await running.measure(tried)).score == 2.0


def environment(place, monkeypatch):
    """A virtual environment that `python` means from now on; returns its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    monkeypatch.setenv("VIRTUAL_ENV", str(place))
    return next(place.glob("lib/python3*/site-packages"))


@pytest.mark.parametrize("sandbox", SANDBOXES, ids=lambda s: s.name[:8])
async def test_what_judges_imports_what_was_committed(toy, tmp_path, monkeypatch, sandbox):
    """Neither a candidate's file nor the checkout, in which the user works on."""
    (environment(tmp_path / "env", monkeypatch) / "toy.pth").write_text(f"{toy}\n")
    (toy / "pkg").mkdir()
    (toy / "pkg" / "metric.py").write_text("PLUS = 0")
    (toy / "judge.py").write_text("from pkg.metric import PLUS\nassert PLUS == 0\n" + JUDGE)
    running = evaluator(commit(toy), tmp_path / "run", sandbox)
    (toy / "pkg" / "metric.py").write_text("PLUS = 1")
    hostile = "open('pkg/metric.py', 'w').write('PLUS = 2')\n" + TRAIN
    assert (await running.measure({"train.py": hostile})).score == 6.0


def test_no_module_of_the_standard_library_is_hidden_by_an_editable_install(tmp_path, monkeypatch):
    packages = environment(tmp_path / "env", monkeypatch)
    project = tmp_path / "project"
    for place in ("src", "lib", "tools"):
        (project / place / "code").mkdir(parents=True)
    (project / "lib" / "profile.py").write_text("")
    (project / "tools" / "code" / "__init__.py").write_text("")
    lines = [f"{project}/src", f"{project}/lib", f"{project}/tools", "/elsewhere", "import this"]
    (packages / "all.pth").write_text("\n".join(lines))
    assert view.linked(project, project) == ("src",)
