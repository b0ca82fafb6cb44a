"""`make_cutouts`: a folder of photographs to a folder of cut-outs, continued where an earlier run stopped."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from fgbg_depth.errors import SourceError
from fgbg_depth.render.png import encode_png
from fgbg_depth.rng import json_digest
from fgbg_depth.sources.cutouts.given_mattes import GivenMattes
from fgbg_depth.sources.cutouts.judge import Verdict, judge_cutout, judge_matte
from fgbg_depth.sources.cutouts.mattes import Log, MatteSource
from fgbg_depth.sources.cutouts.models import DEFAULT_MODEL, find_model
from fgbg_depth.sources.cutouts.outline import CutOptions, clean_matte, cut_out
from fgbg_depth.sources.cutouts.places import find_photos, prepare_output, remove_temporary_files
from fgbg_depth.sources.cutouts.rembg_mattes import Device, RembgMattes
from fgbg_depth.sources.cutouts.state import Content, Record, State
from fgbg_depth.sources.cutouts.terms import write_terms
from fgbg_depth.sources.decode import load_photo
from fgbg_depth.sources.folder import SourceFile
from fgbg_depth.storage.files import Storage

METHOD = 1  # raised when the same photograph, matte and options give another cut-out


@dataclass(frozen=True)
class Cutout:
    """The result for one photograph.

    Args:
        photo: its name below the folder of photographs.
        file: of the cut-out, below the output; "" if the photograph was left out.
        made: the cut-out was made now; False: an earlier run made it.
        reason: why the photograph was left out; "" if it was not.
        notes: what is doubtful about the cut-out.
        read: returns the bytes of the cut-out, or of the photograph if it was left out; may raise OSError.
    """

    photo: str
    read: Callable[[], bytes] = field(repr=False, compare=False)
    file: str = ""
    made: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CutoutsResult:
    """What a run did.

    Args:
        output: the folder of cut-outs.
        cutouts: one entry for each photograph, sorted by name.
    """

    output: str
    cutouts: tuple[Cutout, ...]

    @property
    def made(self) -> int:
        return sum(each.made for each in self.cutouts)

    @property
    def reused(self) -> int:
        return sum(bool(each.file) and not each.made for each in self.cutouts)

    @property
    def left_out(self) -> tuple[Cutout, ...]:
        return tuple(each for each in self.cutouts if not each.file)

    def to_dict(self) -> dict[str, object]:
        """Values as JSON types."""
        names = ("photo", "file", "made", "reason", "notes")
        return {
            "output": self.output,
            "photos": len(self.cutouts),
            "made": self.made,
            "reused": self.reused,
            "left_out": len(self.left_out),
            "cutouts": [{name: getattr(each, name) for name in names} for each in self.cutouts],
        }


def make_cutouts(
    photos: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    model: str = DEFAULT_MODEL,
    matte: str | os.PathLike[str] | None = None,
    device: Device = "auto",
    options: CutOptions = CutOptions(),  # noqa: B008 (frozen)
    log: Log = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CutoutsResult:
    """Make a cut-out of the object in each photograph.

    A photograph whose cut-out an earlier run made with the same model, options and content is not made again, and
    neither is one that was left out for the same reason. A cut-out that was changed by hand since is never overwritten.

    Args:
        photos: a folder of photographs, with its sub-folders, or one photograph.
        output: folder of the cut-outs: `cats/a.jpg` becomes `cats/a.png`, an RGBA PNG with straight alpha.
        model: a name of `models.MODELS`.
        matte: a matte, or a folder of mattes, to use instead of a model.
        device: where the model runs.
        options: size and colours of the cut-outs.
        log: called with each line for people, such as why a photograph is left out.
        progress: called with the number of photographs done and their total.
    Raises:
        SourceError: the photographs or the mattes cannot be read.
        OutputError: the output cannot be used or written.
        MattingError: the model cannot be used.
    """
    source = Path(os.path.expanduser(photos))
    folder, files = find_photos(source)
    storage = prepare_output(Path(os.path.expanduser(output)), source)
    mattes: MatteSource
    if matte is not None:
        mattes = GivenMattes(Path(os.path.expanduser(matte)), files)
    else:
        mattes = RembgMattes(find_model(model), device, log)
    with storage.lock(), warnings.catch_warnings():
        remove_temporary_files(storage)
        run = _Run(str(folder), storage, State(storage.root), mattes, options, log)
        found: list[Cutout] = []
        try:
            warnings.simplefilter("ignore")  # decoders warn of harmless defects
            for file in files:
                progress(len(found), len(files))
                found.append(run.process(file))
            progress(len(files), len(files))
        finally:  # after Ctrl-C, too: the terms belong to cut-outs that exist
            if run.state.cutouts():
                write_terms(storage, run.state.cutouts())
        run.report_stale({file.name for file in files})
    return CutoutsResult(str(storage), tuple(found))


@dataclass(frozen=True)
class _Run:
    """One run: what stays the same for all photographs."""

    folder: str
    storage: Storage
    state: State
    mattes: MatteSource
    options: CutOptions
    log: Log

    def process(self, file: SourceFile) -> Cutout:
        """Reuse, make or leave out the cut-out of one photograph."""
        try:
            data = file.read()
            digest = hashlib.sha256(data).hexdigest()
            key = json_digest([METHOD, digest, self.mattes.key(file), asdict(self.options)])
        except OSError as e:
            return self._left_out(file, f"cannot be read ({e.strerror or e})")
        except SourceError as e:
            return self._left_out(file, str(e))
        record = self.state.find(self.folder, file.name, key)
        if record is not None and record.key == key:
            if record.folder != self.folder:
                record = replace(record, folder=self.folder)
                self.state.append(record)
            if not record.file:
                return self._left_out(file, record.reason)
            if self.state.content(record.file) in (Content.LATEST, Content.OTHER):
                return self._kept(file, record.file, record.notes)
        name = self.state.file_for(self.folder, file.name, digest)
        if self.state.content(name) is Content.OTHER:
            return self._not_ours(file, name, record)
        origin = replace(self.mattes.origin, options=str(self.options))
        made = Record(self.folder, file.name, key, origin=origin)
        try:
            cutout, verdict = self._make(file, data)
        except SourceError as e:
            cutout, verdict = None, Verdict(str(e))
        if cutout is None or verdict.reason:
            self.state.append(replace(made, reason=verdict.reason))
            self.storage.remove(name)  # an earlier cut-out of ours, which would be used although it is left out now
            return self._left_out(file, verdict.reason)
        png = encode_png(cutout)
        self.state.append(replace(made, file=name, sha256=hashlib.sha256(png).hexdigest(), notes=verdict.notes))
        self.storage.write(name, png)
        return self._kept(file, name, verdict.notes, made=True)

    def _make(self, file: SourceFile, data: bytes) -> tuple[Image.Image | None, Verdict]:
        image = load_photo(data)
        matte = clean_matte(self.mattes.matte(file, image))
        verdict = judge_matte(matte)
        if verdict.reason:
            return None, verdict
        cutout = cut_out(np.asarray(image), matte, self.options)
        return cutout, judge_cutout(cutout)

    def _kept(self, file: SourceFile, name: str, notes: tuple[str, ...] = (), made: bool = False) -> Cutout:
        for note in notes:
            self.log(f"{file.name}: kept, but look at it: {note}")
        return Cutout(file.name, (self.storage.root / name).read_bytes, name, made, notes=notes)

    def _left_out(self, file: SourceFile, reason: str) -> Cutout:
        self.log(f"{file.name}: left out: {reason}")
        return Cutout(file.name, file.read, reason=reason)

    def _not_ours(self, file: SourceFile, name: str, record: Record | None) -> Cutout:
        """The result for a photograph whose cut-out's name belongs to a file that no run wrote."""
        if record is None or not record.file:
            return self._left_out(
                file,
                f"{self.storage}/{name} exists and was not made by this command; move it, or choose another output",
            )
        self.log(f"{file.name}: {self.storage}/{name} was changed by hand and is kept; delete it to make it again")
        return self._kept(file, name)

    def report_stale(self, photos: set[str]) -> None:
        """Say which cut-outs belong to photographs that are no longer in the folder; they are kept."""
        stale = [r.file for r in self.state.cutouts() if r.folder == self.folder and r.photo not in photos]
        if stale:
            names = ", ".join(stale[:3]) + (f" and {len(stale) - 3} more" if len(stale) > 3 else "")
            self.log(f"kept, although their photographs are gone: {names}")
