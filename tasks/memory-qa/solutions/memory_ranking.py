"""A better architecture for `tasks/memory-qa/memory.py`, its faults left as they are: each function
takes the place of its namesake, or is added."""

# ruff: noqa: F821 (the rest of the names are those of memory.py)


def make_index(memory):
    """What is searched: how often each turn has each stem, its letters, and how recent it is."""
    last = max(entry["said"] for entry in memory)
    ages = np.array([(last - entry["said"]).days for entry in memory])
    asks = r"\b(you|your)\b[^.]*\?|^(which|what|how|who|do|does)\b"
    index = {
        "stems": {},
        "speakers": np.array([entry["speaker"] for entry in memory]),
        "states": np.array([not re.search(asks, entry["text"].lower()) for entry in memory]),
        "letters": np.array([letters(entry["text"]) for entry in memory]),
        "recent": 0.5 ** (ages / HALF_LIFE),
    }
    for i, entry in enumerate(memory):
        for word in tokenize(entry["text"]):
            index["stems"].setdefault(word[:5], np.zeros(len(memory)))[i] += 1
    index["sizes"] = sum(index["stems"].values())
    return index


def word_scores(question, memory, index):
    """How well each turn fits the question: BM25 over the stems of words, and who says it."""
    speakers = set(index["speakers"])
    named = [name for name in speakers if name in question]
    words = [word for word in tokenize(question) if word.split("'")[0].capitalize() not in speakers]
    wanted = {word[:5] for word in words}
    if "live" in wanted:
        wanted |= {"lives", "lived", "moved", "settl"}
    sizes = 1.2 * (0.25 + 0.75 * index["sizes"] / index["sizes"].mean())
    scores = np.zeros(len(memory))
    for stem in sorted(wanted & set(index["stems"])):
        counts = index["stems"][stem]
        seen = (counts > 0).sum()
        scores += np.log((len(memory) + 1) / (seen + 0.5)) * counts * 2.2 / (counts + sizes)
    for person in set(re.findall(r"(?<= )[A-Z][a-z]+\b", question)) - speakers:
        scores *= np.array([1.0 if person in entry["text"] else 0.3 for entry in memory])
    if named:
        scores *= np.where(np.isin(index["speakers"], named), 1.0, 0.2)
    scores *= np.where(index["states"], 1.0, 0.3)
    return scores / max(scores.max(), 1e-9)


def search(question, memory, index):
    """The turns that the question is about, each with its score, the best first."""
    if kind_of(question) == "event":
        asked = datetime.strptime(question.strip("?").split(" on ")[-1], "%d %B %Y").date()
        name = question.split()[2]
        return [e | {"score": 1.0} for e in memory if e["day"] == asked and e["speaker"] == name]
    scores = word_scores(question, memory, index)
    recent = RECENCY * index["recent"]
    by_words = best(scores + recent, max(1, round(TOP_K * SHARE)))
    by_letters = best(
        letter_scores(question, index) * (scores > 0) + recent, max(1, round(TOP_K * (1 - SHARE)))
    )
    return [memory[i] | {"score": scores[i]} for i in fuse(by_words, by_letters)]


def kind_of(question):
    """What kind of answer a question wants."""
    question = question.lower()
    if question.startswith("when"):
        return "day"
    if question.startswith("how many"):
        return "number"
    if re.match(r"what did \w+ do on \d", question):
        return "event"
    if re.match(r"who\b|where\b|in which city|what is the name|which countries", question):
        return "name"
    return "phrase"


def resolve(question, memory):
    """The question with a person's name in place of what they are to one of the speakers."""
    if match := re.search(r"the person who gave (\w+) a ([\w ]+?) (?=live|do for)", question):
        owner, clue = match[1], f"{match[2]} gave me"
    elif match := re.search(r"(?<=does )(\w+)'s (\w+)(?= )", question):
        owner, clue = match[1], f"my {match[2]}"
    else:
        return question
    for entry in memory:
        known = all(word in entry["text"].lower() for word in clue.split())
        name = find_name("", best_sentence(clue, entry["text"]))
        if entry["speaker"] == owner and known and name:
            return question.replace(match[0].strip(), name)
    return question


def best_sentence(question, text):
    """The sentence of a text that has most in common with the question."""
    wanted = {word[:4] for word in tokenize(question)}
    sentences = re.split(r"(?<=[.!]) ", text)
    return max(sentences, key=lambda s: len(wanted & {word[:4] for word in tokenize(s)}))


def find_event(text):
    """What the speaker of a text did, without when."""
    when = r" ?(yesterday|this morning|last \w+day|\w+ days ago|a week ago|on \d+ [A-Z]\w+)"
    for part in re.split(r"(?<=[.!?]) ", text):
        plain = re.sub(when, "", part, flags=re.IGNORECASE)
        if plain != part and (match := re.search(r"\bI ([^,.]*)", plain)):
            return match[1]
    return ""


def find_phrase(question, sentence):
    """What a sentence says after a word that it shares with the question, or else before it."""
    wanted = {word[:4] for word in re.findall(r"\b[a-z][\w']*", question)} - COMMON
    runs, run, heard = [], [], False
    for word in [*re.findall(r"[\w']+|[.,:;!?]", sentence), "."]:
        shared = word.lower()[:4] in wanted
        if not shared and word[0].isalnum() and word.lower() not in COMMON:
            run.append(word)
            continue
        if run:
            runs.append((heard, run))
        run, heard = [], heard or shared
    if not heard:
        return ""
    after = [run for late, run in runs if late]
    before = [run for late, run in runs if not late]
    chosen = after[0] if after else before[-1] if before else []
    return " ".join(chosen[:ANSWER_WORDS])


def find_answer(question, entry):
    """The answer that a turn gives to the question; "" if it gives none."""
    kind = kind_of(question)
    if kind == "day":
        return show_day(entry["day"]) if entry["day"] else ""
    if kind == "event":
        return find_event(entry["text"])
    sentence = best_sentence(question, entry["text"])
    if kind == "number":
        return find_number(sentence)
    if kind == "name" and (name := find_name(question, sentence)):
        return name
    return find_phrase(question, sentence)


def answer(question, memory, index):
    """The answer to a question: that of the best turn, of the latest of good ones, or of all."""
    question = resolve(question, memory)
    found = [(entry, find_answer(question, entry)) for entry in search(question, memory, index)]
    found = [(entry, text) for entry, text in found if text]
    if not found:
        return ""
    top = max(entry["score"] for entry, _ in found)
    good = [(entry, text) for entry, text in found if entry["score"] >= 0.6 * top]
    if question.startswith("Which countries"):
        texts = dict.fromkeys(text for _, text in good if text.istitle())
        dates = {word.capitalize() for word in WEEKDAYS + MONTHS}
        return finish(", ".join(text for text in texts if text not in dates), good[0][0])
    if re.search(r"\b(now|this year)\b", question):
        entry, text = max(good, key=lambda pair: pair[0]["said"])
        return finish(text, entry)
    return finish(found[0][1], found[0][0])
