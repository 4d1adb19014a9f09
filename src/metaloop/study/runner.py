"""Run the cells that are missing, in lanes side by side: processes that keep their models warm."""

from __future__ import annotations

import ctypes
import fcntl
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from metaloop.models.cassette import Cassette
from metaloop.models.ledger import USED_UP, BudgetReached
from metaloop.project import FOLDER, Project
from metaloop.study.cells import CellStopped, run_cell, spent_usd
from metaloop.study.design import Design
from metaloop.study.result import Cell
from metaloop.study.store import Store

PATIENCE_S = 60.0
"""That a run is given to save its state when it is told to stop."""
_PR_SET_PDEATHSIG = 1


def run_study(
    design: Design,
    project: Project,
    *,
    workers: int = 1,
    budget_usd: float | None = None,
    replay: Path | None = None,
    told: Callable[[], None] = lambda: None,
) -> None:
    """Run every cell that has no result yet; `told` is called after each.

    `budget_usd` limits what all its runs in the project's journal cost together: when that is used
    up, cells that ask no model are still run, then BudgetReached is raised. Raises CellStopped when
    a run pauses or is interrupted, ValueError when somebody else runs this study on this project
    already. What is done stays done, what is under way can be gone on with.
    """
    if workers < 1:
        raise ValueError(f"workers: must be at least 1 (got {workers})")
    if budget_usd is not None and workers > 1:
        raise ValueError("budget-usd: cells side by side cannot share it; leave out --workers")
    store = Store(design)
    missing = [cell for cell in design.cells() if store.read(cell) is None]
    with _alone(design, project), _lanes(design, project, workers, replay) as lanes:
        idle, busy, reached = list(lanes), dict[Connection, Cell](), ""
        while missing or busy:
            while idle and (cell := _next(missing, busy.values())):
                missing.remove(cell)
                if store.read(cell):  # of another machine, arrived since the study began
                    continue
                lane = idle.pop()
                busy[lane] = cell
                lane.send((cell, _left(cell, design, project, budget_usd)))
            ready = wait(list(busy)) if busy else []
            for lane in [lane for lane in busy if lane in ready]:
                match _answer(lane):
                    case BudgetReached() as limit:
                        reached = str(limit)
                        if USED_UP in reached:  # else the price of this cell's calls is unknown
                            missing = [cell for cell in missing if not _asks(cell)]
                    case BaseException() as error:
                        raise error
                    case result, machine:
                        store.write(result, machine)
                        told()
                idle.append(lane)
                del busy[lane]
    if USED_UP in reached:  # it speaks of what was left for one run
        spent = spent_usd(design, project)
        reached = f"the budget of ${budget_usd:g} {USED_UP}: ${spent:.4f} spent"
    if reached:
        raise BudgetReached(reached)


def _next(missing: list[Cell], busy: Iterable[Cell]) -> Cell | None:
    """The first cell that shares neither calls nor measurements with one under way, which it would
    otherwise make a second time."""
    taken = {(cell.task, cell.seed) for cell in busy}
    return next((cell for cell in missing if (cell.task, cell.seed) not in taken), None)


def _answer(lane: Connection) -> Any:
    """What came of the lane's cell: its result and machine, or what it raised."""
    try:
        return lane.recv()
    except EOFError:
        raise CellStopped("the process of a cell has died") from None


def _asks(cell: Cell) -> bool:
    return cell.inner is not None


def _left(cell: Cell, design: Design, project: Project, budget_usd: float | None) -> float | None:
    """Dollars that a cell may spend; None is no limit, as for one that asks no model."""
    if budget_usd is None or not _asks(cell):
        return None
    return max(0.0, budget_usd - spent_usd(design, project))


@contextmanager
def _lanes(
    design: Design, project: Project, count: int, replay: Path | None
) -> Iterator[list[Connection]]:
    """Processes that run what they are sent; at the end all of them are gone."""
    context, lanes = get_context("spawn"), list[tuple[SpawnProcess, Connection]]()
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            given = (theirs, design, project, replay)
            process = context.Process(target=_lane, args=given, daemon=True)
            process.start()
            theirs.close()
            lanes.append((process, ours))
        yield [ours for _, ours in lanes]
    finally:
        for process, _ in lanes:
            process.terminate()  # a run under way saves its state, as after Ctrl-C
        for process, ours in lanes:
            process.join(PATIENCE_S)
            process.kill()
            ours.close()


def _lane(theirs: Connection, design: Design, project: Project, replay: Path | None) -> None:
    """Run the cells that come, until the study ends: it says when to stop, Ctrl-C does not."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer: object
    while True:
        try:
            cell, budget_usd = theirs.recv()
        except EOFError:
            return
        try:
            recording = Cassette(replay) if replay else None
            answer = run_cell(design, cell, project, recording, budget_usd)
        except CellStopped as stopped:
            theirs.send(stopped)
            return
        except Exception as error:  # noqa: BLE001 (the study raises it)
            answer = error
        theirs.send(answer)


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
