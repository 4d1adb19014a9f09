"""What is shown while a run runs: lines that are only text, a panel on a terminal."""

import io

import pytest
from rich.console import Console

from metaloop.cli import live as module
from metaloop.cli.live import Live
from metaloop.journal.records import Details, Event, MechanismRecord, TrialRecord

EVIL = "[red]x[/red] :bug: \x1b[2J\x07 \u202e <b>"


def trial(number, status, score, gain, by="model"):
    details = Details(reason=EVIL)
    return TrialRecord(
        number, status, by, by, None, {}, score, gain, EVIL, str(number), details=details
    )


def story():
    """A run of a few records, as the journal tells them."""
    yield trial(0, "kept", 6.0, 0.0, "baseline")
    yield trial(1, "kept", 5.0, 1.0)
    yield trial(2, "crashed", None, None)
    yield Event(2, "progress", {"text": f"inventing {EVIL}"})
    yield Event(2, "digest", {"text": EVIL})
    yield Event(2, "strategy", {"diagnosis": EVIL, "guidance": EVIL})
    yield Event(2, "outer", {"levels": "1,1.5,2"})
    yield MechanismRecord("m1", EVIL, "generated", "rejected", EVIL, EVIL)
    yield MechanismRecord("m2", "Quick", "generated", "installed", EVIL, EVIL)
    yield trial(3, "discarded", 5.5, -0.5, "m2")
    yield Event(3, "retired", {"mechanism": "m2", "reason": EVIL})
    yield Event(3, "restart", {"trial": 1})
    yield Event(3, "holdout", {"trial": 1, "baseline": 7.0, "best": None})
    yield Event(-1, "state", {"state": "done", "reason": EVIL})
    yield Event(3, "something new", {})


def play(live):
    with live:
        for record in story():
            live("toy-1", record)


def test_elsewhere_than_on_a_terminal_there_are_plain_lines(capsys):
    play(Live(3, metric="loss"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["toy-1: measuring the baseline", "baseline: loss 6"]
    assert lines[2].startswith("#1   kept       loss 5, better by 1  model: [red]x[/red] :bug: ")
    assert lines[3].startswith("#2   crashed    no score")
    assert lines.count("---- outer step after trial 2") == 1
    assert any("mechanism installed: m2 Quick" in line for line in lines)
    assert any(
        line.startswith("#3   discarded  loss 5.5, worse by 0.5  m2 Quick") for line in lines
    )
    assert any("m2 Quick retired" in line for line in lines)
    assert "hidden holdout: loss 7 -> -" in lines
    assert all(line.isprintable() for line in lines)


def test_quiet_is_quiet(capsys):
    play(Live(3, quiet=True))
    assert capsys.readouterr().out == ""


def test_where_nobody_reads_any_more_the_run_goes_on(monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())
    play(live := Live(3, metric="loss"))
    assert (live.done, live.best) == (3, 5.0)


def test_on_a_terminal_there_is_a_panel_that_leaves_no_trace(monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, highlight=False, emoji=False)
    monkeypatch.setattr(module, "Console", lambda **_: console)
    live = Live(3, metric="loss", spent=lambda run: f"$1 for {run}")
    play(live)
    shown = screen.getvalue()
    assert "\x1b[?25h" in shown  # the cursor is back
    assert "\x1b[2J" not in shown and "\x07" not in shown and "\u202e" not in shown
    assert "[red]x[/red] :bug:" in shown
    with console.capture() as capture:
        console.print(live._render())
    panel = capture.get()
    assert "loss 5" in panel and "(baseline 6, -16.7%)" in panel
    assert "3 of 3" in panel and "$1 for toy-1" in panel
    assert "\x1b[2J" not in panel


def test_an_error_passes_through():
    with pytest.raises(KeyboardInterrupt), Live(3):
        raise KeyboardInterrupt
