"""fgbg-depth: (image, mask, depth) datasets from a folder of backgrounds and a folder of cut-outs.

    import fgbg_depth
    fgbg_depth.build(fgbg_depth.Recipe(backgrounds="bg/", foregrounds="fg/"), "my-dataset")
    dataset = fgbg_depth.load("user/name", revision="v1.0.0", split="train")
    depth_m = fgbg_depth.decode_depth(dataset[0]["fg_bg_depth"], spec)
    composed = fgbg_depth.compose_row("user/name", row)

Importing the package is cheap: the names below are loaded at their first use (they are declared in `__init__.pyi`),
and torch, transformers and datasets are imported by the functions that need them. Once transformers is imported,
`AutoModelForDepthEstimation` opens DenseDepth checkpoints.
"""

import lazy_loader

from fgbg_depth.depth.densedepth.transformers_hooks import register_densedepth

__version__ = "1.0.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
register_densedepth()
