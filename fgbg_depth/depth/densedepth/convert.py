"""Convert the authors' Keras weights to a folder that transformers loads."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from huggingface_hub.errors import StrictDataclassError
from numpy.typing import NDArray

from fgbg_depth.depth.densedepth.keras_file import KerasFile, KerasWeight, WeightsFileError, open_keras
from fgbg_depth.depth.densedepth.keras_graph import Architecture, recognise
from fgbg_depth.depth.densedepth.keras_names import recognise_names
from fgbg_depth.depth.densedepth.report import TRAINED_ON, ConversionReport
from fgbg_depth.depth.densedepth.transformers_hooks import hidden_progress_bars
from fgbg_depth.errors import DepthError

if TYPE_CHECKING:
    from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

CONV_WEIGHTS = {"kernel": "weight", "bias": "bias"}
NORM_WEIGHTS = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
VARIANTS = {(1664, False): "released", (832, True): "current"}  # by decoder width and LeakyReLU after convA


def convert_weights(file: str | Path, folder: str | Path, dataset: str | None = None) -> ConversionReport:
    """Convert a Keras HDF5 file of DenseDepth (released or current variant) to a model folder.

    Args:
        file: nyu.h5, kitti.h5, or what the authors' current code saves with `model.save`.
        folder: is created; if it exists, it must be empty.
        dataset: nyu (0.1..10 m) or kitti (1..80 m), which the file does not state; by default kitti if the file's
            name contains that word, else nyu.
    Raises:
        WeightsFileError: the file is damaged or is not a DenseDepth network.
        DepthError: the folder is not empty or cannot be written, or `dataset` is unknown.
            After either error the folder is as it was before.
    """
    file, folder = (Path(os.path.expanduser(path)) for path in (file, folder))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DepthError(f"{folder} exists already and is not an empty folder.\n  Give a new folder, or remove it.")
    dataset = dataset or ("kitti" if "kitti" in file.name.lower() else "nyu")
    if dataset not in TRAINED_ON:
        raise DepthError(f"dataset is {dataset!r}; allowed: {', '.join(TRAINED_ON)}.")
    try:
        with open_keras(file) as opened:
            architecture = _architecture(opened)
            model = _fill(architecture, opened, dataset)
    except WeightsFileError as e:
        raise WeightsFileError(f"{file}: {e}") from e
    settings = architecture.settings
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    report = ConversionReport(
        source=file,
        folder=folder,
        variant=VARIANTS.get((settings["decoder_width"], settings["leaky_after_conv_a"]), "custom"),
        dataset=dataset,
        parameters=sum(p.numel() for p in model.parameters()),
        tensors=len(opened.weights),
        sha256=sha256,
        settings=settings,
    )
    _write(model, report)
    return report


def _architecture(file: KerasFile) -> Architecture:
    if file.layers is not None:
        return recognise(file.layers)
    return recognise_names(file.layer_names, {key: weight.shape for key, weight in file.weights.items()})


def _fill(architecture: Architecture, file: KerasFile, dataset: str) -> DenseDepthForDepthEstimation:
    """The torch model with the file's weights.

    Raises:
        WeightsFileError: a weight is missing, left over, damaged, or has another shape than the network needs.
    """
    import torch

    from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
    from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

    trained_on = TRAINED_ON[dataset]
    try:
        config = DenseDepthConfig(
            **architecture.settings, min_depth=trained_on.min_depth_m, max_depth=trained_on.max_depth_m
        )
    except StrictDataclassError as e:  # the settings come from the file
        raise WeightsFileError(f"not a DenseDepth network that can be built: {e}") from e
    with torch.device("meta"):  # shapes without memory: the file's claims are checked before memory is allocated
        model = DenseDepthForDepthEstimation(config)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    unused = dict(file.weights)
    state: dict[str, torch.Tensor] = {}
    for module, layer in architecture.layers.items():
        is_norm = f"{module}.running_mean" in shapes
        for keras_name, torch_name in (NORM_WEIGHTS if is_norm else CONV_WEIGHTS).items():
            target = f"{module}.{torch_name}"
            if target not in shapes:
                continue  # a convolution without bias
            if (layer, keras_name) not in unused:
                raise WeightsFileError(
                    f"layer {layer} has no {keras_name}.\n  The file is incomplete: download it again."
                )
            state[target] = torch.from_numpy(_read(unused.pop((layer, keras_name)), shapes[target]))
        if is_norm:
            state[f"{module}.num_batches_tracked"] = torch.tensor(0)
    if unused:
        raise WeightsFileError(
            f"not a DenseDepth network: {len(unused)} weights belong to no layer of it, "
            f"such as {'/'.join(min(unused))}."
        )
    model = model.to_empty(device="cpu")
    model.load_state_dict(state, strict=True)
    return model


def _read(weight: KerasWeight, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A weight of this shape in torch's layout; its shape is checked before its values are read."""
    order = (3, 2, 0, 1) if len(shape) == 4 else tuple(range(len(shape)))  # Keras: height, width, in, out
    keras_shape = tuple(shape[order.index(i)] for i in range(len(shape)))
    if weight.shape != keras_shape or weight.dtype.kind != "f":
        raise WeightsFileError(
            f"weight {weight.name} is {weight.shape} {weight.dtype}, expected {keras_shape} float32.\n"
            "  The file is damaged, or mixes two models."
        )
    if not weight.stored_bytes:
        raise WeightsFileError(f"weight {weight.name} has no data.\n  The file is incomplete: download it again.")
    values = weight.read()
    if not np.isfinite(values).all():
        raise WeightsFileError(
            f"weight {weight.name} has values that are not finite.\n  The file is damaged: download it again."
        )
    return np.ascontiguousarray(values.transpose(order))


def _write(model: DenseDepthForDepthEstimation, report: ConversionReport) -> None:
    """Write all files into a temporary folder and rename it, so that the folder is complete once it exists.

    Raises:
        DepthError: the folder cannot be written.
    """
    from fgbg_depth.depth.densedepth.image_processing import DenseDepthImageProcessor

    folder = report.folder
    height, width = TRAINED_ON[report.dataset].input_size
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    except OSError as e:
        raise DepthError(f"{folder}: cannot write here ({e}).\n  Choose a folder that you may write to.") from e
    try:
        temporary.chmod(0o755)
        with hidden_progress_bars():
            model.save_pretrained(temporary)
        DenseDepthImageProcessor(size={"height": height, "width": width}).save_pretrained(temporary)
        (temporary / "README.md").write_text(report.card(), encoding="utf-8")
        for path in temporary.iterdir():
            path.chmod(0o644)  # safetensors creates files that only their owner can read
        if folder.exists():
            folder.rmdir()  # it is empty: checked above
        temporary.replace(folder)
    except OSError as e:
        raise DepthError(
            f"{folder}: cannot write the converted model ({e}).\n"
            "  Nothing was kept. Check the disk and the folder's permissions, then run again."
        ) from e
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
