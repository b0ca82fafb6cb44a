"""Backgrounds and cut-outs: find them, check them all, and bring them to the size they are placed at."""

from __future__ import annotations

import hashlib
import itertools
import os
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from fgbg_depth import paths
from fgbg_depth.errors import SourceError
from fgbg_depth.recipe import DEMO, Recipe
from fgbg_depth.render.png import encode_png
from fgbg_depth.rng import json_digest, keyed_digest, sample_rng
from fgbg_depth.sources.decode import EXTENSIONS, load_rgb, load_rgba
from fgbg_depth.sources.lookalikes import SIDE, groups, thumbnail

VISIBLE_ALPHA = 8  # fainter than 3 % cannot be seen: it does not count as part of a cut-out
MIN_SIDE = 4  # pixels; a smaller source shows nothing


@dataclass(frozen=True)
class Source:
    """A background or a cut-out, checked and at its final size.

    `png` is RGB (size x size) for a background and RGBA, straight alpha, for a cut-out; lossless.
    `digest` is of the original file's bytes: it keys randomness and splits. `pixels` is of the prepared ones:
    with the digest and the name it fixes what a row takes from the source. `look` is a thumbnail, to find copies.
    """

    name: str
    file: str
    digest: str
    pixels: str
    png: bytes
    width: int
    height: int
    look: bytes = b""
    held_out: bool = False

    @property
    def content_digest(self) -> str:
        """Digest of all that a row takes from this source: its name, its prepared pixels and its randomness' key."""
        return json_digest([self.name, self.digest, self.pixels, self.width, self.height])


@dataclass(frozen=True)
class Sources:
    """All sources of a dataset, sorted by name."""

    backgrounds: tuple[Source, ...]
    cutouts: tuple[Source, ...]
    skipped: tuple[tuple[str, str], ...] = ()  # (file, reason)
    warnings: tuple[str, ...] = ()


@dataclass
class _Found:
    """What one reading of a folder gave."""

    sources: list[Source] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def load_sources(recipe: Recipe, workers: int = 1) -> Sources:
    """Find, check and prepare every source of a recipe.

    Raises:
        SourceError: any file is bad (all are named in one message) unless `recipe.skip_bad`; or none is left.
    """
    backgrounds = _prepare_all(recipe.backgrounds, "backgrounds", lambda d: _background(d, recipe), workers)
    cutouts = _prepare_all(recipe.foregrounds, "foregrounds", lambda d: _cutout(d, recipe), workers)
    bad = backgrounds.bad + cutouts.bad
    if bad and not recipe.skip_bad:
        shown = "\n".join(f"  {file} {reason}." for file, reason in bad[:50])
        more = f"\n  ... and {len(bad) - 50} more." if len(bad) > 50 else ""
        count = "1 source file cannot be used" if len(bad) == 1 else f"{len(bad)} source files cannot be used"
        raise SourceError(
            f"{count}:\n{shown}{more}\n"
            "  A cut-out needs an alpha channel: remove its background first. "
            "Mend or remove these files, or pass --skip-bad to leave them out."
        )
    for found, what, where in (
        (backgrounds, "background", recipe.backgrounds),
        (cutouts, "cut-out", recipe.foregrounds),
    ):
        if not found.sources:
            raise SourceError(f"{where}: every {what} there is bad; nothing is left to build from.")
    return Sources(
        _hold_out(_named(backgrounds.sources), recipe, "bg"),
        _hold_out(_named(cutouts.sources), recipe, "fg"),
        tuple(bad),
        tuple(backgrounds.warnings + cutouts.warnings),
    )


def _prepare_all(where: str, kind: str, prepare: Callable[[bytes], tuple[Image.Image, str]], workers: int) -> _Found:
    """Prepare every file of one folder or Hub dataset, in order, collecting what is bad."""

    def one(item: tuple[str, Callable[[], bytes]]) -> tuple[str, Source | str, str]:
        file, read = item
        try:
            data = read()
            image, warning = prepare(data)
        except SourceError as e:
            return file, str(e), ""
        except OSError as e:
            return file, f"cannot be read ({e.strerror or e})", ""
        source = Source(
            name=_clean_name(file),
            file=file,
            digest=hashlib.sha256(data).hexdigest(),
            pixels=hashlib.sha256(image.tobytes()).hexdigest(),
            png=encode_png(image),
            width=image.width,
            height=image.height,
            look=thumbnail(image).tobytes(),
        )
        return file, source, warning

    found = _Found()
    warned: dict[str, list[str]] = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders grumble about harmless things; pictures.MAX_PIXELS stops bombs
        with ThreadPoolExecutor(max(1, workers)) as pool:
            for file, result, warning in pool.map(one, _list(where, kind)):
                if isinstance(result, str):
                    found.bad.append((file, result))
                    continue
                found.sources.append(result)
                if warning:
                    warned[warning].append(file)
    for warning, files in warned.items():
        named = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
        found.warnings.append(f"{named}: {warning}")
    by_digest = defaultdict(list)
    for source in found.sources:
        by_digest[source.digest].append(source.file)
    for files in by_digest.values():
        if len(files) > 1:
            found.warnings.append(f"{', '.join(files)}: the same file {len(files)} times; its rows repeat")
    for group in groups([_look(s) for s in found.sources]):
        alike = [found.sources[i] for i in group]
        if len({s.digest for s in alike}) > 1:
            names = ", ".join(s.file for s in alike[:5]) + (f" and {len(alike) - 5} more" if len(alike) > 5 else "")
            found.warnings.append(f"{names}: these look alike; they stay on the same side of the splits")
    return found


def _look(source: Source) -> np.ndarray:
    return np.frombuffer(source.look, np.uint8).reshape(SIDE, SIDE, 3)


