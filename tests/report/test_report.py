"""The report of runs of every kind, with text in it that would like to be more than text."""

import re
from html import escape

import pytest
from pages import Tags, check_page

from metaloop.inner.settings import Settings
from metaloop.journal.journal import Journal, JournalError
from metaloop.journal.records import Details, Event, MechanismRecord, RunRecord, TrialRecord
from metaloop.models.base import Completion, Request
from metaloop.models.recorder import Call
from metaloop.report.write import write_report
from metaloop.task.spec import load_task
from metaloop.text import code, dollars, fenced, visible

EVIL = (
    "</pre></td><script>alert(1)</script><img src=x onerror=alert(1)>\" ' & \x1b[31m\x07 \u202e"
    "\ud800 $\\frac{ | ``` ```` \n```\n# heading\n[a](javascript:alert(1)) :bug:"
)


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


def start(journal, toy, state="done", reason="", self_scored=False):
    spec = load_task(toy).spec.model_dump(mode="json")
    config = {
        "task": str(toy), "spec": spec | ({"judge": None} if self_scored else {}),
        "settings": Settings().to_dict(), "repo": str(toy), "base": "0" * 40,
        "branch": "metaloop/toy-1", "sandbox": "bubblewrap", "prefix": "",
    }  # fmt: skip
    machine = {"python": "3", "platform": EVIL}
    journal.start_run(RunRecord("toy-1", "toy", state, reason, 0.0, 0.0, 0.0, config, machine))


def add(journal, number, status, score=None, by="model", gain=None, text="", **more):
    scores = [] if score is None else [score]
    details = Details(scores=scores, hypothesis=text, diff=text, reason=text, tail=text)
    trial = TrialRecord(
        number, status, by, by, number - 1 if number else None, {"X": 1.0}, score, gain,
        text or "X 1 -> 2", str(number), live=by != "model", details=details, **more,
    )  # fmt: skip
    journal.add_trial("toy-1", trial, float(number))


def mechanism(number, state, born, text="why", **more):
    return MechanismRecord(
        f"m{number}", text[:60], "generated", state, text, text, text, text, born, **more
    )


def report(journal, tmp_path):
    page = write_report(journal, "toy-1", tmp_path / "out")
    return page.read_text("utf-8"), page.with_suffix(".md").read_text("utf-8")


def test_what_was_put_aside_is_told_with_the_evidence(journal, toy, tmp_path):
    start(journal, toy)
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    add(journal, 1, "quarantined", -9.0, gain=15.0)
    verdict = {"guard": "tripwires", "ending": "quarantined", "evidence": "better than bound 0"}
    asked = {"verdicts": [verdict], "losses": [-9.0], "best_losses": [], "queries": 0, "runs": 0}
    journal.add_step("toy-1", [Event(1, "guards", asked)], [])
    for text in report(journal, tmp_path):
        told = text.partition("Guards")[2]
        assert "quarantined" in told
        assert "better than bound 0" in told
        assert "6 -> -9" not in text


def test_foreign_text_can_do_nothing(journal, toy, tmp_path):
    start(journal, toy, "paused", reason=EVIL.replace("\ud800", ""))
    evil = EVIL.replace("\ud800", "")
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    add(journal, 1, "kept", 5.0, gain=1.0, text=evil)
    add(journal, 2, "crashed", text=evil)
    events = [
        Event(2, "digest", {"text": evil}),
        Event(2, "strategy", {"diagnosis": evil, "guidance": evil, "frozen": [evil], "focus": []}),
        Event(2, "attempt", {"source": evil, "error": evil, "idea": evil}),
        Event(2, "outer", {"levels": "1,1.5,2"}),
    ]
    mechanisms = [mechanism(1, "rejected", 3, evil), mechanism(2, "installed", 3, evil)]
    journal.add_step("toy-1", events, mechanisms)
    add(journal, 3, "kept", 4.0, by="m2", gain=1.0, text=evil)
    journal.add_step("toy-1", [Event(3, "retired", {"mechanism": "m2", "reason": evil})], [])
    page, markdown = report(journal, tmp_path)
    assert "a" not in Tags(check_page(page)).tags
    assert "&lt;script&gt;alert(1)" in page
    for text in (page, markdown, *(p.read_text() for p in (tmp_path / "out/plots").iterdir())):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)
    outside, fence = [], ""
    for line in markdown.splitlines():
        run = re.match("`*", line).group()
        if fence:
            fence = "" if line == fence else fence
        elif len(run) >= 3 and "`" not in line[len(run) :]:
            fence = run
        else:
            outside.append(re.sub(r"(`+).*?(?<!`)\1(?!`)", "", line))
    assert not fence
    assert not re.search(r"<script|javascript:|onerror|^# heading", "\n".join(outside), re.M)


def test_the_page_needs_nothing_else(journal, toy, tmp_path):
    start(journal, toy)
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    page, markdown = report(journal, tmp_path)
    assert "default-src 'none'" in page
    check_page(page)
    assert "<svg" in page and "![best](plots/best.svg)" in markdown
    assert (tmp_path / "out/plots/best.svg").is_file()


def test_programs_that_failed_are_told_with_what_they_said(journal, toy, tmp_path):
    start(journal, toy)
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    add(journal, 1, "crashed", text="NameError: name 'nq' is not defined")
    for text in report(journal, tmp_path):
        failed = text.partition("Programs that failed")[2]
        assert "crashed" in failed and "name 'nq' is not defined" in failed.replace("&#x27;", "'")


