"""All backgrounds and cut-outs of a recipe: found, checked, prepared, named and divided."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fgbg_depth import paths
from fgbg_depth.errors import SourceError
from fgbg_depth.recipe import DEMO, Recipe
from fgbg_depth.recipe.addresses import HUB, parse_address
from fgbg_depth.render.png import encode_png
from fgbg_depth.rng import json_digest
from fgbg_depth.scene.ground import Ground
from fgbg_depth.scene.layers import ground_warnings
from fgbg_depth.sources.cache import PreparedCache
from fgbg_depth.sources.checks.decoding import reason_to_skip_file
from fgbg_depth.sources.checks.finding import Kind
from fgbg_depth.sources.classes import SourceClasses
from fgbg_depth.sources.decode import NO_TRANSPARENCY
from fgbg_depth.sources.exclude import Exclusion
from fgbg_depth.sources.folder import FolderListing, SourceFile, list_folder
from fgbg_depth.sources.instances.listing import list_instances
from fgbg_depth.sources.lookalikes import SIDE, group_lookalikes, thumbnail
from fgbg_depth.sources.names import USUAL_EXTENSION, source_name, unique_names
from fgbg_depth.sources.prepare import PreparedImage, prepare_background, prepare_cutout
from fgbg_depth.sources.splits import hold_out, split_warnings

Prepare = Callable[[bytes], PreparedImage]  # a file's bytes to its prepared image
_Bad = tuple[str, str]  # a file that cannot be used, and the reason


@dataclass(frozen=True)
class Source:
    """A checked background or cut-out, at its final size."""

    name: str  # unique among the sources of its kind
    file: str  # the original file, for people
    digest: str  # SHA-256 of the original file; keys randomness and splits
    pixels_digest: str  # SHA-256 of the prepared pixels
    png: bytes  # the prepared image, lossless: RGB (size x size) of a background, RGBA with straight alpha of a cut-out
    width: int
    height: int
    class_name: str = ""  # see `SourceFile`
    thumbnail: bytes = b""  # to find copies; see `lookalikes`
    is_corrected: bool = False  # see `PreparedImage`
    held_out: bool = False
    depth: bytes = b""  # of a background: PNG of the depth predicted from it, once it is labelled
    ground: Ground | None = None  # of a background whose depth shows it, if the recipe asks where it is

    @property
    def content_digest(self) -> str:
        """Digest of all that rows take from this source: its name, its prepared pixels and its randomness' key."""
        classes = [self.class_name] if self.class_name else []
        return json_digest([self.name, self.digest, self.pixels_digest, self.width, self.height, *classes])


@dataclass(frozen=True)
class Sources:
    """All sources of a dataset, sorted by name."""

    backgrounds: tuple[Source, ...]
    cutouts: tuple[Source, ...]
    skipped: tuple[tuple[str, str], ...] = ()  # (file, reason)
    warnings: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()  # files in the folders that are no readable pictures: "1 .heic, 2 .txt in photos"
    # outputs of this project in the folders; not in the card: only later builds see the output of the first build
    ignored_outputs: tuple[str, ...] = ()
    license_notes: tuple[str, ...] = ()  # licences of the pictures, as annotation files state them
    trimmed: tuple[str, ...] = ()  # backgrounds whose frame was cut away, by name
    defringed: tuple[str, ...] = ()  # cut-outs whose soft edge got new colours, by name
    terms: dict[str, str] = field(default_factory=dict)  # text of SOURCES.md by kind, "bg" or "fg", where there is one

    @cached_property
    def classes(self) -> SourceClasses:
        return SourceClasses.of(*([(s.name, s.class_name) for s in kind] for kind in (self.backgrounds, self.cutouts)))


@dataclass(frozen=True)
class KnownSources:
    """Prepared sources of a published version, which stand for the folders of its recipe.

    Args:
        backgrounds, cutouts: None: those of this kind are prepared from the recipe's folder, as usual.
        add_backgrounds, add_foregrounds: folders, or datasets on the Hub, whose pictures are added; "" for none.
        skipped, ignored, license_notes, terms: of the version, for the card.
    """

    backgrounds: tuple[Source, ...] | None = None
    cutouts: tuple[Source, ...] | None = None
    add_backgrounds: str = ""
    add_foregrounds: str = ""
    skipped: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    license_notes: tuple[str, ...] = ()
    terms: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Checked:
    """The result of checking all files of one kind."""

    listing: FolderListing
    sources: list[Source] = field(default_factory=list)
    bad: list[_Bad] = field(default_factory=list)
    warned: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # files by warning


