"""Whatever a virtual environment was made from and where: it works, and shows nothing around it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from metaloop.execution import Job, Outcome, Sandbox, view
from metaloop.execution.view import interpreter_roots

REAL = Path(sys.executable).resolve()


def by_a_link_in_bin(home: Path) -> Path:
    program = home / "bin" / "python3"
    program.parent.mkdir()
    program.symlink_to(REAL)
    return make(program, home / "env")


def by_a_link_to_the_installation(home: Path) -> Path:
    (home / "python-3").symlink_to(REAL.parents[1])
    return make(home / "python-3" / "bin" / REAL.name, home / "env")


def of_copies(home: Path) -> Path:
    return make(REAL, home / "env", "--copies")


def in_the_project_itself(home: Path) -> Path:
    return make(REAL, home / "project")


def in_the_project_itself_of_copies(home: Path) -> Path:
    return make(REAL, home / "project", "--copies")


def behind_a_link(home: Path) -> Path:
    make(REAL, home / "data")
    (home / "env").symlink_to(home / "data")
    return home / "env"


def make(program: Path, place: Path, *options: str) -> Path:
    subprocess.run([program, "-m", "venv", "--without-pip", *options, place], check=True)
    return place


@pytest.mark.parametrize(
    "made",
    [
        by_a_link_in_bin,
        by_a_link_to_the_installation,
        of_copies,
        in_the_project_itself,
        in_the_project_itself_of_copies,
        behind_a_link,
    ],
)
async def test_a_virtual_environment_works_and_shows_nothing_around_it(
    hostile: Callable[..., Awaitable[Outcome]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: Callable[[Path], Path],
) -> None:
    home = tmp_path / "home"
    (home / "project").mkdir(parents=True)
    secrets = [home / "key", home / "project" / "answers.json"]
    for secret in secrets:
        secret.write_text("PRIVATE")
    environment = made(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    outcome = await hostile(
        f"""
        import ctypes, json, sys
        print(sys.prefix)
        for path in {list(map(str, secrets))!r}:
            try:
                print(open(path).read())
            except OSError:
                print("refused")
        """
    )
    assert outcome.stdout.split() == [str(environment), "refused", "refused"], outcome


async def test_of_a_project_within_what_is_shown_only_its_environment_is(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As below /usr/src in a container."""
    shown, found = tmp_path / "shown", view._installations
    project = shown / "src" / "app"
    (shown / "conda-meta").mkdir(parents=True)
    workspace = project / ".metaloop" / "runs" / "app-1" / "work" / "slot0"
    workspace.mkdir(parents=True)
    secrets = [project / name for name in ("answers.json", ".env", ".metaloop/journal.db")]
    for path in (shown / "seen", workspace / "seen", *secrets):
        path.write_text("PRIVATE" if path in secrets else "seen")
    monkeypatch.setattr(view, "_installations", lambda name: found(name) | {shown})
    monkeypatch.setattr(view, "_projects", set())
    monkeypatch.setenv("VIRTUAL_ENV", str(make(REAL, project / ".venv")))
    program = f"""
import ctypes, json, sys
print(sys.prefix)
for path in {[str(shown / "seen"), "seen", *map(str, secrets)]!r}:
    try:
        print(open(path).read())
    except OSError:
        print("refused")
open("made", "w").write("x")
"""
    view.keep_private(project)
    job = Job(("python", "-c", program), workspace, hidden=(str(secrets[0]),))
    outcome = await sandbox.run(job)
    told = [line for line in outcome.stdout.split("\n") if line]
    assert told[:3] == [str(project / ".venv"), "seen", "seen"], outcome
    assert "PRIVATE" not in outcome.stdout
    assert (workspace / "made").exists()


def test_of_a_conda_environment_all_is_shown(tmp_path: Path) -> None:
    """Its libraries lie in `targets` or `nvvm` as well, and only links to them in `lib`."""
    for name in ("bin", "conda-meta", "targets"):
        (tmp_path / "env" / name).mkdir(parents=True)
    program = shutil.copy(REAL, tmp_path / "env" / "bin" / "python")
    assert tmp_path / "env" in interpreter_roots(str(program))


def test_packages_that_pip_checked_out_are_shown_and_nothing_else_of_src(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`own` stands for the project around the environment, itself installed to be edited, `task`
    for a project that pip checked out. What is cloned with a password has that in `.git`."""
    environment = make(REAL, tmp_path / "env")
    src = environment / "src"
    for name in ("listed", "found", "left", "task", "own"):
        (src / name / "code").mkdir(parents=True)
        if name != "own":
            (src / name / ".git").mkdir()
    for name, target in (("link", "code"), ("all", "."), ("told", ".git/config"), ("up", "../own")):
        (src / "listed" / name).symlink_to(target)
    packages = next(environment.glob("lib/python3*/site-packages"))
    (packages / "__editable__.listed-1.pth").write_text(f"{src}/listed\n{src}/task\n")
    mapping = {"found": f"{src}/found/code", "own": f"{src}/own"}
    (packages / "__editable___found_finder.py").write_text(f"MAPPING = {mapping!r}\n")
    monkeypatch.setattr(view, "_projects", set())
    view.keep_private(src / "task")
    shown = interpreter_roots(str(environment / "bin" / "python"))
    seen = {str(path.relative_to(src)) for path in shown if path.is_relative_to(src)}
    assert seen == {"listed/code", "listed/link", "found/code"}
