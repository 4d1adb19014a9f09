"""Every value that leaves a space is valid, and the unit cube goes there and back."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.task.space import Param, Space


@st.composite
def spaces(draw):
    params = {}
    for i in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["int", "float", "choice"]))
        name = f"P{i}"
        if kind == "choice":
            choices = draw(st.lists(st.text(max_size=3), min_size=2, max_size=4, unique=True))
            params[name] = Param(name, kind, choices=tuple(choices))
        else:
            log = draw(st.booleans())
            low = draw(st.integers(1 if log else -50, 50))
            high = low + draw(st.integers(1, 1000))
            params[name] = Param(name, kind, low, high, log)
    return Space(params)


def valid(space, params):
    return space.clip(params) == params and set(params) == set(space)


@given(spaces(), st.integers(), st.floats(0, 2))
def test_samples_and_neighbours_are_valid(space, seed, scale):
    rng = Random(seed)
    sample = space.sample(rng)
    assert valid(space, sample)
    assert valid(space, space.neighbour(sample, rng, scale))


@given(spaces(), st.integers())
def test_the_unit_cube_and_back(space, seed):
    sample = space.sample(Random(seed))
    back = space.from_unit(space.to_unit(sample))
    for name, param in space.items():
        if param.kind == "float":
            assert back[name] == pytest.approx(sample[name], rel=1e-6, abs=1e-6)
        else:
            assert back[name] == sample[name]


@given(spaces())
def test_a_space_survives_its_own_tables(space):
    assert dict(Space.from_dict(space.to_dict())) == dict(space)


@pytest.mark.parametrize("bad", [{}, {"A": 1, "Z": 2}, {"A": "many"}, {"A": float("nan")}])
def test_what_is_no_assignment_is_refused(bad):
    with pytest.raises(ValueError):
        Space({"A": Param("A", "int", 1, 8)}).clip(bad)