def load_sources(recipe: Recipe, workers: int = 1, known: KnownSources | None = None) -> Sources:
    """Find, check and prepare every source of a recipe.

    Args:
        workers: threads that decode files.
        known: prepared sources that take the place of the recipe's folders, and folders to add to them.
    Raises:
        SourceError: a folder cannot be read; or files cannot be used and `recipe.skip_bad` is false (one message
            names them all); or no file is left.
    """
    known, exclusion = known or KnownSources(), Exclusion(recipe.exclude)
    checker = _Checker(recipe, exclusion, workers)
    backgrounds = _check_kind(
        checker, "backgrounds", known.backgrounds, known.add_backgrounds, lambda data: prepare_background(data, recipe)
    )
    cutouts = _check_kind(
        checker, "foregrounds", known.cutouts, known.add_foregrounds, lambda data: prepare_cutout(data, recipe)
    )
    if known == KnownSources():  # else files that the recipe leaves out are not there to be found
        exclusion.check_all_found()
    bad = backgrounds.bad + cutouts.bad
    if bad and not recipe.skip_bad:
        raise _bad_files(backgrounds.bad, cutouts.bad)
    for checked, what, where in (
        (backgrounds, "background", recipe.backgrounds),
        (cutouts, "cut-out", recipe.foregrounds),
    ):
        if not checked.sources:
            raise SourceError(
                f"{where}: every {what} was left out (by exclude, or because it cannot be used); none is left to build "
                "from."
            )
    bg_groups, fg_groups = (group_lookalikes([_thumbnail_of(s) for s in c.sources]) for c in (backgrounds, cutouts))
    bgs = _named_and_divided(backgrounds.sources, bg_groups, recipe, "bg")
    fgs = _named_and_divided(cutouts.sources, fg_groups, recipe, "fg")
    held_out = [sum(source.held_out for source in kind) for kind in (bgs, fgs)]
    listings = (backgrounds.listing, cutouts.listing)
    return Sources(
        bgs,
        fgs,
        (*known.skipped, *bad),
        (
            *_warnings(backgrounds, bg_groups),
            *_warnings(cutouts, fg_groups),
            *split_warnings(len(bgs), held_out[0], len(fgs), held_out[1], recipe.holdout),
            *ground_warnings(recipe, [cutout.height for cutout in fgs]),
        ),
        tuple(dict.fromkeys([*known.ignored, *(each.ignored for each in listings if each.ignored)])),
        tuple(dict.fromkeys(output for each in listings for output in each.outputs)),
        license_notes=(*known.license_notes, *(each.license_note for each in listings if each.license_note)),
        trimmed=tuple(source.name for source in bgs if source.is_corrected),
        defringed=tuple(source.name for source in fgs if source.is_corrected),
        terms={
            **known.terms,
            **{kind: each.terms for kind, each in zip(("bg", "fg"), listings, strict=True) if each.terms},
        },
    )


def list_sources(where: str, kind: str) -> FolderListing:
    """The pictures that a recipe's `backgrounds` or `foregrounds` names.

    Raises:
        SourceError: there is no such folder or dataset, or it has no picture.
    """
    address = parse_address(where)
    if address.prefix == HUB:
        from fgbg_depth.sources.hub import list_hub_images

        return FolderListing(list_hub_images(where))
    if address.prefix:
        return list_instances(address, kind)
    return list_folder(paths.DATA / kind if where == DEMO else Path(os.path.expanduser(where)), kind)


class _Checker(NamedTuple):
    """How files are checked."""

    recipe: Recipe
    exclusion: Exclusion
    workers: int


def _check_kind(
    checker: _Checker, kind: Kind, known: Sequence[Source] | None, added: str, prepare: Prepare
) -> _Checked:
    """The sources of one kind: those of the recipe's folder, or the known ones, and those of the folder `added`.

    Raises:
        SourceError: a folder cannot be read, or an added file has the name of another source.
    """
    where = checker.recipe.backgrounds if kind == "backgrounds" else checker.recipe.foregrounds
    checked = _Checked(FolderListing([])) if known is not None else _check_all(checker, kind, where, prepare)
    checked.sources += known or ()
    if added:
        more = _check_all(checker, kind, added, prepare)
        names = {source.name: source.digest for source in checked.sources}
        present = set(names.values())
        for source in more.sources:
            if names.get(source.name, source.digest) != source.digest:
                raise SourceError(
                    f"{added}: {source.file} has the name of one of the dataset's {kind}, and other content.\n"
                    "  Rename the file. With its present name it could not be told from the other one in columns."
                )
        checked.sources += [source for source in more.sources if source.digest not in present]
        checked.bad += more.bad
        checked.listing = more.listing
        for warning, files in more.warned.items():
            checked.warned[warning] += files
    return checked


