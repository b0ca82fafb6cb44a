"""Tiny depth models with random weights, saved in the layout of models on the Hub."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    DPTConfig,
    DPTForDepthEstimation,
    GLPNConfig,
    GLPNForDepthEstimation,
)
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
from transformers.models.glpn.image_processing_pil_glpn import GLPNImageProcessorPil

from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.image_processing import DenseDepthImageProcessor
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

STAGES = ["stage1", "stage2", "stage3", "stage4"]
VIT = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 64}
NECK = {"neck_hidden_sizes": [8, 16, 16, 16], "fusion_hidden_size": 16}


def with_noise(model, seed: int = 0):
    """Add noise to the weights: with the initial ones the prediction hardly depends on the picture."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def save(folder: Path, model, processor) -> Path:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def depth_anything(folder: Path, metric: bool = False) -> Path:
    backbone = Dinov2Config(
        **VIT, image_size=56, patch_size=14, out_features=STAGES, reshape_hidden_states=False, apply_layernorm=True
    )
    kind = {"depth_estimation_type": "metric", "max_depth": 20} if metric else {}
    torch.manual_seed(0)
    config = DepthAnythingConfig(
        backbone_config=backbone, patch_size=14, reassemble_hidden_size=32, **NECK, head_hidden_size=8, **kind
    )
    processor = DPTImageProcessorPil(
        size={"height": 98, "width": 98},
        keep_aspect_ratio=True,
        ensure_multiple_of=14,
        resample=3,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    return save(folder, with_noise(DepthAnythingForDepthEstimation(config)), processor)


def dpt(folder: Path) -> Path:
    torch.manual_seed(0)
    config = DPTConfig(**VIT, **NECK, image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3])
    model = with_noise(DPTForDepthEstimation(config))
    model.head.head[4].bias.data += 3  # so that its final ReLU does not clip the output
    return save(folder, model, DPTImageProcessorPil(size={"height": 64, "width": 64}))


def glpn(folder: Path) -> Path:
    torch.manual_seed(0)
    config = GLPNConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8
    )
    return save(folder, with_noise(GLPNForDepthEstimation(config)), GLPNImageProcessorPil())


def densedepth(folder: Path, size: tuple[int, int] | None = (64, 96), **settings) -> Path:
    """A DenseDepth with 60,000 parameters whose output spans its range."""
    torch.manual_seed(0)
    small = {"num_init_features": 16, "growth_rate": 8, "block_config": [2, 2, 2, 2], "decoder_width": 32}
    model = DenseDepthForDepthEstimation(DenseDepthConfig(**{**small, **settings})).eval()
    with torch.no_grad():
        model.conv3.weight *= 500
    processor = DenseDepthImageProcessor(size={"height": size[0], "width": size[1]} if size else None)
    return save(folder, model, processor)


def pictures(count: int, height: int = 100, width: int = 100, seed: int = 0) -> np.ndarray:
    """(N, height, width, 3) uint8, smooth and colourful."""
    rng = np.random.Generator(np.random.Philox(seed))
    small = rng.integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((width, height), 3)) for one in small])
