"""Whatever a virtual environment was made from and where: it works, and shows nothing around it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from metaloop.execution import Outcome
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


def test_of_a_conda_environment_all_is_shown(tmp_path: Path) -> None:
    """Its libraries lie in `targets` or `nvvm` as well, and only links to them in `lib`."""
    for name in ("bin", "conda-meta", "targets"):
        (tmp_path / "env" / name).mkdir(parents=True)
    program = shutil.copy(REAL, tmp_path / "env" / "bin" / "python")
    assert tmp_path / "env" in interpreter_roots(str(program))


def test_packages_that_pip_checked_out_are_shown_and_nothing_else_of_src(tmp_path: Path) -> None:
    """`own` stands for the project around the environment, itself installed to be edited."""
    environment = make(REAL, tmp_path / "env")
    src = environment / "src"
    for name in ("listed/.git", "found/.git", "left/.git", "own"):
        (src / name).mkdir(parents=True)
    packages = next(environment.glob("lib/python3*/site-packages"))
    (packages / "__editable__.listed-1.pth").write_text(f"{src}/listed\n")
    mapping = {"found": f"{src}/found/code", "own": f"{src}/own"}
    (packages / "__editable___found_finder.py").write_text(f"MAPPING = {mapping!r}\n")
    shown = interpreter_roots(str(environment / "bin" / "python"))
    assert {path for path in shown if path.is_relative_to(src)} == {src / "listed", src / "found"}
