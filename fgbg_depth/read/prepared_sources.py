"""The prepared sources of a dataset as `load_sources` returned them to its build, without the original files."""

from __future__ import annotations

import hashlib

from PIL import Image

from fgbg_depth import schema
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.files import DatasetFiles
from fgbg_depth.read.stored_sources import read_sources
from fgbg_depth.render.codecs import decode_rgb, decode_rgba
from fgbg_depth.sources.load import Source
from fgbg_depth.sources.lookalikes import thumbnail


def prepared_sources(files: DatasetFiles, manifest: Manifest, kind: str) -> tuple[Source, ...]:
    """The backgrounds ("bg") or cut-outs ("fg") in the config of that name, sorted by name.

    Raises:
        OutputError, HubError: a file is missing or cannot be read.
    """
    sources, corrected = [], manifest.trimmed if kind == schema.BG else manifest.defringed
    for stored in read_sources(files, manifest.files_of(kind)).values():
        listed = manifest.sources[kind].get(stored.name)
        pixels = (decode_rgb if kind == schema.BG else decode_rgba)(stored.image)
        sources.append(
            Source(
                name=stored.name,
                file=listed.file if listed else "",
                digest=stored.digest,
                pixels_digest=hashlib.sha256(pixels.tobytes()).hexdigest(),
                png=stored.image,
                width=pixels.shape[1],
                height=pixels.shape[0],
                class_name=stored.class_name,
                thumbnail=thumbnail(Image.fromarray(pixels)).tobytes(),
                is_corrected=stored.name in corrected,
                held_out=stored.held_out,
                depth=stored.depth,
            )
        )
    return tuple(sources)
