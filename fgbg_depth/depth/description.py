"""What is known about a depth model before it labels rows: its kind of depth, reach, version and licence."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fgbg_depth.depth.external.names import Installed, Program
from fgbg_depth.depth.kinds import KINDS, DepthKind, depth_kind
from fgbg_depth.depth.known_models import kind_from_config, look_up, max_depth_m
from fgbg_depth.depth.model_files import ModelFiles, locate
from fgbg_depth.errors import DepthError

if TYPE_CHECKING:
    from fgbg_depth.recipe import Recipe

logger = logging.getLogger("fgbg_depth.depth")


@dataclass(frozen=True)
class ModelDescription:
    """What is known about a depth model before it labels rows.

    name, revision, digest, license, precision, input_size: as in `DepthSpec`.
    kind: what its values mean.
    reach_m: farthest depth in metres; None if it is not known or the kind is relative.
    value_range: lowest and highest value as an external labeller states them; None if it does not.
    """

    name: str
    revision: str
    digest: str
    kind: DepthKind
    reach_m: float | None
    license: str
    precision: str = ""
    input_size: str = ""
    value_range: tuple[float, float] | None = None


def describe_files(recipe: Recipe, device: str) -> ModelDescription:
    """The description of a model that transformers loads. It is downloaded if it is not on this computer.

    Args:
        device: decides the precision where the recipe says "auto".
    Raises:
        DepthError: there is no such model, or its kind is neither known nor stated in the recipe.
    """
    from fgbg_depth.depth.devices import pick_device, pick_precision
    from fgbg_depth.depth.load import check_is_depth_model, load_processor
    from fgbg_depth.depth.prepare import input_size

    files = locate(recipe.depth_model, recipe.depth_revision)
    check_is_depth_model(files)
    kind, reach_m = _kind_and_reach(recipe, files)
    known = look_up(files.name)
    size = input_size(load_processor(files), recipe.depth_input, (recipe.size, recipe.size))
    return ModelDescription(
        name=files.name,
        revision=files.revision,
        digest=files.digest(),
        kind=kind,
        reach_m=reach_m,
        license=files.license() or (known.license if known else ""),
        precision=pick_precision(recipe.depth_precision, pick_device(device)),
        input_size=f"{size[0]}x{size[1]}",
    )


def describe_labeller(recipe: Recipe, source: Program | Installed, device: str) -> ModelDescription:
    """The description of an external labeller, from what its function states. Imports it, or starts its program.

    Raises:
        DepthError: it cannot be started, states something wrong, or the recipe has a field that it cannot follow.
    """
    from fgbg_depth.depth.devices import labeller_device
    from fgbg_depth.depth.external.function import open_function
    from fgbg_depth.depth.external.stated import Stated

    for field, allowed in (("depth_revision", ""), ("depth_input", "auto"), ("depth_precision", "auto")):
        if (value := getattr(recipe, field)) != allowed:
            raise DepthError(
                f"{field} is {value!r}, but depth model {source.name} is an external labeller, which decides this by "
                f"itself.\n  Leave {field} {'empty' if not allowed else 'at ' + allowed}."
            )
    function = open_function(source, labeller_device(device, 0, isinstance(source, Program)))
    try:
        stated = Stated.of(function)
    finally:
        function.close()
    kind = _kind(recipe, source.name, stated.kind)
    return ModelDescription(
        name=source.name,
        revision=stated.version,
        digest=stated.digest,
        kind=kind,
        reach_m=stated.reach_m,
        license=stated.license,
        value_range=stated.value_range if kind == stated.kind else None,
    )


def _kind_and_reach(recipe: Recipe, files: ModelFiles) -> tuple[DepthKind, float | None]:
    """(kind, reach in metres): from the recipe, else from the known models, else from the model's configuration."""
    config = files.config()
    known, configured = look_up(files.name), kind_from_config(config)
    found = (known.kind, known.reach_m) if known else configured
    if found and configured and configured[0] == found[0] and configured[1] is not None:
        found = configured  # the model states its own reach: more exact than the table's
    if recipe.depth_kind != "auto":
        kind = _kind(recipe, files.name, found[0] if found else None)
        return kind, (found[1] if found else None) or max_depth_m(config)
    if found is None:
        choices = ", ".join(f"{kind.name} ({kind.description})" for kind in KINDS.values())
        raise DepthError(
            f"depth model {files.name} is not in the table of known models, and its configuration "
            f"(model_type {config.get('model_type')!r}) does not state what it predicts.\n"
            f"  Add --depth-kind with one of: {choices}."
        )
    return found


def _kind(recipe: Recipe, name: str, found: DepthKind | None) -> DepthKind:
    """The recipe's kind, with a warning if another one was found; the one that was found if the recipe says auto."""
    if recipe.depth_kind == "auto" and found is not None:
        return found
    stated = depth_kind(recipe.depth_kind)
    if found is not None and found != stated:
        logger.warning(
            "%s is known to predict %s, but the recipe says %s; using the recipe's kind", name, found.name, stated.name
        )
    return stated
