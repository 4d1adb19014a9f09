"""What models are called in a report: no two have the same name."""

from hypothesis import given
from hypothesis import strategies as st

from metaloop.study.report.labels import Names

LONG = "openai:accounts/fireworks/models/qwen2p5-coder-{}-instruct"


def test_a_long_name_keeps_its_beginning_and_its_end():
    large, small, other = LONG.format("32b"), LONG.format("7b"), "anthropic:claude-sonnet-4-5"
    names = Names([large, small, other])
    assert names.model(large) == "`accounts/fireworks/…5-coder-32b-instruct`"
    assert names.model(small) == "`accounts/fireworks/…p5-coder-7b-instruct`"
    assert names.model(other) == "`claude-sonnet-4-5`"


def test_routers_that_differ_in_the_middle_or_the_weight_are_told_apart():
    router = "router:local:qwen2.5-coder-{}|local:qwen2.5-coder-0.5b@{}"
    models = [router.format("1.5b", w) for w in (0.7, 0.1)] + [router.format("3b", 0.7)]
    assert len({Names(models).model(m) for m in models}) == 3


@given(st.sets(st.text(st.sampled_from("ab-@:`'|\u00a6 \x1b"), min_size=1), min_size=2, max_size=5))
def test_different_models_have_different_names(ends):
    models = ["openai:x" + end + "y" * 50 for end in ends]
    names = Names(models)
    shown = [names.model(model) for model in models]
    assert len(set(shown)) == len(models)
    assert all(len(name) <= 42 for name in shown)
