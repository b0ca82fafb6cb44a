"""What this package changes in transformers: its Auto classes know DenseDepth, and its progress bars can be hidden.

`import fgbg_depth` calls `register_densedepth`, which must not import transformers or torch, because both take
seconds. It sets post-import hooks instead: each class is registered when the auto module that needs it is imported,
or at once if that has happened already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import wrapt

_AUTO = "transformers.models.auto"
_hooks_are_set = False


def register_densedepth() -> None:
    """Set the hooks that register DenseDepth with transformers' Auto classes. Later calls do nothing."""
    global _hooks_are_set
    if _hooks_are_set:
        return
    _hooks_are_set = True
    wrapt.register_post_import_hook(_register_config, f"{_AUTO}.configuration_auto")
    wrapt.register_post_import_hook(_register_image_processor, f"{_AUTO}.image_processing_auto")
    # this hook imports torch, but so does modeling_auto
    wrapt.register_post_import_hook(_register_model, f"{_AUTO}.modeling_auto")


def _register_config(auto: ModuleType) -> None:
    from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig

    auto.AutoConfig.register(DenseDepthConfig.model_type, DenseDepthConfig, exist_ok=True)


def _register_image_processor(auto: ModuleType) -> None:
    from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
    from fgbg_depth.depth.densedepth.image_processing import DenseDepthImageProcessor

    auto.AutoImageProcessor.register(
        DenseDepthConfig, image_processor_classes={"pil": DenseDepthImageProcessor}, exist_ok=True
    )


def _register_model(auto: ModuleType) -> None:
    from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
    from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

    auto.AutoModelForDepthEstimation.register(DenseDepthConfig, DenseDepthForDepthEstimation, exist_ok=True)


@contextmanager
def hidden_progress_bars() -> Iterator[None]:
    """Hide transformers' progress bars for reading and writing weights, which every worker would print."""
    from transformers.utils import logging

    were_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if were_shown:
            logging.enable_progress_bar()
