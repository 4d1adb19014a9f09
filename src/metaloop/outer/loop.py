"""Loop 2, the outer loop: digest, tune the strategy, invent a mechanism, prove it, install it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from random import Random

from metaloop.execution.job import Sandbox
from metaloop.inner import loop as inner_source
from metaloop.inner.search import Search
from metaloop.journal.records import Event, MechanismRecord
from metaloop.mechanism.builtin import BASELINES, PLACEBO, builtins_for
from metaloop.mechanism.example import example_for
from metaloop.mechanism.host import MechanismHost
from metaloop.models.base import Model, Role
from metaloop.models.seeds import INVENTION, OUTER, call_seed
from metaloop.outer.contract import prove
from metaloop.outer.digest import Digest, make_digest
from metaloop.outer.invent import Invention, invent
from metaloop.outer.prompts import Brief
from metaloop.outer.screen import Screen
from metaloop.outer.strategy import revise

INVENTIONS = 3
"""Inventions of a small model per outer step, until one is installed."""
PROBATION = 3
"""Trials that a new mechanism is given before credit decides."""
IN_USE = 12
"""Invented mechanisms in use at most: among many more the trials are too few for credit to tell
which of them earn, and a strong inventor reads them all."""


@dataclass
class Step:
    """What one outer step decided; written to the journal in one transaction, or not at all."""

    trial: int
    events: list[Event] = field(default_factory=list)
    mechanisms: list[MechanismRecord] = field(default_factory=list)

    def note(self, kind: str, **data: object) -> None:
        self.events.append(Event(self.trial, kind, dict(data)))


class OuterLoop:
    """Reads the inner loop's code and trace, and changes how it searches."""

    def __init__(
        self, search: Search, roles: Mapping[Role, Model] | None, sandbox: Sandbox
    ) -> None:
        self.search, self.roles, self.sandbox = search, roles, sandbox
        self.mechanisms: list[MechanismRecord] = []
        self.done: set[int] = set()
        """Trials after which a step was taken already."""
        self._screen = Screen(search.task, search.settings.seed, sandbox)

    def start(self) -> None:
        """Put the built-in mechanisms in use with which a run begins, if it does with any."""
        if 0 in self.done or not (names := self.search.settings.first):
            return
        step = Step(0)
        step.mechanisms += [self._builtin(name, BASELINES[name], 0) for name in names]
        step.note("outer", first=list(names))
        self._write(step)

    async def step(self, trial: int) -> None:
        """One outer step after `trial` trials; does nothing where it was taken before."""
        settings = self.search.settings
        if trial in self.done or (settings.levels == "1" and settings.control == "none"):
            return
        step = Step(trial)
        if settings.control == "restart":
            step.note("restart", trial=self._last_measured())
        else:
            await self._act(step)
        step.note("outer", levels=settings.levels)
        self._write(step)

    def _write(self, step: Step) -> None:
        self.search.journal.add_step(self.search.run, step.events, step.mechanisms)
        self.take(step.events, step.mechanisms)

    async def _act(self, step: Step) -> None:
        search, settings = self.search, self.search.settings
        digest = make_digest(search.task, search.trials, search.arbiter.credit())
        step.note("digest", text=digest.text)
        seed = call_seed(settings.seed, step.trial, OUTER)
        if settings.has_level(1.5) and self.roles is not None:
            self._progress(step, "tuning the strategy")
            files = search.files(search.best)
            strategy, diagnosis = await revise(
                self.roles["strategist"], search.task, files, search.strategy, digest, seed
            )
            step.note("strategy", diagnosis=diagnosis, **asdict(strategy))
        if not settings.has_level(2):
            return
        if not self.mechanisms:
            found = builtins_for(search.task.space)
            step.mechanisms += [self._builtin(n, text, step.trial) for n, text in found.items()]
        if self.roles is not None:
            await self._invent(step, self.roles, digest, seed)

    async def _invent(
        self, step: Step, roles: Mapping[Role, Model], digest: Digest, seed: int
    ) -> None:
        """Invent until a mechanism is proven and passes screening, a few times at most.

        What fails on the way is kept on record with the reason, and told to the next invention.
        """
        tries = INVENTIONS if roles["inventor"].small else 1
        for i in range(tries):
            record = await self._invent_one(step, roles, digest, seed + INVENTION * i)
            step.mechanisms.append(record)
            self._progress(step, f"{record.name}: {record.state}, {record.reason}")
            if record.state == "installed":
                self._make_room(step)
                return

    def _make_room(self, step: Step) -> None:
        """Have those retired that earned least, where with the new one there are too many."""
        used = [m.id for m in self.mechanisms if m.invented and m.id in self.search.hosts]
        excess = max(0, len(used) + 1 - IN_USE)
        for mechanism in self.search.arbiter.least_first(used)[:excess]:
            reason = f"earned least of {len(used)} in use"
            step.note("retired", mechanism=mechanism, reason=reason)

    async def _invent_one(
        self, step: Step, roles: Mapping[Role, Model], digest: Digest, seed: int
    ) -> MechanismRecord:
        search = self.search
        # From the journal, which knows why those were retired that were installed once.
        known = [*search.journal.mechanisms(search.run), *step.mechanisms]
        in_use = {m.id: m.source for m in known if m.id in search.hosts}
        in_use |= {m.id: m.source for m in step.mechanisms if m.state == "installed"}
        invented = [m for m in known if m.invented]
        failed = [m for m in invented if m.id not in in_use]
        brief = Brief(
            task=search.task,
            digest=digest.text,
            brief=digest.brief,
            inner_loop=inspect.getsource(inner_source),
            mechanisms=in_use,
            failures=[f"{m.name} ({m.idea}): {m.reason}" for m in failed[-4:]],
            tried=frozenset(m.idea for m in invented),
        )

        shown = example_for(search.task.space) if roles["inventor"].small else ""

        async def proven(source: str) -> str:
            error = await prove(source, search.task.space, self.sandbox, shown)
            self._progress(step, f"not proven: {error}" if error else "proven, screening it")
            return error

        self._progress(step, "inventing a mechanism")
        invention = await invent(roles["inventor"], roles["repairer"], brief, proven, seed)
        for attempt in invention.attempts:
            step.note("attempt", idea=invention.idea, **asdict(attempt))
        record = self._record(step.trial, invention, roles["inventor"].name, len(invented) + 1)
        if not invention.proven:
            return record
        result = await self._screen.run(record.source, in_use, search.history)
        inert = result.passed and search.settings.control == "placebo"
        return replace(
            record,
            origin="placebo" if inert else "generated",
            state="installed" if result.passed else "rejected",
            reason=result.reason,
            screening=asdict(result),
        )

    def _progress(self, step: Step, text: str) -> None:
        """Tell listeners, not the journal: the step is written when it is whole."""
        self.search.journal.tell(self.search.run, Event(step.trial, "progress", {"text": text}))

    def _record(self, trial: int, invention: Invention, model: str, number: int) -> MechanismRecord:
        return MechanismRecord(
            id=f"m{number}",
            name=invention.name,
            origin="generated",
            state="installed" if invention.proven else "rejected",
            reason=invention.reason,
            source=invention.source,
            idea=invention.idea,
            model=model,
            born=trial + 1,
        )

    def _builtin(self, name: str, source: str, trial: int) -> MechanismRecord:
        return MechanismRecord(name, name, "builtin", "installed", "", source, born=trial + 1)

    def _last_measured(self) -> int:
        return max(t.number for t in self.search.trials if t.score is not None)

    # The fold from the journal to state, the same for a new step and for a resumed run's

    def take(self, events: list[Event], mechanisms: list[MechanismRecord]) -> None:
        """Take a recorded step into the state."""
        for event in events:
            if event.kind == "outer":
                self.done.add(event.trial)
            else:
                self.search.take_event(event)
        for mechanism in mechanisms:
            self.mechanisms.append(mechanism)
            if mechanism.state == "installed":
                guaranteed = 1 if mechanism.origin == "builtin" else PROBATION
                self.search.install(mechanism.id, self._host(mechanism), guaranteed)

    def _host(self, mechanism: MechanismRecord) -> MechanismHost:
        seed = Random(f"{self.search.settings.seed}/{mechanism.id}").getrandbits(32)  # noqa: S311
        source = PLACEBO if mechanism.origin == "placebo" else mechanism.source
        return MechanismHost(source, self.search.task.space, seed, self.sandbox)
