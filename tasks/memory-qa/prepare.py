"""What `memory.py` is given, and what it has to hand in. Read-only: candidates do not change it."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def load():
    """The conversations, and the questions about them.

    A conversation is {"speakers": [name, name], "sessions": [...]}, a session
    {"date": "31/05/2023", "turns": [[speaker, text], ...]}; dates are day/month/year, sessions
    and turns in order. A question is [number of its conversation, text]; they are in random order.
    """
    conversations = json.loads((HERE / "data" / "conversations.json").read_text())
    questions = json.loads((HERE / "data" / "questions.json").read_text())
    return conversations, questions


def save(answers):
    """Hand in `answers`, one text for each question, in the order of the questions.

    As short as possible, no sentences: a name or a few words; a date as 7 May 2023; a count in
    digits; several things with commas.
    """
    (HERE / "out").mkdir(exist_ok=True)
    (HERE / "out" / "answers.json").write_text(json.dumps(list(answers)))
