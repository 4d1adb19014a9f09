"""Fixtures that all tests share."""

import pytest
from toy import commit, write_toy


@pytest.fixture
def toy(tmp_path):
    """A small task in a git repository of its own."""
    return commit(write_toy(tmp_path / "toy"))
