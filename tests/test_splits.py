"""Held-out sources: chosen by content, at the stated fraction, stable when sources are added."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_sources, tiny_recipe

from fgbg_depth.sources.load import Sources, load_sources
from fgbg_depth.sources.splits import hold_out, split_warnings


def load(folder: Path, **changes: object) -> Sources:
    return load_sources(tiny_recipe(folder, **changes))


@pytest.mark.parametrize("holdout", [0, 0.1, 0.25, 0.5])
def test_sources_are_held_out_by_content_not_by_name(tmp_path: Path, holdout: float) -> None:
    make_sources(tmp_path, 12, 1)
    found = load(tmp_path, holdout=holdout)
    held = {s.digest for s in found.backgrounds if s.held_out}
    assert len(held) == (0 if holdout == 0 else max(1, int(12 * holdout + 0.5)))
    assert not found.cutouts[0].held_out, "the only cut-out must stay in train"
    for s in sorted((tmp_path / "bg").iterdir()):  # other names, the same content
        s.rename(s.with_name(f"renamed_{s.stem[::-1]}.png"))
    assert {s.digest for s in load(tmp_path, holdout=holdout).backgrounds if s.held_out} == held
    other = {s.digest for s in load(tmp_path, holdout=holdout, seed=1).backgrounds if s.held_out}
    assert holdout == 0 or other != held


def test_of_two_sources_one_is_held_out_at_any_fraction(tmp_path: Path) -> None:
    make_sources(tmp_path, 2, 3)
    found = load(tmp_path, holdout=0.01)
    assert [sum(s.held_out for s in kind) for kind in (found.backgrounds, found.cutouts)] == [1, 1]


def test_one_more_source_moves_at_most_two_others(tmp_path: Path) -> None:
    make_sources(tmp_path, 10, 1)
    before = {s.digest: s.held_out for s in load(tmp_path, holdout=0.2).backgrounds}
    for count in range(11, 16):
        make_sources(tmp_path, count, 1)
        after = {s.digest: s.held_out for s in load(tmp_path, holdout=0.2).backgrounds}
        assert sum(after[d] != held for d, held in before.items()) <= 2
        before = after


@given(st.lists(st.integers(1, 4), max_size=6), st.floats(0, 0.5), st.integers(0, 9))
def test_groups_stay_together(sizes: list[int], fraction: float, seed: int) -> None:
    ends = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    groups = [list(range(start, end)) for start, end in itertools.pairwise(ends)]
    held_out = hold_out([f"{i}" * 64 for i in range(ends[-1])], groups, fraction, seed, "bg")
    assert all(held_out.issuperset(group) or held_out.isdisjoint(group) for group in groups)
    assert len(held_out) <= max(1, ends[-1] // 2, int(ends[-1] * fraction + 0.5))
    assert fraction > 0 or not held_out


@pytest.mark.parametrize(
    ("counts", "holdout", "phrases"),
    [
        (
            (10, 1, 3, 1),
            0.1,
            [
                "held out of train: 1 of 10 backgrounds (10 %) and 1 of 3 cut-outs (33 %)",
                "train has only 60 % of the rows (holdout 0.1 asks for 81 %)",
                "a test with a single background or cut-out says little",
                "--holdout 0 for one split",
            ],
        ),
        ((10, 1, 20, 2), 0.1, ["a test with a single background says little"]),
        ((1, 0, 30, 3), 0.1, ["0 of 1 backgrounds (0 %)", "there is no test on an unseen background"]),
        ((100, 10, 100, 10), 0.1, []),
        ((16, 2, 16, 2), 0.125, []),
        ((4, 2, 4, 2), 0.5, []),  # train has 25 %, as the recipe asks for
        ((1, 0, 3, 0), 0, []),
    ],
)
def test_poor_splits_are_reported_with_the_real_numbers(
    counts: tuple[int, int, int, int], holdout: float, phrases: list[str]
) -> None:
    warnings = split_warnings(*counts, holdout)
    assert len(warnings) == bool(phrases)
    assert all(phrase in warnings[0] for phrase in phrases)
    assert ("train has only" in "".join(warnings)) == any("train has only" in phrase for phrase in phrases)


def test_few_sources_are_reported_by_a_build(tmp_path: Path) -> None:
    found = load(make_sources(tmp_path, 3, 3), holdout=0.1)
    assert any(warning.startswith("held out of train: 1 of 3 backgrounds (33 %)") for warning in found.warnings)
    assert not any("held out" in warning for warning in load(tmp_path, holdout=0).warnings)
