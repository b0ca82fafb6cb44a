"""Shard names can be parsed again; features follow from the declared columns."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgbg_depth import schema
from fgbg_depth.schema import COLUMNS, ShardName, columns, config_path, features, image_columns, is_own_path, slug

HEX = st.text("0123456789abcdef", min_size=16, max_size=16)


@given(
    split=st.sampled_from(schema.SPLITS),
    background=st.text(max_size=50).map(slug),
    group=st.one_of(st.just(""), st.text("01", min_size=1, max_size=8).map("p{}".format)),
    compose=HEX,
    label=HEX.map(lambda text: text[:8]),
)
def test_parsing_a_shard_path_gives_its_name(split: str, background: str, group: str, compose: str, label: str) -> None:
    name = ShardName(split, background, group, compose, label)
    assert ShardName.parse(name.path) == name
    assert is_own_path(name.path) and name.path.endswith(f"-{name.digest}.parquet")


@pytest.mark.parametrize(
    "path",
    [
        "data/train-a.parquet",
        "data/train-a-0123.parquet",
        f"data/train-{'0' * 24}.parquet",
        f"bg/train-a-{'0' * 24}.parquet",
        f"data/../train-a-{'0' * 24}.parquet",
        f"data/train-a-b-{'0' * 24}.parquet",
        f"data/train-a-{'0' * 24}.parquet.tmp",
    ],
)
def test_other_paths_are_not_shard_paths(path: str) -> None:
    with pytest.raises(ValueError, match="not the path of a shard"):
        ShardName.parse(path)
    assert not is_own_path(path)


def test_paths_of_the_files_of_small_configs() -> None:
    path = config_path("bg", "3ff", "0123456789abcdef" * 4)
    assert path == "bg/train-3ff-0123456789abcdef.parquet" and is_own_path(path) and schema.is_config_path(path)
    assert schema.group_of_path(path) == "3ff"
    assert schema.is_config_path("bg/train-0123456789abcdef.parquet")  # before the files had groups
    assert schema.group_of_path("bg/train-0123456789abcdef.parquet") == schema.group_of_path("README.md") == ""
    assert not schema.is_config_path("assets/train-0123456789abcdef.parquet")
    assert not schema.is_config_path("bg/train-0123456789abcdef.parquet\n")
    assert not schema.is_config_path("bg/train-3FF-0123456789abcdef.parquet")


def test_the_group_of_a_source_is_the_first_ten_bits_of_its_digest() -> None:
    assert schema.file_group("0" * 64) == "000" and schema.file_group("f" * 64) == "3ff"
    assert schema.file_group("00400000" + "f" * 56) == "001" != schema.file_group("003fffff" + "f" * 56)


@pytest.mark.parametrize(
    ("bg_held_out", "fg_held_out", "split"),
    [
        (False, False, "train"),
        (True, False, "test_unseen_bg"),
        (False, True, "test_unseen_fg"),
        (True, True, "test_unseen_both"),
    ],
)
def test_splits(bg_held_out: bool, fg_held_out: bool, split: str) -> None:
    assert schema.split_of(bg_held_out, fg_held_out) == split


@pytest.mark.parametrize(
    ("name", "expected"), [("a b-c", "a_b_c"), ("../x", "x"), ("", "unnamed"), ("été", "t"), ("x" * 50, "x" * 40)]
)
def test_slugs(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_columns_are_filled_by_modules_that_exist() -> None:
    for config_columns in COLUMNS.values():
        for column in config_columns:
            assert find_spec(f"fgbg_depth.{column.filled_by}"), column


@pytest.mark.parametrize("config", COLUMNS)
@pytest.mark.parametrize("labels", [("predicted", "placed"), ("placed",), ("predicted",), ()])
def test_features_follow_the_declared_columns(config: str, labels: tuple[str, ...]) -> None:
    stored = features(config, labels)
    assert list(stored) == [column.name for column in columns(config, labels)]
    assert [name for name, feature in stored.items() if type(feature).__name__ == "Image"] == list(
        image_columns(config, labels)
    )
    assert {*image_columns(config, labels), *schema.fact_columns(config, labels)} == set(stored)
    assert all(column.meaning and column.filled_by for column in columns(config, labels))
    if config == "default":
        assert ("fg_bg_depth" in stored) == ("nearer" in stored) == ("predicted" in labels)
        assert ("fg_bg_depth_placed" in stored) == ("placed_nearer" in stored) == ("placed" in labels)
    if config == "bg":
        assert ("depth" in stored) == bool(labels)
