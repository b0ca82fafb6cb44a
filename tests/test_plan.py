"""Plans have every row once, in the right split, with digests that change if and only if the rows change."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import simple_spec

from fgbg_depth.plan import Plan, make_plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.schema import SPLITS, ShardName, slug, split_of
from fgbg_depth.sources.load import Source, Sources


def source(name: str, digest: str | None = None, **changes: object) -> Source:
    import hashlib

    digest = digest or hashlib.sha256(name.encode()).hexdigest()
    values = {
        "name": name,
        "file": f"{name}.png",
        "digest": digest,
        "pixels_digest": digest[::-1],
        "png": b"",
        "width": 9,
        "height": 7,
    }
    return Source(**(values | changes))


def plan_of(num_bg: int, num_fg: int, holdout: int = 1, **changes: object) -> Plan:
    """A plan in which the first `holdout` sources of each kind are held out."""
    bgs = tuple(source(f"bg{i:03d}", held_out=i < holdout) for i in range(num_bg))
    fgs = tuple(source(f"fg{i:03d}", held_out=i < holdout) for i in range(num_fg))
    return make_plan(Recipe(depth_model="none").replace(**changes), Sources(bgs, fgs), None)


@given(
    num_bg=st.integers(1, 6),
    num_fg=st.integers(1, 30),
    holdout=st.integers(0, 3),
    placements=st.integers(1, 5),
    mirror=st.booleans(),
    shard_rows=st.integers(1, 60),
)
def test_every_pair_is_once_in_its_split(
    num_bg: int, num_fg: int, holdout: int, placements: int, mirror: bool, shard_rows: int
) -> None:
    plan = plan_of(num_bg, num_fg, holdout, placements=placements, mirror=mirror, shard_rows=shard_rows)
    pairs = [(shard.bg, fg) for shard in plan.shards for fg in shard.fgs]
    wanted = itertools.product(plan.sources.backgrounds, plan.sources.cutouts)
    assert sorted(pairs) == [(bg.name, fg.name) for bg, fg in wanted]
    assert plan.rows == num_bg * num_fg * placements * (1 + mirror) == sum(plan.split_rows().values())
    held = {s.name: s.held_out for s in (*plan.sources.backgrounds, *plan.sources.cutouts)}
    for shard in plan.shards:
        assert {split_of(held[shard.bg], held[fg]) for fg in shard.fgs} == {shard.split}
        assert list(shard.fgs) == sorted(shard.fgs)
        assert shard.rows == len(shard.fgs) * plan.recipe.rows_per_pair > 0
        assert shard.rows <= max(shard_rows, plan.recipe.rows_per_pair)
    assert len({shard.path for shard in plan.shards}) == len(plan.shards)
    assert list(plan.split_rows()) == [s for s in SPLITS if s in plan.split_rows()]


def test_one_more_cutout_changes_only_shards_that_hold_it() -> None:
    """If its group becomes too large, the shards of both halves change."""
    for count in range(1, 40):
        before, after = (plan_of(2, n, 0, placements=1, mirror=False, shard_rows=4) for n in (count, count + 1))
        new = f"fg{count:03d}"
        kept = {s.path for s in before.shards} & {s.path for s in after.shards}
        gone = [s for s in before.shards if s.path not in kept]
        came = [s for s in after.shards if s.path not in kept]
        assert len(gone) <= 2, "one group for each of two backgrounds"
        assert {fg for s in came for fg in s.fgs} == {fg for s in gone for fg in s.fgs} | {new}


def test_one_more_background_changes_no_other_shard() -> None:
    before, after = plan_of(3, 5), plan_of(4, 5)
    assert set(before.shards) < set(after.shards)
    assert {s.bg for s in set(after.shards) - set(before.shards)} == {"bg003"}


def test_copies_of_one_file_are_in_one_shard() -> None:
    fgs = tuple(source(f"fg{i}", digest="a" * 64) for i in range(9))
    plan = make_plan(Recipe(shard_rows=1), Sources((source("bg"),), fgs), None)
    assert [len(s.fgs) for s in plan.shards] == [9]


def test_digests_ignore_fields_without_effect() -> None:
    png = [plan_of(2, 2, image_format="png", jpeg_quality=q) for q in (50, 90)]
    assert png[0].shards == png[1].shards
    uniform = [plan_of(2, 2, ground_band=band) for band in ([0.1, 0.2], [0.7, 0.9])]
    assert uniform[0].shards == uniform[1].shards


@pytest.mark.parametrize(
    "change", [{"name": "z"}, {"digest": "e" * 64}, {"pixels_digest": "e" * 64}, {"width": 8}, {"height": 8}]
)
@pytest.mark.parametrize("kind", ["bg", "fg"])
def test_a_changed_source_changes_digests(kind: str, change: dict) -> None:
    one, other = source("bg"), source("fg")
    recipe = Recipe(depth_model="none")
    base = make_plan(recipe, Sources((one,), (other,)), None).shards[0]
    if kind == "bg":
        one = replace(one, **change)
    else:
        other = replace(other, **change)
    assert make_plan(recipe, Sources((one,), (other,)), None).shards[0].compose_digest != base.compose_digest
    moved = replace(one, file="elsewhere/bg.png", png=b"other bytes of the same pixels")
    again = make_plan(recipe, Sources((moved,), (other,)), None).shards[0]
    assert again == make_plan(recipe, Sources((one,), (other,)), None).shards[0]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "b"},
        {"digest": "6" * 16},
        {"bits": 8},
        {"step": 0.5},
        {"precision": "bf16"},
        {"flip": True},
        {"input_size": "9x9"},
    ],
)
def test_labels_have_a_digest_of_their_own(change: dict) -> None:
    sources = Sources((source("bg"),), (source("fg"),))
    base, changed, none = (
        make_plan(Recipe(), sources, spec).shards[0] for spec in (simple_spec(), simple_spec(**change), None)
    )
    assert base.compose_digest == changed.compose_digest == none.compose_digest
    assert len({base.label_digest, changed.label_digest, none.label_digest}) == 3 and none.label_digest == "00000000"


@given(st.text(max_size=60))
def test_slugs_are_safe_file_names(name: str) -> None:
    text = slug(name)
    assert 0 < len(text) <= 40 and set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.")
    assert text[0] != "." and "-" not in text and Path(text).name == text


def test_paths_have_the_documented_form() -> None:
    import re

    for shard in (*plan_of(3, 30, shard_rows=80).shards, *plan_of(2, 2).shards):
        pattern = rf"data/{shard.split}-bg\d+(-p[01]+)?-[0-9a-f]{{24}}\.parquet"
        assert re.fullmatch(pattern, shard.path) and shard.path.endswith(f"{shard.name.digest}.parquet")
        assert ShardName.parse(shard.path) == shard.name


def test_digests_never_change() -> None:
    """Later versions must recognise finished shards. Change this only together with schema.FORMAT."""
    shard = plan_of(1, 2, 0).shards[0]
    assert shard.path == "data/train-bg000-18f9715e762143b500000000.parquet"
