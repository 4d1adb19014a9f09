"""The `metaloop` command."""

from metaloop.cli import apply, init, mechanisms, models, report, run, runs, status  # noqa: F401
from metaloop.cli.app import app

app.add_typer(models.models_app)


def main() -> None:
    """Entry point of the command."""
    app()
