"""A scene: all cut-outs of a row, with size, angle and depth order, and how they are blended."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fgbg_depth.scene.layers import Layer, row_facts
from fgbg_depth.schema import OBJECT_FIELDS


@dataclass(frozen=True)
class Scene:
    """Everything that decides the pixels of a row, beside its background and its cut-outs.

    Args:
        layers: farthest first; later ones lie in front.
        own: position in `layers` of the cut-out that the row is named after.
        blend: one of `render.soften.BLENDS`, of all layers.
    """

    layers: tuple[Layer, ...]
    own: int
    blend: str

    def facts(self, bg_name: str) -> dict[str, Any]:
        """The columns of the row that hold no image, in stored order. `from_facts` is the inverse."""
        own = self.layers[self.own]
        return {
            **row_facts(bg_name, own.fg, own),
            "angle": own.angle,
            "visible": own.visible,
            "num_objects": len(self.layers),
            "blend": self.blend,
            "objects": [{name: getattr(layer, name) for name in OBJECT_FIELDS} for layer in self.layers],
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Scene:
        """The scene of a stored row.

        Args:
            facts: at least the columns fg, placement, blend and objects.
        """
        layers = tuple(Layer(**values, placement=facts["placement"]) for values in facts["objects"])
        own = next(i for i, layer in enumerate(layers) if layer.fg == facts["fg"])
        return cls(layers, own, facts["blend"])

    def seen(self, visible: tuple[float, ...]) -> Scene:
        """The same scene with the visible share of each layer."""
        layers = tuple(dataclasses.replace(a, visible=v) for a, v in zip(self.layers, visible, strict=True))
        return dataclasses.replace(self, layers=layers)
