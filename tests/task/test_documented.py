"""What the documents say of `metaloop.toml` is what is read."""

import re
import tomllib
from pathlib import Path

from metaloop.task.spec import Spec

ROOT = Path(__file__).parents[2]


def test_the_readmes_example_is_a_task():
    (block, *_) = re.findall(r"```toml\n(name = .*?)```", (ROOT / "README.md").read_text(), re.S)
    assert Spec.model_validate(tomllib.loads(block)).name == "ngram-lm"


def test_every_key_is_documented():
    text = (ROOT / "docs" / "task.md").read_text()
    text = text.partition("## All keys")[2].partition("\n## ")[0]
    schema = Spec.model_json_schema()
    fields = set(schema["properties"])
    for table in schema["$defs"].values():
        fields |= set(table.get("properties", {}))
    assert not {name for name in fields if not re.search(rf"\b{name}\b", text)}
