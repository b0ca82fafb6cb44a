"""Download the authors' own DenseDepth weights, check them, and convert them once.

All files are kept in `paths.home()`: the authors' file, the converted model beside it, and a record of the file's
SHA-256 (`nyu.h5.sha256`, in the format of the command sha256sum). The record stays when the other two are deleted, so
that a later download can be compared with the first.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from fgbg_depth import paths
from fgbg_depth.errors import DepthError, command
from fgbg_depth.storage.files import FileInfo

logger = logging.getLogger("fgbg_depth.depth")

ADDRESS = "https://s3-eu-west-1.amazonaws.com/densedepth"
# Since July 2021 people report that this address answers 403 and that the files were moved.
REFUSED = "The authors may have moved the file: see https://github.com/ialhashim/DenseDepth/issues/187"


@dataclass(frozen=True)
class KnownFile:
    """What is known of a weights file before it is downloaded.

    name: at the authors' address.
    size: in bytes; None if not known.
    sha256: 64 hex digits; None if not known: the authors publish no checksums.
    """

    name: str
    size: int | None = None
    sha256: str | None = None


KNOWN_FILES = {
    "densedepth-nyu": KnownFile("nyu.h5", size=172_897_376),
    "densedepth-kitti": KnownFile("kitti.h5"),
}


def converted(model: str) -> Path:
    """The folder of a converted model. The first call downloads, checks and converts the authors' weights.

    Args:
        model: a key of KNOWN_FILES.
    Raises:
        DepthError: the file cannot be downloaded or stored, or is not the expected one.
    """
    from filelock import FileLock

    home = paths.home()
    folder = paths.find_folder(model, marker="config.json")
    if (folder / "config.json").is_file():
        return folder
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise DepthError(f"{home}: cannot store {model} here ({e}).\n  Set FGBG_DEPTH_HOME to another folder.") from e
    with FileLock(home / f".{model}.lock"):  # of several workers, one downloads and the others wait
        if not (folder / "config.json").is_file():
            _download_and_convert(KNOWN_FILES[model], folder)
    return folder


def _download_and_convert(known: KnownFile, folder: Path) -> None:
    from fgbg_depth.depth.densedepth.convert import convert_weights
    from fgbg_depth.depth.densedepth.keras_file import WeightsFileError

    file = folder.parent / known.name
    if file.is_file():
        info = verify(file, known)
    else:
        partial = _download(known, file)
        try:
            info = verify(partial, known)
        except DepthError as e:
            partial.unlink()
            raise DepthError(f"{e}\n  The download was deleted.") from e
        os.replace(partial, file)
    try:
        convert_weights(file, folder, dataset=folder.name.removeprefix("densedepth-"))
    except WeightsFileError as e:
        raise DepthError(f"{e}\n  If the download is damaged, delete {file} and run again.") from e
    _record(file).write_text(f"{info.sha256}  {known.name}\n", encoding="utf-8")


def verify(path: Path, known: KnownFile) -> FileInfo:
    """Compare a file with what is known of it: its size, and its SHA-256 or that of an earlier download.

    Args:
        path: the file, whose name may have a suffix such as ".part".
    Returns:
        its size and SHA-256.
    Raises:
        DepthError: the size or the SHA-256 differs.
    """
    size = path.stat().st_size
    if known.size is not None and size != known.size:
        raise DepthError(
            f"{path} is not the authors' {known.name}: it has {size} bytes, {known.size} are expected.\n"
            "  Delete it and run again."
        )
    with path.open("rb") as stream:
        info = FileInfo(size, hashlib.file_digest(stream, "sha256").hexdigest())
    if known.sha256 is not None:
        if info.sha256 != known.sha256:
            raise DepthError(
                f"{path} is not the authors' {known.name}: its SHA-256 is {info.sha256}, expected {known.sha256}.\n"
                "  It is damaged or was replaced. Delete it and run again."
            )
        return info
    record = _record(path.with_name(known.name))
    earlier, date = _recorded(record)
    if earlier is not None and info.sha256 != earlier:
        raise DepthError(
            f"{path}: the file changed since {date}: its SHA-256 was {earlier} and is now {info.sha256}.\n"
            f"  It is damaged, or the authors replaced it. If you trust the new file, delete {record} and run again."
        )
    if earlier is None:
        size_check = "the size matches" if known.size is not None else "the authors publish no size"
        logger.warning(
            "%s: %s; the authors publish no checksum, so the content was not verified (SHA-256 %s)",
            *(known.name, size_check, info.sha256),
        )
    return info


def _record(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _recorded(record: Path) -> tuple[str | None, str]:
    """(SHA-256, date) of the earlier download; (None, "") if there was none.

    Raises:
        DepthError: the record cannot be read or is damaged.
    """
    try:
        text = record.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, ""
    except (OSError, UnicodeDecodeError) as e:
        raise DepthError(f"{record}: cannot read this record of a SHA-256 ({e}).\n  Delete it and run again.") from e
    found = re.match(r"[0-9a-f]{64}\b", text)
    if found is None:
        raise DepthError(f"{record}: this record holds no SHA-256.\n  Delete it and run again.")
    return found[0], time.strftime("%Y-%m-%d", time.localtime(record.stat().st_mtime))


def _download(known: KnownFile, file: Path) -> Path:
    """Download to `file` + ".part" with a progress bar; continue what an earlier attempt left there.

    Returns:
        the complete .part file.
    Raises:
        DepthError: it cannot be downloaded; the message says how to get the file in another way.
    """
    from http.client import HTTPException

    from huggingface_hub.constants import is_offline_mode

    url = f"{ADDRESS}/{known.name}"
    if is_offline_mode():
        raise _cannot_download(url, file, "HF_HUB_OFFLINE is set")
    partial = file.with_name(f"{file.name}.part")
    try:
        _stream(url, partial, known)
    except (OSError, HTTPException) as e:  # urllib's errors are OSErrors, and so is a full disk
        if getattr(e, "errno", None) in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
            raise DepthError(
                f"{partial}: cannot write the download ({e}).\n"
                "  Free some space or set FGBG_DEPTH_HOME to another folder, then run again."
            ) from e
        raise _cannot_download(url, file, str(e) or type(e).__name__) from e
    return partial


def _stream(url: str, partial: Path, known: KnownFile) -> None:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    from tqdm import tqdm

    start = partial.stat().st_size if partial.exists() else 0
    if known.size is not None and start == known.size:
        return
    if known.size is not None and start > known.size:
        start = 0
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urlopen(request, timeout=30)
    except HTTPError as e:
        if e.code == 416:  # the server's file ends before `start`: the partial file belongs to another one
            partial.unlink()
            raise ConnectionError("the partial download did not fit the server's file and was deleted") from e
        raise
    with response:
        if response.status != 206:  # the server sends the whole file
            start = 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else known.size
        if known.size is not None and total != known.size:
            raise ConnectionError(f"the server's file has {total} bytes, {known.size} are expected")
        bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=known.name, disable=None)
        with bar, partial.open("ab" if start else "wb") as stream:
            while chunk := response.read1(1 << 16):
                stream.write(chunk)
                bar.update(len(chunk))
    if total is not None and partial.stat().st_size != total:
        raise ConnectionError(f"the connection closed after {partial.stat().st_size} of {total} bytes")


def _cannot_download(url: str, file: Path, reason: str) -> DepthError:
    moved = f"  {REFUSED}\n" if "403" in reason else ""
    return DepthError(
        f"cannot download {url} ({reason}).\n{moved}"
        f"  Run again to continue; or get the file elsewhere and put it at {file}\n"
        f"  or convert it yourself: {command(f'convert-weights {file.name} FOLDER')}, then use --depth-model FOLDER."
    )
