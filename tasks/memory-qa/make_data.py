"""Makes `data/` and `judge/`: conversations of two people over most of a year, and questions.

    python make_data.py

Run once by the authors; the result is shipped. No candidate ever sees this file: whoever can run it
has the answers. The split is by conversation: what is hidden is about other people.
"""

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

import phrases

SEED = 20240229
PARTS = {"validation": 6, "holdout": 4, "sealed": 4}  # conversations
QUESTIONS = 75  # of each conversation
SESSIONS = 28


def written(day: date) -> str:
    """A date as an answer gives it: 7 May 2023."""
    return f"{day.day} {phrases.MONTHS[day.month - 1]} {day.year}"


@dataclass
class Talk:
    """A conversation in the making."""

    rng: Random
    speakers: tuple[str, str]
    dates: list[date]
    turns: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # kind, question, answer
    used: set[str] = field(default_factory=set)

    def draw(self, pool: list[str] | tuple[str, ...]) -> str:
        """A value that nobody in this conversation has yet."""
        value = self.rng.choice([item for item in pool if item not in self.used])
        self.used.add(value)
        return value

    def say(self, session: int, speaker: str, text: str) -> None:
        """A turn that holds a fact, with some talk around it."""
        lead = self.rng.choice(phrases.LEADS) + " " if self.rng.random() < 0.55 else ""
        tail = " " + self.rng.choice(phrases.TAILS) if self.rng.random() < 0.4 else ""
        self.turns.setdefault(session, []).append((speaker, lead + text + tail))

    def sessions(self, count: int) -> list[int]:
        """Different sessions, in order."""
        return sorted(self.rng.sample(range(SESSIONS), count))

    def when(self, session: int) -> tuple[str, date]:
        """A way to say which day it was, and the day."""
        today = self.dates[session]
        back = self.rng.randrange(2, 7)
        day = today - timedelta(days=back)
        long_ago = today - timedelta(days=self.rng.randrange(8, 20))
        return self.rng.choice(
            [
                ("yesterday", today - timedelta(days=1)),
                ("this morning", today),
                (f"last {phrases.WEEKDAYS[day.weekday()]}", day),
                (f"last {phrases.WEEKDAYS[day.weekday()]}", day),
                (f"{phrases.NUMBERS[back - 1]} days ago", day),
                ("a week ago", today - timedelta(days=7)),
                (f"on {long_ago.day} {phrases.MONTHS[long_ago.month - 1]}", long_ago),
            ]
        )


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


def add_facts(talk: Talk) -> None:
    """What does not change; some of it is known of both speakers, and each has their own."""
    for fact in talk.rng.sample(phrases.FACTS, 14):
        both = talk.rng.random() < 0.6
        for speaker in talk.speakers if both else [talk.rng.choice(talk.speakers)]:
            value = talk.draw(fact.pool)
            said = talk.rng.choice(fact.said).format(v=value)
            talk.say(talk.sessions(1)[0], speaker, said)
            kind = "speaker" if both else "fact"
            talk.asked.append((kind, fact.question.format(s=speaker), value))
    for speaker in talk.speakers:
        animal, value = talk.draw(phrases.ANIMALS), talk.draw(phrases.PETS)
        talk.say(
            talk.sessions(1)[0], speaker, talk.rng.choice(phrases.PET).format(a=animal, v=value)
        )
        talk.asked.append(("fact", f"What is the name of {speaker}'s {animal}?", value))


def add_news(talk: Talk) -> None:
    """What changes: two to four values, of which the latest is asked for."""
    for speaker in talk.speakers:
        for fact in talk.rng.sample(phrases.NEWS, 3):
            value = ""
            for session in talk.sessions(talk.rng.randint(2, 4)):
                value = talk.draw(fact.pool)
                talk.say(session, speaker, talk.rng.choice(fact.said).format(v=value))
            talk.asked.append(("update", fact.question.format(s=speaker), value))
        for question, said in talk.rng.sample(phrases.COUNTED, 3):
            count = talk.rng.randint(1, 4)
            for session in talk.sessions(talk.rng.randint(2, 4)):
                count += talk.rng.randint(1, 5)
                value = phrases.NUMBERS[count - 1] if count <= len(phrases.NUMBERS) else str(count)
                talk.say(
                    session, speaker, said.format(v=value) + talk.rng.choice(phrases.COUNT_TAILS)
                )
            talk.asked.append(("update", question.format(s=speaker), str(count)))


def add_events(talk: Talk) -> None:
    """What happened, and when: told in words that only the date of the session makes a date."""
    events = talk.rng.sample(phrases.EVENTS, 22)
    for number, (base, past) in enumerate(events):
        speakers = talk.speakers if number < 3 else [talk.rng.choice(talk.speakers)]
        for speaker in speakers:
            session = talk.sessions(1)[0]
            when, day = talk.when(session)
            after = talk.rng.choice(phrases.AFTER)
            forms = [f"{capital(when)} I {past}, {after}.", f"I {past} {when}, {after}."]
            talk.say(session, speaker, talk.rng.choice(forms))
            if number < 17:
                talk.asked.append(("time", f"When did {speaker} {base}?", written(day)))
            else:
                talk.asked.append(("day", f"What did {speaker} do on {written(day)}?", past))
        if talk.rng.random() < 0.7:
            text = talk.rng.choice(phrases.PLANS).format(e=base)
            talk.say(talk.sessions(1)[0], talk.rng.choice(talk.speakers), text)
    for speaker in talk.speakers:
        visited = []
        for session in talk.sessions(3):
            when, day = talk.when(session)
            visited.append(talk.draw(phrases.COUNTRIES))
            trip = talk.rng.choice(phrases.TRIPS).format(v=visited[-1], w=when, W=capital(when))
            talk.say(session, speaker, trip)
        talk.asked.append(("list", f"Which countries has {speaker} visited?", ", ".join(visited)))


