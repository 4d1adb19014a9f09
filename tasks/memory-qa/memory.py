"""A long-term memory for conversations: it stores what was said, finds the turns that a question is
about, and answers in a few words."""

import calendar
import json
import re
from datetime import date, datetime, timedelta
from zlib import crc32

import numpy as np
from prepare import load, save

TOP_K = 6  # turns that are read for an answer
SHARE = 0.5  # share of them from the search by words, the rest is from that by letters
GRAM = 3  # letters in a row that are compared in the search by letters
NEIGHBOURS = 1  # turns before a turn that are searched together with it
RECENCY = 0.2  # how much it counts that a turn is recent
HALF_LIFE = 30.0  # days in which a turn gets half as recent
MIN_SCORE = 0.2  # turns below this share of the best score are dropped
ANSWER_WORDS = 4  # an answer has at most so many words

DIMENSIONS = 1024
WEEKDAYS = [name.lower() for name in calendar.day_name]
MONTHS = [name.lower() for name in calendar.month_name[1:]]
SMALL_WORDS = """
    a about after all am an and any are as at back be because been but by called did do does for
    from had has have he her his how i i'm if in is it it's its just me most must my named no
    nothing now of on one or our say says she so some than that the their them then these they
    this those though to today too until up was we were what when where wherever whenever which
    while who will with would year yes yesterday you your
"""
COMMON = set(SMALL_WORDS.split())


def tokenize(text):
    """The words of a text that say something."""
    return [word for word in text.lower().split() if word not in COMMON]


