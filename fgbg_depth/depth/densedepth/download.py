"""The authors' own DenseDepth weights: fetched with resume, converted once, kept beside the Hub's cache."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from fgbg_depth.errors import DepthError

ADDRESS = "https://s3-eu-west-1.amazonaws.com/densedepth"


@dataclass(frozen=True)
class Published:
    """file: its name at the authors' address. size: bytes, None when only the server knows."""

    file: str
    size: int | None


MODELS = {
    "densedepth-nyu": Published("nyu.h5", 172_897_376),
    "densedepth-kitti": Published("kitti.h5", None),
}


def home() -> Path:
    """Where downloads and converted models are kept: $FGBG_DEPTH_HOME, or beside the Hub's cache."""
    if os.environ.get("FGBG_DEPTH_HOME"):
        return Path(os.environ["FGBG_DEPTH_HOME"]).expanduser()
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "fgbg-depth"


def converted(model: str) -> Path:
    """The folder of `densedepth-nyu` or `densedepth-kitti`; fetches and converts it the first time.

    Raises:
        DepthError: the file cannot be fetched or is not what it should be; the message says how to place it.
    """
    from filelock import FileLock

    from fgbg_depth.depth.densedepth.convert import convert_weights

    folder = home() / model
    if (folder / "config.json").is_file():
        return folder
    published = MODELS[model]
    try:
        home().mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise DepthError(f"{home()}: cannot keep {model} here ({e}).\n  Set FGBG_DEPTH_HOME to another folder.") from e
    with FileLock(home() / f".{model}.lock"):  # several workers may ask at once: one fetches, the others wait
        if not (folder / "config.json").is_file():
            file = home() / published.file
            if not file.is_file():
                _fetch(f"{ADDRESS}/{published.file}", file, published.size)
            try:
                convert_weights(file, folder, dataset=model.removeprefix("densedepth-"))
            except DepthError as e:
                raise DepthError(f"{e}\n  If the download was damaged, delete {file} and start again.") from e
    return folder


def _fetch(url: str, file: Path, size: int | None) -> None:
    """Download `url` to `file` with a progress bar; what an earlier try left in `.part` is continued."""
    from huggingface_hub.constants import is_offline_mode

    if is_offline_mode():
        raise _by_hand(url, file, "HF_HUB_OFFLINE is set")
    part = file.with_name(file.name + ".part")
    try:
        _stream(url, part, file.name, size)
    except (OSError, HTTPException) as e:  # urllib's errors are OSErrors, and so is a full disk
        if getattr(e, "errno", None) in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
            raise DepthError(f"{part}: cannot write the download ({e}).\n  Free some space and run again.") from e
        raise _by_hand(url, file, str(e) or type(e).__name__) from e
    os.replace(part, file)


def _stream(url: str, part: Path, name: str, size: int | None) -> None:
    from tqdm import tqdm

    have = part.stat().st_size if part.exists() else 0
    if size is not None and have == size:
        return
    if size is not None and have > size:
        have = 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urlopen(request, timeout=30)
    except HTTPError as e:
        if e.code == 416:  # nothing left to send: the part does not belong to this file
            part.unlink()
            raise ConnectionError("the partial download did not fit and was deleted; start again") from e
        raise
    with response:
        if response.status != 206:
            have = 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else size
        if size is not None and total != size:
            raise ConnectionError(f"the server's file has {total} bytes, {size} are expected")
        bar = tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name, disable=None)
        with bar, part.open("ab" if have else "wb") as stream:
            while chunk := response.read1(1 << 16):
                stream.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.stat().st_size != total:
        raise ConnectionError(f"got {part.stat().st_size} of {total} bytes; run again to continue")


def _by_hand(url: str, file: Path, reason: str) -> DepthError:
    return DepthError(
        f"cannot download {url} ({reason}).\n"
        f"  Run again to continue; or fetch the file on another machine and put it at {file}\n"
        f"  or convert it yourself: python builder.py convert-weights {file.name} FOLDER, "
        "then --depth-model FOLDER."
    )
