"""DenseDepth's image processor: RGB in [0, 1] with sides that are multiples of 32, and depth maps at a stated size."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import BatchFeature
from transformers.image_processing_backends import PilBackend
from transformers.image_utils import PILImageResampling, SizeDict
from transformers.processing_utils import ImagesKwargs


class DenseDepthImageProcessorKwargs(ImagesKwargs, total=False):
    """size_divisor: if `size` is not set, each side is resized to its nearest multiple of this, at least 1 of it."""

    size_divisor: int


class DenseDepthImageProcessor(PilBackend):
    """Prepares images for DenseDepth and resizes its predictions to the size of the images.

    `size` is the input size at which the network was trained: {"height": 480, "width": 640} for NYU. If it is None,
    the image keeps its size, rounded to multiples of `size_divisor`.

    Example:
        inputs = processor(images=image, return_tensors="pt")          # pixel_values (1, 3, H, W), [0, 1]
        maps = processor.post_process_depth_estimation(model(**inputs), target_sizes=[image.size[::-1]])
        maps[0]["predicted_depth"]                                     # (height, width) float32, metres
    """

    valid_kwargs = DenseDepthImageProcessorKwargs
    model_input_names = ["pixel_values"]  # noqa: RUF012

    do_convert_rgb = True
    do_resize = True
    do_rescale = True
    rescale_factor = 1 / 255
    do_normalize = False
    resample = PILImageResampling.BILINEAR
    size = None
    size_divisor = 32

    def _validate_preprocess_kwargs(self, **kwargs: Any) -> None:  # type: ignore[override]
        kwargs.pop("do_resize", None)  # the check of it requires a `size`, which may be None here
        super()._validate_preprocess_kwargs(**kwargs)

    def _preprocess(  # type: ignore[override]
        self,
        images: list[np.ndarray],
        do_resize: bool,
        size: SizeDict | None,
        resample: PILImageResampling,
        do_rescale: bool,
        rescale_factor: float,
        do_normalize: bool,
        image_mean: Any,
        image_std: Any,
        size_divisor: int = 32,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        prepared = []
        for image in images:
            if do_resize:
                target = size or nearest_size(image.shape[-2], image.shape[-1], size_divisor)
                if (target.height, target.width) != image.shape[-2:]:
                    image = self.resize(image, target, resample=resample)
            image = np.asarray(image, dtype=np.float32)
            if do_rescale:
                image = image * np.float32(rescale_factor)
            if do_normalize:
                image = self.normalize(image, image_mean, image_std)
            prepared.append(image)
        return BatchFeature({"pixel_values": prepared}, tensor_type=return_tensors)

    def post_process_depth_estimation(
        self, outputs: Any, target_sizes: list[tuple[int, int]] | None = None
    ) -> list[dict[str, Any]]:
        """Resize each predicted depth map to its target size, bilinear with half-pixel centres.

        Args:
            outputs: with `predicted_depth`, (N, h, w) metres.
            target_sizes: N x (height, width); None keeps the sizes.
        Returns:
            for each image {"predicted_depth": (height, width) float32, metres}.
        Raises:
            ValueError: the number of target sizes is not N.
        """
        depths = outputs.predicted_depth
        if target_sizes is None:
            return [{"predicted_depth": depth} for depth in depths]
        sizes = [(int(height), int(width)) for height, width in target_sizes]
        if len(sizes) != len(depths):
            raise ValueError(f"{len(depths)} depth maps but {len(sizes)} target sizes")
        if len(set(sizes)) == 1:  # all rows of a dataset have one size: one call for all images
            return [{"predicted_depth": depth} for depth in _resized(depths, sizes[0])]
        pairs = zip(depths, sizes, strict=True)
        return [{"predicted_depth": _resized(depth[None], size)[0]} for depth, size in pairs]


def _resized(depths: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(N, h, w) to (N, height, width) float32."""
    return functional.interpolate(depths[:, None].float(), size, mode="bilinear", align_corners=False)[:, 0]


def nearest_size(height: int, width: int, divisor: int) -> SizeDict:
    """The nearest multiple of `divisor` for each side, at least 1 of it: (224, 200, 32) -> 224 x 192."""
    sides = [max(1, round(side / divisor)) * divisor for side in (height, width)]
    return SizeDict(height=sides[0], width=sides[1])
