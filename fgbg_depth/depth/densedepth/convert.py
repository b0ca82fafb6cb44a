"""From the authors' Keras weights to a folder that transformers loads."""

from __future__ import annotations

import hashlib
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from fgbg_depth.depth.densedepth.keras_file import KerasFile, open_keras
from fgbg_depth.depth.densedepth.keras_graph import Architecture, recognise
from fgbg_depth.depth.densedepth.keras_names import recognise_names
from fgbg_depth.depth.densedepth.report import DATASETS, ConversionReport
from fgbg_depth.depth.densedepth.transformers_hooks import hidden_progress_bars
from fgbg_depth.errors import DepthError

CONV_WEIGHTS = {"kernel": "weight", "bias": "bias"}
NORM_WEIGHTS = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def convert_weights(file: str | Path, folder: str | Path, dataset: str | None = None) -> ConversionReport:
    """Convert a Keras HDF5 file of DenseDepth (released or current variant) into a folder.

    Args:
        file: nyu.h5, kitti.h5, or what the authors' current code saves with `model.save`.
        folder: made by this; must not exist yet, or be empty.
        dataset: nyu (0.1..10 m) or kitti (1..80 m), which is not in the file; default: kitti when the file's
            name says so, else nyu.
    Raises:
        DepthError: the file is damaged or is no DenseDepth. Nothing is left behind.
    """
    file, folder = Path(file), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DepthError(f"{folder} exists already.\n  Give a new folder, or remove that one first.")
    dataset = dataset or ("kitti" if "kitti" in file.name.lower() else "nyu")
    if dataset not in DATASETS:
        raise DepthError(f"dataset is {dataset!r}; allowed: {', '.join(DATASETS)}.")
    with open_keras(file) as opened:
        try:
            if opened.model_config is not None:
                architecture = recognise(opened.model_config)
            else:
                shapes = {key: dataset.shape for key, dataset in opened.weights.items()}
                architecture = recognise_names(opened.layers, shapes)
            model = _fill(architecture, opened, DATASETS[dataset])
        except DepthError as e:
            raise DepthError(f"{file}: {e}") from e
        num_tensors = len(opened.weights)
    report = ConversionReport(
        source=file,
        folder=folder,
        variant=_variant(architecture.settings),
        dataset=dataset,
        parameters=sum(p.numel() for p in model.parameters()),
        tensors=num_tensors,
        sha256=_sha256(file),
        settings=architecture.settings,
    )
    _write(model, report)
    return report


def _fill(architecture: Architecture, file: KerasFile, made_for: dict[str, Any]) -> Any:
    """The torch model with every tensor of the file in its place."""
    import torch

    from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
    from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

    depth_range = {key: made_for[key] for key in ("min_depth", "max_depth")}
    config = DenseDepthConfig(**architecture.settings, **depth_range)
    with torch.device("meta"):  # shapes without memory: what the file claims is checked before it is believed
        model = DenseDepthForDepthEstimation(config)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    left = dict(file.weights)
    state: dict[str, torch.Tensor] = {}
    for module, layer in architecture.layers.items():
        is_norm = f"{module}.running_mean" in shapes
        for keras_name, torch_name in (NORM_WEIGHTS if is_norm else CONV_WEIGHTS).items():
            target = f"{module}.{torch_name}"
            if target not in shapes:
                continue  # a convolution without bias
            if (layer, keras_name) not in left:
                raise DepthError(f"layer {layer} has no {keras_name}.\n  The file is not whole; fetch it again.")
            values = _read(left.pop((layer, keras_name)), shapes[target], f"{layer}/{keras_name}")
            state[target] = torch.from_numpy(values)
        if is_norm:
            state[f"{module}.num_batches_tracked"] = torch.tensor(0)
    if left:
        raise DepthError(f"{len(left)} weights belong to no layer of DenseDepth, such as {'/'.join(min(left))}.")
    model = model.to_empty(device="cpu")
    model.load_state_dict(state, strict=True)
    return model.eval()


def _read(dataset: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """A weight in torch's layout, float32; refused before it is read when its shape is not what fits."""
    order = (3, 2, 0, 1) if len(shape) == 4 else tuple(range(len(shape)))  # Keras: height, width, in, out
    keras_shape = tuple(shape[order.index(i)] for i in range(len(shape)))
    if dataset.shape != keras_shape or dataset.dtype.kind != "f":
        raise DepthError(
            f"weight {name} is {dataset.shape} {dataset.dtype}; {keras_shape} float32 was expected.\n"
            "  The file is damaged, or mixes two models."
        )
    if not math.prod(keras_shape) or dataset.id.get_storage_size() == 0:
        raise DepthError(f"weight {name} has no data.\n  The file is not whole; fetch it again.")
    values = np.asarray(dataset[()], dtype=np.float32)
    if not np.isfinite(values).all():
        raise DepthError(f"weight {name} has numbers that are not finite.\n  The file is damaged; fetch it again.")
    return np.ascontiguousarray(values.transpose(order))


def _variant(settings: dict[str, Any]) -> str:
    known = {(1664, False): "released", (832, True): "current"}
    return known.get((settings["decoder_width"], settings["leaky_after_conv_a"]), "custom")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(model: Any, report: ConversionReport) -> None:
    """All files under a temporary name, then one rename: the folder is whole or not there."""
    from fgbg_depth.depth.densedepth.image_processing import DenseDepthImageProcessor

    folder = report.folder
    height, width = DATASETS[report.dataset]["size"]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    except OSError as e:
        raise DepthError(f"{folder}: cannot write here ({e}).") from e
    try:
        made.chmod(0o755)
        with hidden_progress_bars():
            model.save_pretrained(made)
        DenseDepthImageProcessor(size={"height": height, "width": width}).save_pretrained(made)
        (made / "README.md").write_text(report.card(), encoding="utf-8")
        for path in made.iterdir():
            path.chmod(0o644)  # safetensors are made readable by their owner only
        if folder.exists():
            folder.rmdir()  # empty: checked before
        made.replace(folder)
    except OSError as e:
        raise DepthError(f"{folder}: cannot write the converted model ({e}).\n  Nothing was left behind.") from e
    finally:
        shutil.rmtree(made, ignore_errors=True)
