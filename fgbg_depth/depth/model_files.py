"""Find the files of a depth model: bundled, converted from the authors' weights, in a folder, or on the Hub.

Imports no torch and no transformers.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgbg_depth import paths
from fgbg_depth.depth.densedepth import download
from fgbg_depth.depth.external.names import installed_names
from fgbg_depth.errors import DepthError, command

DEMO = "densedepth-demo"
CONFIG_FILES = ("config.json", "preprocessor_config.json", "processor_config.json")
CARD = "README.md"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class ModelFiles:
    """A folder with config.json, preprocessor_config.json and weights.

    folder: where the files are.
    name: the name that datasets state: the Hub id, a densedepth-* name, or the folder's name without its path.
    revision: the Hub's commit hash; "" for a folder.
    """

    folder: Path
    name: str
    revision: str = ""

    def config(self) -> dict[str, Any]:
        """The content of the model's `config.json`.

        Raises:
            DepthError: the file cannot be read or is not a JSON object.
        """
        path = self.folder / "config.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            raise DepthError(
                f"{path}: cannot read the model's configuration ({e}).\n  Fetch or convert the model again."
            ) from e
        if not isinstance(values, dict):
            raise DepthError(
                f"{path}: not a model configuration: it holds a {type(values).__name__}, not a JSON object.\n"
                "  Fetch or convert the model again."
            )
        return values

    def weights(self) -> list[Path]:
        """The files that hold weights: safetensors, or pickled ones if there are no safetensors.

        Raises:
            DepthError: there are none.
        """
        found = sorted(self.folder.glob("*.safetensors")) or sorted(self.folder.glob("pytorch_model*.bin"))
        if not found:
            raise DepthError(
                f"{self.folder} has no weights (*.safetensors).\n"
                "  A depth model is a folder written by save_pretrained, with its image processor.\n"
                f"  To make one from DenseDepth's .h5 file: {command('convert-weights nyu.h5 FOLDER')}"
            )
        return found

    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 over names and content of weights and configuration files.

        Raises:
            DepthError: a file cannot be read, or there are no weights.
        """
        files = [self.folder / name for name in CONFIG_FILES if (self.folder / name).is_file()]
        files += [*self.weights(), *sorted(self.folder.glob("*.index.json"))]
        digest = hashlib.sha256()
        for path in files:
            try:
                with path.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").digest()
            except OSError as e:
                raise DepthError(
                    f"{path}: cannot read this file of the depth model ({e}).\n  Check the disk and its permissions."
                ) from e
            digest.update(path.name.encode() + b"\0" + content)
        return digest.hexdigest()[:16]

    def license(self) -> str:
        """The entry `license` in the front matter of the model card; "" if there is none.

        Raises:
            DepthError: the card cannot be read.
        """
        try:
            text = (self.folder / CARD).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as e:
            raise DepthError(
                f"{self.folder / CARD}: cannot read the model card, which states the licence ({e}).\n"
                "  Check the disk and the file's permissions."
            ) from e
        front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
        line = front and re.search(r"^license:[ \t]*['\"]?([\w.-]+)", front[1], re.MULTILINE)
        return line[1] if line else ""


def locate(model: str, revision: str = "") -> ModelFiles:
    """The files of a recipe's `depth_model`; they are downloaded first if they are not on this computer.

    Args:
        model: densedepth-demo, densedepth-nyu, densedepth-kitti, a folder, or a Hub id.
        revision: commit, tag or branch; for Hub ids only.
    Raises:
        DepthError: there is no such model, or it cannot be downloaded.
    """
    path = Path(os.path.expanduser(model))
    is_on_hub = not (path.exists() or model == DEMO or model in download.KNOWN_FILES)
    if revision and not is_on_hub:
        raise DepthError(
            f"depth_revision is {revision!r}, but depth model {model!r} is not a model on the Hub.\n"
            "  Leave depth_revision empty, or give a Hub id such as depth-anything/Depth-Anything-V2-Small-hf."
        )
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        advice = command(f"convert-weights {path} FOLDER") if path.suffix == ".h5" else "give the folder it is in"
        raise DepthError(f"depth model {model} is a file, but must be a folder.\n  Next: {advice}")
    if model == DEMO:
        return _in_folder(paths.DATA / DEMO)
    if model in download.KNOWN_FILES:
        return ModelFiles(download.converted(model), model)
    if "/" in model and path.parent.is_dir() and not revision:
        raise DepthError(
            f"depth model {model!r} not found: the folder {os.path.abspath(path.parent)} has no folder {path.name}.\n"
            "  Correct the path. For a model on the Hub, give its id and its revision: --depth-revision main"
        )
    if not HUB_ID.fullmatch(model):
        raise DepthError(
            f"depth model {model!r} not found: there is no such folder, and it is not a Hub id (USER/NAME).\n"
            f"  Names without a folder: {DEMO}, {', '.join(download.KNOWN_FILES)}, none.\n"
            f"  Labellers of installed packages: {', '.join(installed_names()) or 'none are installed'} "
            "(docs/labellers.md)."
        )
    return _from_hub(model, revision)


