"""Names of shards are made and read in one place; columns are declared once."""

from __future__ import annotations

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
def test_shard_names_are_read_back(split: str, background: str, group: str, compose: str, label: str) -> None:
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
def test_other_paths_are_no_shards(path: str) -> None:
    with pytest.raises(ValueError, match="not the path of a shard"):
        ShardName.parse(path)
    assert not is_own_path(path)


def test_files_of_small_configs() -> None:
    path = config_path("bg", "0123456789abcdef" * 4)
    assert path == "bg/train-0123456789abcdef.parquet" and is_own_path(path)


@pytest.mark.parametrize("config", COLUMNS)
@pytest.mark.parametrize("depth", [True, False])
def test_features_follow_the_declared_columns(config: str, depth: bool) -> None:
    stored = features(config, depth)
    assert list(stored) == [column.name for column in columns(config, depth)]
    assert [name for name, feature in stored.items() if type(feature).__name__ == "Image"] == list(
        image_columns(config, depth)
    )
    assert all(column.meaning and column.filled_by for column in columns(config, depth))
    assert ("fg_bg_depth" in stored) == (depth and config == "default")