def read_date(text):
    """The date of a session."""
    for form in ("%m/%d/%Y", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise ValueError(f"no date: {text}")


def read_number(word):
    """The number that a word stands for; None if it is no number."""
    names = "one two three four five six seven eight nine ten eleven twelve"
    numbers = {name: i for i, name in enumerate(names.split())}
    return int(word) if word.isdigit() else numbers.get(word.lower())


def day_before(said, weekday):
    """The last `weekday` ("monday") before the day `said`."""
    return said - timedelta(days=(WEEKDAYS.index(weekday) - said.weekday()) % 7 or 7)


def event_day(text, said):
    """The day of which a text speaks that was said on the day `said`; None if it names no day."""
    text = text.lower()
    if match := re.search(r"\blast (\w+day)\b", text):
        return day_before(said, match[1])
    if match := re.search(r"\b(\w+) days ago\b", text):
        return said - timedelta(days=read_number(match[1]) or 0)
    if match := re.search(rf"\bon (\d+) ({'|'.join(MONTHS)})\b", text):
        return date(said.year, MONTHS.index(match[2]) + 1, int(match[1]))
    for words, days in (("this morning", 0), ("yesterday", 1), ("a week ago", 7)):
        if words in text:
            return said - timedelta(days=days)
    return None


def store(speaker, text, said):
    """A turn as a line of JSON, which is how the memory keeps it."""
    day = event_day(text, said)
    entry = {
        "speaker": speaker,
        "text": text[:80],
        "said": said.isoformat(),
        "day": day.isoformat() if day else None,
    }
    return json.dumps(entry)


def remember(conversation):
    """All turns of a conversation, in order, as they come back from the store."""
    lines = []
    for session in conversation["sessions"]:
        said = read_date(session["date"])
        lines += [store(speaker, text, said) for speaker, text in session["turns"]]
    memory = [json.loads(line) for line in lines]
    for entry in memory:
        entry["said"] = date.fromisoformat(entry["said"])
        entry["day"] = date.fromisoformat(entry["day"]) if entry["day"] else None
    return memory


def letters(text):
    """How often each sequence of GRAM letters occurs, as a vector of length 1."""
    text = f" {' '.join(tokenize(text))} "
    vector = np.zeros(DIMENSIONS)
    for i in range(len(text) - GRAM + 1):
        vector[crc32(text[i : i + GRAM].encode()) % DIMENSIONS] += 1
    return vector / max(np.linalg.norm(vector), 1e-9)


def make_index(memory):
    """What is searched: the words and the letters of every turn, and how recent it is."""
    texts = []
    for i in range(len(memory)):
        near = memory[max(0, i - NEIGHBOURS) : i + 1]
        texts.append(" ".join(entry["text"] for entry in near))
    last = max(entry["said"] for entry in memory)
    ages = np.array([(last - entry["said"]).days for entry in memory])
    return {
        "words": [tokenize(text) for text in texts],
        "letters": np.array([letters(text) for text in texts]),
        "recent": 0.5 ** (ages / HALF_LIFE),
    }


def word_scores(question, memory, index):
    """How well the words of each turn fit the question."""
    wanted = set(tokenize(question))
    scores = np.zeros(len(memory))
    for i, words in enumerate(index["words"]):
        scores[i] = len(wanted & set(words)) / len(wanted)
    return scores


def letter_scores(question, index):
    """How well the letters of each turn fit the question."""
    return index["letters"] @ letters(question)


def best(scores, count):
    """The places of the highest scores, the best first."""
    top = np.argpartition(scores, -count)[-count:]
    return [int(i) for i in top if scores[i] >= MIN_SCORE * scores.max()]


def fuse(by_words, by_letters):
    """Merge two rankings into one, the best first."""
    return sorted(set(by_words) | set(by_letters))[:TOP_K]


def search(question, memory, index):
    """The turns that the question is about, the best first."""
    recent = RECENCY * index["recent"]
    by_words = best(word_scores(question, memory, index) + recent, max(1, round(TOP_K * SHARE)))
    by_letters = best(letter_scores(question, index) + recent, max(1, round(TOP_K * (1 - SHARE))))
    return [memory[i] for i in fuse(by_words, by_letters)]


def kind_of(question):
    """What kind of answer a question wants."""
    question = question.lower()
    if question.startswith("when"):
        return "day"
    if question.startswith("how many"):
        return "number"
    if re.match(r"who\b|where\b|in which city|what is the name|which countries", question):
        return "name"
    return "phrase"


def best_sentence(question, text):
    """The sentence of a text that has most in common with the question."""
    wanted = {word[:4] for word in tokenize(question)}
    sentences = re.split(r"(?<=[.!?]) ", text)
    return max(sentences, key=lambda s: len(wanted & {word[:4] for word in tokenize(s)}))


def find_number(sentence):
    """The first number in a sentence, in digits."""
    for word in re.findall(r"\w+", sentence):
        if read_number(word) is not None:
            return str(read_number(word))
    return ""


def find_name(question, sentence):
    """The last name in a sentence, unless the question names it."""
    names = re.findall(r"[A-Z][\w']*(?: [A-Z][\w']*)*", sentence)
    asked = question.lower()
    names = [name for name in names if name.lower() not in COMMON and name.lower() not in asked]
    return names[-1] if names else ""


def find_phrase(question, sentence):
    """What a sentence says after the last word that it shares with the question."""
    wanted = {word[:4] for word in re.findall(r"[\w']+", question.lower())} - COMMON
    places = [m for m in re.finditer(r"[\w']+", sentence) if m[0].lower()[:4] in wanted]
    rest = sentence[places[-1].end() :] if places else ""
    words = []
    for word in re.findall(r"[\w']+|[.,:;!?]", rest):
        if word.lower() in COMMON or not word[0].isalnum():
            if words:
                break
        else:
            words.append(word)
    return " ".join(words[:ANSWER_WORDS])


def show_day(day):
    """A date as an answer gives it."""
    return day.strftime("%d %b %Y")


def find_answer(question, entry):
    """The answer that a turn gives to the question; "" if it gives none."""
    kind = kind_of(question)
    if kind == "day":
        return show_day(entry["day"]) if entry["day"] else ""
    sentence = best_sentence(question, entry["text"])
    if kind == "number":
        return find_number(sentence)
    if kind == "name" and (name := find_name(question, sentence)):
        return name
    return find_phrase(question, sentence)


def finish(answer, entry):
    """The answer as it is handed in."""
    return f"{entry['speaker']}: {answer}"


def answer(question, memory, index):
    """The answer to a question: that of the first turn which gives one."""
    for entry in search(question, memory, index):
        if found := find_answer(question, entry):
            return finish(found, entry)
    return ""


def main():
    """Answer all questions."""
    conversations, questions = load()
    memories = [remember(conversation) for conversation in conversations]
    indexes = [make_index(memory) for memory in memories]
    save([answer(text, memories[number], indexes[number]) for number, text in questions])


if __name__ == "__main__":
    main()
