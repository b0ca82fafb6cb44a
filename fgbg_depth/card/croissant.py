"""`croissant.json`: the dataset described for other programs, in the format Croissant with its responsible-AI fields.

The file is written by hand as JSON and not with `mlcroissant`, which is used in tests alone: it is small, and that
library brings pandas, rdflib and a parser of JSONPath, which a build does not need.

Source: Croissant 1.1, https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. Names and patterns of file
sets are those of the Hub's own croissant files, as far as there is one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from fgbg_depth import schema
from fgbg_depth.card.citation import bibtex
from fgbg_depth.card.front_matter import config_splits, keywords
from fgbg_depth.card.provenance import HUB_URL, making
from fgbg_depth.card.responsible_ai import responsible_ai
from fgbg_depth.card.spdx import license_url
from fgbg_depth.manifest import Manifest

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_TYPES = {  # of `schema.Column.type`
    "image": "sc:ImageObject",
    "string": "sc:Text",
    "bool": "sc:Boolean",
    "int32": "cr:Int32",
    "float32": "cr:Float32",
}
_KEYS = {"default": ("bg", "fg", "flip", "placement"), "bg": ("name",), "fg": ("name",)}
_REPOSITORY = "repository"  # id of the published repository
_SEMANTIC_VERSION = re.compile(r"v?((0|[1-9]\d*)(\.(0|[1-9]\d*)){0,2})")  # Croissant asks for MAJOR.MINOR.PATCH
_HUB_PAGE = re.compile(rf"{HUB_URL}/datasets/(?P<repo>[^/]+/[^/]+)(/tree/refs%2Fheads%2F(?P<branch>.+))?")


@dataclass(frozen=True)
class HubPlace:
    """The repository and the branch on the Hub to which a dataset is published."""

    repo_id: str
    branch: str = "main"

    @property
    def page(self) -> str:
        """The address of the dataset's page."""
        return f"{HUB_URL}/datasets/{self.repo_id}"

    def git_address(self, tag: str | None) -> str:
        """The address of the files of one version, as `mlcroissant` reads it: the page, and a git ref other than main.

        Args:
            tag: of the version; None: the newest commit of the branch.
        """
        if tag is None and self.branch == "main":
            return self.page
        ref = f"refs/tags/{tag}" if tag is not None else f"refs/heads/{self.branch}"
        return f"{self.page}/tree/{quote(ref, safe='')}"


def croissant_json(manifest: Manifest, place: HubPlace | None = None) -> str:
    """The text of `croissant.json`. It depends on nothing but the arguments, so the same dataset has the same bytes.

    Args:
        place: where the dataset is published; None: it is a folder, whose files are named relative to it.
    """
    return to_json(describe(manifest, place))


def to_json(described: dict[str, Any]) -> str:
    """The content of a `croissant.json` as text."""
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def describe(manifest: Manifest, place: HubPlace | None = None) -> dict[str, Any]:
    """The content of `croissant.json`; see `croissant_json`."""
    recipe, splits = manifest.recipe, config_splits(manifest)
    depth = " and depth map" if manifest.depth is not None else ""
    data: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": recipe.name,
        "description": f"{manifest.rows:,} pictures with their foreground matte{depth}. {making(manifest)}",
        "license": license_url(recipe.license),
        "version": _version(manifest),
        "citeAs": bibtex(manifest, place.page if place else None),
        "keywords": keywords(manifest),
        "isLiveDataset": False,
    }
    if place is not None:
        data["url"] = place.page
    if recipe.creators:
        data["creator"] = [{"@type": "sc:Person", "name": name} for name in recipe.creators]
    dates = [version.date for version in manifest.history if version.date]
    if dates:
        data["datePublished"] = dates[-1]
        data["dateModified"] = dates[0]
    data |= responsible_ai(manifest)
    data["distribution"] = _distribution(manifest, splits, place)
    data["recordSet"] = [_splits(list(splits["default"]))] + [_records(manifest, config) for config in splits]
    return data


def place_of(described: dict[str, Any]) -> HubPlace | None:
    """Where the dataset of a `croissant.json` is published: the inverse of `describe` in this respect."""
    resources = described.get("distribution")
    address = next((r.get("contentUrl") for r in resources or [] if r.get("@id") == _REPOSITORY), None)
    found = _HUB_PAGE.match(str(address))
    return HubPlace(found["repo"], unquote(found["branch"] or "main")) if found else None


def _version(manifest: Manifest) -> str:
    """The version as three numbers: those of the tag, or 0.0.0 and a digest of the content without such a tag."""
    found = _SEMANTIC_VERSION.fullmatch(manifest.version or "")
    if found:
        return ".".join([*found[1].split("."), "0", "0"][:3])
    return f"0.0.0+{manifest.content_digest[:12]}"