def is_local(model: str, revision: str = "") -> bool:
    """Whether `locate` would find the model's files on this computer, without a download.

    Args:
        model, revision: as for `locate`.
    """
    path = Path(os.path.expanduser(model))
    if path.is_dir() or model == DEMO:
        return True
    if model in download.KNOWN_FILES:
        return (paths.find_folder(model, marker="config.json") / "config.json").is_file()
    if not HUB_ID.fullmatch(model):
        return False
    from huggingface_hub import try_to_load_from_cache

    names = ("config.json", "preprocessor_config.json", "model.safetensors")
    return all(isinstance(try_to_load_from_cache(model, name, revision=revision or None), str) for name in names)


def _in_folder(folder: Path) -> ModelFiles:
    if not (folder / "config.json").is_file():
        raise DepthError(
            f"{folder} is not a depth model: it has no config.json.\n"
            "  Give a folder written by transformers' save_pretrained or by convert-weights."
        )
    return ModelFiles(folder, folder.resolve().name)


def _from_hub(model: str, revision: str) -> ModelFiles:
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    at = f" at revision {revision}" if revision else ""
    try:
        folder = _download_snapshot(model, revision)
    except GatedRepoError as e:
        raise DepthError(
            f"depth model {model} is gated: its owner asks you to accept terms first.\n"
            f"  Accept them on https://huggingface.co/{model}, then log in: hf auth login"
        ) from e
    except RevisionNotFoundError as e:
        raise DepthError(
            f"depth model {model} has no revision {revision!r}.\n"
            f"  Its commits and tags are listed on https://huggingface.co/{model}/commits/main"
        ) from e
    except RepositoryNotFoundError as e:
        raise DepthError(
            f"depth model {model} is not on the Hub, or it is private.\n"
            "  Check the spelling; for a private model log in first: hf auth login"
        ) from e
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as e:
        raise DepthError(
            f"depth model {model}{at} is not in the local cache and could not be downloaded "
            f"({type(e).__name__}: {_first_line(e)}).\n"
            f"  With a network: hf download {model}{' --revision ' + revision if revision else ''}\n"
            f"  Without one: copy the model's folder to this computer and pass it as --depth-model, or use {DEMO}."
        ) from e
    if not (folder / "config.json").is_file():
        raise DepthError(
            f"{model}{at} on the Hub is not a transformers model: it has no config.json.\n"
            "  Choose a model that AutoModelForDepthEstimation loads; its id often ends in -hf."
        )
    return ModelFiles(folder, model, folder.name)


def _download_snapshot(model: str, revision: str) -> Path:
    """Download the model into the Hub's cache; pickled weights only if there are no safetensors.

    Returns:
        the snapshot folder, whose name is the commit hash.
    """
    from huggingface_hub import snapshot_download

    names = [*CONFIG_FILES, CARD]
    patterns = [*names, "*.safetensors", "*.safetensors.index.json"]
    folder = Path(snapshot_download(model, revision=revision or None, allow_patterns=patterns))
    if not any(folder.glob("*.safetensors")):
        patterns = [*names, "pytorch_model*.bin", "pytorch_model*.index.json"]
        folder = Path(snapshot_download(model, revision=revision or None, allow_patterns=patterns))
    return folder


def _first_line(e: BaseException) -> str:
    return (str(e).strip().splitlines() or [""])[0][:300]
