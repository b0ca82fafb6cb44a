"""The small columns of shards, kept as arrays: what filters look at, so that no picture is read for them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

SMALL_COLUMNS = ["fg", "flip", "placement", "x", "y", "width", "height"]


@dataclass(frozen=True)
class Filter:
    """Which rows to show; None or the whole range means any. `coverage` is a share of the frame, 0..1."""

    split: str | None = None
    bg: str | None = None
    fg: str | None = None
    flip: bool | None = None
    coverage: tuple[float, float] = (0.0, 1.0)

    @property
    def looks_at_rows(self) -> bool:
        """False where whole shards match or do not: a shard has one split and one background."""
        return self.fg is not None or self.flip is not None or self.coverage != (0.0, 1.0)


@dataclass(frozen=True)
class SmallColumns:
    """One shard's rows without their pictures; 17 bytes a row."""

    names: tuple[str, ...]  # cut-outs in this shard
    fg: NDArray[np.int32]  # position in `names`
    flip: NDArray[np.bool_]
    placement: NDArray[np.int32]
    box: NDArray[np.int16]  # (rows, 4): x, y, width, height of the placed cut-out; may reach out of the frame

    @classmethod
    def from_table(cls, table: pa.Table) -> SmallColumns:
        fg = pc.dictionary_encode(table["fg"].combine_chunks())
        box = [table[key].to_numpy().astype(np.int16) for key in ("x", "y", "width", "height")]
        codes = fg.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        flip = table["flip"].to_numpy(zero_copy_only=False).astype(bool)
        placement = table["placement"].to_numpy().astype(np.int32)
        return cls(tuple(fg.dictionary.to_pylist()), codes, flip, placement, np.stack(box, axis=1))

    def facts(self, row: int) -> dict[str, Any]:
        """The row's values by column."""
        x, y, width, height = self.box[row].tolist()
        place = {"placement": int(self.placement[row]), "x": x, "y": y, "width": width, "height": height}
        return {"fg": self.names[self.fg[row]], "flip": bool(self.flip[row])} | place

    def matches(self, wanted: Filter, coverage: Callable[[], NDArray[np.float32]]) -> NDArray[np.int32]:
        """Rows of the shard that pass, rising. `coverage` is called only if the filter asks for it."""
        keep = np.ones(len(self.fg), bool)
        if wanted.fg is not None:
            keep &= self.fg == (self.names.index(wanted.fg) if wanted.fg in self.names else -1)
        if wanted.flip is not None:
            keep &= self.flip == wanted.flip
        low, high = wanted.coverage
        if (low, high) != (0.0, 1.0):
            share = coverage()
            keep &= (share >= low) & (share <= high)
        return np.flatnonzero(keep).astype(np.int32)


class Coverage:
    """How much of the frame a placed cut-out covers, from its alpha alone.

    Each cut-out's summed-area table gives the visible alpha of any clipped box in four look-ups, so 400,000 rows
    take a fraction of a second and no mask is decoded.
    Source: Crow 1984, "Summed-area tables for texture mapping".
    """

    def __init__(self, masks: Iterable[tuple[str, bytes]], frame: tuple[int, int]) -> None:
        self._frame = frame  # (height, width)
        self._sums: dict[str, NDArray[np.int64]] = {}
        for name, data in masks:
            alpha = np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.int64)
            self._sums[name] = np.pad(alpha.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def of(self, rows: SmallColumns) -> NDArray[np.float32]:
        """(rows,) float32 share of the frame, 0..1; mean of the mask / 255."""
        height, width = self._frame
        share = np.zeros(len(rows.fg), np.float32)
        for code, name in enumerate(rows.names):
            chosen = np.flatnonzero(rows.fg == code)
            if name not in self._sums:
                continue
            sums = self._sums[name]
            x, y, w, h = rows.box[chosen].T.astype(np.int64)
            left, right = np.clip(-x, 0, w), np.clip(width - x, 0, w)
            top, bottom = np.clip(-y, 0, h), np.clip(height - y, 0, h)
            mirrored = rows.flip[chosen]
            left, right = np.where(mirrored, w - right, left), np.where(mirrored, w - left, right)
            last = sums.shape[1] - 1
            left, right = left.clip(0, last), right.clip(0, last)
            last = sums.shape[0] - 1
            top, bottom = top.clip(0, last), bottom.clip(0, last)
            area = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
            share[chosen] = area / (255.0 * height * width)
        return share
