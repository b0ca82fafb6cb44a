"""The result of a conversion, as text for the terminal and as the converted model's card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrainedOn:
    """What follows from the dataset on which the authors trained: depth range in metres, (height, width) in pixels."""

    min_depth_m: float
    max_depth_m: float
    input_size: tuple[int, int]


# Source: the authors' evaluation code.
TRAINED_ON = {"nyu": TrainedOn(0.1, 10.0, (480, 640)), "kitti": TrainedOn(1.0, 80.0, (384, 1280))}


@dataclass(frozen=True)
class ConversionReport:
    """What was found in the Keras file; `str()` of it is what the command prints.

    source: the Keras file.  folder: the converted model.
    variant: released, current, or custom.  dataset: nyu or kitti.
    parameters, tensors: their numbers.
    sha256: of the Keras file.
    settings: arguments of DenseDepthConfig.
    """

    source: Path
    folder: Path
    variant: str
    dataset: str
    parameters: int
    tensors: int
    sha256: str
    settings: dict[str, Any]

    def __str__(self) -> str:
        settings, trained_on = self.settings, TRAINED_ON[self.dataset]
        blocks, millions = "/".join(map(str, settings["block_config"])), self.parameters / 1e6
        activations = "convA and convB" if settings["leaky_after_conv_a"] else "convB only"
        return "\n".join(
            (
                f"{self.source.name}: DenseDepth, {self.variant} variant, {millions:.2f} M parameters",
                f"  blocks {blocks}, decoder from {settings['decoder_width']} "
                f"channels, LeakyReLU {settings['leaky_slope']:g} after {activations}, "
                f"{'with' if settings['final_relu'] else 'without'} final ReLU, "
                f"batch normalisation epsilon {settings['batch_norm_eps']:g}",
                f"  {self.tensors} tensors, each used once; SHA-256 {self.sha256}",
                f"  depth {trained_on.min_depth_m:g}..{trained_on.max_depth_m:g} m ({self.dataset.upper()})",
                f"wrote {self.folder}",
            )
        )

    def card(self) -> str:
        """The converted folder's model card."""
        trained_on = TRAINED_ON[self.dataset]
        return f"""---
license: gpl-3.0
library_name: transformers
pipeline_tag: depth-estimation
---

# DenseDepth, {self.dataset.upper()}, {self.variant} variant

Converted from the authors' Keras file `{self.source.name}` (SHA-256 `{self.sha256}`),
{self.parameters:,} parameters. Predicts {trained_on.min_depth_m:g} to {trained_on.max_depth_m:g} metres.

Origin: Ibraheem Alhashim and Peter Wonka, "High Quality Monocular Depth Estimation via Transfer Learning",
2018, https://github.com/ialhashim/DenseDepth.

Licence: the authors' code is under GPL-3.0. The weights were published with it, without a licence of their own.
Ask the authors before you redistribute this folder or sell what is made with it.

```python
import fgbg_depth  # registers DenseDepth with transformers
from transformers import pipeline

pipeline("depth-estimation", model="{self.folder.name}")("picture.jpg")["predicted_depth"]  # metres
```
"""
