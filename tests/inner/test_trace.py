"""What the proposer is told of earlier trials."""

import pytest
from toy import write_toy

from metaloop.inner.trace import digest, line
from metaloop.journal.records import TrialRecord
from metaloop.task.spec import load_task


@pytest.fixture
def task(tmp_path):
    return load_task(write_toy(tmp_path / "toy"))


def trial(number, score, gain=None, status="discarded"):
    return TrialRecord(
        number, status, "model", "model", 0, {}, score, gain, f"X {number}", str(number)
    )


def test_a_trial_in_one_line(task):
    assert line(task, trial(7, 2.5, 0.5, "kept")) == "#7 X 7: loss 2.5, better by 0.5, kept"
    assert line(task, trial(8, 3.5, -0.5)) == "#8 X 8: loss 3.5, worse by 0.5, discarded"


def test_a_failure_has_no_score_but_a_reason(task):
    failed = trial(2, None, status="crashed")
    assert line(task, failed, "KeyError: 'x'") == "#2 X 2: crashed (KeyError: 'x'), no score"
    told = digest(task, [trial(1, 2.0), failed], {2: "KeyError: 'x'"})
    assert told.splitlines()[-1] == "#2 X 2: crashed (KeyError: 'x'), no score"


def test_the_best_come_first_and_none_twice(task):
    trials = [trial(n, float(9 - n)) for n in range(9)]
    told = digest(task, trials, {}, last=3, top=2).splitlines()
    assert [text.split()[0] for text in told] == ["Best:", "#8", "#7", "Latest:", "#6"]
