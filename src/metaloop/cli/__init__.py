"""The `metaloop` command."""

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
    app()
