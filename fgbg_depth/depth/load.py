"""Load a depth model and its image processor from a folder; errors name the file that is wrong."""

from __future__ import annotations

import pickle
import re
from importlib.util import find_spec
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open

from fgbg_depth.depth.densedepth.transformers_hooks import hidden_progress_bars, register_densedepth
from fgbg_depth.depth.model_files import ModelFiles
from fgbg_depth.errors import DepthError

# What transformers raises for a wrong or damaged folder. Others, such as AttributeError, are programming errors:
# they keep their traceback, because fetching the model again would not help.
WRONG_FOLDER = (
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    ImportError,
    MemoryError,
    EOFError,
    pickle.UnpicklingError,
    SafetensorError,
    StrictDataclassError,
)

NEED_TORCHVISION = ("zoedepth", "depth_pro")  # their processors resize depth maps with it

# Weights that some published checkpoints lack and that no forward pass uses. The first fusion layer of a DPT has only
# one input, so it does not use its residual_layer1.
UNUSED = re.compile(r"neck\.fusion_stage\.layers\.0\.residual_layer1\..*|.*\.num_batches_tracked|.*mask_token")


def check_is_depth_model(files: ModelFiles) -> None:
    """Check that transformers knows the type of this model, and that it is a type of depth model.

    Raises:
        DepthError: it is another type, such as a language model.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING

    register_densedepth()
    model_type = files.config().get("model_type")
    if model_type not in {config.model_type for config in MODEL_FOR_DEPTH_ESTIMATION_MAPPING}:
        raise DepthError(
            f"{files.name} is not a depth model: its config.json has the model_type {model_type!r}, which "
            "AutoModelForDepthEstimation does not load.\n"
            "  Choose a model for depth estimation; on the Hub its id often ends in -hf. Other depth models can be "
            "used by a labeller: docs/labellers.md."
        )


def load_processor(files: ModelFiles) -> Any:
    """The model's image processor with its Pillow backend: the same pixels with and without torchvision.

    Raises:
        DepthError: there is none, it cannot be loaded, or it cannot post-process depth.
    """
    from transformers import AutoImageProcessor

    register_densedepth()
    model_type = files.config().get("model_type")
    if model_type in NEED_TORCHVISION and find_spec("torchvision") is None:
        raise DepthError(
            f"{files.name}: depth models of type {model_type} need torchvision.\n  Install it: pip install torchvision"
        )
    try:
        processor = AutoImageProcessor.from_pretrained(files.folder, backend="pil", local_files_only=True)
    except WRONG_FOLDER as e:
        raise _cannot_load(files, "image processor (preprocessor_config.json)", e) from e
    if not hasattr(processor, "post_process_depth_estimation"):
        raise DepthError(
            f"{files.name} is not a model for depth estimation: its image processor ({type(processor).__name__}) "
            "has no post_process_depth_estimation.\n  Choose a model that AutoModelForDepthEstimation loads."
        )
    return processor


def load_model(files: ModelFiles) -> Any:
    """The model in fp32 on the CPU, in evaluation mode, with every weight read from its files.

    Raises:
        DepthError: a file is damaged, or weights are missing or of the wrong shape; the message names the file.
    """
    import torch
    from transformers import AutoModelForDepthEstimation

    register_densedepth()
    _check_weights(files)
    try:
        with hidden_progress_bars():
            model, report = AutoModelForDepthEstimation.from_pretrained(
                files.folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
            )
    except WRONG_FOLDER as e:
        raise _cannot_load(files, "depth model", e) from e
    # transformers only warns about missing weights and makes them up at random: the labels would be noise
    missing = sorted(str(key) for key in report["missing_keys"] if not UNUSED.fullmatch(str(key)))
    wrong = sorted(str(key) for key in report["mismatched_keys"])
    if missing or wrong:
        what = f"{len(missing)} weights are missing" if missing else f"{len(wrong)} weights have the wrong shape"
        raise DepthError(
            f"{files.folder}: the weights do not fit config.json: {what}, such as {(missing or wrong)[0]}.\n"
            "  The folder is damaged or mixes two models. Fetch or convert the model again."
        )
    return model.eval().requires_grad_(False)


def _check_weights(files: ModelFiles) -> None:
    """Open each safetensors file, so that the error for a truncated file or a wrong header names the file.

    Raises:
        DepthError: a file is damaged.
    """
    for path in files.weights():
        if path.suffix != ".safetensors":
            continue
        try:
            with safe_open(path, framework="pt"):
                pass
        except (SafetensorError, OSError, ValueError) as e:
            raise DepthError(f"{path}: damaged weights ({e}).\n  Fetch or convert the model again.") from e


def _cannot_load(files: ModelFiles, what: str, e: Exception) -> DepthError:
    reason = (str(e).strip().splitlines() or [""])[0][:300]
    needs = re.search(r"requires the (\w+) library|install (torchvision|timm)", str(e), re.IGNORECASE)
    library = next((name for name in (needs.groups() if needs else ()) if name), None)
    advice = f"Install it: pip install {library.lower()}" if library else "Check the folder, or fetch the model again."
    return DepthError(f"{files.folder}: cannot load the {what}: {type(e).__name__}: {reason}\n  {advice}")
