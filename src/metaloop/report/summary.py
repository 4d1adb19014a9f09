"""What happened in a run, in plain words. Of a model's words, it holds mechanisms' names alone."""

from __future__ import annotations

from metaloop.journal.records import MechanismRecord
from metaloop.report.facts import Facts
from metaloop.text import duration, joined, number, one_line, plural


def summary(facts: Facts) -> list[str]:
    """A few sentences: what was tried, where it stood still, what came, what that earned."""
    if not facts.trials:
        return ["No trial has been made yet.", *_ending(facts)]
    lines = [_trials(facts)]
    steps = dict.fromkeys(event.trial for event in facts.of_kind("outer"))
    lines += [_step(facts, trial) for trial in steps]
    lines += [_mechanism(facts, m) for m in facts.invented if m.state != "rejected"]
    return [*lines, *_ending(facts)]


def _trials(facts: Facts) -> str:
    counts = {name: n for name, n in facts.status.trials.items() if name != "total"}
    parts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items())
    total = plural(facts.status.trials["total"], "trial")
    return (
        f"{total} in {duration(facts.status.active_s)} at "
        f"{'level' if facts.status.levels == '1' else 'levels'} "
        f"{facts.status.levels}{f': {parts}' if parts else ''}."
    )


def _step(facts: Facts, trial: int) -> str:
    """One outer step: how the search stood, and what was done about it."""
    gains = [t for t in facts.trials if 0 < t.number <= trial and t.status == "kept"]
    last = gains[-1].number if gains else 0
    if trial == last:
        stood = "while it was still gaining"
    else:
        best = facts.trials[last].score
        stood = f"after {plural(trial - last, 'trial')} without a gain, stuck at {number(best)}"
    own = [m for m in facts.invented if m.born == trial + 1]
    done = []
    if any(event.trial == trial for event in facts.of_kind("strategy")):
        done.append("changed the strategy")
    if any(event.trial == trial for event in facts.of_kind("restart")):
        done.append("restarted from the trial measured last")
    if any(m.born == trial + 1 and m.origin == "builtin" for m in facts.mechanisms):
        done.append("put the built-in mechanisms into use")
    installed = [_name(facts, m) for m in own if m.state != "rejected"]
    refused = len(own) - len(installed)
    if installed:
        before = f" after {plural(refused, 'failed invention')}" if refused else ""
        inert = any(m.origin == "placebo" for m in own)
        put = "put a placebo in place of" if inert else "installed"
        done.append(f"invented, proved and {put} {', '.join(installed)}{before}")
    elif refused:
        done.append(f"rejected all of its {plural(refused, 'invention')}")
    return f"At trial {trial}, {stood}, the outer loop {joined(done) or 'changed nothing'}."


def _mechanism(facts: Facts, mechanism: MechanismRecord) -> str:
    own = next(s for s in facts.status.mechanisms if s.id == mechanism.id)
    total = sum(max(e.gain, 0.0) for e in facts.earned())
    share = f", {own.gain / total:.0%} of the whole gain" if own.gain > 0 and total > 0 else ""
    earned = f"earned {number(own.gain)} {facts.status.metric}{share}" if own.gain else "earned 0"
    text = (
        f"{_name(facts, mechanism)} was given {plural(own.trials, 'trial')}, "
        f"was live in {own.live} of them and {earned}"
    )
    return f"{text}; it was retired at trial {mechanism.ended}." if mechanism.ended else f"{text}."


def _name(facts: Facts, mechanism: MechanismRecord) -> str:
    """As code, between backticks, whatever the model has called it."""
    return f"`{one_line(facts.label(mechanism.id), 60).replace('`', '')}`"


def _ending(facts: Facts) -> list[str]:
    match facts.status.state:
        case "interrupted" | "paused":
            how = f"`metaloop resume {facts.status.run}` goes on"
            return [f"The run is {facts.status.state}; {how}."]
        case "running":
            return ["The run had not ended when this was written."]
        case _ if not facts.status.reason:
            return []
        case _ if facts.status.trials["total"] < facts.record.config["settings"]["trials"]:
            return ["It ended before all of its trials were made."]
        case _:
            left = "what of the winning patch earns nothing was dropped"
            return [f"All of its trials were made; it ended before {left}."]
