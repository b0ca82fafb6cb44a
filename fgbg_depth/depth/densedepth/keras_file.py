"""Read the layers and weights that Keras wrote into an HDF5 file. Needs h5py only.

Only calls of h5py are guarded by `_damage`: an error there is the file's fault. Errors of other code, such as a
TypeError of ours, are never reported as a damaged file.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from fgbg_depth.errors import DepthError

MAX_LAYERS = 5_000  # DenseNet-264 has 900


class WeightsFileError(DepthError):
    """The Keras file is missing or damaged, or holds something other than a DenseDepth network."""


@dataclass(frozen=True)
class KerasWeight:
    """One stored array; its values are read only by `read`, after its shape has been checked.

    stored_bytes: what it takes up in the file; 0 if a shape is stated but no data was written.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stored_bytes: int
    dataset: h5py.Dataset

    def read(self) -> NDArray[np.float32]:
        """The values in Keras's layout.

        Raises:
            WeightsFileError: the data cannot be read.
        """
        with _damage(f"weight {self.name}"):
            values = self.dataset[()]
        return np.asarray(values, dtype=np.float32)


@dataclass(frozen=True)
class KerasLayer:
    """One layer of a network's description. inputs: names of the layers that feed it, in order."""

    name: str
    kind: str
    config: dict[str, Any]
    inputs: list[str]


@dataclass(frozen=True)
class KerasFile:
    """The content of a file that Keras saved. `/` in the names of layers is written `_`.

    layers: the network's description by layer name; None for a file that holds weights only.
    layer_names: the layers listed with the weights, including those without weights.
    weights: by (layer, weight), such as ("conv1_conv", "kernel").
    """

    layers: dict[str, KerasLayer] | None
    layer_names: list[str]
    weights: dict[tuple[str, str], KerasWeight]


@contextmanager
def open_keras(path: Path) -> Iterator[KerasFile]:
    """Open a file that Keras's `save` or `save_weights` wrote in HDF5.

    Raises:
        WeightsFileError: the file is missing, truncated, not HDF5, or not laid out as Keras does it.
    """
    if not path.is_file():
        raise WeightsFileError("there is no such file.\n  Give the path of an .h5 file, such as nyu.h5.")
    try:
        file = h5py.File(path, "r")
    except OSError as e:
        raise WeightsFileError(
            f"not a complete HDF5 file ({e}).\n  The download may have been interrupted: download the file again."
        ) from e
    with file:
        with _damage("model_weights"):
            group = file.get("model_weights", file)
        if not isinstance(group, h5py.Group):
            raise WeightsFileError("damaged: model_weights is not a group.\n  Download the file again.")
        weights = _read_weights(group)
        names = [flat_name(name) for name in _read_names(group, "layer_names")]
        description = _attribute(file, "model_config")
        layers = None if description is None else read_layers(description)
        yield KerasFile(layers, names, weights)


def flat_name(name: str) -> str:
    """The name with `_` for `/`: Keras 2 writes conv1/conv where Keras 3 writes conv1_conv."""
    return name.replace("/", "_")


def read_layers(description: Any) -> dict[str, KerasLayer]:
    """The layers in a Keras 2 or 3 `model_config`.

    Args:
        description: the JSON text, str or bytes.
    Returns:
        layers by name.
    Raises:
        WeightsFileError: it is not such a text, a layer has no name or settings, or there are too many layers.
    """
    try:
        described = json.loads(_text(description))["config"]["layers"]
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise WeightsFileError(f"cannot read its model_config ({type(e).__name__}: {e}).") from e
    if not isinstance(described, list) or not all(isinstance(layer, dict) for layer in described):
        raise WeightsFileError("its model_config has no list of layers.")
    if len(described) > MAX_LAYERS:
        raise WeightsFileError(f"not a DenseDepth network: it has {len(described)} layers.")
    layers: dict[str, KerasLayer] = {}
    for one in described:
        config = one.get("config")
        name = one.get("name") or (config.get("name") if isinstance(config, dict) else None)
        if not isinstance(config, dict) or not isinstance(name, str):
            raise WeightsFileError("its model_config describes a layer without a name or settings.")
        name = flat_name(name)
        inputs = _inputs(one.get("inbound_nodes") or [])
        layers[name] = KerasLayer(name, str(one.get("class_name")), config, inputs)
    return layers


def _inputs(node: Any) -> list[str]:
    """Names of the layers that feed one, in order: nested lists in Keras 2, tensor references in Keras 3."""
    if isinstance(node, dict):
        history = node.get("keras_history")
        if isinstance(history, list) and history and isinstance(history[0], str):
            return [flat_name(history[0])]
        return [name for value in node.values() for name in _inputs(value)]
    if isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str) and all(isinstance(n, int) for n in node[1:3]):
            return [flat_name(node[0])]
        return [name for value in node for name in _inputs(value)]
    return []


def _read_weights(group: h5py.Group) -> dict[tuple[str, str], KerasWeight]:
    if _attribute(group, "layer_names") is None and _attribute(group, "layer_names0") is None:
        raise WeightsFileError("an HDF5 file, but not one in which Keras saved a model: it has no layer_names.")
    weights: dict[tuple[str, str], KerasWeight] = {}
    for layer in _read_names(group, "layer_names"):
        layer_group = _member(group, layer)
        if not isinstance(layer_group, h5py.Group):
            raise WeightsFileError(f"layer {layer} is listed but missing.\n  The file is damaged: download it again.")
        for name in _read_names(layer_group, "weight_names"):
            dataset = _member(layer_group, name)
            if not isinstance(dataset, h5py.Dataset):
                raise WeightsFileError(
                    f"weight {name} of layer {layer} is listed but missing.\n  The file is damaged: download it again."
                )
            key = (flat_name(layer), name.rsplit("/", 1)[-1].partition(":")[0])
            if key in weights:
                raise WeightsFileError(f"layer {layer} has two weights named {key[1]}.")
            with _damage(f"weight {name}"):
                shape, dtype, stored_bytes = dataset.shape, dataset.dtype, dataset.id.get_storage_size()
            weights[key] = KerasWeight("/".join(key), tuple(shape or ()), dtype, stored_bytes, dataset)
    return weights


def _read_names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; Keras splits a long one over the attributes name0, name1, ..."""
    whole = _attribute(group, attribute)
    if whole is not None:
        pieces = [whole]
    else:
        numbered = (_attribute(group, f"{attribute}{i}") for i in itertools.count())
        pieces = list(itertools.takewhile(lambda piece: piece is not None, numbered))
    if not all(isinstance(piece, np.ndarray) and piece.ndim == 1 for piece in pieces):
        raise WeightsFileError(f"damaged: {attribute} is not a list of names.\n  Download the file again.")
    return [_text(name) for piece in pieces for name in piece]


def _attribute(group: h5py.Group, name: str) -> Any:
    """An attribute's value; None if there is none."""
    with _damage(f"attribute {name}"):
        return group.attrs.get(name)


def _member(group: h5py.Group, name: str) -> Any:
    """A group's member; None if there is none."""
    with _damage(name):
        return group.get(name)


@contextmanager
def _damage(what: str) -> Iterator[None]:
    """Turn what h5py raises for damaged content into a WeightsFileError. Put only calls of h5py into its block."""
    try:
        yield
    except (OSError, RuntimeError, LookupError, ValueError, TypeError) as e:  # the types h5py raises
        raise WeightsFileError(f"damaged: cannot read {what} ({e}).\n  Download the file again.") from e


def _text(value: Any) -> str:
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as e:
        raise WeightsFileError(f"damaged: a name is not UTF-8 text ({e}).\n  Download the file again.") from e
