"""Keyed randomness: keys are unambiguous, streams independent and repeatable."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fgbg_depth.rng import keyed_digest, sample_rng


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_keys_are_unambiguous(a: list[str], b: list[str]) -> None:
    assert (keyed_digest(*a) == keyed_digest(*b)) == (a == b)


def test_streams_are_independent_and_repeatable() -> None:
    draws = [sample_rng(seed, *key).random(1000) for seed, key in ((0, ("a",)), (0, ("b",)), (1, ("a",)))]
    assert np.array_equal(draws[0], sample_rng(0, "a").random(1000))
    for i in range(3):
        assert abs(np.corrcoef(draws[i], draws[(i + 1) % 3])[0, 1]) < 0.1


def test_a_longer_draw_starts_with_the_shorter_one() -> None:
    few, many = (sample_rng(0, "a").random((count, 2)) for count in (3, 500))
    assert np.array_equal(many[:3], few)
