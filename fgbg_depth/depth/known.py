"""Known depth models: what they predict, how far they see, and under which licence.

Looked up by Hub id first, then by what the model's own configuration says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fgbg_depth.depth.kinds import METRIC, RELATIVE_DISPARITY, DepthKind


@dataclass(frozen=True)
class KnownModel:
    """pattern: regular expression over the whole Hub id. reach_m: farthest depth, metric models only."""

    pattern: str
    kind: DepthKind
    reach_m: float | None
    license: str


DISPARITY, FAR_M = RELATIVE_DISPARITY, 10_000.0

# Sources: the model cards on the Hub, and each model's configuration (max_depth).
KNOWN = (
    KnownModel("densedepth-demo", METRIC, 80.0, ""),
    KnownModel("densedepth-nyu", METRIC, 10.0, "gpl-3.0"),
    KnownModel("densedepth-kitti", METRIC, 80.0, "gpl-3.0"),
    KnownModel("LiheYoung/depth-anything-(small|base|large)-hf", DISPARITY, None, "apache-2.0"),
    KnownModel("depth-anything/Depth-Anything-V2-Small-hf", DISPARITY, None, "apache-2.0"),
    KnownModel("depth-anything/Depth-Anything-V2-(Base|Large|Giant)-hf", DISPARITY, None, "cc-by-nc-4.0"),
    KnownModel("depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf", METRIC, 20.0, "apache-2.0"),
    KnownModel("depth-anything/Depth-Anything-V2-Metric-Indoor-(Base|Large)-hf", METRIC, 20.0, "cc-by-nc-4.0"),
    KnownModel("depth-anything/Depth-Anything-V2-Metric-Outdoor-Small-hf", METRIC, 80.0, "apache-2.0"),
    KnownModel("depth-anything/Depth-Anything-V2-Metric-Outdoor-(Base|Large)-hf", METRIC, 80.0, "cc-by-nc-4.0"),
    KnownModel("Intel/zoedepth-nyu", METRIC, 10.0, "mit"),
    KnownModel("Intel/zoedepth-(kitti|nyu-kitti)", METRIC, 80.0, "mit"),
    KnownModel("Intel/dpt-(large|hybrid-midas)", DISPARITY, None, "apache-2.0"),
    KnownModel("Intel/dpt-(beit|swinv2)-.+", DISPARITY, None, "mit"),
    KnownModel("facebook/dpt-dinov2-(small|base|large|giant)-nyu", METRIC, 10.0, "apache-2.0"),
    KnownModel("facebook/dpt-dinov2-(small|base|large|giant)-kitti", METRIC, 80.0, "apache-2.0"),
    KnownModel("vinvino02/glpn-nyu", METRIC, 10.0, "apache-2.0"),
    KnownModel("vinvino02/glpn-kitti", METRIC, 80.0, "apache-2.0"),
    KnownModel("apple/DepthPro-hf", METRIC, FAR_M, "apple-amlr"),
)


def look_up(model: str) -> KnownModel | None:
    """The known model of this Hub id or of one of our own names; letter case does not matter."""
    return next((k for k in KNOWN if re.fullmatch(k.pattern, model, re.IGNORECASE)), None)


def kind_from_config(config: Mapping[str, Any]) -> tuple[DepthKind, float | None] | None:
    """(kind, reach in metres) as far as a model's own `config.json` tells it; None when it does not.

    A DPT configuration does not tell: Intel's predict disparity, Facebook's metres.
    """
    model_type, max_depth = config.get("model_type"), _number(config.get("max_depth"))
    if model_type == "densedepth":
        return METRIC, max_depth
    if model_type == "depth_anything":
        metric = config.get("depth_estimation_type") == "metric"
        return (METRIC, max_depth) if metric else (RELATIVE_DISPARITY, None)
    if model_type == "zoedepth":
        heads = config.get("bin_configurations") or [{}]
        reaches = [_number(head.get("max_depth")) for head in heads]
        return METRIC, None if None in reaches else max(r for r in reaches if r is not None)
    if model_type == "glpn":
        return METRIC, max_depth
    if model_type == "depth_pro":
        return METRIC, FAR_M
    return None


def license_warning(license: str) -> str | None:
    """One plain sentence when the licence restrains the use of the labels; None when it does not."""
    name = license.lower()
    if name.startswith("cc-by-nc") or name == "apple-amlr":
        return f"the depth model's licence ({license}) allows no commercial use of it, nor of its labels"
    if "gpl" in name:
        return (
            f"the depth model's code is under {license} and its weights carry no licence of their own; "
            "ask its authors before you publish or sell labels made with it"
        )
    return None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and value > 0 else None
