"""The metric is read from the last line that holds it, and only finite numbers count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.task.metric import MetricError, read_metric


@given(st.floats(allow_nan=False, allow_infinity=False), st.text())
def test_the_last_line_counts(value, noise):
    noise = noise.replace("val_bpb", "")
    assert read_metric(f"val_bpb: 9\n{noise}\nval_bpb: {value!r}\n", "val_bpb") == value


def test_json_lines_count_too():
    assert read_metric('{"loss": 3}\n{"loss": 2.5, "n": 1}\ndone\n', "loss") == 2.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "val_bpb 3",
        "val_bpb: nan",
        "val_bpb: inf",
        "val_bpb: fast",
        '{"val_bpb": null}',
        "xval_bpb: 1",
        '{"val_bpb": 1' + "0" * 400 + "}",  # an int that no float can hold
        '{"val_bpb":' * 20_000,
    ],
    ids=lambda text: text[:20],
)
def test_no_number_no_score(text):
    with pytest.raises(MetricError, match="val_bpb"):
        read_metric(text, "val_bpb")
