"""The recipe's fields that only the maker of a dataset can fill in: texts for its card and `croissant.json`."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from fgbg_depth.recipe.composite_fields import CompositeFields
from fgbg_depth.recipe.fields import Shapes, option

_card = functools.partial(option, group="card", shapes=Shapes.NOTHING)


@dataclass(frozen=True)
class CardFields(CompositeFields):
    """See `Recipe`. Each text may have several sentences; an empty one is shown as not stated."""

    creators: tuple[str, ...] = _card((), "names of the people who made the dataset, for its citation")
    source_collection: str = _card(
        "", "how, where and when the pictures of the sources were taken and chosen, and by whom"
    )
    source_biases: str = _card(
        "", "what the sources show more or less often than the world does, such as places, people, seasons or cameras"
    )
    personal_information: str = _card(
        "",
        "whether the sources show people or other personal or sensitive information, and what these people agreed to",
    )
    intended_uses: str = _card("", "what the dataset is meant for, and what it must not be used for")
    social_impact: str = _card(
        "", "what good and what harm the use of the dataset may do, and what was done against the harm"
    )
    maintenance: str = _card("", "who keeps the dataset, for how long, and how to report errors in it")
