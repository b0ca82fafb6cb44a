"""Where a depth model's files are: bundled, converted, in a folder, or in the Hub's cache. No torch here."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgbg_depth import paths
from fgbg_depth.depth.densedepth import download
from fgbg_depth.errors import DepthError

DEMO = "densedepth-demo"
OWN_FILES = ("config.json", "preprocessor_config.json", "processor_config.json", "README.md")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class ModelFiles:
    """A folder with config.json, preprocessor_config.json and weights.

    name: as shown to people: the Hub id, our own name, or the folder's name (never its path).
    revision: the Hub's commit hash, "" for a folder.
    """

    folder: Path
    name: str
    revision: str = ""

    def config(self) -> dict[str, Any]:
        """The model's own `config.json`."""
        path = self.folder / "config.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            raise DepthError(f"{path}: cannot read the model's configuration ({e}).") from e
        if not isinstance(values, dict):
            raise DepthError(f"{path}: not a model configuration: a JSON object is wanted.")
        return values

    def weights(self) -> list[Path]:
        """Files that hold weights, safetensors before pickled ones."""
        found = sorted(self.folder.glob("*.safetensors")) or sorted(self.folder.glob("pytorch_model*.bin"))
        if not found:
            raise DepthError(
                f"{self.folder} holds no weights (*.safetensors).\n"
                "  A depth model is a folder that save_pretrained wrote, with its image processor.\n"
                "  DenseDepth's .h5 files become one with: python builder.py convert-weights nyu.h5 FOLDER"
            )
        return found

    def digest(self) -> str:
        """First 16 hex digits of the sha256 over names and content of weights and configuration files."""
        names = ("config.json", "preprocessor_config.json", "processor_config.json")
        files = [self.folder / name for name in names if (self.folder / name).is_file()]
        files += [*self.weights(), *sorted(self.folder.glob("*.index.json"))]
        digest = hashlib.sha256()
        for path in files:
            try:
                with path.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").digest()
            except OSError as e:
                raise DepthError(f"{path}: cannot read this file of the depth model ({e}).") from e
            digest.update(path.name.encode() + b"\0" + content)
        return digest.hexdigest()[:16]

    def license(self) -> str:
        """`license` in the front matter of the model card; "" when there is none."""
        try:
            text = (self.folder / "README.md").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
        line = front and re.search(r"^license:[ \t]*['\"]?([\w.-]+)", front[1], re.MULTILINE)
        return line[1] if line else ""


def locate(model: str, revision: str = "") -> ModelFiles:
    """The files of a recipe's `depth_model`, fetched first where need be.

    Args:
        model: densedepth-demo, densedepth-nyu, densedepth-kitti, a folder, or a Hub id.
        revision: commit, tag or branch; only of a Hub id.
    Raises:
        DepthError: there is no such model, or it cannot be fetched.
    """
    path = Path(model).expanduser()
    is_local = path.exists() or model == DEMO or model in download.MODELS
    if is_local and revision:
        raise DepthError(
            f"depth_revision is {revision!r}, but depth model {model!r} is no model on the Hub.\n"
            "  Leave it empty, or give a Hub id such as depth-anything/Depth-Anything-V2-Small-hf."
        )
    if path.is_dir():
        return _local(path)
    if path.is_file():
        hint = f"python builder.py convert-weights {path} FOLDER" if path.suffix == ".h5" else "give its folder"
        raise DepthError(f"depth model {model} is a file; a folder is wanted.\n  Next: {hint}")
    if model == DEMO:
        return _local(paths.DATA / DEMO)
    if model in download.MODELS:
        return ModelFiles(download.converted(model), model)
    if not HUB_ID.fullmatch(model):
        raise DepthError(
            f"no depth model {model!r}: no such folder, and not a Hub id (USER/NAME).\n"
            f"  Known names: {DEMO}, {', '.join(download.MODELS)}, none."
        )
    return _from_hub(model, revision)


def _local(folder: Path) -> ModelFiles:
    if not (folder / "config.json").is_file():
        raise DepthError(
            f"{folder} is no depth model: it has no config.json.\n"
            "  A folder that transformers' save_pretrained or convert-weights wrote is wanted."
        )
    return ModelFiles(folder, folder.resolve().name)


def _from_hub(model: str, revision: str) -> ModelFiles:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    at = f" at revision {revision}" if revision else ""
    try:
        folder = _snapshot(snapshot_download, model, revision)
    except GatedRepoError as e:
        raise DepthError(
            f"depth model {model} asks for consent first.\n"
            f"  Accept its terms on https://huggingface.co/{model}, then: hf auth login"
        ) from e
    except RevisionNotFoundError as e:
        raise DepthError(f"depth model {model} has no revision {revision!r}.\n  Look at its commits and tags.") from e
    except RepositoryNotFoundError as e:
        raise DepthError(
            f"no depth model {model} on the Hub (or it is private).\n"
            "  Check the spelling; for a private model log in first: hf auth login"
        ) from e
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as e:
        raise DepthError(
            f"depth model {model}{at} is not in the local cache, and the Hub cannot be reached "
            f"({type(e).__name__}).\n"
            f"  With network: hf download {model}{' --revision ' + revision if revision else ''}\n"
            "  Without: copy its folder here and give the path as --depth-model, or use densedepth-demo."
        ) from e
    if not (folder / "config.json").is_file():
        raise DepthError(f"{model}{at} on the Hub is no transformers model: it has no config.json.")
    return ModelFiles(folder, model, folder.name)


def _snapshot(snapshot_download: Any, model: str, revision: str) -> Path:
    """Cache the model and give its snapshot folder, named by its commit; pickled weights only if it must."""
    patterns = [*OWN_FILES, "*.safetensors", "*.safetensors.index.json"]
    fetch = {"repo_id": model, "revision": revision or None}
    folder = Path(snapshot_download(**fetch, allow_patterns=patterns))
    if not any(folder.glob("*.safetensors")):
        pickled = [*OWN_FILES, "pytorch_model*.bin", "pytorch_model*.index.json"]
        folder = Path(snapshot_download(**fetch, allow_patterns=pickled))
    return folder
