"""Keras's HDF5 files with weights from a seed, in all layouts that the converter reads."""

import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from seeded import Case, tensor

DATA = Path(__file__).parent / "data"
OUTPUTS = np.load(DATA / "keras.npz")
Edit = Callable[[dict[str, Any]], None]


def configs() -> dict[str, dict[str, Any]]:
    """Each case's `model_config`, as written by Keras 2."""
    texts = json.loads(lzma.decompress((DATA / "configs.json.xz").read_bytes()))
    return {name: json.loads(text) for name, text in texts.items()}


def saved_by_keras(name: str, folder: Path) -> Path:
    """A file that Keras saved, with its zeros replaced by the weights from the seed."""
    path = folder / f"{name}.h5"
    path.write_bytes(lzma.decompress((DATA / f"{name}.h5.xz").read_bytes()))
    with h5py.File(path, "r+") as file:
        group = file.get("model_weights", file)
        for layer in group.attrs["layer_names"]:
            for weight in group[layer].attrs["weight_names"]:
                dataset = group[layer][weight]
                kind = weight.split("/")[-1].split(":")[0]
                dataset[...] = tensor(layer.replace("/", "_"), kind, dataset.shape)
    return path


def write_file(
    path: Path,
    case: Case,
    *,
    names: type = bytes,
    split: bool = False,
    weights_only: bool = False,
    edit_config: Edit = lambda config: None,
    edit_weights: Edit = lambda weights: None,
) -> Path:
    """Write a file in Keras 2's layout.

    Args:
        names: type of the names, bytes or str.  split: split long lists of names over several attributes.
        weights_only: write no description of the network.
        edit_config, edit_weights: change the description or the weights before they are written.
    """
    config = configs()[case.name]
    layers = weights_of(config)
    edit_config(config)
    edit_weights(layers)
    with h5py.File(path, "w") as file:
        group = file if weights_only else file.create_group("model_weights")
        if not weights_only:
            text = json.dumps(config)
            file.attrs["model_config"] = text.encode() if names is bytes else text
        write_names(group, "layer_names", list(layers), names, num_attributes=3 if split else 1)
        for layer, weights in layers.items():
            inner = group.create_group(layer)
            full = [f"{layer}/{kind}:0" for kind in weights]
            write_names(inner, "weight_names", full, names, num_attributes=1)
            for name, values in zip(full, weights.values(), strict=True):
                inner[name] = values
    return path


def write_names(group: h5py.Group, attribute: str, values: list[str], names: type, num_attributes: int) -> None:
    array = np.array([v.encode() for v in values], dtype="S") if names is bytes else values
    if not values:
        array = np.zeros(0)
    if num_attributes == 1:
        group.attrs[attribute] = array
        return
    for i, chunk in enumerate(np.array_split(array, num_attributes)):
        group.attrs[f"{attribute}{i}"] = chunk if names is bytes else chunk.tolist()


def weights_of(config: dict[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """{layer: {weight: values}} in Keras's order, with the shapes that the described network needs."""
    channels: dict[str, int] = {}
    weights: dict[str, dict[str, np.ndarray]] = {}
    pending = {layer["name"]: layer for layer in config["config"]["layers"]}
    while pending:
        for name, layer in list(pending.items()):
            sources = [node[0] for nodes in layer["inbound_nodes"] for node in nodes]
            if any(source not in channels for source in sources):
                continue
            settings = layer["config"]
            num_in = sum(channels[source] for source in sources) or 3
            shapes: dict[str, tuple[int, ...]] = {}
            channels[name] = num_in
            if layer["class_name"] == "Conv2D":
                channels[name] = settings["filters"]
                shapes["kernel"] = (*settings["kernel_size"], num_in, settings["filters"])
                if settings["use_bias"]:
                    shapes["bias"] = (settings["filters"],)
            elif layer["class_name"] == "BatchNormalization":
                shapes = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (num_in,))
            weights[name] = {kind: tensor(name.replace("/", "_"), kind, shape) for kind, shape in shapes.items()}
            del pending[name]
    return weights


def error(ours: np.ndarray, keras: np.ndarray) -> float:
    """Largest difference as a share of Keras's range; infinite if shapes differ or a value is not finite."""
    if ours.shape != keras.shape or not np.isfinite(ours).all():
        return float("inf")
    return float(np.abs(ours - keras).max() / np.ptp(keras))
