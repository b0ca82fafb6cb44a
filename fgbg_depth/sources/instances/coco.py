"""COCO annotations: each instance with polygons or a run-length mask is a cut-out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe.addresses import COCO, Address
from fgbg_depth.sources.folder import FolderListing, SourceFile
from fgbg_depth.sources.instances.found import Found
from fgbg_depth.sources.instances.packed import Instance
from fgbg_depth.sources.instances.soft_mask import coco_masks
from fgbg_depth.sources.names import printable


def list_coco(address: Address) -> FolderListing:
    """The instances of an annotation file, in the order of their ids. Crowds are left out.

    Photographs are looked for by their `file_name` beside the annotation file, in a folder beside it that is called
    `images`, and in the folders of the published layout: for `annotations/instances_val2017.json` in `val2017` and
    `images/val2017`.

    Raises:
        SourceError: the file cannot be read, is no annotation file of instances, or has no instance that can be used;
            or pycocotools is not installed.
    """
    coco_masks()  # fails early, with what to install
    file = Path(address.path)
    values = _read(file)
    names = {category["id"]: str(category["name"]) for category in values["categories"]}
    unknown = sorted(set(address.classes) - set(names.values()))
    if unknown:
        raise SourceError(
            f"{file} has no class {unknown[0]!r}.\n  Its classes are {', '.join(sorted(names.values()))}."
        )
    images = {image["id"]: image for image in values["images"]}
    folders = _folders(file)
    found, licences = Found(address), Counter[int]()
    for annotation in sorted(values["annotations"], key=lambda each: each["id"]):
        image, name = images.get(annotation["image_id"]), names.get(annotation["category_id"], "unknown")
        if annotation.get("iscrowd"):
            found.leave_out("crowd")
        elif image is None or not annotation.get("segmentation"):
            found.leave_out("without mask or photograph")
        elif found.accepts(name, max(annotation["bbox"][2:])):
            licences[image.get("license", 0)] += 1
            stem = printable(Path(image["file_name"]).stem)
            found.add(SourceFile(f"{name}/{stem}-{annotation['id']}.png", _Reader(image, annotation, folders), name))
    return found.listing(f"{COCO}{file}", _license_note(values, licences))


class _Reader:
    """Reads one instance with its photograph."""

    def __init__(self, image: Mapping[str, Any], annotation: Mapping[str, Any], folders: list[Path]) -> None:
        self._image, self._annotation, self._folders = image, annotation, folders

    def __call__(self) -> bytes:
        mask = self._annotation["segmentation"]
        kind = "polygons" if isinstance(mask, list) else "rle"
        photo = self._photo().read_bytes()
        return Instance(photo, {kind: mask}, self._image.get("width", 0), self._image.get("height", 0)).pack()

    def _photo(self) -> Path:
        name = str(self._image["file_name"])
        paths = [folder / part for folder in self._folders for part in dict.fromkeys((name, Path(name).name))]
        photo = next((path for path in paths if path.is_file()), None)
        if photo is None:
            places = ", ".join(dict.fromkeys(str(folder) for folder in self._folders))
            raise SourceError(f"has no photograph: {printable(name)} is in none of {places}")
        return photo


def _read(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_bytes())
    except OSError as e:
        raise SourceError(
            f"{file} cannot be read ({e.strerror}).\n  Give COCO's file of instances: --foregrounds {COCO}FILE.json"
        ) from e
    except ValueError as e:
        raise SourceError(
            f"{file} is not JSON ({e}).\n  Give COCO's file of instances, such as instances_val2017.json."
        ) from e
    lists = ("images", "annotations", "categories")
    if not isinstance(values, dict) or not all(isinstance(values.get(key), list) for key in lists):
        raise SourceError(
            f"{file} is no COCO annotation file of instances: it needs the lists {', '.join(lists)}.\n"
            "  Give the file of instances, such as instances_val2017.json; captions and panoptic files have no masks."
        )
    needed = {
        "images": {"id", "file_name"},
        "annotations": {"id", "image_id", "category_id", "bbox"},
        "categories": {"id", "name"},
    }
    for key, fields in needed.items():
        for index, entry in enumerate(values[key]):
            if missing := sorted(fields - entry.keys() if isinstance(entry, dict) else fields):
                raise SourceError(f"{file}: {key}[{index}] has no {missing[0]!r}.\n  Give COCO's file of instances.")
    return values


def _folders(file: Path) -> list[Path]:
    """Folders in which the photographs of an annotation file may be."""
    subset = file.stem.removeprefix("instances_")
    parents = (file.parent, file.parent.parent)
    inner = ("", "images", subset, f"images/{subset}")
    return [parent / name if name else parent for parent in parents for name in inner]


def _license_note(values: Mapping[str, Any], used: Counter[int]) -> str:
    """The licences of the photographs, as the file states them: `Attribution License (12 cut-outs)`."""
    names = {entry.get("id"): entry for entry in values.get("licenses") or [] if isinstance(entry, dict)}
    parts = []
    for key, number in used.most_common():
        entry = names.get(key, {})
        text = " ".join(str(entry[part]) for part in ("name", "url") if entry.get(part)) or "not stated"
        parts.append(f"{printable(text)} ({number:,})")
    return "; ".join(parts) if names else ""
