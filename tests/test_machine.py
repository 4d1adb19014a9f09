"""Figures name the source that made them."""

import shutil
from pathlib import Path

import metaloop
from metaloop.machine import machine, source


def test_a_digest_tells_one_source_from_another_and_not_one_copy_from_another(tmp_path):
    package, copy = Path(metaloop.__file__).parent, tmp_path / "copy"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert source(copy) == source(package) == machine()["source"]
    (copy / "text.py").write_text((copy / "text.py").read_text() + "\n")
    assert source(copy) != source(package)


def test_a_digest_knows_names_from_contents(tmp_path):
    for name, files in {"one": {"a.py": "x", "b.py": ""}, "two": {"a.py": "", "b.py": "x"}}.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    assert source(tmp_path / "one") != source(tmp_path / "two")
