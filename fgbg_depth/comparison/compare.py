"""`compare`: several depth models on the same rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.builder.messages import Log, count, log_to_stderr
from fgbg_depth.comparison.alignment import common_domain, disagreement, in_domain
from fgbg_depth.comparison.drawn_rows import DatasetRows, DrawnRows, RecipeRows
from fgbg_depth.comparison.label_rows import LabelledRows, label_rows
from fgbg_depth.comparison.named_models import NamedModel, parse_models
from fgbg_depth.comparison.result import LETTERS, Comparison, ModelResult, Pair, summarise, summarise_pair
from fgbg_depth.comparison.sheet import SHEET_ROWS, comparison_sheet
from fgbg_depth.depth import models as depth_models
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import DepthError, UsageError
from fgbg_depth.read.spread import most_varied
from fgbg_depth.recipe import Recipe
from fgbg_depth.schema import PLACED, PREDICTED

_BUILD_ADVICE = "Add --depth-kind with one of:"  # of `depth.description`

OnProgress = Callable[[str, int, int], None]  # called with a model, the rows that it has labelled, and the rows in all


def compare(
    source: Recipe | str | Path,
    models: Sequence[str],
    rows: int = 500,
    *,
    device: str = "auto",
    depth_fields: Mapping[str, Any] | None = None,
    log: Log = log_to_stderr,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Comparison:
    """Compare depth models on the same rows: checks against the matte, agreement, speed and memory.

        found = fgbg_depth.compare("my-dataset", ["densedepth-nyu", "depth-anything/Depth-Anything-V2-Small-hf"])
        found.models[0].predicted.boundary_recall.median, found.disagreement("A", "B")

    The rows are spread over splits, backgrounds and cut-outs; equal sources give equal rows. The range of a relative
    model is measured on the backgrounds of these rows.

    Args:
        source: a recipe, of which only these rows are composed; or a finished dataset: a folder, an fsspec URL, or
            USER/NAME on the Hub.
        models: each is what the recipe's field `depth_model` takes, or exec:PYTHON:MODULE:FUNCTION. USER/NAME@REVISION
            is a version of a model on the Hub, and MODEL=KIND states the kind of depth of a model that is not known.
            The depth model of the source itself gets all depth fields of its recipe; the others get the defaults.
        rows: fewer are used if the source has fewer.
        device: auto, cpu, cuda, cuda:N or mps.
        depth_fields: values of the recipe's depth fields for all models, such as {"depth_flip": True}.
        log: called with one line about each model, and with warnings about sources.
        on_progress: called while rows are labelled.
    Raises:
        UsageError: no model is named, one is named twice, or a name is that of a dataset.
        DepthError: a model cannot be loaded (before any row is labelled), or fails.
        FgBgError: the source cannot be read.
    """
    if rows < 1:
        raise UsageError(f"rows is {rows}; allowed: 1 or more.")
    named = parse_models(models)
    names = [model.name for model in named]
    opened = RecipeRows(source, log) if isinstance(source, Recipe) else DatasetRows(source)
    recipes = [model.recipe(opened.recipe, depth_fields or {}) for model in named]
    draw: Callable[[], DrawnRows] = cache(lambda: opened.draw(rows))  # a wrong model stops before sources are read
    specs = [_load_once(model, recipe, draw, device) for model, recipe in zip(named, recipes, strict=True)]
    drawn = draw()
    log(f"Comparing {count(len(names), 'depth model')} on {count(len(drawn.rows), 'row')} of {opened.name}.")
    shown = most_varied([(row.bg, row.fg) for row in drawn.rows], SHEET_ROWS)
    labelled = [
        label_rows(drawn, recipe, spec, device, shown, partial(on_progress, name))
        for name, recipe, spec in zip(names, recipes, specs, strict=True)
    ]
    found = tuple(
        _model_result(letter, name, spec, rows_of_model)
        for letter, name, spec, rows_of_model in zip(LETTERS, names, specs, labelled, strict=False)
    )
    return Comparison(
        source=opened.name,
        rows=len(drawn.rows),
        splits=drawn.splits,
        backgrounds=len(drawn.backgrounds),
        cutouts=drawn.num_cutouts,
        size=drawn.recipe.size,
        models=found,
        pairs=tuple(_pairs(found, labelled)),
        sheet=comparison_sheet(drawn, shown, found, labelled),
    )


def _load_once(model: NamedModel, recipe: Recipe, draw: Callable[[], DrawnRows], device: str) -> DepthSpec:
    """The spec of a model's labels. The model is loaded, so that what is wrong with it is found before the work."""

    def backgrounds() -> Iterator[NDArray[np.uint8]]:
        drawn = draw()
        return (drawn.background(name) for name in drawn.backgrounds)

    try:
        spec = depth_models.resolve_spec(recipe, backgrounds, device)
        depth_models.load_labeller(recipe, spec, device).release()
    except DepthError as e:  # the option of `build` states the kind of one model
        raise DepthError(str(e).replace(_BUILD_ADVICE, f"Write {model.name}=KIND, with one of these kinds:")) from e
    return spec


def _model_result(letter: str, name: str, spec: DepthSpec, labelled: LabelledRows) -> ModelResult:
    return ModelResult(
        letter=letter,
        name=name,
        spec=spec,
        device=labelled.device,
        batch_size=labelled.batch_size,
        images_per_s=labelled.images_per_s,
        memory=labelled.memory,
        no_depth=labelled.no_depth,
        predicted=summarise(labelled.checks[PREDICTED]),
        placed=summarise(labelled.checks[PLACED]),
    )


def _pairs(found: Sequence[ModelResult], labelled: Sequence[LabelledRows]) -> Iterator[Pair]:
    for (a, first), (b, second) in itertools.combinations(zip(found, labelled, strict=True), 2):
        domain = common_domain(a.spec, b.spec)
        values = [
            disagreement(in_domain(x, a.spec, domain), in_domain(y, b.spec, domain))
            for x, y in zip(first.values, second.values, strict=True)
        ]
        yield summarise_pair(a.letter, b.letter, domain, values)
