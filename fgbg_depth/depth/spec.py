"""What a stored depth value means: its kind, unit and scale, and the model that predicted it.

Imports no torch and no transformers, so that decoding a dataset needs neither.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgbg_depth.depth.kinds import METRIC, DepthKind, depth_kind
from fgbg_depth.depth.stored_maps import stored_array
from fgbg_depth.errors import DepthError

INVALID = 0
NYU_SCALE, KITTI_SCALE = 1000, 256  # stored values for one metre; they reach 65.5 m and 256 m with 16 bits
NYU_SCALE_REACH_M = 65.0


@dataclass(frozen=True)
class DepthSpec:
    """How `fg_bg_depth` was made and how to read it: value = offset + step * stored, 0 = invalid.

    Example:
        spec = DepthSpec(model="densedepth-nyu", kind="metric", step=0.001, low=0.001, high=65.535)
        decode_depth(row["fg_bg_depth"], spec)      # (H, W) float32 metres, NaN where invalid

    Args:
        model: the depth model: a densedepth-* name, a Hub id, or the name of a local folder.
        revision: the commit hash of a Hub model; "" for the others.
        digest: first 16 hex digits of the SHA-256 of the model's weights and configuration files.
        kind: name of a `DepthKind`.
        unit: the kind's unit: "m", or "" if it has none.
        bits: 16 or 8.
        offset, step: value = offset + step * stored.
        low, high: values of the stored numbers 1 and 2 ** bits - 1; predictions outside are clipped to them.
        precision: arithmetic of the model: fp32, tf32, fp16 or bf16.
        input_size: HEIGHTxWIDTH to which each row is resized for the model.
        flip: the map is the mean of the predictions for the picture and for its mirror image.
        license: of the model's weights; "" if not known.
    Raises:
        DepthError: the kind is unknown, `bits` is neither 8 nor 16, or the scale is not usable.
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
            raise DepthError(f"depth spec: bits is {self.bits!r}; allowed: 8, 16.")
        numbers = (self.offset, self.step, self.low, self.high)
        if not all(np.isfinite(numbers)) or self.step <= 0 or self.low >= self.high:
            raise DepthError(
                f"depth spec: the scale is not usable: offset, step, low, high are {numbers}; "
                "all must be finite, step above 0 and low below high."
            )

    @property
    def meaning(self) -> DepthKind:
        """The `DepthKind` named by `kind`."""
        return depth_kind(self.kind)

    @property
    def levels(self) -> int:
        """Largest stored value: 65535 or 255."""
        return (1 << self.bits) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """dtype of stored values: uint16 or uint8."""
        return np.dtype(np.uint16 if self.bits == 16 else np.uint8)

    @property
    def scale(self) -> float:
        """Stored values for one unit: 1000 (millimetres), 256 (KITTI's), or as the range requires."""
        return 1 / self.step

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON types, in order."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DepthSpec:
        """The inverse of `to_dict`.

        Raises:
            DepthError: a key is missing or unknown, or a value has the wrong type or is not allowed.
        """
        fields = {f.name: str(f.type) for f in dataclasses.fields(cls)}
        wrong = sorted(set(values) ^ set(fields))
        if wrong:
            raise DepthError(f"depth spec: keys missing or unknown: {', '.join(wrong)}.")
        types: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "bool": bool}
        for name, type_name in fields.items():
            if not isinstance(values[name], types[type_name]):
                raise DepthError(f"depth spec: {name} is {values[name]!r}, not a {type_name}.")
        plain: dict[str, Any] = {n: float(v) if fields[n] == "float" else v for n, v in values.items()}
        return cls(**plain)


class HasDepthSpec(Protocol):
    """What has a depth spec: `fgbg_depth.manifest.Manifest`."""

    @property
    def depth(self) -> DepthSpec | None:
        """The spec; None: the dataset has no depth labels."""


def metric_scale(reach_m: float | None, bits: int = 16) -> dict[str, Any]:
    """Scale of metric depth.

    16 bits: 1000 stored values for one metre up to a reach of 65 m, else 256. 8 bits: 255 equal steps over the reach.

    Args:
        reach_m: farthest depth that the model predicts; None if not known, taken as 256 m.
    Returns:
        the fields offset, step, low and high of a `DepthSpec`.
    """
    if bits == 16:
        step = 1 / (NYU_SCALE if reach_m is not None and reach_m <= NYU_SCALE_REACH_M else KITTI_SCALE)
    else:
        step = (reach_m or 256.0) / 255
    return {"offset": 0.0, "step": step, "low": step, "high": step * (2**bits - 1)}


