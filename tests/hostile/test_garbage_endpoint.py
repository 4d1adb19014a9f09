"""An endpoint that answers garbage half of the time, behind a real HTTP server."""

from __future__ import annotations

import json
from random import Random

import pytest
from models.stub import Reply, ok, serving

from metaloop.bilevel import run
from metaloop.inner.settings import Settings
from metaloop.mechanism.builtin import BUILTINS
from metaloop.outer import screen
from metaloop.project import Project

TRIALS = 16
TOO_LONG = "all work and no play " * 500_000  # 10 MB

GARBAGE = [
    ok(""),
    ok(None),
    ok("Sure! Here is my answer:"),
    ok('{"hypothesis": "cut sho'),
    ok("[]"),
    ok("null"),
    ok('{"params": {"X": NaN}, "temperature": NaN}'),
    ok('{"params": {"X": null, "Q": [1]}, "temperature": "hot", "freeze": 7, "focus": {}}'),
    ok('{"params": [], "edits": {}, "freeze": [[]], "focus": [{}], "guidance": [1]}'),
    ok('{"edits": [{"file": "../../etc/passwd", "search": "root", "replace": "x"}]}'),
    ok('{"edits": [{"file": "judge.py", "search": "target", "replace": "0"}]}'),
    ok('{"edits": [{"file": "train.py", "search": "return X", "replace": "return (("}]}'),
    ok('{"function": "value", "code": 7}'),
    ok('{"function": "value", "code": ["def value(:"]}'),
    ok("\x1b[2J\x1b]0;owned\x07\r\n\u202e\ufffe"),
    ok('{"hypothesis": "\\ud800\\u0000", "params": {"X": 1}, "guidance": "\\ud800"}'),
    ok("```python\nimport os\nclass A(Mechanism): pass\n```"),
    ok("class A(Mechanism):\n    def suggest(self, history): return {"),
    ok("class A(Mechanism):\n    def suggest(self, history): return __import__('os')._exit(0)"),
    ok("<html><body>502</body></html>"),
    ok(TOO_LONG),
    Reply(body=b"<html><body>It works!</body></html>", content_type="text/html"),
    Reply(body=b""),
    Reply(body=b"{"),
    Reply(body=b"\xff\xfe\x00\x9f\x92\x96"),
    Reply(body=b"[1, 2, 3]"),
    Reply(body=b'{"choices": []}'),
    Reply(body=b'{"choices": 7, "usage": "much"}'),
    Reply(body=b'{"error": {"message": "\x1b[31mno"}}'),
    Reply(400, b'{"error": "context length exceeded"}'),
    Reply(413, b"too large"),
    Reply(418, b"\xff"),
]


def sensible(body) -> Reply:
    """What a willing model would say, by who is asked."""
    system, rng = body["messages"][0]["content"], Random(body.get("seed"))
    if "You supervise a search" in system:
        return ok(json.dumps({"diagnosis": "d", "freeze": [], "focus": ["X"], "guidance": "g",
                              "temperature": 0.8}))  # fmt: skip
    if "You improve a program" in system:
        answer = {"hypothesis": "closer", "params": {"X": rng.uniform(-10, 10)}}
        if '"function"' in body["messages"][-1]["content"]:
            code = ["def value():", f"    return X + {rng.uniform(-1, 1)}"]
            answer = {"hypothesis": "shift", "function": "value", "code": code}
        return ok(json.dumps(answer))
    number = rng.randrange(1000)
    source = BUILTINS["hill_climbing"].replace("HillClimbing", f"Climb{number}")
    return ok(f"It climbs.\n```python\n{source.replace('0.85', f'0.{800 + number % 99}')}\n```")


@pytest.mark.parametrize("name", ["m", "m-1b"], ids=["strong", "small"])
def test_all_trials_of_a_run_are_finished(toy, tmp_path, monkeypatch, name):
    monkeypatch.setattr(screen, "VERSIONS", 1)
    monkeypatch.setattr(screen, "TRIALS", 8)
    rng, deck = Random(1), list(GARBAGE)

    def answer(number, body):
        if number % 2:
            return sensible(body)
        if not deck:
            deck.extend(GARBAGE)
            rng.shuffle(deck)
        return deck.pop()

    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    with serving(answer) as stub:
        ref = f"openai:{name}@{stub.url}"
        settings = Settings(inner=ref, outer=ref, trials=TRIALS, outer_every=6, workers=2)
        status = run(toy, settings, project=project)
    assert status.state == "done"
    assert status.trials["total"] == TRIALS
    assert status.best < 6.0
    with project.journal() as journal:
        trials = journal.trials(status.run)
        events = journal.events(status.run)
        mechanisms = journal.mechanisms(status.run)
        details = [journal.details(status.run, t.number) for t in trials]
    assert [t.number for t in trials] == list(range(TRIALS + 1))
    assert [e.trial for e in events if e.kind == "outer"] == [6, 12]
    assert len([e for e in events if e.kind == "strategy"]) == 2
    generated = [m for m in mechanisms if m.origin == "generated"]
    assert generated
    assert all(m.reason for m in generated if m.state == "rejected")
    for detail in details:
        assert detail.hypothesis.isprintable()
    assert len(stub.asked) > len(GARBAGE) / 2  # it was not spared


def test_garbage_and_nothing_else_is_survived_too(toy, tmp_path):
    """Then the fallback searches: every trial is on record, and none is the model's."""
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    rng = Random(3)
    with serving(lambda number, body: rng.choice(GARBAGE)) as stub:
        ref = f"openai:m-1b@{stub.url}"
        settings = Settings(inner=ref, outer=ref, levels="1,1.5", trials=10, outer_every=5)
        status = run(toy, settings, project=project)
    assert (status.state, status.trials["total"]) == ("done", 10)
    with project.journal() as journal:
        assert all(t.status != "rejected" for t in journal.trials(status.run))
