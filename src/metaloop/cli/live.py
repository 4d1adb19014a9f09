"""What a run shows while it runs: a live panel on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from metaloop.journal.records import Event, MechanismRecord, TrialRecord
from metaloop.report.words import final_split
from metaloop.text import duration, number, one_line

if TYPE_CHECKING:
    from metaloop.report.status import Status

EVERY = 2.0
"""Seconds after which the cost is asked for again."""
ROOM = 3
"""Columns left free, so that the `^C` which a terminal echoes does not move the panel."""
STYLES = {
    "kept": "bold green", "discarded": "dim", "crashed": "red", "timed_out": "red",
    "rejected": "yellow", "quarantined": "yellow",
}  # fmt: skip


class Live:
    """A listener to the journal of one sitting: `live(run, record)` for each record.

    `metric` names the score, marked where it is self-scored; `so_far` is where a resumed run
    stands; `spent` tells what a run has cost. Nothing of a model's text can reach the terminal as
    a control code or as markup.
    """

    def __init__(
        self,
        planned_trials: int,
        quiet: bool = False,
        *,
        metric: str = "score",
        so_far: Status | None = None,
        spent: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.planned, self.quiet, self.metric = planned_trials, quiet, metric
        self.run = so_far.run if so_far else ""
        self.done = so_far.trials["total"] if so_far else 0
        self.baseline = so_far.baseline if so_far else None
        self.best = so_far.best if so_far else None
        known = so_far.mechanisms if so_far else []
        self.names = {"fallback": "random step", **{m.id: m.name for m in known}}
        self.in_use = [m.id for m in known if m.state == "installed"]
        self.arm, self.doing = "", "measuring the baseline"
        self._spent, self._cost, self._asked = spent, "", 0.0
        self._step = -1
        self._began = time.monotonic()
        self._console = Console(highlight=False, emoji=False)
        self._panel: RichLive | None = None

    def __enter__(self) -> Live:
        if not self.quiet and self._console.is_terminal:
            self._panel = RichLive(
                get_renderable=self._render,
                console=self._console,
                refresh_per_second=4,
                transient=True,
            )
            self._panel.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._panel is not None:
            self._panel.stop()
            self._panel = None

    def __call__(self, run: str, record: object) -> None:
        """Take a record in, and say it in a line where it is worth one."""
        if not self.run:
            self.run = run
            self._say(Text(f"{run}: measuring the baseline"))
        match record:
            case TrialRecord():
                self._trial(record)
            case MechanismRecord():
                self._mechanism(record)
            case Event():
                self._event(record)
        if self._panel is not None and time.monotonic() > self._asked + EVERY:
            self._cost, self._asked = self._spent(self.run), time.monotonic()

    # What came

    def _trial(self, trial: TrialRecord) -> None:
        self.done, self.arm, self.doing = trial.number, trial.arm, "running trials"
        if trial.number == 0:
            self.baseline = self.best = trial.score
            self._say(Text(f"baseline: {self.metric} {number(trial.score)}"))
            return
        if trial.status == "kept":
            self.best = trial.score
        line = Text(f"#{trial.number:<3} ")
        line.append(f"{trial.status.replace('_', ' '):<10}", STYLES.get(trial.status, ""))
        line.append(f" {self._outcome(trial)}")
        line.append(f"  {self._label(trial.by)}: {one_line(trial.changed, 100)}", "dim")
        if trial.score is None and trial.details.reason:
            line.append(f"  [{one_line(trial.details.reason, 120)}]", "dim")
        self._say(line)

    def _outcome(self, trial: TrialRecord) -> str:
        if trial.score is None:
            return "no score"
        gain = trial.gain or 0.0
        verdict = f", {'better' if gain > 0 else 'worse'} by {abs(gain):.2g}" if gain else ""
        return f"{self.metric} {number(trial.score)}{verdict}"

    def _mechanism(self, mechanism: MechanismRecord) -> None:
        self.names[mechanism.id] = mechanism.name
        if mechanism.state == "installed":  # of a rejected one, the progress has told already
            self.in_use.append(mechanism.id)
            label = self._label(mechanism.id)
            self._say(Text(f"     {mechanism.origin} mechanism installed: {label}", "bold magenta"))

    def _event(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "state":
                self.doing = one_line(f"{data['state']} {data['reason']}")
            case "progress":
                self._heading(event.trial)
                self.doing = f"outer loop: {one_line(data['text'])}"
                self._say(Text(f"     {one_line(data['text'])}", "cyan"))
            case "strategy":
                self._heading(event.trial)
                self._say(Text(f"     strategist: {one_line(data['diagnosis'])}", "cyan"))
                if data["guidance"]:
                    self._say(Text(f"     guidance: {one_line(data['guidance'])}", "cyan"))
            case "restart":
                self._say(Text(f"     restart from trial {data['trial']}", "cyan"))
            case "outer":
                self.doing = "running trials"
                self._heading(event.trial)
            case "retired":
                name = data["mechanism"]
                self.in_use = [m for m in self.in_use if m != name]
                line = f"     {self._label(name)} retired: {one_line(data['reason'])}"
                self._say(Text(line, "yellow"))
            case "holdout":
                scores = f"{number(data['baseline'])} -> {number(data['best'])}"
                self._say(Text(f"{final_split(data)}: {self.metric} {scores}"))

    def _heading(self, trial: int) -> None:
        """Say once that an outer step is taken."""
        if trial != self._step:
            self._step = trial
            self._say(Text(f"---- outer step after trial {trial}", "bold cyan"))

    def _label(self, arm: str) -> str:
        name = self.names.get(arm, arm)
        return one_line(name if arm in (name, "fallback") else f"{arm} {name}", 60)

    # How it is shown

    def _say(self, line: Text) -> None:
        """One line, at once: above the panel, or as plain text. Where nobody reads any more, as
        behind a closed pipe, that ends no run."""
        if self.quiet:
            return
        try:
            if self._panel is not None:
                self._console.print(line, overflow="ellipsis", no_wrap=True)
            else:
                print(line.plain, flush=True)
        except OSError:
            self.quiet = True

    def _render(self) -> RenderableType:
        elapsed = duration(time.monotonic() - self._began)
        best = f"{number(self.best)} (baseline {number(self.baseline)}{self._share()})"
        trial = min(self.done + 1, self.planned)
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim")
        facts.add_column(no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(total=max(self.planned, 1), completed=self.done, width=32)
        facts.add_row("best so far", Text(f"{self.metric} {best}", "bold"))
        facts.add_row("trial", Text(f"{trial} of {self.planned}, {elapsed}"))
        facts.add_row("", bar)
        facts.add_row("now", Text(self.doing))
        if self.in_use or self.arm:
            facts.add_row("mechanisms", self._arms())
        if self._cost:
            facts.add_row("spent", Text(self._cost))
        hint = Text("Ctrl-C stops cleanly, `metaloop resume` goes on", "dim")
        title = Text(self.run or "metaloop")
        width = min(self._console.width - ROOM, 110)
        return Panel(
            Group(facts, hint), title=title, title_align="left", border_style="dim", width=width
        )

    def _arms(self) -> Text:
        """Those in use, the one of the last trial marked."""
        names = ["model", *self.in_use]
        text = Text()
        for name in names if self.arm in names else [*names, self.arm]:
            text.append(self._label(name), "bold magenta" if name == self.arm else "")
            text.append("  ")
        return text

    def _share(self) -> str:
        if not self.baseline or self.best is None or self.best == self.baseline:
            return ""
        return f", {(self.best - self.baseline) / abs(self.baseline):+.1%}"
