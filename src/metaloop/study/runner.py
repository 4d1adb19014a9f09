"""Run the cells that are missing, some side by side, each in a process of its own kind."""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from metaloop.models.cassette import Cassette
from metaloop.project import FOLDER, Project
from metaloop.study.cells import run_cell
from metaloop.study.design import Design, load_design
from metaloop.study.result import Cell, Result
from metaloop.study.store import Store

_PR_SET_PDEATHSIG = 1


def run_study(
    design: Design,
    project: Project,
    *,
    workers: int = 1,
    replay: Path | None = None,
    told: Callable[[Result], None] = lambda _: None,
) -> None:
    """Run every cell that has no result yet; `told` hears of each as it is done.

    Raises CellStopped when a run pauses or is interrupted, ValueError when somebody else runs this
    study on this project already. What is done stays done, what is under way can be gone on with.
    """
    store = Store(design)
    missing = [cell for cell in design.cells() if store.read(cell) is None]
    work = partial(_work, design.file, project, replay)
    context = multiprocessing.get_context("spawn")
    with _alone(design, project), ProcessPoolExecutor(workers, context, _start) as pool:
        futures = [pool.submit(work, cell) for cell in missing]
        try:
            for future in as_completed(futures):
                result, machine = future.result()
                store.write(result, machine)
                told(result)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()  # the run under way saves its state, as after Ctrl-C
            raise


def _start() -> None:
    """A worker dies with its study, and is told by it when to stop: not by Ctrl-C as well."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(
    file: Path, project: Project, replay: Path | None, cell: Cell
) -> tuple[Result, dict[str, Any]]:
    recording = Cassette(replay) if replay else None
    return run_cell(load_design(file), cell, project, recording)


@contextmanager
def _alone(design: Design, project: Project) -> Iterator[None]:
    """Two studies over the same runs would write into one another's."""
    home = project.root / FOLDER
    home.mkdir(exist_ok=True)
    with (home / f"study-{design.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"the study {design.name} is running already in {home}") from None
        yield
