"""`metaloop probe`, as a user meets it."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

import metaloop.cli  # noqa: F401
from metaloop.cli.app import app
from metaloop.probe.cppn import Architecture

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def pair(tmp_path):
    """A symmetric picture, drawn from |side| alone, and the same under a name that is HTML."""
    architecture = Architecture.parse("2;gaussian:3,sin:2")
    weights = np.random.default_rng(1).normal(size=architecture.size)
    weights[: architecture.width] = 0  # the side is not seen
    np.savez(tmp_path / "pair.npz", arch="2;gaussian:3,sin:2", plain=weights, **{EVIL: weights})
    return tmp_path / "pair.npz"


def probe(*args):
    return CliRunner().invoke(app, ["probe", *map(str, args)])


def test_table_and_page(pair, tmp_path):
    result = probe(pair, "--page", tmp_path / "new/page.html")
    assert result.exit_code == 0, result.output
    assert f"plain is sound, {EVIL} is sound" in result.output
    assert "ranks sound and fractured networks backwards" in result.output
    page = (tmp_path / "new/page.html").read_text("utf-8")
    assert "<img src=x" not in page and "<script" not in page
    assert "default-src 'none'" in page
    assert set(re.findall(r'(?:src|href)="(.{5})', page.replace("xlink:href", "x"))) <= {"data:"}
    assert page.count("data:image/png") == 8 and "<svg" in page


def test_json(pair):
    found = json.loads(probe(pair, "--json").stdout)
    assert [network["verdict"] for network in found["networks"]] == ["sound", "sound"]
    assert found["networks"][0]["ladder"][-1]["breaking"]["high"] < 0.1
    assert "sound when" in found["rule"] and "page" not in found


def test_bad_input(pair, tmp_path):
    for args, message in (
        ([tmp_path / "none.npz"], "No such file"),
        ([pair, pair], "two networks are compared, in one file or two; found 4"),
    ):
        result = probe(*args)
        assert result.exit_code == 2 and message in result.output
