"""The table of known depth models: kind of depth, farthest depth and licence.

A model that is not in the table is described by its own `config.json`, as far as that states the kind.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fgbg_depth.depth.kinds import METRIC, RELATIVE_DISPARITY, DepthKind


@dataclass(frozen=True)
class KnownModel:
    """One line of the table.

    pattern: regular expression that the whole Hub id must match; letter case is ignored.
    kind: what the model predicts.
    reach_m: farthest depth it predicts, in metres; None unless it predicts metres.
    license: of the weights, as the model card names it; "" for the bundled model, which is part of this project.
    """

    pattern: str
    kind: DepthKind
    reach_m: float | None
    license: str


DISPARITY = RELATIVE_DISPARITY
DEPTH_PRO_REACH_M = 10_000.0  # Source: Depth Pro clips the inverse depth at 1e-4 a metre

# Sources: the model cards on the Hub, and each model's configuration (max_depth).
KNOWN_MODELS = (
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
    KnownModel("apple/DepthPro-hf", METRIC, DEPTH_PRO_REACH_M, "apple-amlr"),
)


def look_up(model: str) -> KnownModel | None:
    """The entry for a Hub id or for one of the densedepth-* names; None if the table has none."""
    return next((known for known in KNOWN_MODELS if re.fullmatch(known.pattern, model, re.IGNORECASE)), None)


def kind_from_config(config: Mapping[str, Any]) -> tuple[DepthKind, float | None] | None:
    """Kind and reach as stated by a model's `config.json`.

    A configuration of type "dpt" does not state the kind: Intel's DPT models predict disparity, Facebook's metres.

    Returns:
        (kind, reach in metres or None if not stated); None if the configuration does not state the kind.
    """
    model_type, max_depth = config.get("model_type"), max_depth_m(config)
    if model_type == "densedepth":
        return METRIC, max_depth
    if model_type == "depth_anything":
        is_metric = config.get("depth_estimation_type") == "metric"  # transformers' own word
        return (METRIC, max_depth) if is_metric else (RELATIVE_DISPARITY, None)
    if model_type == "zoedepth":
        reaches = [max_depth_m(head) for head in config.get("bin_configurations") or [{}]]
        known = [reach for reach in reaches if reach is not None]
        return METRIC, max(known) if len(known) == len(reaches) else None
    if model_type == "glpn":
        return METRIC, max_depth
    if model_type == "depth_pro":
        return METRIC, DEPTH_PRO_REACH_M
    return None


def license_warning(license: str) -> str | None:
    """A sentence for licences that restrict what may be done with the labels; None for the others."""
    name = license.lower()
    if name.startswith("cc-by-nc") or name == "apple-amlr":
        return f"the licence of this depth model ({license}) forbids commercial use of the model and of its labels"
    if "gpl" in name:
        return (
            f"the code of this depth model is under {license} and its weights have no licence of their own; "
            "ask the authors before you publish or sell labels made with it"
        )
    return None


def max_depth_m(config: Mapping[str, Any]) -> float | None:
    """The entry `max_depth` in metres, if it is a positive number; else None."""
    value = config.get("max_depth")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        return None
    return float(value)
