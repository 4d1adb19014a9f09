"""Runs one trial of a bundled task as metaloop would: the program in one place, without what the
judge alone may see, then the judge in another, with pristine files and a copy of `out/`."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

from metaloop.task.metric import read_metric

TASKS = Path(__file__).parents[2] / "tasks"
NGRAM_TUNED = {
    "ORDER": 8, "DISCOUNT": 0.47, "SLOPE": 1.07, "ALPHA": 0.0002, "MIN_COUNT": 5,
    "BACKOFF": "interpolate",
}  # fmt: skip
CIRCLES_TUNED = {
    "STEPS": 20000, "INNER": 7, "OUTER_RADIUS": 0.4, "MOVE": 0.1, "FINAL": 0.003, "HEAT": 0.001,
}  # fmt: skip
GPT_TUNED = {"BATCH": 16, "LR": 0.004, "WIDTH": 128}
GPT_SMALL = {"LAYERS": 1, "WIDTH": 32, "HEADS": 1, "LR": 0.01}


def load_module(path: Path) -> ModuleType:
    """A file of a task, imported under a name that no other task's file has.

    Files beside it that it imports, as when it is run, are forgotten again.
    """
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
        for beside in path.parent.glob("*.py"):
            sys.modules.pop(beside.stem, None)
    return module


class TaskTrials:
    """Trials of the task `name`, in folders below `place`."""

    def __init__(self, name: str, place: Path) -> None:
        self.directory = TASKS / name
        self.spec: dict[str, Any] = tomllib.loads((self.directory / "metaloop.toml").read_text())
        self.editable: str = self.spec["edit"]["files"][0]
        self.source = (self.directory / self.editable).read_text()
        self.place = place

    def solution(self, name: str) -> str:
        """A reference solution of the task, which is hidden from candidates.

        That of ngram-lm lies here: a changed metaloop.toml would void the cells of its study.
        """
        places = (self.directory / "solutions", Path(__file__).parent / "solutions")
        return next(place / name for place in places if (place / name).exists()).read_text()

    def run(self, source: str | None = None) -> Path:
        """Run `source` (default: the file as shipped) in place of the editable file; its `out/`."""
        workspace = self.place / "run"
        secret = shutil.ignore_patterns("out", *self.spec["judge"].get("files", []))
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.copytree(self.directory, workspace, ignore=secret)
        (workspace / "out").mkdir()
        (workspace / self.editable).write_text(self.source if source is None else source)
        done = self._command("run", workspace)
        assert done.returncode == 0, done.stderr
        return workspace / "out"

    def judge(self, out: Path, table: str = "judge") -> subprocess.CompletedProcess[str]:
        """Run the judge or the holdout command on what `out` holds."""
        workspace = self.place / "judge"
        if not workspace.exists():
            shutil.copytree(self.directory, workspace, ignore=shutil.ignore_patterns("out"))
        shutil.rmtree(workspace / "out", ignore_errors=True)
        shutil.copytree(out, workspace / "out", symlinks=True)
        return self._command(table, workspace)

    def score(self, out: Path, table: str = "judge") -> float:
        """The metric that the command of `table` prints."""
        done = self.judge(out, table)
        assert done.returncode == 0, done.stderr
        return read_metric(done.stdout, self.spec["metric"]["name"])

    def with_constants(self, **values: object) -> str:
        """The editable file with some of its constants set."""
        source = self.source
        for name, value in values.items():
            line = re.compile(rf"^{name} = \S+", re.MULTILINE)
            source, count = line.subn(f"{name} = {value!r}", source)
            assert count == 1, name
        return source

    def _command(self, table: str, workspace: Path) -> subprocess.CompletedProcess[str]:
        program, *arguments = self.spec[table]["command"]
        assert program == "python"
        # More BLAS threads than idle cores make small matrices several times slower.
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=workspace,
            env={"OPENBLAS_NUM_THREADS": "1"},
            text=True,
            capture_output=True,
            timeout=max(60, self.spec["run"]["timeout_s"]),
        )
