"""Level 2: the inventor writes a new search mechanism, and repairs it until it is proven.

A strong model explores, criticizes, specifies and writes, each in a call of its own, with the
source of the inner loop and of the mechanisms in use before it. A small model gets one compact
call: a complete working mechanism to rewrite, and one named idea.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from metaloop.models.base import Model, ModelError, Request
from metaloop.outer import prompts
from metaloop.outer.prompts import Brief

REPAIRS = 3
"""Repair attempts after the first writing."""
SMALL_REPAIRS = 1
"""The same of a small model, which seldom mends a mistake: another idea is worth more."""

Prove = Callable[[str], Awaitable[str]]
"""Contract of a mechanism's source: "" when it holds, else what is wrong."""


@dataclass(frozen=True)
class Attempt:
    """One version of a mechanism, and what the contract said of it ("" when it holds)."""

    source: str
    error: str
    seed: int
    temperature: float


@dataclass(frozen=True)
class Invention:
    """The outcome of one invention; `proven` when its last version keeps the contract."""

    name: str
    idea: str
    source: str
    proven: bool
    reason: str
    attempts: list[Attempt] = field(default_factory=list)


async def invent(
    inventor: Model, repairer: Model, brief: Brief, prove: Prove, seed: int
) -> Invention:
    """Write a mechanism and have it proven, with up to `REPAIRS` repairs.

    Each repair runs under a new seed and a higher temperature: the same error sent back under the
    same seed brings the same mistake again.
    """
    if inventor.small:
        idea = prompts.choose_idea(brief, seed)
        first = prompts.compact(brief, idea)
    else:
        try:
            thoughts = await _think(inventor, brief, seed)
        except ModelError as failed:
            return Invention("unnamed", "", "", False, f"the model gave no answer: {failed}")
        idea = _first_line(thoughts[-1])
        first = prompts.write(brief, thoughts[-1])
    source, mistake, attempts = "", "", list[Attempt]()
    for i in range((SMALL_REPAIRS if repairer.small else REPAIRS) + 1):
        model = inventor if i == 0 else repairer
        system, prompt = first
        if i > 0 and source:
            system, prompt = prompts.repair(brief, source, mistake, repairer.small)
        request = Request(
            role="inventor" if i == 0 else "repairer",
            system=system,
            prompt=prompt,
            temperature=min(0.7 + 0.2 * i, 1.2),
            seed=seed + 10 + i,
            max_tokens=800 if model.small else 4000,
        )
        try:
            answer = await model.complete(request)
            source = without_examples(code_of(answer.text))
            error = mistake = await prove(source)
        except ModelError as failed:
            error = f"the model gave no answer: {failed}"
        attempts.append(Attempt(source, error, request.seed, request.temperature))
        if not error:
            break
    return Invention(_class_name(source), idea, source, not error, error, attempts)


async def _think(model: Model, brief: Brief, seed: int) -> list[str]:
    """Explore, criticize, specify: three calls that each read the one before.

    A call that fails is made once more, under another seed; raises ModelError when that fails too.
    """
    thoughts: list[str] = []
    for i, question in enumerate(prompts.THINKING):
        system, prompt = prompts.think(brief, question, thoughts)
        request = Request("inventor", system, prompt, None, 0.7, seed + i, 1500)
        try:
            answer = await model.complete(request)
        except ModelError:
            answer = await model.complete(replace(request, seed=seed + 50 + i))
        thoughts.append(answer.text.strip())
    return thoughts


def code_of(text: str) -> str:
    """The Python code in a model's answer: its longest fenced block, else all of it."""
    blocks = re.findall(r"```[^\n`]*\n(.*?)(?:```|\Z)", text, re.DOTALL)
    return max(blocks, key=len).strip() if blocks else text.strip()


def without_examples(source: str) -> str:
    """Without the statements that stand after its last class.

    Small models show there how the mechanism is called; the worker would run that at loading.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source
    classes = [i for i, node in enumerate(body) if isinstance(node, ast.ClassDef)]
    if not classes:
        return source
    examples = {
        line
        for node in body[classes[-1] + 1 :]
        if not isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    kept = [text for i, text in enumerate(source.split("\n"), 1) if i not in examples]
    return "\n".join(kept).rstrip()


def _class_name(source: str) -> str:
    try:
        classes = [n.name for n in ast.parse(source).body if isinstance(n, ast.ClassDef)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "unnamed"
    return classes[-1][:60] if classes else "unnamed"


def _first_line(text: str) -> str:
    lines = [line.strip(" #*") for line in text.splitlines() if line.strip(" #*")]
    return lines[0][:200] if lines else ""
