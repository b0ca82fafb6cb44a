"""Prepared sources of earlier builds, by content: a later build neither decodes nor compresses these files again.

The files are in `prepared/` below `paths.home()`, each under a digest of everything that decides its content: the
original file, the recipe's fields, and the code and libraries that prepare it. A file that is damaged, or that cannot
be read or written, counts as missing, so nothing but time depends on the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fgbg_depth import paths
from fgbg_depth.recipe import OPTIONS, Recipe
from fgbg_depth.recipe.fields import Shapes
from fgbg_depth.rng import json_digest

MAX_BYTES = 1 << 30  # 20,000 sources of 224x224 pixels; the files written first are deleted first
_LIBRARIES = ("numpy", "pillow", "deflate")
_CODE = ("sources", "render", "scene", "rng.py", "schema")  # all that decides the pixels of a prepared source
_FIELDS = tuple(
    name
    for name, options in OPTIONS.items()
    if options.shapes in (Shapes.SOURCES, Shapes.PIXELS) and name not in ("backgrounds", "foregrounds", "exclude")
)

logger = logging.getLogger("fgbg_depth.sources")


class PreparedCache:
    """Prepared sources of one kind and recipe.

    Args:
        kind: "backgrounds" or "foregrounds".
    """

    def __init__(self, recipe: Recipe, kind: str) -> None:
        values = recipe.to_dict()
        self._prefix = json_digest([kind, _code_digest(), {name: values[name] for name in _FIELDS}])
        self._folder = paths.home() / "prepared"
        self._has_grown = False

    def get(self, digest: str) -> tuple[dict[str, Any], bytes] | None:
        """What `put` stored for a file, as (facts, PNG); None if it is not there or damaged.

        Args:
            digest: SHA-256 of the original file.
        """
        try:
            head, _, png = self._path(digest).read_bytes().partition(b"\n")
            facts: dict[str, Any] = json.loads(head)
            return (facts, png) if facts.pop("png_sha256") == hashlib.sha256(png).hexdigest() else None
        except (OSError, ValueError, KeyError, AttributeError):
            return None

    def put(self, digest: str, facts: dict[str, Any], png: bytes) -> None:
        """Store a prepared source.

        Args:
            digest: SHA-256 of the original file.
            facts: values of JSON types.
        """
        head = json.dumps(facts | {"png_sha256": hashlib.sha256(png).hexdigest()}).encode()
        path = self._path(digest)
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(head + b"\n" + png)
            unfinished.replace(path)
            self._has_grown = True
        except OSError as e:
            logger.debug("%s: a prepared source is not kept for later builds (%s)", path, e)
            with contextlib.suppress(OSError):
                unfinished.unlink()

    def remove_oldest(self, max_bytes: int = MAX_BYTES) -> None:
        """Delete the files that were written first, until all together have at most `max_bytes`.

        Without a `put` before it, nothing is read or deleted.
        """
        if not self._has_grown:
            return
        files = sorted(self._files())
        excess = sum(size for _, size, _ in files) - max_bytes
        for _, size, path in files:
            if excess <= 0:
                return
            with contextlib.suppress(OSError):
                os.unlink(path)
            excess -= size

    def _files(self) -> Iterator[tuple[int, int, str]]:
        """(time of writing in ns, bytes, path) of each file."""
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    facts = entry.stat()
                    yield facts.st_mtime_ns, facts.st_size, entry.path

    def _path(self, digest: str) -> Path:
        return self._folder / json_digest([self._prefix, digest])[:40]


@cache
def _code_digest() -> str:
    """Digest of the code and the versions of the libraries that prepare sources."""
    digest = hashlib.sha256("".join(f"{name} {version(name)};" for name in _LIBRARIES).encode())
    for name in _CODE:
        path = paths.PACKAGE / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
