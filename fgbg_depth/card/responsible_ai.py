"""What conferences ask about a dataset: collection, privacy, biases, limits, uses, impact, maintenance, provenance.

Each answer has what the build knows and what only the maker can say, which are fields of the recipe. The card shows the
answers as its section "Responsible use"; `croissant.json` has them as properties of these vocabularies:

Source: Croissant RAI specification 1.0, https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html (rai:), and
W3C PROV-O as Croissant 1.1 uses it (prov:). NeurIPS 2026 asks for rai:dataLimitations, rai:dataBiases,
rai:personalSensitiveInformation, rai:dataUseCases, rai:dataSocialImpact, rai:hasSyntheticData, prov:wasDerivedFrom and
prov:wasGeneratedBy: https://neurips.cc/Conferences/2026/EvaluationsDatasetsHosting
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fgbg_depth import schema
from fgbg_depth.card import markdown
from fgbg_depth.card.label_checks import checks_sentences
from fgbg_depth.card.limitations import biases, limitations
from fgbg_depth.card.provenance import derived_from, generated_by, making, preparation
from fgbg_depth.manifest import Manifest
from fgbg_depth.recipe import DEMO


@dataclass(frozen=True)
class Answer:
    """The answer to one question about a dataset.

    Args:
        topic: heading in the card.
        field: the recipe's field for the maker's words.
        maker: these words; "" while the maker has not written any.
        known: what the build knows about it; "" if nothing.
    """

    topic: str
    field: str
    maker: str
    known: str

    @property
    def not_stated(self) -> str:
        """What is shown in the place of the maker's words while there are none."""
        return f"Not stated by the maker of this dataset (field {self.field} of the recipe)."

    @property
    def texts(self) -> list[str]:
        """The answer for programs: the maker's words, then what the build knows."""
        return [text for text in (self.maker or self.not_stated, self.known) if text]

    @property
    def line(self) -> str:
        """The answer as one line of Markdown."""
        words = self.not_stated.replace(self.field, f"`{self.field}`", 1)
        words = markdown.text(self.maker) if self.maker else f"*{words}*"
        return f"**{self.topic}.** {words} {self.known}".strip()


def answers(manifest: Manifest) -> dict[str, Answer]:
    """What the maker and the build say about a dataset, by field of the recipe."""
    recipe = manifest.recipe
    is_demo = recipe.backgrounds == recipe.foregrounds == DEMO
    tasks = "foreground segmentation and matting"
    if manifest.depth is not None:
        tasks = "foreground segmentation, matting and monocular depth estimation"
    known = {
        "source_collection": (
            "Collection of the sources",
            "The sources are the demonstration's, which a program rendered." if is_demo else "",
        ),
        "personal_information": (
            "Personal and sensitive information",
            "The demonstration's sources are rendered and show no real people or places."
            if is_demo
            else "The build does not look for people or other personal information in the sources, and removes none.",
        ),
        "source_biases": (
            "Biases of the sources",
            f"All rows come from {len(manifest.sources['bg']):,} backgrounds and {len(manifest.sources['fg']):,} "
            "cut-outs and have their biases.",
        ),
        "intended_uses": (
            "Uses",
            f"The rows are made for training and testing networks for {tasks}, at an early stage or beside real "
            "pictures. They are no evidence of how well a network works on real pictures.",
        ),
        "social_impact": ("Social impact", ""),
        "maintenance": (
            "Maintenance",
            "The recipe and the prepared sources are stored with the rows, so every version can be verified and built "
            "again; the changelog lists what each version changed.",
        ),
    }
    return {field: Answer(topic, field, getattr(recipe, field), text) for field, (topic, text) in known.items()}


def responsible_use_section(manifest: Manifest) -> str:
    """The card's section "Responsible use" as Markdown, with its heading."""
    lines = [
        "## Responsible use",
        "",
        f"- **Synthetic data.** {_synthetic(manifest)}",
        *(f"- {answer.line}" for answer in answers(manifest).values()),
        "",
        f"The same statements, with the limits and biases below and the provenance, are in `{schema.CROISSANT}` for "
        "programs and conferences.",
    ]
    return "\n".join(lines) + "\n"


def responsible_ai(manifest: Manifest) -> dict[str, Any]:
    """The properties of `croissant.json` in the vocabularies `rai` and `prov`."""
    said = answers(manifest)
    properties: dict[str, Any] = {
        "rai:dataCollection": " ".join([making(manifest), *said["source_collection"].texts]),
        "rai:dataPreprocessingProtocol": preparation(manifest),
        "rai:dataAnnotationProtocol": _labelling(manifest),
        "rai:dataLimitations": [
            *(statement.plain for statement in limitations(manifest)),
            *(sentence.replace("*", "").replace("`", "") for sentence in checks_sentences(manifest)),
        ],
        "rai:dataBiases": [*said["source_biases"].texts, *(statement.plain for statement in biases(manifest))],
        "rai:personalSensitiveInformation": said["personal_information"].texts,
        "rai:dataUseCases": said["intended_uses"].texts,
        "rai:dataSocialImpact": " ".join(said["social_impact"].texts),
        "rai:hasSyntheticData": True,
        "rai:dataReleaseMaintenancePlan": " ".join(said["maintenance"].texts),
        "prov:wasDerivedFrom": derived_from(manifest),
        "prov:wasGeneratedBy": generated_by(manifest),
    }
    depth = manifest.depth
    if depth is not None:
        revision = f", revision {depth.revision}" if depth.revision else ""
        properties["rai:machineAnnotationTools"] = [f"{depth.model}{revision}, digest {depth.digest}"]
    return properties


def _synthetic(manifest: Manifest) -> str:
    """Which columns no camera and no person made."""
    depth = " Depth was predicted by a network, not measured." if manifest.depth else ""
    return f"Every picture is a composite that a program made, and its matte is computed.{depth}"


def _labelling(manifest: Manifest) -> list[str]:
    """How the labels were made."""
    found = ["The matte of a row is computed from the alpha of its cut-outs. No person annotated anything."]
    depth = manifest.depth
    if schema.PREDICTED in manifest.labels and depth is not None:
        found.append(f"fg_bg_depth was predicted from each composite by {depth.model}.")
    if schema.PLACED in manifest.labels and depth is not None:
        found.append(
            f"fg_bg_depth_placed is the depth that {depth.model} predicted from the bare background, with each cut-out "
            "set in at the depth where it stands."
        )
    return found
