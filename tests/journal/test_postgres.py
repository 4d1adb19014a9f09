"""PostgreSQL by URL: a clear error without the driver, and a whole run where there is a server."""

import json
import os
from importlib.util import find_spec

import pytest
from scripted import ScriptedModel
from sqlalchemy import create_engine
from toy import commit, write_toy

from metaloop.bilevel import resume, run
from metaloop.inner.settings import Settings
from metaloop.journal.journal import Journal, JournalError
from metaloop.journal.schema import metadata
from metaloop.project import Project

URL = os.environ.get("METALOOP_TEST_POSTGRES", "")


@pytest.mark.skipif(find_spec("psycopg") is not None, reason="the driver is there")
def test_without_the_driver_the_error_says_what_to_install():
    with pytest.raises(JournalError, match=r"metaloop\[postgres\]"):
        Journal("postgresql://user:pass@localhost/metaloop")


def test_a_password_is_not_shown():
    with pytest.raises(JournalError) as error:
        Journal("postgresql://user:secret@localhost:1/metaloop")
    assert "secret" not in str(error.value)


@pytest.mark.skipif(not URL, reason="METALOOP_TEST_POSTGRES names no database to use up")
def test_a_run_is_kept_and_resumed_on_postgres(tmp_path):
    Journal(URL).close()
    engine = create_engine(URL.replace("postgresql://", "postgresql+psycopg://"))
    metadata.drop_all(engine)
    task = commit(write_toy(tmp_path / "toy"))
    project = Project(tmp_path, URL)
    models = {
        "inner": ScriptedModel(
            lambda request: json.dumps({"hypothesis": "h", "params": {"X": request.seed % 7}})
        )
    }
    first = run(task, Settings(trials=3, levels="1"), project=project, models=models)
    again = resume(first.run, project=project, models=models, changes={"trials": 5})
    assert (first.trials["total"], again.trials["total"]) == (3, 5)
    assert again.roles["proposer"]["calls"] >= 5
    assert again.best <= again.baseline
    metadata.drop_all(engine)