def _distribution(
    manifest: Manifest, splits: dict[str, dict[str, dict[str, int]]], place: HubPlace | None
) -> list[dict[str, Any]]:
    """The parquet files: a set for each config, which the record sets read, and one for each split of it."""
    found: list[dict[str, Any]] = []
    if place is not None:
        found.append(
            {
                "@type": "cr:FileObject",
                "@id": _REPOSITORY,
                "name": _REPOSITORY,
                "description": "The repository of the dataset on the Hub.",
                "contentUrl": place.git_address(manifest.version),
                "encodingFormat": "git+https",
                # a repository has no hash: this address stands for it, as in the Hub's own croissant files
                "sha256": "https://github.com/mlcommons/croissant/issues/80",
            }
        )
    for config, of_split in splits.items():
        folder = _folder(config)
        rows = sum(entry["rows"] for entry in of_split.values())
        found.append(_file_set(config, f"{folder}/*.parquet", f"All files of the config {config}: {rows:,} rows."))
        if len(of_split) > 1:
            for split, entry in of_split.items():
                text = f"The files of the split {split} of the config {config}: {entry['rows']:,} rows."
                found.append(_file_set(f"{config}-{split}", f"{folder}/{split}-*.parquet", text))
    if place is not None:
        found = [f | ({"containedIn": {"@id": _REPOSITORY}} if f["@type"] == "cr:FileSet" else {}) for f in found]
    return found


def _file_set(name: str, pattern: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _files(name),
        "name": _files(name),
        "description": description,
        "encodingFormat": "application/x-parquet",
        "includes": pattern,
    }


def _files(name: str) -> str:
    """The id of the set of the files of a config, or of one split of it."""
    return f"files-{name}"


def _folder(config: str) -> str:
    return schema.DATA if config == "default" else config


def _splits(splits: list[str]) -> dict[str, Any]:
    """The record set that lists the splits."""
    meaning = {
        schema.TRAIN: "training rows",
        schema.UNSEEN_BG: "backgrounds that are not in train",
        schema.UNSEEN_FG: "cut-outs that are not in train",
        schema.UNSEEN_BOTH: "backgrounds and cut-outs that are not in train",
    }
    fields = {"name": "name of the split", "meaning": "which rows it has"}
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The splits of the config default.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"splits/{name}",
                "name": name,
                "description": text,
                "dataType": "sc:Text",
            }
            for name, text in fields.items()
        ],
        "data": [{"splits/name": split, "splits/meaning": meaning[split]} for split in splits],
    }


def _records(manifest: Manifest, config: str) -> dict[str, Any]:
    """The record set of a config: a field for each of its columns, and for `default` the split."""
    columns = schema.columns(config, manifest.labels, manifest.extras)
    fields = [_field(config, column) for column in columns]
    if config == "default":
        fields.insert(0, _split_field())
    records: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": _MEANINGS[config],
        "field": fields,
    }
    if config in _KEYS:
        records["key"] = [{"@id": f"{config}/{name}"} for name in _KEYS[config]]
    return records


def _split_field() -> dict[str, Any]:
    """The split of a row, from the name of its file."""
    return {
        "@type": "cr:Field",
        "@id": "default/split",
        "name": "split",
        "description": "split of the row",
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": _files("default")},
            "extract": {"fileProperty": "fullpath"},
            # matches a split alone, too: mlcroissant applies it a second time to what it found
            "transform": {"regex": rf"(?:.*{schema.DATA}/)?([a-z_]+)(?:-.*)?$"},
        },
        "references": {"field": {"@id": "splits/name"}},
    }


def _field(config: str, column: schema.Column) -> dict[str, Any]:
    """One column of the parquet files."""
    source: dict[str, Any] = {"fileSet": {"@id": _files(config)}, "extract": {"column": column.name}}
    field = {
        "@type": "cr:Field",
        "@id": f"{config}/{column.name}",
        "name": column.name,
        "description": column.meaning.replace("`", ""),
    }
    if column.type == "objects":
        nested = [
            {
                "@type": "cr:Field",
                "@id": f"{config}/{column.name}/{name}",
                "name": name,
                "description": meaning,
                "dataType": _TYPES[kind],
                "source": source | {"transform": {"jsonPath": name}},
            }
            for name, (kind, meaning) in schema.OBJECT_FIELDS.items()
        ]
        return field | {"repeated": True, "subField": nested}
    if column.type == "image":  # stored as a struct of encoded bytes and a path, which is empty
        source["transform"] = {"jsonPath": "bytes"}
    return field | {"dataType": _TYPES[column.type], "source": source}


_MEANINGS = {
    "default": "The rows: composites with their labels.",
    "bg": "The backgrounds, as they were composed.",
    "fg": "The cut-outs, as they were composed.",
    "preview": "Some rows, with depth in colours.",
}
_CONTEXT: dict[str, Any] = {  # the standard one of Croissant 1.1, and the vocabulary of provenance
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
