"""fgbg-depth: (image, mask, depth) datasets from a folder of backgrounds and a folder of cut-outs.

    import fgbg_depth
    fgbg_depth.build(fgbg_depth.Recipe(backgrounds="bg/", foregrounds="fg/"), "my-dataset")
    dataset = fgbg_depth.load("user/name", revision="v1.0.0", split="train")
    depth_m = fgbg_depth.decode_depth(dataset[0]["fg_bg_depth"], spec)

Importing it is cheap: torch, transformers and datasets are imported by what needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fgbg_depth.depth.registration import install as _register_depth_models

if TYPE_CHECKING:
    from fgbg_depth.dataset import FgBgDepth as FgBgDepth
    from fgbg_depth.depth.spec import DepthSpec as DepthSpec
    from fgbg_depth.depth.spec import decode_depth as decode_depth
    from fgbg_depth.loading import load as load
    from fgbg_depth.loading import with_backgrounds as with_backgrounds
    from fgbg_depth.pipeline import build as build
    from fgbg_depth.recipe import Recipe as Recipe

__version__ = "1.0.0"

_HOME = {
    "DepthSpec": "depth.spec",
    "FgBgDepth": "dataset",
    "Recipe": "recipe",
    "build": "pipeline",
    "decode_depth": "depth.spec",
    "load": "loading",
    "with_backgrounds": "loading",
}
__all__ = sorted(_HOME)

_register_depth_models()  # when transformers is imported, AutoModelForDepthEstimation learns of DenseDepth


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fgbg_depth' has no attribute {name!r}")
    return getattr(import_module(f"fgbg_depth.{_HOME[name]}"), name)
