"""What a conversion found, for the terminal and for the converted model's card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Source: the authors' evaluation code: depth ranges in metres, and the sizes it is run at.
DATASETS: dict[str, dict[str, Any]] = {
    "nyu": {"min_depth": 0.1, "max_depth": 10.0, "size": (480, 640)},
    "kitti": {"min_depth": 1.0, "max_depth": 80.0, "size": (384, 1280)},
}


@dataclass(frozen=True)
class ConversionReport:
    """What was found in the file; `str()` of it is what the command prints."""

    source: Path
    folder: Path
    variant: str
    dataset: str
    parameters: int
    tensors: int
    sha256: str
    settings: dict[str, Any]

    def __str__(self) -> str:
        settings, made_for = self.settings, DATASETS[self.dataset]
        blocks, millions = "/".join(map(str, settings["block_config"])), self.parameters / 1e6
        activations = "convA and convB" if settings["leaky_after_conv_a"] else "convB only"
        return "\n".join(
            (
                f"{self.source.name}: DenseDepth, {self.variant} variant, {millions:.2f} M parameters",
                f"  blocks {blocks}, decoder from {settings['decoder_width']} "
                f"channels, LeakyReLU {settings['leaky_slope']:g} after {activations}, "
                f"{'with' if settings['final_relu'] else 'without'} final ReLU, "
                f"batch normalisation epsilon {settings['batch_norm_eps']:g}",
                f"  {self.tensors} tensors, each used once; sha256 {self.sha256}",
                f"  depth {made_for['min_depth']:g}..{made_for['max_depth']:g} m ({self.dataset.upper()})",
                f"wrote {self.folder}",
            )
        )

    def card(self) -> str:
        """The converted folder's model card."""
        made_for = DATASETS[self.dataset]
        return f"""---
license: gpl-3.0
library_name: transformers
pipeline_tag: depth-estimation
---

# DenseDepth, {self.dataset.upper()}, {self.variant} variant

Converted from the authors' Keras file `{self.source.name}` (sha256 `{self.sha256}`),
{self.parameters:,} parameters. Predicts {made_for["min_depth"]:g} to {made_for["max_depth"]:g} metres.

Origin: Ibraheem Alhashim and Peter Wonka, "High Quality Monocular Depth Estimation via Transfer Learning",
2018, https://github.com/ialhashim/DenseDepth.

Licence: the authors' code is under GPL-3.0; the weights were published beside it without a licence of their
own. Ask the authors before you redistribute this folder or sell what is made with it.

```python
import fgbg_depth  # registers DenseDepth with transformers
from transformers import pipeline

pipeline("depth-estimation", model="{self.folder.name}")("picture.jpg")["predicted_depth"]  # metres
```
"""
