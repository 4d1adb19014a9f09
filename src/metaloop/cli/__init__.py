"""The `metaloop` command."""

from metaloop.cli import apply, check, init, mechanisms, models, probe, report, run, runs, status  # noqa: F401
from metaloop.cli.app import app


def main() -> None:
    """Entry point of the command."""
    app()
