"""Tables with a known truth."""

from __future__ import annotations

from random import Random

from metaloop.models.router.table import Row

TOPICS = {
    "code": "python function loop array compile debug variable stack pointer class",
    "law": "court judge appeal statute plaintiff verdict contract clause tort counsel",
    "cook": "oven butter flour simmer whisk garlic roast dough pepper basil",
}
EXPERTS = dict(zip(TOPICS, ("ada", "bob", "eve"), strict=True))
COSTS = {"ada": 0.004, "bob": 0.002, "eve": 0.001}


def question(topic: str, rng: Random) -> str:
    """Twelve words of a topic."""
    return " ".join(rng.choice(TOPICS[topic].split()) for _ in range(12))


def rows(count: int, *, gap: float = 0.6, seed: int = 0) -> list[Row]:
    """Queries of three topics. Each model answers its own topic `gap` more often than the others.

    With a gap of 0 the best model is the same everywhere: ada, by 0.1.
    """
    rng = Random(seed)
    made = []
    for _ in range(count):
        topic = rng.choice(list(TOPICS))
        scores = {}
        for model in COSTS:
            chance = 0.3 + (0.1 if model == "ada" else 0.0)
            chance += gap if EXPERTS[topic] == model else 0.0
            scores[model] = float(rng.random() < chance)
        made.append(Row(question(topic, rng), scores, COSTS))
    return made
