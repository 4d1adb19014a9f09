"""How often the holdout was asked. A query is on record before it is made: no interruption gives it
back, and one that was interrupted is not counted twice when the same program is asked about again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metaloop.task.patch import Files, content_hash

ASKED = ("query", "guards", "attribution")
"""Kinds of events that tell of queries: one to be made, and the count after a trial or pruning."""


class Queries:
    """The count of one run: a fold over its events. `note` records a program's content hash."""

    def __init__(self, note: Callable[[str], None] = lambda _: None) -> None:
        self._note = note
        self._count = 0
        self._since: set[str] = set()
        """Programs that were asked about since the count was told."""

    def total(self, but: Files | None = None) -> int:
        """Queries up to now, without one about the program `but` that was interrupted."""
        return self._count + len(self._since - {content_hash(but) if but else ""})

    def ask(self, files: Files) -> None:
        """Record a query that is about to be made."""
        if (content := content_hash(files)) not in self._since:
            self._since.add(content)
            self._note(content)

    def take(self, kind: str, data: dict[str, Any]) -> None:
        """Take an event of one of the kinds `ASKED` into the count."""
        if kind == "query":
            self._since.add(data["content"])
        elif "queries" in data:  # pruning may have had no need to ask
            self._count = max(self.total(), data["queries"])  # it was told without one cut short
            self._since.clear()
