"""What conferences ask about a dataset: the maker's words and what the build knows, in card and `croissant.json`."""

from __future__ import annotations

import re
from typing import Any

import pytest
from made_statistics import METRIC, made_checks, made_manifest, made_statistics

from fgbg_depth.card.citation import bibtex
from fgbg_depth.card.limitations import limitations
from fgbg_depth.card.provenance import making
from fgbg_depth.card.responsible_ai import answers, responsible_ai
from fgbg_depth.card.text import render_card
from fgbg_depth.manifest import Manifest
from fgbg_depth.recipe import OPTIONS, Recipe

FIELDS = {
    "source_collection": "rai:dataCollection",
    "source_biases": "rai:dataBiases",
    "personal_information": "rai:personalSensitiveInformation",
    "intended_uses": "rai:dataUseCases",
    "social_impact": "rai:dataSocialImpact",
    "maintenance": "rai:dataReleaseMaintenancePlan",
}


def section(manifest: Manifest) -> str:
    """The card's section "Responsible use"."""
    return render_card(manifest).split("## Responsible use\n")[1].split("\n## ")[0]


def test_every_text_of_the_maker_has_a_place() -> None:
    texts = {name for name, options in OPTIONS.items() if options.group == "card"} - {"creators"}
    assert texts == FIELDS.keys() == answers(made_manifest(Recipe())).keys()


@pytest.mark.parametrize("field", FIELDS)
def test_the_makers_words_are_in_card_and_file_or_are_said_to_be_missing(field: str) -> None:
    empty = made_manifest(Recipe())
    missing = f"Not stated by the maker of this dataset (field {field} of the recipe)."
    assert missing in section(empty).replace("`", "") and missing in str(responsible_ai(empty)[FIELDS[field]])
    words = "What only <b>we</b> can know; in two sentences. Really."
    told = made_manifest(Recipe(**{field: words}))
    assert missing not in section(told).replace("&#95;", "_") and missing not in str(responsible_ai(told))
    assert "What only &#60;b&#62;we&#60;/b&#62; can know; in two sentences. Really." in section(told)
    assert words in str(responsible_ai(told)[FIELDS[field]])


def test_the_demonstration_shows_no_real_people() -> None:
    assert "rendered" in section(made_manifest(Recipe()))
    other = section(made_manifest(Recipe(backgrounds="photos")))
    assert "rendered" not in other and "does not look for people" in other


@pytest.mark.parametrize("choices", [{}, {"depth_model": "none"}, {"placement_mode": "ground", "image_format": "png"}])
def test_card_and_file_have_the_same_limits(choices: dict[str, Any]) -> None:
    manifest = made_manifest(Recipe(**choices), None if "depth_model" in choices else METRIC)
    card = render_card(manifest)
    in_card = re.findall(r"^- (\*\*.*)$", card.split("## Limits and biases\n")[1].split("\n## ")[0], re.MULTILINE)
    in_file = [*responsible_ai(manifest)["rai:dataLimitations"], *responsible_ai(manifest)["rai:dataBiases"][2:]]
    plain = [re.sub(r"</?code>|[*`]", "", line).replace("&#95;", "_") for line in in_card]
    assert plain == in_file and len(plain) >= 5


def test_the_checks_of_the_labels_are_among_the_limits() -> None:
    statistics = made_statistics(Recipe(), METRIC)
    without = responsible_ai(Manifest.from_dict(statistics))["rai:dataLimitations"]
    checked = Manifest.from_dict(statistics | {"columns": made_checks(1000)})
    found = responsible_ai(checked)["rai:dataLimitations"][len(without) :]
    assert len(found) == 1 and found[0].startswith("In half of the rows, the predicted depth has a step along")
    assert len(limitations(checked)) == len(without)


def test_how_the_rows_were_made() -> None:
    assert "20 cut-outs, original and mirrored, on each of 10 backgrounds at 20 random places;" in making(
        made_manifest(Recipe())
    )
    one = made_manifest(Recipe(placements=1, mirror=False, rotation_max=5))
    assert "20 cut-outs on each of 10 backgrounds in 1 random scene;" in making(one)


def test_sources_and_steps_are_named() -> None:
    recipe = Recipe(
        backgrounds="hf://datasets/ann/rooms@v2/full:train#image",
        background_license="CC0, by Ann",
        exclude=("bad.jpg",),
    )
    depth = METRIC | {"model": "lab/depth", "revision": "abc123"}
    found = responsible_ai(made_manifest(recipe, depth))
    backgrounds, cutouts, model = found["prov:wasDerivedFrom"]
    assert backgrounds["url"] == "https://huggingface.co/datasets/ann/rooms/tree/v2"
    assert backgrounds["description"] == "CC0, by Ann" and "url" not in cutouts
    assert model["name"] == "depth model lab/depth, revision abc123" and model["url"].endswith(
        "huggingface.co/lab/depth"
    )
    assert [step["name"] for step in found["prov:wasGeneratedBy"]] == [
        "preparation of the sources",
        "composition",
        "depth labels",
    ]
    assert any("bad.jpg" in step for step in found["rai:dataPreprocessingProtocol"])


def test_the_citation_names_the_creators() -> None:
    manifest = made_manifest(Recipe(name="My {scenes}", creators=("Ann Bee", "C {Dee}")))
    entry = bibtex(manifest.replace(version="v1"), "https://example.org")
    assert entry.startswith("@misc{my-scenes,\n  title  = {My scenes},\n  author = {{Ann Bee} and {C Dee}},")
    assert (
        "version v1" in entry
        and "url    = {https://example.org}" in entry
        and entry
        in render_card(manifest.replace(version="v1"), repo_id="x/y").replace(
            "https://huggingface.co/datasets/x/y", "https://example.org"
        )
    )
    assert "author" not in bibtex(made_manifest(Recipe())) and "url" not in bibtex(made_manifest(Recipe()))
