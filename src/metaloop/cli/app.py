"""The command line: each verb a thin layer over the public API."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from metaloop.text import visible

if TYPE_CHECKING:
    from metaloop.models.ledger import BudgetReached

app = typer.Typer(
    name="metaloop",
    help="Bilevel autoresearch: an outer loop that rewrites how the inner loop searches.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # in help texts, [...] is what it looks like
    context_settings={"help_option_names": ["-h", "--help"]},
)
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of a run, as `metaloop runs` lists it.")
]
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

FAILED = 1
BAD_INPUT, NO_TRIAL, NO_SANDBOX, INTERRUPTED = 2, 3, 4, 130


def fail(message: str, code: int = BAD_INPUT) -> NoReturn:
    """Print an error and leave with `code`."""
    err.print("error:", visible(message), markup=False)
    raise typer.Exit(code)


def say(text: str) -> None:
    """Print text that may be a model's: as it is, with control codes spelled out."""
    out.print(visible(text), markup=False)


def warn(lines: Iterable[str]) -> None:
    """Print warnings, apart from what the command prints."""
    for line in lines:
        err.print("warning:", visible(line), markup=False)


@contextmanager
def errors() -> Iterator[None]:
    """Turn the errors a user can mend into messages and exit codes."""
    from sqlalchemy.exc import SQLAlchemyError

    from metaloop.execution import SandboxError
    from metaloop.journal.journal import JournalError
    from metaloop.models.base import ModelUnavailable
    from metaloop.models.ledger import BudgetReached

    try:
        yield
    except BudgetReached as error:
        fail(str(error), NO_TRIAL)
    except SandboxError as error:
        fail(str(error), NO_SANDBOX)
    except (ValueError, JournalError, ModelUnavailable) as error:
        fail(str(error))
    except SQLAlchemyError as error:
        fail(f"{_journal()}: {getattr(error, 'orig', None) or error}")
    except BrokenPipeError:  # the reader of a pipe has left: no fault
        raise
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        fail("interrupted", INTERRUPTED)


def _journal() -> str:
    """The journal, as an error names it: a URL may hold a password."""
    from metaloop.project import FOLDER, Project

    project = Project.around(Path.cwd())
    if project.url:
        return "the journal that METALOOP_JOURNAL names"
    return f"the journal {project.root / FOLDER / 'journal.db'}"


def beyond(limit: BudgetReached) -> str:
    """How a study goes on after its budget. What nobody can count is beyond any."""
    from metaloop.models.ledger import USED_UP

    how = "with a larger --budget-usd" if USED_UP in str(limit) else "without --budget-usd"
    return f"{limit}; the same command goes on {how}"


def make_room(file: Path | None) -> None:
    """Make the directory of a file that is to be written: before the work, so that none is lost."""
    if file is not None:
        if file.is_dir():
            raise ValueError(f"{file} is a directory; name a file, in it or elsewhere")
        file.parent.mkdir(parents=True, exist_ok=True)


def print_json(data: object) -> None:
    """Machine-readable output: JSON and nothing else."""
    import json

    json.dump(data, sys.stdout, indent=2)
    sys.stdout.write("\n")
