"""A cassette: recorded model calls in a text file, one JSON object per line, oldest first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from metaloop.models.base import Completion, Request
from metaloop.models.recorder import Call


class Cassette:
    """A `CallStore` in a JSONL file, which is made with the first call.

    Lines are appended as calls come. A last line cut short by a crash is forgotten and written
    over; any other line that is no call raises ValueError naming file and line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._calls: dict[str, Call] = {}
        self._end = 0
        if path.exists():
            self._load()

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls.values())

    def __len__(self) -> int:
        return len(self._calls)

    def get(self, key: str) -> Call | None:
        """The call recorded under `key`, if any."""
        return self._calls.get(key)

    def put(self, call: Call) -> None:
        """Append `call` to the file; a call that is there already stays as it is."""
        if call.key in self._calls:
            return
        line = json.dumps(_to_json(call)).encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.truncate(self._end)
            file.seek(self._end)
            file.write(line)
        self._end += len(line)
        self._calls[call.key] = call

    def _load(self) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                call = _from_json(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"{self.path}, line {number}: not a recorded call: {error}"
                ) from None
            self._calls.setdefault(call.key, call)
            self._end += len(line)


def _to_json(call: Call) -> dict[str, Any]:
    answer = {} if call.completion is None else asdict(call.completion)
    if call.error is not None:
        answer["error"] = call.error
    return {"model": call.model, "request": asdict(call.request), "answer": answer}


def _from_json(line: dict[str, Any]) -> Call:
    # Keys are computed anew, never read: a field that requests gain later keeps old cassettes good.
    request, answer = Request(**line["request"]), dict(line["answer"])
    error = answer.pop("error", None)
    return Call(line["model"], request, Completion(**answer) if answer else None, error)