def add_people(talk: Talk) -> None:
    """Whom they know: asked for by name, by relation and by what they gave."""
    for speaker in talk.speakers:
        for relation in talk.rng.sample(phrases.RELATIONS, 5):
            person, gift = talk.draw(phrases.PEOPLE), talk.draw(phrases.GIFTS)
            first, second, third = talk.rng.sample(range(SESSIONS), 3)
            talk.say(first, speaker, talk.rng.choice(phrases.MET).format(r=relation, p=person))
            fact = talk.rng.choice(phrases.ABOUT)
            value = talk.draw(fact.pool)
            talk.say(second, speaker, talk.rng.choice(fact.said).format(p=person, v=value))
            talk.say(third, speaker, talk.rng.choice(phrases.GIVEN).format(p=person, g=gift))
            who = talk.rng.choice(
                [f"{speaker}'s {relation}", f"the person who gave {speaker} a {gift}"]
            )
            talk.asked.append(("hop", fact.question.format(p=who), value))
            if talk.rng.random() < 0.5:
                talk.asked.append(("fact", fact.question.format(p=person), value))
            if talk.rng.random() < 0.5:
                talk.asked.append(("fact", f"Who gave {speaker} a {gift}?", person))


def chat(talk: Talk, other: str) -> str:
    """A turn without a fact; some ask for one."""
    if talk.rng.random() < 0.25:
        prompt = talk.rng.choice(phrases.PROMPTS)
        if talk.rng.random() < 0.6:
            prompt = prompt.replace(", {n}", "").replace("{n}, how", "How")
        names = {"r": talk.rng.choice(phrases.RELATIONS), "a": talk.rng.choice(phrases.ANIMALS)}
        return prompt.format(n=other, **names)
    return " ".join(talk.rng.sample(phrases.CHAT, talk.rng.randint(1, 3)))


def conversation(speakers: tuple[str, str], rng: Random) -> tuple[list[dict], list[tuple]]:
    """The sessions of one conversation, and QUESTIONS questions with their kinds and answers."""
    day = date(rng.choice([2021, 2022, 2023]), rng.randint(1, 12), rng.randint(1, 28))
    dates = []
    for _ in range(SESSIONS):
        dates.append(day)
        day += timedelta(days=rng.randint(4, 14))
    talk = Talk(rng, speakers, dates)
    for add in (add_facts, add_news, add_events, add_people):
        add(talk)
    sessions = []
    for number, today in enumerate(dates):
        facts = talk.turns.get(number, [])
        rng.shuffle(facts)
        turns = []
        for speaker, text in facts:
            other = speakers[speaker == speakers[0]]
            turns.append([other, chat(talk, speaker)])
            turns.append([speaker, text])
        for _ in range(6):
            turns.append([speakers[len(turns) % 2], chat(talk, speakers[1])])
        sessions.append({"date": today.strftime("%d/%m/%Y"), "turns": turns})
    if len(talk.asked) < QUESTIONS:
        raise SystemExit(f"only {len(talk.asked)} questions: more are needed")
    return sessions, rng.sample(talk.asked, QUESTIONS)


def make() -> dict[str, object]:
    """The content of every file, by its path."""
    rng = Random(SEED)
    pairs = [tuple(pair.split()) for pair in phrases.SPEAKERS.replace("\n", "|").split("|")]
    owners = [part for part, count in PARTS.items() for _ in range(count)]
    talks, asked = [], []
    for pair, part in zip(pairs, owners, strict=True):
        sessions, questions = conversation(pair, rng)
        talks.append((part, {"speakers": list(pair), "sessions": sessions}))
        asked += [(part, len(talks) - 1, *question) for question in questions]
    order = rng.sample(range(len(talks)), len(talks))
    rng.shuffle(asked)
    files: dict[str, object] = {
        "data/conversations.json": [talks[old][1] for old in order],
        "data/questions.json": [[order.index(talk), text] for _, talk, _, text, _ in asked],
    }
    for part in PARTS:
        rows = [i for i, question in enumerate(asked) if question[0] == part]
        files[f"judge/{part}.json"] = {
            "rows": rows,
            "kinds": [asked[i][2] for i in rows],
            "answers": [asked[i][4] for i in rows],
        }
    return files


def text_of(content: object) -> str:
    """JSON, one conversation or question a line."""
    if isinstance(content, dict):
        return json.dumps(content) + "\n"
    return "[\n" + ",\n".join(json.dumps(item) for item in content) + "\n]\n"


if __name__ == "__main__":
    for name, content in make().items():
        path = Path(__file__).parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text_of(content))
