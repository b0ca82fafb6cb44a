"""Check all source files of a recipe: each picture for itself, and which of them are copies of each other."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.checks.decoding import load_picture
from fgbg_depth.sources.checks.finding import BOTH, Fault, Finding, Kind, Picture
from fgbg_depth.sources.checks.registry import CHECKS, check_background, check_cutout
from fgbg_depth.sources.exclude import Exclusion
from fgbg_depth.sources.folder import SourceFile
from fgbg_depth.sources.load import list_sources
from fgbg_depth.sources.lookalikes import MAX_DIFFERENCE, group_lookalikes, thumbnail

UNREADABLE = Fault(
    "unreadable",
    BOTH,
    "the file cannot be used at all",
    "repair or remove it; skip_bad leaves it out",
)
COPY = Fault(
    "copy",
    BOTH,
    "the picture is a copy, or nearly a copy, of another one: resized, saved again or mirrored",
    "keep one of them; leave the others out with exclude",
)
FAULTS: tuple[Fault, ...] = (UNREADABLE, *CHECKS, COPY)
Progress = Callable[[int], None]  # called with the number of files that were checked since the last call
SMALL = 224  # pixels of the longer side of a report's pictures
_AHEAD = 64  # files that are read before their results are used, for each worker


@dataclass(frozen=True)
class FileFindings:
    """What is wrong with one file."""

    kind: Kind
    file: str  # its name
    findings: tuple[Finding, ...]
    picture: Image.Image | None = None  # small, for the sheet; None: unreadable, or beyond the first `pictures`


@dataclass(frozen=True)
class SourceReport:
    """The result of checking all source files."""

    checked: dict[Kind, int]  # files by kind
    files: tuple[FileFindings, ...]  # those with findings, in the order of kinds and names

    @property
    def counts(self) -> dict[str, int]:
        """Findings by fault, in the order of `FAULTS`."""
        found = Counter(finding.check for file in self.files for finding in file.findings)
        return {fault.name: found[fault.name] for fault in FAULTS if found[fault.name]}


@dataclass(frozen=True)
class _Result:
    file: SourceFile
    findings: list[Finding]
    digest: str = ""
    thumbnail: np.ndarray | None = None


def check_sources(
    recipe: Recipe,
    kinds: Sequence[Kind] = BOTH,
    *,
    workers: int = 1,
    pictures: int = 0,
    progress: Progress = lambda count: None,
) -> SourceReport:
    """Look at every source file of a recipe. What `recipe.exclude` names is left out.

    Args:
        kinds: which sources.
        workers: threads.
        pictures: of so many files with findings the report has a small picture.
    Raises:
        SourceError: a folder cannot be read, or `exclude` names what does not exist.
    """
    exclusion = Exclusion(recipe.exclude)
    checked: dict[Kind, int] = {}
    files: list[FileFindings] = []
    for kind in kinds:
        listing = list_sources(recipe.backgrounds if kind == "backgrounds" else recipe.foregrounds, kind)
        results: list[_Result] = []
        for result in _look_at_all(exclusion.kept(listing.pictures, kind), kind, recipe, workers):
            results.append(result)
            progress(1)
        checked[kind] = len(results)
        _add_copies(results)
        for result in results:
            if result.findings:
                small = _small_picture(result.file, kind, recipe) if len(files) < pictures else None
                files.append(FileFindings(kind, result.file.name, tuple(result.findings), small))
    exclusion.check_all_found(kinds)
    return SourceReport(checked, tuple(files))


def _look_at_all(files: Iterable[SourceFile], kind: Kind, recipe: Recipe, workers: int) -> Iterator[_Result]:
    """Results in the order of the files. Only some files are in memory at any time."""
    waiting = iter(files)
    with warnings.catch_warnings(), ThreadPoolExecutor(max(1, workers)) as pool:
        warnings.simplefilter("ignore")  # decoders warn of harmless defects
        while batch := list(islice(waiting, _AHEAD * max(1, workers))):
            yield from pool.map(lambda file: _look_at(file, kind, recipe), batch)


def _look_at(file: SourceFile, kind: Kind, recipe: Recipe) -> _Result:
    try:
        data = file.read()
        picture = load_picture(data, kind, recipe)
    except SourceError as e:
        return _Result(file, [UNREADABLE.found(1, str(e))])
    except OSError as e:
        return _Result(file, [UNREADABLE.found(1, f"cannot be read ({e.strerror or e})")])
    findings = check_background(picture) if kind == "backgrounds" else check_cutout(picture)
    image = _image(picture)
    if kind == "backgrounds":  # what is placed is the middle square
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    return _Result(file, findings, hashlib.sha256(data).hexdigest(), thumbnail(image))


def _small_picture(file: SourceFile, kind: Kind, recipe: Recipe) -> Image.Image | None:
    """The picture for the sheet, read again, so that few pictures are in memory; None: it cannot be read."""
    try:
        image = _image(load_picture(file.read(), kind, recipe))
    except (SourceError, OSError):
        return None  # `UNREADABLE` says why
    image.thumbnail((SMALL, SMALL))
    return image


def _image(picture: Picture) -> Image.Image:
    if picture.alpha is None:
        return Image.fromarray(picture.rgb)
    return Image.fromarray(np.dstack([picture.rgb, picture.alpha]))


def _add_copies(results: Sequence[_Result]) -> None:
    """Add a finding to every file that looks like an earlier one."""
    seen = [(result, thumb) for result in results if (thumb := result.thumbnail) is not None]
    for group in group_lookalikes([thumb for _, thumb in seen]):
        first, original = seen[group[0]]
        for position in group[1:]:
            result, thumb = seen[position]
            if result.digest == first.digest:
                result.findings.append(COPY.found(1, f"the same file as {first.file.name}"))
                continue
            nearest = min(_difference(thumb, original), _difference(thumb[:, ::-1], original))
            certainty = max(0.5, 0.9 - 0.4 * nearest / MAX_DIFFERENCE)
            result.findings.append(COPY.found(certainty, f"looks like {first.file.name}"))


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square difference of two thumbnails, 0 to 255."""
    return float(np.sqrt(((a.astype(np.float64) - b) ** 2).mean()))
