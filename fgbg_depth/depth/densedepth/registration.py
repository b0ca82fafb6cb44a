"""`import fgbg_depth` makes transformers' Auto classes know DenseDepth, without importing transformers.

A post-import hook registers each class when transformers' own auto module gets imported, be that later or in
the past. So `import fgbg_depth` stays cheap, and `AutoModelForDepthEstimation` knows DenseDepth all the same.
"""

from types import ModuleType

import wrapt

_AUTO = "transformers.models.auto"
_installed = False


def install() -> None:
    """Hook the registration into transformers' imports. Calling it again does nothing."""
    global _installed
    if _installed:
        return
    _installed = True
    # The model's hook imports torch, but only for someone who is importing modeling_auto anyway.
    wrapt.register_post_import_hook(_register_config, f"{_AUTO}.configuration_auto")
    wrapt.register_post_import_hook(_register_image_processor, f"{_AUTO}.image_processing_auto")
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