def relative_scale(low: float, high: float, bits: int = 16) -> dict[str, Any]:
    """Scale of relative values: the stored value 1 is `low`, the largest stored value is `high`.

    Returns:
        the fields offset, step, low and high of a `DepthSpec`.
    """
    step = (high - low) / (2**bits - 2)
    return {"offset": low - step, "step": step, "low": float(low), "high": float(high)}


def encode_values(values: ArrayLike, spec: DepthSpec) -> NDArray[np.unsignedinteger]:
    """The stored values of depth values; the inverse of `decode_depth` within half a step.

    Args:
        values: any shape, metres or relative values; not finite means invalid.
    Returns:
        uint16 (or uint8) of the same shape: 0 where invalid, else 1..levels; values outside low..high are clipped.
    """
    v = np.asarray(values, dtype=np.float32)
    # float32 throughout and the labeller's order of operations, so that both store the same numbers
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows float32 is beyond the range and clipped
        stored = np.rint((v - np.float32(spec.offset)) * np.float32(spec.scale))
    stored = np.clip(stored, 1, spec.levels)
    return np.where(np.isfinite(v), stored, INVALID).astype(spec.dtype)


def decode_depth(image: Any, spec: DepthSpec | HasDepthSpec | Mapping[str, Any]) -> NDArray[np.float32]:
    """The depth values of a stored depth map.

    Example:
        depth_m = decode_depth(dataset[0]["fg_bg_depth"], spec)       # (224, 224) float32
        np.nanmedian(depth_m)
        decode_depth(dataset.with_format("torch")[:8]["fg_bg_depth"], spec)  # (8, 224, 224)

    Args:
        image: an image of the column `fg_bg_depth` as `datasets` gives it in any format: a grey Pillow image, an
            integer array (H, W), a torch tensor (1, H, W) or (H, W), the path or the bytes of a PNG file; or several
            maps as an array (N, H, W), a tensor (N, 1, H, W) or a list.
        spec: the dataset's depth spec, or its dictionary from `statistics.json` ("depth"). A whole `statistics.json`
            or `Manifest` works, too.
    Returns:
        (H, W) float32, or (N, H, W) for several maps: metres (kind metric) or the relative value; NaN where invalid.
    Raises:
        DepthError: the image is not grey, or has other bits than the spec states, or values beyond them; or the
            dataset has no depth labels.
    """
    spec = spec_of(spec)
    stored = stored_array(image)
    if stored.ndim < 2 or stored.dtype.kind not in "iu":
        raise DepthError(
            f"not a stored depth map: an array of shape {stored.shape}, {stored.dtype}.\n"
            f"  Pass a grey image of {spec.bits} bits from the column fg_bg_depth, or its (H, W) integer array."
        )
    if stored.dtype == np.int16 and spec.bits == 16:  # torchvision's pil_to_tensor
        stored = stored.view(np.uint16)
    if spec.bits == 16 and stored.dtype.itemsize == 1:
        raise DepthError(
            "this depth map has 8 bits, but its dataset stores 16: something converted it.\n"
            "  Read it without convert('L'); Pillow opens a 16-bit grey PNG in mode I;16."
        )
    if stored.size and (stored.max() > spec.levels or stored.min() < 0):
        raise DepthError(
            f"not a stored depth map: its values go from {stored.min()} to {stored.max()}, beyond 0..{spec.levels}.\n"
            "  Pass the stored integers, and the spec of the same dataset."
        )
    values = (spec.offset + spec.step * stored.astype(np.float64)).astype(np.float32)
    return np.where(stored == INVALID, np.float32(np.nan), values)


def spec_of(given: DepthSpec | HasDepthSpec | Mapping[str, Any]) -> DepthSpec:
    """The spec itself, also from a whole `statistics.json` or a `Manifest`, which have it as their entry `depth`."""
    if isinstance(given, DepthSpec):
        return given
    if isinstance(given, Mapping) and "kind" in given:
        return DepthSpec.from_dict(given)
    missing = object()
    spec = given.get("depth", missing) if isinstance(given, Mapping) else getattr(given, "depth", missing)
    if isinstance(spec, DepthSpec):
        return spec
    if isinstance(spec, Mapping):
        return DepthSpec.from_dict(spec)
    if spec is None:
        raise DepthError("this dataset has no depth labels: the entry depth of its statistics.json is null.")
    raise DepthError(
        f"the spec is {_described(given)}, not a depth spec.\n"
        '  Pass json.load(open("DATASET/statistics.json"))["depth"], the entry depth of the dataset\'s statistics.json.'
    )


def _described(value: object) -> str:
    if isinstance(value, Mapping):
        return f"a dictionary with the keys {', '.join(map(str, list(value)[:5]))}" if value else "an empty dictionary"
    return "None" if value is None else f"a {type(value).__name__}"
