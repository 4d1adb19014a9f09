"""The faults of `tasks/memory-qa/memory.py`, mended: each function replaces its namesake."""

# ruff: noqa: F821 (the rest of the names are those of memory.py)


def tokenize(text):
    """The words of a text that say something."""
    return [word for word in re.findall(r"[\w']+", text.lower()) if word not in COMMON]


def read_date(text):
    """The date of a session."""
    return datetime.strptime(text, "%d/%m/%Y").date()


def read_number(word):
    """The number that a word stands for; None if it is no number."""
    names = "one two three four five six seven eight nine ten eleven twelve"
    numbers = {name: i for i, name in enumerate(names.split(), 1)}
    return int(word) if word.isdigit() else numbers.get(word.lower())


def day_before(said, weekday):
    """The last `weekday` ("monday") before the day `said`."""
    return said - timedelta(days=(said.weekday() - WEEKDAYS.index(weekday)) % 7 or 7)


def event_day(text, said):
    """The day of which a text speaks that was said on the day `said`; None if it names no day."""
    text = text.lower()
    if match := re.search(r"\blast (\w+day)\b", text):
        return day_before(said, match[1])
    if match := re.search(r"\b(\w+) days ago\b", text):
        return said - timedelta(days=read_number(match[1]) or 0)
    if match := re.search(rf"\bon (\d+) ({'|'.join(MONTHS)})\b", text):
        day = date(said.year, MONTHS.index(match[2]) + 1, int(match[1]))
        return day if day <= said else day.replace(year=said.year - 1)
    for words, days in (("this morning", 0), ("yesterday", 1), ("a week ago", 7)):
        if words in text:
            return said - timedelta(days=days)
    return None


def store(speaker, text, said):
    """A turn as a line of JSON, which is how the memory keeps it."""
    day = event_day(text, said)
    entry = {
        "speaker": speaker,
        "text": text,
        "said": said.isoformat(),
        "day": day.isoformat() if day else None,
    }
    return json.dumps(entry)


def best(scores, count):
    """The places of the highest scores, the best first."""
    top = np.argsort(-scores, kind="stable")[:count]
    return [int(i) for i in top if scores[i] >= MIN_SCORE * scores.max()]


def fuse(by_words, by_letters):
    """Merge two rankings into one, the best first."""
    merged = {}
    for ranking, weight in ((by_words, SHARE), (by_letters, 1 - SHARE)):
        for rank, i in enumerate(ranking):
            merged[i] = merged.get(i, 0) + weight / (1 + rank)
    return sorted(merged, key=lambda i: -merged[i])[:TOP_K]


def show_day(day):
    """A date as an answer gives it."""
    return f"{day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"


def finish(answer, entry):
    """The answer as it is handed in."""
    return answer
