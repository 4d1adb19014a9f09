"""The `metaloop` command."""

import sys
from io import TextIOWrapper

from metaloop.cli import (  # noqa: F401
    apply,
    check,
    compare,
    init,
    mechanisms,
    models,
    probe,
    report,
    route,
    run,
    runs,
    status,
    study,
)
from metaloop.cli.app import app


def main() -> None:
    """Entry point of the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a locale cannot say is spelled out
            stream.reconfigure(errors="backslashreplace")
    app()
