"""Label the bare backgrounds, once each, before the shards are built."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from fgbg_depth import schema
from fgbg_depth.builder.messages import Log, count
from fgbg_depth.depth import models
from fgbg_depth.depth.background_ground import find_stage
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import decode_grey, decode_rgb
from fgbg_depth.render.png import encode_depth
from fgbg_depth.sources.load import Source
from fgbg_depth.sources.prepared import picture_key, stored_depths
from fgbg_depth.storage.files import Storage


def label_backgrounds(plan: Plan, storage: Storage, device: str, log: Log) -> Plan:
    """The plan with the depth of every background. Labels that the output has already are reused.

    Args:
        device: where the depth model runs.
        log: called with a line about the backgrounds that are labelled.
    """
    if plan.spec is None:
        return plan
    known = stored_depths(storage, plan.depth_key)
    missing = [source for source in plan.sources.backgrounds if picture_key(source.png) not in known]
    if missing:
        log(f"Predicting the depth of {count(len(missing), 'background')} with {plan.spec.model}.")
        depths = predict_backgrounds(missing, plan.recipe, plan.spec, device)
        known |= zip((picture_key(source.png) for source in missing), depths, strict=True)
    backgrounds = [dataclasses.replace(s, depth=known[picture_key(s.png)]) for s in plan.sources.backgrounds]
    if schema.GROUND in plan.extras:
        backgrounds = [with_ground(source, plan.spec) for source in backgrounds]
        without = [source.name for source in backgrounds if source.ground is None]
        if without:
            log(
                f"No ground found on {len(without)} of {count(len(backgrounds), 'background')}; cut-outs stand in "
                f"ground_band there: {', '.join(without[:10])}{' ...' if len(without) > 10 else ''}"
            )
    return dataclasses.replace(plan, sources=dataclasses.replace(plan.sources, backgrounds=tuple(backgrounds)))


def with_ground(background: Source, spec: DepthSpec) -> Source:
    """A labelled background with the ground that its depth shows, or without if none was found."""
    stage = find_stage(decode_grey(background.depth), spec)
    return dataclasses.replace(background, ground=stage.ground if stage else None)


def predict_backgrounds(sources: Sequence[Source], recipe: Recipe, spec: DepthSpec, device: str) -> list[bytes]:
    """PNG of the predicted depth of each background."""
    labeller = models.load_labeller(recipe, spec, device)
    depths: list[bytes] = []
    for start in range(0, len(sources), labeller.batch_size):
        pixels = np.stack([decode_rgb(source.png) for source in sources[start : start + labeller.batch_size]])
        depths += [encode_depth(stored) for stored in labeller(pixels)]
    labeller.release()  # the workers need the device's memory
    return depths
