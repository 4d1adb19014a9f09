"""Fixtures that all tests share."""

import signal

import pytest
from toy import commit, write_toy

# A script that starts the tests in the background has them, and all they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def toy(tmp_path):
    """A small task in a git repository of its own."""
    return commit(write_toy(tmp_path / "toy"))
