"""The layers of a network, and what feeds each, out of Keras's description of it (Keras 2 or 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fgbg_depth.depth.densedepth.keras_file import flat_name
from fgbg_depth.errors import DepthError

MAX_LAYERS = 5_000  # DenseNet-264 has 900


@dataclass
class Layer:
    """One layer: `inputs` are the layers that feed it, in order."""

    name: str
    kind: str
    config: dict[str, Any]
    inputs: list[str]


def read_layers(model_config: dict[str, Any]) -> dict[str, Layer]:
    """All layers by name (`/` written `_`).

    Raises:
        DepthError: a layer is described without a name or settings, or there are absurdly many.
    """
    described = model_config["config"]["layers"]
    if len(described) > MAX_LAYERS:
        raise DepthError(f"not a DenseDepth network: it has {len(described)} layers.")
    layers: dict[str, Layer] = {}
    for one in described:
        config = one.get("config")
        name = one.get("name") or (config.get("name") if isinstance(config, dict) else None)
        if not isinstance(config, dict) or not isinstance(name, str):
            raise DepthError("its model_config describes a layer without a name or settings.")
        name = flat_name(name)
        layers[name] = Layer(name, str(one.get("class_name")), config, _inputs(one.get("inbound_nodes") or []))
    return layers


def _inputs(node: Any) -> list[str]:
    """Names of the layers that feed this one, in order: nested lists in Keras 2, tensor references in 3."""
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
