"""What a stored depth value means: its kind, its unit, its scale and the model that predicted it.

Imports no torch and no transformers, so that decoding a dataset needs neither.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fgbg_depth.depth.kinds import METRIC, DepthKind, depth_kind
from fgbg_depth.errors import DepthError

if TYPE_CHECKING:
    from PIL import Image

INVALID = 0
NYU_SCALE, KITTI_SCALE = 1000, 256  # stored values a metre; 65,535 / 1000 = 65.5 m, 65,535 / 256 = 256 m
NYU_SCALE_REACH_M = 65.0


@dataclass(frozen=True)
class DepthSpec:
    """How `fg_bg_depth` was made and how to read it: value = offset + step * stored, 0 = invalid.

    Example:
        spec = DepthSpec(model="densedepth-nyu", kind="metric", step=0.001, low=0.001, high=65.535)
        decode_depth(row["fg_bg_depth"], spec)      # (H, W) float32 metres, NaN where invalid

    Args:
        model, revision: the depth model: a name or Hub id and its commit hash; "" for a local folder.
        digest: sha256 (16 hex) of the model's weights and configuration files.
        kind: metric (metres, larger is farther), relative_depth, or relative_disparity (larger is nearer).
        unit: "m" for metric, else "".
        bits: 16 or 8.
        offset, step: value = offset + step * stored.
        low, high: values of the stored numbers 1 and 2 ** bits - 1; predictions outside are clipped to them.
        precision: arithmetic of the model: fp32, tf32, fp16 or bf16.
        input_size: HEIGHTxWIDTH that each row is resized to before the model sees it.
        flip: the map is the mean of this prediction and that of the mirrored picture.
        license: of the model's weights; "" when not known.
    """

    model: str
    revision: str = ""
    digest: str = ""
    kind: str = METRIC.name
    unit: str = "m"
    bits: int = 16
    offset: float = 0.0
    step: float = 1 / NYU_SCALE
    low: float = 1 / NYU_SCALE
    high: float = 65535 / NYU_SCALE
    precision: str = "fp32"
    input_size: str = ""
    flip: bool = False
    license: str = ""

    def __post_init__(self) -> None:
        depth_kind(self.kind)
        if self.bits not in (8, 16):
            raise DepthError(f"depth bits is {self.bits!r}; allowed: 8, 16.")
        numbers = (self.offset, self.step, self.low, self.high)
        if not all(np.isfinite(numbers)) or self.step <= 0 or self.low >= self.high:
            raise DepthError(f"depth scale is not usable: offset, step, low, high = {numbers}.")

    @property
    def meaning(self) -> DepthKind:
        """The kind of depth, with its words, direction and unit."""
        return depth_kind(self.kind)

    @property
    def levels(self) -> int:
        """Largest stored value: 65535 or 255."""
        return 2**self.bits - 1

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint16 if self.bits == 16 else np.uint8)

    @property
    def scale(self) -> float:
        """Stored values a unit: 1000 (millimetres), 256 (KITTI's) or what the range gives."""
        return 1 / self.step

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, in the fields' order."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DepthSpec:
        """The inverse of `to_dict`.

        Raises:
            DepthError: a key is missing or unknown, or a value is of the wrong type.
        """
        fields = {f.name: str(f.type) for f in dataclasses.fields(cls)}
        wrong = sorted(set(values) ^ set(fields))
        if wrong:
            raise DepthError(f"not a depth spec: keys missing or unknown: {', '.join(wrong)}.")
        types: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "bool": bool}
        for name, kind in fields.items():
            if not isinstance(values[name], types[kind]):
                raise DepthError(f"depth spec: {name} is {values[name]!r}, not a {kind}.")
        plain: dict[str, Any] = {n: float(v) if fields[n] == "float" else v for n, v in values.items()}
        return cls(**plain)