def _check_all(checker: _Checker, kind: Kind, where: str, prepare: Prepare) -> _Checked:
    """Prepare every file of one folder or Hub dataset, in order, and collect the reasons of those that fail."""
    checked, cache = _Checked(list_sources(where, kind)), PreparedCache(checker.recipe, kind)
    files = checker.exclusion.kept(checked.listing.pictures, kind)
    with warnings.catch_warnings():
        # decoders warn of harmless defects, and of large images, which decode.MAX_PIXELS refuses
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(max(1, checker.workers)) as pool:
            for file, result, warning in pool.map(
                lambda file: _check(file, kind, prepare, checker.recipe, cache), files
            ):
                if isinstance(result, str):
                    checked.bad.append((file, result))
                    continue
                checked.sources.append(result)
                if warning:
                    checked.warned[warning].append(file)
    cache.remove_oldest()
    return checked


def _check(
    file: SourceFile, kind: Kind, prepare: Prepare, recipe: Recipe, cache: PreparedCache
) -> tuple[str, Source | str, str]:
    """The file's name, its source or the reason why it cannot be used, and a warning or ""."""
    try:
        data = file.read()
        digest = hashlib.sha256(data).hexdigest()
        found = cache.get(digest)
        if found is None:
            image, warning, is_corrected = prepare(data)
            if recipe.skip_bad and (reason := reason_to_skip_file(data, kind, recipe)):
                return file.name, reason, ""
            facts: dict[str, Any] = {
                "pixels_digest": hashlib.sha256(image.tobytes()).hexdigest(),
                "width": image.width,
                "height": image.height,
                "thumbnail": thumbnail(image).tobytes().hex(),
                "is_corrected": is_corrected,
                "warning": warning,
            }
            found = facts, encode_png(image)
            cache.put(digest, *found)
    except SourceError as e:
        return file.name, str(e), ""
    except OSError as e:
        return file.name, f"cannot be read ({e.strerror or e})", ""
    facts, png = found
    source = Source(
        name=source_name(file.name, USUAL_EXTENSION[kind]),
        file=file.name,
        digest=digest,
        pixels_digest=facts["pixels_digest"],
        png=png,
        width=facts["width"],
        height=facts["height"],
        class_name=file.class_name,
        thumbnail=bytes.fromhex(facts["thumbnail"]),
        is_corrected=facts["is_corrected"],
    )
    return file.name, source, facts["warning"]


def _thumbnail_of(source: Source) -> np.ndarray:
    return np.frombuffer(source.thumbnail, np.uint8).reshape(SIDE, SIDE, 3)


def _named_and_divided(
    sources: Sequence[Source], groups: Iterable[Sequence[int]], recipe: Recipe, kind: str
) -> tuple[Source, ...]:
    """The sources with unique names, and those of the tests marked as held out, sorted by name."""
    digests = [s.digest for s in sources]
    names = unique_names([s.name for s in sources], digests)
    held_out = hold_out(digests, groups, recipe.holdout, recipe.seed, kind)
    finished = [replace(s, name=names[i], held_out=i in held_out) for i, s in enumerate(sources)]
    return tuple(sorted(finished, key=lambda s: s.name))


def _bad_files(backgrounds: Sequence[_Bad], cutouts: Sequence[_Bad]) -> SourceError:
    bad = [*backgrounds, *cutouts]
    count = "1 source file cannot be used" if len(bad) == 1 else f"{len(bad)} source files cannot be used"
    lines = [f"{count}:", *(f"  {file} {reason}." for file, reason in bad[:50])]
    if len(bad) > 50:
        lines.append(f"  ... and {len(bad) - 50} more.")
    if any(reason.startswith(NO_TRANSPARENCY) for _, reason in cutouts):
        lines.append("  A cut-out needs an alpha channel: remove its background first.")
    these, them = ("this file", "it") if len(bad) == 1 else ("these files", "them")
    lines.append(f"  Repair or remove {these}, or pass --skip-bad to leave {them} out.")
    return SourceError("\n".join(lines))


def _warnings(checked: _Checked, groups: Iterable[Sequence[int]]) -> list[str]:
    """Warnings about files of one kind, for people."""
    found = [f"{_some(files, 3)}: {warning}" for warning, files in checked.warned.items()]
    files_by_digest: dict[str, list[str]] = defaultdict(list)
    for source in checked.sources:
        files_by_digest[source.digest].append(source.file)
    for files in files_by_digest.values():
        if len(files) > 1:
            found.append(f"{', '.join(files)}: the same file {len(files)} times; its rows repeat")
    for group in groups:
        alike = [checked.sources[i] for i in group]
        if len({s.digest for s in alike}) > 1:
            files = [s.file for s in alike]
            found.append(f"{_some(files, 5)}: these look alike; they stay on the same side of the splits")
    return found


def _some(files: Sequence[str], limit: int) -> str:
    return ", ".join(files[:limit]) + (f" and {len(files) - limit} more" if len(files) > limit else "")
