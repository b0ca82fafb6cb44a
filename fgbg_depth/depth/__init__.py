"""Depth models: where they come from, what their values mean, and the labeller that runs them in batches.

Importing this package is cheap: torch and transformers are imported by the functions that need them.

    spec = resolve_spec(recipe, sample_images)            # kind, unit, scale, model and revision
    labeller = load_labeller(recipe, spec, device="auto")
    stored = labeller(images)                             # (N, H, W, 3) uint8 -> (N, H, W) uint16
    decode_depth(stored[0], spec)                         # (H, W) float32, metres or the relative value
"""

from fgbg_depth.depth.models import Labeller, load_labeller, num_gpus, resolve_spec
from fgbg_depth.depth.spec import DepthSpec, decode_depth, encode_values

__all__ = ["DepthSpec", "Labeller", "decode_depth", "encode_values", "load_labeller", "num_gpus", "resolve_spec"]