def metric_scale(reach_m: float | None, bits: int = 16) -> dict[str, Any]:
    """offset, step, low and high of metric depth that reaches `reach_m` metres (None: not known, far).

    16 bits: 1000 a metre up to a reach of 65 m, else 256. 8 bits: 255 steps over the reach (or over 256 m).
    """
    if bits == 16:
        step = 1 / (NYU_SCALE if reach_m is not None and reach_m <= NYU_SCALE_REACH_M else KITTI_SCALE)
    else:
        step = (reach_m or 256.0) / 255
    return {"offset": 0.0, "step": step, "low": step, "high": step * (2**bits - 1)}


def relative_scale(low: float, high: float, bits: int = 16) -> dict[str, Any]:
    """offset, step, low and high of relative values: stored 1 is `low`, the largest stored value `high`."""
    step = (high - low) / (2**bits - 2)
    return {"offset": low - step, "step": step, "low": float(low), "high": float(high)}


def encode_values(values: np.ndarray, spec: DepthSpec) -> np.ndarray:
    """Depth values as they are stored; the inverse of `decode_depth` within half a step.

    Args:
        values: any shape, metres or the relative value; not finite means invalid.
    Returns:
        uint16 (or uint8) of the same shape: 0 where invalid, else 1..levels; outside low..high is clipped.
    """
    values = np.asarray(values, dtype=np.float32)
    # float32 throughout, in the labeller's order of operations, so that both store the same numbers
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 is beyond the range: clipped
        stored = np.rint((values - np.float32(spec.offset)) * np.float32(spec.scale))
    stored = np.clip(stored, 1, spec.levels)
    return np.where(np.isfinite(values), stored, INVALID).astype(spec.dtype)


def decode_depth(image: Image.Image | np.ndarray | str | Path, spec: DepthSpec | Mapping[str, Any]) -> np.ndarray:
    """Read a stored depth map back.

    Example:
        depth_m = decode_depth(dataset[0]["fg_bg_depth"], spec)       # (224, 224) float32
        np.nanmedian(depth_m)

    Args:
        image: a grey image of the column `fg_bg_depth`, an integer array (H, W), or the path of a PNG file.
        spec: the dataset's depth spec, or its dictionary from `statistics.json` ("depth").
    Returns:
        (H, W) float32: metres (kind metric) or the relative value; NaN where invalid.
    Raises:
        DepthError: not a grey image, or not of the spec's bits (as a 16-bit map that was turned into 8).
    """
    if not isinstance(spec, DepthSpec):
        spec = DepthSpec.from_dict(spec)
    stored = _stored_array(image)
    if stored.ndim < 2 or stored.dtype.kind not in "iu":
        raise DepthError(
            f"not a stored depth map: array of shape {stored.shape}, {stored.dtype}.\n"
            f"  A grey image of {spec.bits} bits is wanted, as the column fg_bg_depth has it."
        )
    if spec.bits == 16 and stored.dtype.itemsize == 1:
        raise DepthError(
            "this depth map has 8 bits but its dataset stores 16: it was converted on the way.\n"
            "  Read it without convert('L'); Pillow opens 16-bit grey PNG in mode I;16."
        )
    if stored.size and (stored.max() > spec.levels or stored.min() < 0):
        raise DepthError(f"stored depth goes from {stored.min()} to {stored.max()}, beyond 0..{spec.levels}.")
    values = (spec.offset + spec.step * stored.astype(np.float64)).astype(np.float32)
    return np.where(stored == INVALID, np.float32(np.nan), values)


def _stored_array(image: Image.Image | np.ndarray | str | Path) -> np.ndarray:
    if isinstance(image, (str, Path)):
        from PIL import Image as Images

        with Images.open(image) as opened:
            return _stored_array(opened.copy())
    mode = getattr(image, "mode", None)
    if mode is not None and not (mode in ("L", "I") or mode.startswith("I;16")):
        raise DepthError(
            f"not a stored depth map: image of mode {mode}.\n"
            "  A grey image is wanted, as in the column fg_bg_depth; the coloured preview is for looking at."
        )
    return np.asarray(image)
