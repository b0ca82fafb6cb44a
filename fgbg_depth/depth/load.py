"""Load a depth model and its image processor from a folder; errors name the file that is wrong."""

from __future__ import annotations

import re
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from fgbg_depth.depth.densedepth.transformers_hooks import hidden_progress_bars, register_densedepth
from fgbg_depth.depth.model_files import ModelFiles
from fgbg_depth.errors import DepthError
from fgbg_depth.paths import PACKAGE

NEED_TORCHVISION = ("zoedepth", "depth_pro")  # their processors resize depth maps with it

# Weights that some published checkpoints lack and that no forward pass uses. The first fusion layer of a DPT has only
# one input, so it does not use its residual_layer1.
UNUSED = re.compile(r"neck\.fusion_stage\.layers\.0\.residual_layer1\..*|.*\.num_batches_tracked|.*mask_token")


def check_model_type(files: ModelFiles) -> None:
    """Check that transformers can load the model for depth estimation, going by its `config.json`.

    Raises:
        DepthError: it cannot.
    """
    import transformers

    register_densedepth()
    config = files.config()
    model_type: Any = config.get("model_type")
    known = isinstance(model_type, str) and model_type in transformers.CONFIG_MAPPING
    if known and transformers.CONFIG_MAPPING[model_type] in transformers.MODEL_FOR_DEPTH_ESTIMATION_MAPPING:
        return
    architectures = config.get("architectures")
    made_for = f" ({', '.join(map(str, architectures))})" if isinstance(architectures, list) else ""
    if known:
        why = f"its config.json says model_type {model_type!r}{made_for}, which does not predict depth"
    elif model_type is None:
        why = "its config.json has no model_type, so it is not in the format of transformers"
    else:
        version = transformers.__version__
        why = f"its config.json says model_type {model_type!r}, which transformers {version} does not know"
    raise DepthError(
        f"{files.name} is not a depth model that can be used: {why}.\n"
        "  Choose a model that AutoModelForDepthEstimation loads, such as densedepth-nyu or "
        "depth-anything/Depth-Anything-V2-Small-hf."
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
    except Exception as e:
        _raise_own_fault(e)
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
        DepthError: it is not a depth model, a file is damaged, or weights are missing or of the wrong shape; the
            message names the file.
    """
    import torch
    from transformers import AutoModelForDepthEstimation

    check_model_type(files)
    _check_weights(files)
    try:
        with hidden_progress_bars():
            model, report = AutoModelForDepthEstimation.from_pretrained(
                files.folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
            )
    except Exception as e:
        _raise_own_fault(e)
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


def _raise_own_fault(error: Exception) -> None:
    """Raise `error` if it is a fault of this package's code: another folder or download would not help.

    Damaged files make transformers raise nearly any type, so that the type alone does not tell.
    """
    frames = traceback.extract_tb(error.__traceback__)
    is_own = bool(frames) and Path(frames[-1].filename).is_relative_to(PACKAGE)
    if isinstance(error, NameError) or (is_own and isinstance(error, (AttributeError, AssertionError))):
        raise error


def _cannot_load(files: ModelFiles, what: str, e: Exception) -> DepthError:
    reason = (str(e).strip().splitlines() or [""])[0][:300]
    needs = re.search(r"requires the (\w+) library|install (torchvision|timm)", str(e), re.IGNORECASE)
    library = next((name for name in (needs.groups() if needs else ()) if name), None)
    advice = f"Install it: pip install {library.lower()}" if library else "Check the folder, or fetch the model again."
    return DepthError(f"{files.folder}: cannot load the {what}: {type(e).__name__}: {reason}\n  {advice}")
