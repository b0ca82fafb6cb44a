"""The depth models of a comparison, as people name them, and the recipe with which each labels rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgbg_depth.comparison.result import LETTERS
from fgbg_depth.depth.external.names import remember_program
from fgbg_depth.depth.kinds import KINDS
from fgbg_depth.errors import UsageError
from fgbg_depth.recipe import NO_DEPTH, OPTIONS, Recipe, defaults
from fgbg_depth.schema import STATISTICS


@dataclass(frozen=True)
class NamedModel:
    """A depth model as it was named: MODEL, MODEL@REVISION, MODEL=KIND or MODEL@REVISION=KIND.

    model: what the recipe's field `depth_model` takes.
    revision: commit, tag or branch of a model on the Hub; "" = the newest.
    kind: what the model predicts, name of a `DepthKind`; "" = from the table of known models.
    """

    model: str
    revision: str = ""
    kind: str = ""

    @classmethod
    def parse(cls, text: str) -> NamedModel:
        """The model that a text names. A program, exec:PYTHON:MODULE:FUNCTION, is made known to this process.

        Raises:
            DepthError: a program is malformed, or does not exist.
        """
        model, _, kind = text.rpartition("=")
        if kind not in KINDS or not model:
            model, kind = text, ""
        name, _, revision = model.partition("@")
        if revision and name.count("/") == 1 and not Path(model).exists():
            return cls(name, revision, kind)
        return cls(remember_program(model), "", kind)

    @property
    def name(self) -> str:
        """The model with its revision, for tables."""
        return f"{self.model}@{self.revision}" if self.revision else self.model

    def recipe(self, base: Recipe, depth_fields: Mapping[str, Any]) -> Recipe:
        """The recipe with which the model labels the rows of `base`.

        The depth model of `base` has all depth fields of `base`, the others have the defaults.

        Args:
            depth_fields: win over both.
        Raises:
            RecipeError: a value is not allowed.
        """
        own = self.model == base.depth_model and self.revision in ("", base.depth_revision)
        changes = {} if own else {k: v for k, v in defaults().items() if OPTIONS[k].group == "depth"}
        changes["depth_model"] = self.model
        if self.revision:
            changes["depth_revision"] = self.revision
        if self.kind and self.kind != base.depth_kind:
            changes |= {"depth_kind": self.kind, "depth_range": None}
        return base.replace(**changes | dict(depth_fields))


def parse_models(texts: Sequence[str]) -> list[NamedModel]:
    """The models that texts name.

    Raises:
        UsageError: none is named, too many are, one is named twice, or a name is not that of a depth model.
        DepthError: as `NamedModel.parse`.
    """
    if not texts:
        raise UsageError("No depth model is named.\n  Name one or more, such as densedepth-demo.")
    if len(texts) > len(LETTERS):
        raise UsageError(f"{len(texts)} depth models are named; at most {len(LETTERS)} can be compared at once.")
    models = [NamedModel.parse(text) for text in texts]
    names = [model.name for model in models]
    for model in models:
        if model.model == NO_DEPTH:
            raise UsageError(f"{NO_DEPTH} is not a depth model, so it cannot be compared.\n  Leave it out.")
        if names.count(model.name) > 1:
            raise UsageError(f"The depth model {model.name} is named twice.\n  Name each model once.")
        if (Path(model.model) / STATISTICS).is_file():
            raise UsageError(
                f"{model.model} is a dataset, not a depth model.\n"
                f"  To compare on its rows, write it before --models: compare {model.model} --models MODEL ..."
            )
    return models
