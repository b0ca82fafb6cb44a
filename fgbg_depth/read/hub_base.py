"""The version on the Hub that an output continues: its shards stay there and are read by byte ranges.

`build --from USER/SET` writes `.hub.json` into the output. A shard that the output needs and that is not in its folder
is on the Hub if this file lists it. The name of a shard has the digest of its content, so the file lists shards by
digest: one that moved from train to a test split has another path, and the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fgbg_depth import schema
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import FileEntry
from fgbg_depth.storage.files import FileInfo, Storage

BASE_FILE = ".hub.json"  # hidden, never published


@dataclass(frozen=True)
class HubShard:
    """A shard of the version on the Hub: path in its repository, number of rows, size in bytes, SHA-256."""

    path: str
    rows: int
    bytes: int
    sha256: str

    @property
    def info(self) -> FileInfo:
        """Size and SHA-256."""
        return FileInfo(self.bytes, self.sha256)


@dataclass(frozen=True)
class HubBase:
    """The version that an output continues.

    Args:
        repo_id: "user/name".
        revision: tag or branch that was given; "main" by default.
        commit: the full id of the commit that it named.
        shards: the version's shards by the digest in their names (`ShardName.digest`).
    """

    repo_id: str
    revision: str
    commit: str
    shards: Mapping[str, HubShard] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}"

    @classmethod
    def of(cls, repo_id: str, revision: str, commit: str, shards: Mapping[str, FileEntry]) -> HubBase:
        """The base with the shards that a manifest lists by path."""
        listed = {
            schema.ShardName.parse(path).digest: HubShard(path, entry.rows, entry.bytes, entry.sha256)
            for path, entry in shards.items()
        }
        return cls(repo_id, revision, commit, listed)

    @classmethod
    def read(cls, storage: Storage) -> HubBase | None:
        """The base of an output; None if it continues no version of the Hub.

        Raises:
            OutputError: the file is damaged.
        """
        if not storage.is_local:
            return None
        try:
            values: Any = json.loads(storage.read(BASE_FILE))
            shards = {digest: HubShard(**shard) for digest, shard in values.pop("shards").items()}
            return cls(**values, shards=shards)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, AttributeError, KeyError) as e:
            raise OutputError(
                f"{storage}/{BASE_FILE} is damaged, so it is not known which shards are on the Hub.\n"
                "  Delete the folder and run build --from again."
            ) from e

    def write(self, storage: Storage) -> None:
        """Write `BASE_FILE` into an output."""
        storage.write(BASE_FILE, (json.dumps(asdict(self), indent=1) + "\n").encode())

    def find(self, path: str) -> HubShard | None:
        """The shard on the Hub with the content of the shard `path` of the output; None if it has none."""
        try:
            return self.shards.get(schema.ShardName.parse(path).digest)
        except ValueError:
            return None

    def absent(self, storage: Storage, paths: Iterable[str]) -> dict[str, HubShard]:
        """Those of these shards that are on the Hub and not in the folder, by their paths in the output."""
        local = storage.list(schema.DATA)
        return {path: shard for path in paths if path not in local and (shard := self.find(path)) is not None}


def shards_on_hub(storage: Storage, paths: Iterable[str]) -> dict[str, HubShard]:
    """As `HubBase.absent`; {} for an output that continues no version of the Hub."""
    base = HubBase.read(storage)
    return base.absent(storage, paths) if base is not None else {}