def test_runs_of_every_kind_have_a_report(journal, toy, tmp_path):
    """No trial; the baseline alone; crashed trials alone; interrupted; scores beyond all scale."""
    start(journal, toy, "interrupted", "`metaloop resume toy-1` goes on")
    page, markdown = report(journal, tmp_path)
    assert "nothing was measured yet" in page and "No trial has been made" in markdown
    assert "metaloop resume toy-1" in page
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    page, _ = report(journal, tmp_path)
    assert "No change was kept" in page and "0 trials" in page
    for number, status in enumerate(("crashed", "timed_out", "rejected"), 1):
        add(journal, number, status, by="fallback")
    page, _ = report(journal, tmp_path)
    assert "1 timed out" in page
    add(journal, 4, "discarded", 1e300, gain=-1e300)
    add(journal, 5, "discarded", 0.0, gain=-1.0)
    report(journal, tmp_path)


def test_it_tells_what_came_and_what_it_earned(journal, toy, tmp_path):
    start(journal, toy)
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    add(journal, 1, "kept", 5.0, gain=1.0)
    add(journal, 2, "discarded", 7.0, gain=-2.0)
    step = [Event(2, "digest", {"text": "stuck"}), Event(2, "outer", {"levels": "1,2"})]
    journal.add_step(
        "toy-1", step, [mechanism(1, "rejected", 3, "Slow"), mechanism(2, "installed", 3, "Quick")]
    )
    add(journal, 3, "kept", 2.0, by="m2", gain=3.0)
    journal.add_event("toy-1", 3, "holdout", trial=3, baseline=7.0, best=3.0)
    page, markdown = report(journal, tmp_path)
    for told in (
        "At trial 2, after 1 trial without a gain, stuck at 5, the outer loop invented, proved "
        "and installed `m2 Quick` after 1 failed invention.",
        "`m2 Quick` was given 1 trial, was live in 1 of them and earned 3 loss, 75% of the whole "
        "gain.",
        "on the hidden holdout 7 -> 3, better by 57.1%",
    ):
        assert told in markdown
        assert re.sub("`(.*?)`", r"<code>\1</code>", escape(told)) in page
    plot = (tmp_path / "out/plots/best.svg").read_text()
    assert "m2 Quick" in plot and "m1 Slow" not in plot
    assert "the model alone" in (tmp_path / "out/plots/credit.svg").read_text()


def test_the_holdout_of_an_earlier_best_is_not_shown_beside_a_later_one(journal, toy, tmp_path):
    start(journal, toy, "interrupted", "`metaloop resume toy-1` goes on")
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    add(journal, 1, "kept", 5.0, gain=1.0)
    journal.add_event("toy-1", 1, "holdout", trial=1, baseline=7.0, best=6.5)
    assert all("hidden holdout" in text for text in report(journal, tmp_path))
    add(journal, 2, "kept", 2.0, gain=3.0)
    assert not any("hidden holdout" in text for text in report(journal, tmp_path))


def test_a_best_that_was_measured_again_is_told_by_all_measurements(journal, toy, tmp_path):
    start(journal, toy)
    add(journal, 0, "kept", 9.0, by="baseline", gain=0.0)
    add(journal, 1, "kept", 6.0, gain=3.0)
    add(journal, 2, "discarded", 5.0, gain=2.0)
    for trial, ending, again in ((1, "passed", []), (2, "discarded", [7.0, 8.0])):
        verdicts = [{"guard": "repeat", "ending": ending, "evidence": "as it was measured"}]
        asked = {"verdicts": verdicts, "best_losses": again, "queries": 0, "runs": len(again)}
        journal.add_event("toy-1", trial, "guards", **asked)
    journal.add_event("toy-1", 2, "outer", levels="1")
    for text in report(journal, tmp_path):
        assert "9 -> 7, better by 22.2%" in text or escape("9 -> 7, better by 22.2%") in text
        assert "without a gain, stuck at 7," in text


def test_how_far_a_budget_let_it_come(journal, toy, tmp_path):
    start(journal, toy, reason="the budget of 5 minutes is used up")
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    for number in range(1, Settings().trials):
        add(journal, number, "crashed", by="fallback")
    assert all("ended before all of its trials" in text for text in report(journal, tmp_path))
    add(journal, Settings().trials, "crashed", by="fallback")
    for text in report(journal, tmp_path):
        assert "ended before all of its trials" not in text
        assert "All of its trials were made" in text


def test_an_unknown_price_is_unknown_and_self_scored_is_said(journal, toy, tmp_path):
    start(journal, toy, self_scored=True)
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    add(journal, 1, "kept", 5.0, gain=1.0)
    answer = Completion("x", "openai:new", 10, 5, 1.0, usd=None)
    journal.calls("toy-1").put(Call("openai:new", Request("proposer", "s", "p"), answer))
    page, markdown = report(journal, tmp_path)
    assert '<td class="n">unknown</td>' in page and "| unknown |" in markdown
    assert "$0" not in page and "$0" not in markdown
    assert page.count("self-scored") >= 4 and "loss (self-scored)" in markdown


def test_the_same_journal_gives_the_same_report(journal, toy, tmp_path):
    start(journal, toy)
    add(journal, 0, "kept", 6.0, by="baseline", gain=0.0)
    add(journal, 1, "kept", 5.0, gain=1.0)
    assert report(journal, tmp_path) == report(journal, tmp_path)


def test_a_run_that_is_not_there(journal, tmp_path):
    with pytest.raises(JournalError, match="no run 'toy-1'"):
        report(journal, tmp_path)


def test_text():
    assert visible("a\x1b[31m\ud800\u202eb\tc\n") == "a\\x1b[31m\\ud800\\u202eb\tc\n"
    assert fenced("a\n````\nb").startswith("`````\n")
    assert code("a`b|c") == "`` a`b\\|c ``"
    assert (dollars(None), dollars(0.0), dollars(0.5)) == ("unknown", "$0", "$0.5000")