def _background(data: bytes, recipe: Recipe) -> tuple[Image.Image, str]:
    """Centre-crop to a square and resize to the composite's size."""
    image = load_rgb(data, at_least=2 * recipe.size)
    side = min(image.size)
    if side < MIN_SIDE:
        raise SourceError(f"is smaller than {MIN_SIDE} pixels ({image.width}x{image.height})")
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.resize((recipe.size, recipe.size), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
    enlarged = f"smaller than {recipe.size} pixels, enlarged" if side < recipe.size else ""
    return square, enlarged


def _cutout(data: bytes, recipe: Recipe) -> tuple[Image.Image, str]:
    """Crop to the visible part and resize as the recipe says, premultiplied, so that no halo appears."""
    image = load_rgba(data)
    canvas = max(image.size)
    box = image.getchannel("A").point(lambda a: 255 * (a >= VISIBLE_ALPHA)).getbbox()
    if box is None:
        raise SourceError("is wholly transparent")
    width, height = box[2] - box[0], box[3] - box[1]
    if min(width, height) < MIN_SIDE:
        raise SourceError(f"shows less than {MIN_SIDE} pixels ({width}x{height} visible)")
    low, high = recipe.foreground_range_px()
    u = sample_rng(recipe.seed, "size", hashlib.sha256(data).hexdigest()).random()
    measured = {"height": height, "longest": max(width, height), "canvas": canvas}[recipe.foreground_measure]
    scale = (low + (high - low) * u) / measured
    warning = ""
    if max(width, height) * scale > recipe.size + 0.5:
        scale = recipe.size / max(width, height)
        warning = f"scaled down to fit the frame ({recipe.size} pixels)"
    size = [min(recipe.size, max(1, round(side * scale))) for side in (width, height)]
    placed = image.crop(box).convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    if np.asarray(placed)[..., 3].max() < 128:
        raise SourceError("is nowhere opaque enough to be foreground (alpha below 128 everywhere)")
    return placed, warning


def _list(where: str, kind: str) -> Iterable[tuple[str, Callable[[], bytes]]]:
    if where.startswith("hf://"):
        from fgbg_depth.sources.hub import list_hub_images

        return list_hub_images(where)
    folder = paths.DATA / kind if where == DEMO else Path(where)
    return _list_folder(folder, kind)


def _list_folder(folder: Path, kind: str) -> list[tuple[str, Callable[[], bytes]]]:
    """Picture files below `folder`, links followed once, sorted by path; hidden ones are passed over."""
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise SourceError(f"{folder} {problem}.\n  Give the folder of your {kind}: --{kind} DIR.")
    files, others = [], Counter[str]()
    for path in _walk(folder):
        if path.suffix.lower() in EXTENSIONS:
            files.append(path)
        else:
            others[path.suffix.lower() or "(none)"] += 1
    if not files:
        seen = ", ".join(f"{n} {suffix}" for suffix, n in others.most_common(5)) or "no file at all"
        raise SourceError(
            f"{folder} holds no picture (found {seen}).\n  Pictures end in {', '.join(sorted(EXTENSIONS))}."
        )
    return [(_printable(str(p.relative_to(folder))), p.read_bytes) for p in sorted(files)]


def _walk(folder: Path) -> Iterator[Path]:
    def stop(e: OSError) -> None:  # os.walk would pass over it in silence
        raise SourceError(f"{e.filename} cannot be read ({e.strerror}).\n  Change its rights, or move it away.") from e

    seen: set[str] = set()
    for root, folders, files in os.walk(folder, onerror=stop, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:  # a link loop
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in files:
            path = Path(root) / name
            broken = path.is_symlink() and not path.exists()  # reported; a pipe or a socket would be waited for
            if not name.startswith(".") and (path.is_file() or broken):
                yield path


def _printable(file: str) -> str:
    """A path as valid text of one line: names may hold line breaks, terminal codes or bytes that are not UTF-8."""
    text = os.fsencode(file).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _clean_name(file: str) -> str:
    """The stem of a printable path, as a name."""
    stem = unicodedata.normalize("NFC", Path(file).stem)
    return stem.replace("\N{REPLACEMENT CHARACTER}", "_").strip()[:200] or "unnamed"


def _named(sources: list[Source]) -> list[Source]:
    """Unique names: files that share a stem get part of their digest, copies of one file a number."""
    counts = Counter(s.name for s in sources)
    taken = {name for name, times in counts.items() if times == 1}
    named = []
    for s in sources:
        name = s.name
        if counts[name] > 1:
            tried = itertools.chain(
                [f"{name}-{s.digest[:6]}"], (f"{name}-{s.digest[:6]}-{n}" for n in itertools.count(2))
            )
            name = next(t for t in tried if t not in taken)
            taken.add(name)
        named.append(replace(s, name=name))
    return sorted(named, key=lambda s: s.name)


def _hold_out(sources: list[Source], recipe: Recipe, kind: str) -> tuple[Source, ...]:
    """Mark the lowest `holdout` fraction by keyed hash of content; one at least when there are two or more.

    Sources that look alike are marked together, or a copy of a training picture would be in the tests.
    """
    alike = [[sources[i] for i in group] for group in groups([_look(s) for s in sources])]
    ranked = sorted(alike, key=lambda group: min(keyed_digest(recipe.seed, "holdout", kind, s.digest) for s in group))
    count = max(1, int(len(sources) * recipe.holdout + 0.5)) if recipe.holdout > 0 and len(ranked) > 1 else 0
    unseen: set[str] = set()
    for group in ranked:
        if len(unseen) < count and len(unseen) + len(group) <= max(count, len(sources) // 2):
            unseen |= {s.name for s in group}
    return tuple(replace(s, held_out=s.name in unseen) for s in sources)
