"""Names of the parquet files and pictures of a dataset."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fgbg_depth.schema.names import ASSETS, BG, DATA, FG, PREVIEW, SHEETS


@dataclass(frozen=True)
class ShardName:
    """The file name of a shard: data/<split>-<background>[-<group>]-<digest>.parquet.

    Args:
        split: one of `SPLITS`.
        background: the background's name as `slug` gives it.
        group: "p" and bits if the cut-outs of one background and split fill several shards, else "".
        compose_digest: 16 hex digits of everything that determines fg_bg and fg_bg_mask.
        label_digest: 8 hex digits of everything that determines fg_bg_depth.
    """

    split: str
    background: str
    group: str
    compose_digest: str
    label_digest: str

    @property
    def path(self) -> str:
        """Path inside the output folder."""
        group = [self.group] if self.group else []
        return f"{DATA}/{'-'.join([self.split, self.background, *group, self.digest])}.parquet"

    @property
    def digest(self) -> str:
        """24 hex digits of everything that determines the shard's content."""
        return self.compose_digest + self.label_digest

    @classmethod
    def parse(cls, path: str) -> ShardName:
        """The inverse of `path`.

        Raises:
            ValueError: `path` is not the path of a shard.
        """
        match = _SHARD_PATH.fullmatch(path)
        if match is None:
            raise ValueError(f"{path!r} is not the path of a shard")
        return cls(match["split"], match["background"], match["group"] or "", match["compose"], match["label"])


_SHARD_PATH = re.compile(
    rf"{DATA}/(?P<split>[a-z_]+)-(?P<background>[A-Za-z0-9_.]+)(-(?P<group>p[01]+))?"
    r"-(?P<compose>[0-9a-f]{16})(?P<label>[0-9a-f]{8})\.parquet"
)
_CONFIG_PATH = re.compile(rf"({BG}|{FG}|{PREVIEW})/train-((?P<group>[0-9a-f]{{3}})-)?[0-9a-f]{{16}}\.parquet")
_GROUP_BITS = 10  # so at most 1,024 files in bg/, fg/ and preview/; the Hub allows 10,000 files in a folder


def file_group(digest: str) -> str:
    """The group whose file of the config bg, fg or preview holds a source, or the rows of a background: 3 hex digits.

    It depends on the source alone. So one more source adds a file, or changes the one file of its group, and all other
    files keep their bytes. Up to some hundred sources nearly each has a file of its own.

    Args:
        digest: hex digits that identify the source; its first bits are used.
    """
    return f"{int(digest[:8], 16) >> (32 - _GROUP_BITS):03x}"


def config_path(config: str, group: str, digest: str) -> str:
    """Path of one file of the config bg, fg or preview: bg/train-<group>-<digest>.parquet.

    Args:
        group: as `file_group` returns it.
        digest: hex digits of the content; the first 16 are used.
    """
    return f"{config}/train-{group}-{digest[:16]}.parquet"


def picture_path(name: str) -> str:
    """Path of a picture of the card, one of `SHEETS` or `CHARTS`."""
    return f"{ASSETS}/{name}.{'webp' if name in SHEETS else 'png'}"


def group_of_path(path: str) -> str:
    """The group in a path that `config_path` returned; "" for other paths, such as those of earlier versions."""
    match = _CONFIG_PATH.fullmatch(path)
    return (match["group"] or "") if match else ""


def is_config_path(path: str) -> bool:
    """Whether `path` is a path that `config_path` returns, or did before its files had groups."""
    return bool(_CONFIG_PATH.fullmatch(path))


def is_own_path(path: str) -> bool:
    """Whether a build of this project could have written the parquet file `path`."""
    return is_config_path(path) or bool(_SHARD_PATH.fullmatch(path))
