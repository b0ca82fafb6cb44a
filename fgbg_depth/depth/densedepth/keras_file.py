"""Read what Keras wrote into an HDF5 file: the model's description and its named weights. Needs h5py only."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from fgbg_depth.errors import DepthError


@dataclass(frozen=True)
class KerasFile:
    """What such a file holds. In layers' names `/` is written `_`.

    model_config: Keras's description of the network, None in a weights-only file. layers: their names.

    weights: {(layer, weight): dataset}, such as ("conv1_conv", "kernel").
    """

    path: Path
    model_config: dict[str, Any] | None
    layers: list[str]
    weights: dict[tuple[str, str], h5py.Dataset]


def flat_name(name: str) -> str:
    """Keras 2 says conv1/conv where Keras 3 says conv1_conv."""
    return name.replace("/", "_")


@contextmanager
def open_keras(path: Path) -> Iterator[KerasFile]:
    """Open a file that Keras's `save` or `save_weights` wrote in HDF5.

    Raises:
        DepthError: not there, not HDF5, truncated, or not laid out as Keras does.
    """
    if not path.is_file():
        raise DepthError(f"{path}: no such file.\n  Give the .h5 file, such as nyu.h5.")
    try:
        file = h5py.File(path, "r")
    except OSError as e:
        raise DepthError(
            f"{path}: not a whole HDF5 file ({e}).\n  A download that broke off looks like this: fetch it again."
        ) from e
    with file:
        try:
            group = file.get("model_weights", file)
            weights = _weights(group, path)
            layers = [flat_name(name) for name in _names(group, "layer_names")]
            yield KerasFile(path, _model_config(file, path), layers, weights)
        except (
            OSError,
            RuntimeError,
            KeyError,
            UnicodeDecodeError,
        ) as e:  # what h5py says about broken insides
            raise DepthError(f"{path}: damaged inside ({e}).\n  Fetch the file again.") from e


def _model_config(file: h5py.File, path: Path) -> dict[str, Any] | None:
    if "model_config" not in file.attrs:
        return None
    try:
        config = json.loads(_text(file.attrs["model_config"]))
        layers = config["config"]["layers"]
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise DepthError(f"{path}: its model_config cannot be read ({type(e).__name__}: {e}).") from e
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise DepthError(f"{path}: its model_config has no list of layers.")
    return config


def _weights(group: h5py.Group, path: Path) -> dict[tuple[str, str], h5py.Dataset]:
    if "layer_names" not in group.attrs and "layer_names0" not in group.attrs:
        raise DepthError(f"{path}: an HDF5 file, but not one that Keras saved a model in: it has no layer_names.")
    weights: dict[tuple[str, str], h5py.Dataset] = {}
    for layer in _names(group, "layer_names"):
        if layer not in group:
            raise DepthError(f"{path}: layer {layer} is listed but missing.\n  The file is damaged.")
        for name in _names(group[layer], "weight_names"):
            dataset = group[layer].get(name)
            if not isinstance(dataset, h5py.Dataset):
                raise DepthError(f"{path}: weight {name} of layer {layer} is listed but missing.")
            key = (flat_name(layer), name.rsplit("/", 1)[-1].partition(":")[0])
            if key in weights:
                raise DepthError(f"{path}: layer {layer} has two weights named {key[1]}.")
            weights[key] = dataset
    return weights


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; Keras splits a long one over attributes name0, name1, ..."""
    if attribute in group.attrs:
        return [_text(name) for name in group.attrs[attribute]]
    parts = itertools.takewhile(lambda part: part in group.attrs, (f"{attribute}{i}" for i in itertools.count()))
    return [_text(name) for part in parts for name in group.attrs[part]]


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
