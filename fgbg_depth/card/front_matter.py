"""The YAML front matter of the card, which the Hub and `load_dataset` read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from fgbg_depth import schema
from fgbg_depth.manifest import FileEntry, Manifest

# Source: https://huggingface.co/docs/hub/repositories-licenses. The Hub refuses any other id; such licences
# become `license: other` with a `license_name`, which may hold only lower-case letters, digits, "-" and ".".
HUB_LICENSES = frozenset(
    [
        "apache-2.0",
        "mit",
        "openrail",
        "bigscience-openrail-m",
        "creativeml-openrail-m",
        "bigscience-bloom-rail-1.0",
        "bigcode-openrail-m",
        "afl-3.0",
        "artistic-2.0",
        "bsl-1.0",
        "bsd",
        "bsd-2-clause",
        "bsd-3-clause",
        "bsd-3-clause-clear",
        "c-uda",
        "cc",
        "cc0-1.0",
        "cc-by-2.0",
        "cc-by-2.5",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc-by-nc-2.0",
        "cc-by-nc-3.0",
        "cc-by-nc-4.0",
        "cc-by-nd-4.0",
        "cc-by-nc-nd-3.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cdla-sharing-1.0",
        "cdla-permissive-1.0",
        "cdla-permissive-2.0",
        "wtfpl",
        "ecl-2.0",
        "epl-1.0",
        "epl-2.0",
        "etalab-2.0",
        "eupl-1.1",
        "agpl-3.0",
        "gfdl",
        "gpl",
        "gpl-2.0",
        "gpl-3.0",
        "lgpl",
        "lgpl-2.1",
        "lgpl-3.0",
        "isc",
        "lppl-1.3c",
        "ms-pl",
        "mpl-2.0",
        "odc-by",
        "odbl",
        "openrail++",
        "osl-3.0",
        "postgresql",
        "ofl-1.1",
        "ncsa",
        "unlicense",
        "zlib",
        "pddl",
        "lgpl-lr",
        "deepfloyd-if-license",
        "llama2",
        "gemma",
        "unknown",
        "other",
    ]
)
_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)


def front_matter(manifest: Manifest) -> str:
    """The YAML block of the card with its `---` lines; the default config comes first.

    `dataset_info` states features and split sizes, so that `load_dataset` fails if a shard is missing.
    """
    recipe, has_depth = manifest.recipe, manifest.depth is not None
    tasks = ["depth-estimation"] if has_depth else []
    data: dict[str, Any] = {"pretty_name": recipe.name, **_license(recipe.license)}
    data["task_categories"] = [*tasks, "image-segmentation", "mask-generation"]
    data["size_categories"] = [size_category(manifest.rows)]
    data["tags"] = keywords(manifest)
    configs, infos = [], []
    for config, splits in config_splits(manifest).items():
        folder = schema.DATA if config == "default" else config
        files = [{"split": s, "path": f"{folder}/{s}-*.parquet"} for s in splits]
        configs.append({"config_name": config, "data_files": files})
        infos.append({"config_name": config, **_info(config, splits, manifest)})
    data["configs"], data["dataset_info"] = configs, infos
    return "---\n" + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10**9) + "---\n"


def keywords(manifest: Manifest) -> list[str]:
    """The tags of the dataset on the Hub."""
    tags = ["fgbg-depth", "synthetic", "compositing", "foreground-segmentation", "image-matting"]
    return [*tags, "monocular-depth"] if manifest.depth is not None else tags


def size_category(rows: int) -> str:
    """The Hub's size category for a number of rows."""
    return next((word for limit, word in _SIZES if rows < limit), "n>10M")


def _license(words: str) -> dict[str, str]:
    words = words.strip() or "other"
    if words.lower() in HUB_LICENSES:
        return {"license": words.lower()}
    name = re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-.")
    return {"license": "other", "license_name": name} if name else {"license": "other"}


def config_splits(manifest: Manifest) -> dict[str, dict[str, dict[str, int]]]:
    """Rows and bytes by config and split; configs without files are left out."""
    configs: dict[str, dict[str, dict[str, int]]] = {"default": {}, "bg": {}, "fg": {}, "preview": {}}
    for split in schema.SPLITS:
        if shards := manifest.shards_of(split):
            configs["default"][split] = _add(shards)
    for folder in (schema.BG, schema.FG, schema.PREVIEW):
        if files := manifest.files_of(folder):
            configs[folder]["train"] = _add(files)
    return {config: splits for config, splits in configs.items() if splits}


def _add(files: Mapping[str, FileEntry]) -> dict[str, int]:
    return {"rows": sum(f.rows for f in files.values()), "bytes": sum(f.bytes for f in files.values())}


def _info(config: str, splits: Mapping[str, Mapping[str, int]], manifest: Manifest) -> dict[str, Any]:
    # parquet does not compress the encoded images, so files and Arrow tables have nearly the same size
    features = schema.features(config, manifest.labels, manifest.extras)
    total = sum(s["bytes"] for s in splits.values())
    return {
        "features": features._to_yaml_list(),
        "splits": [{"name": name, "num_bytes": s["bytes"], "num_examples": s["rows"]} for name, s in splits.items()],
        "download_size": total,
        "dataset_size": total,
    }
