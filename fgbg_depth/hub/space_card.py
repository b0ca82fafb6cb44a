"""The card of a Space, README.md: what the Hub needs to start it, which dataset it shows, and the user's own lines."""

from __future__ import annotations

import re
from typing import Any

import yaml

from fgbg_depth import paths
from fgbg_depth.hub.space_files import APP, installed_version, lowest_python, python_version

TEMPLATE = "space/README.md"
REVISION = "fgbg_revision"  # key of the front matter: the revision of the dataset that the Space shows
_FRONT_MATTER = re.compile(r"---\n(.*?\n)---\n*(.*)", re.DOTALL)
_TEXT = """# {title}

Browse [{dataset}](https://huggingface.co/datasets/{dataset}): images, mattes and depth, statistics and sources.
The Space's variable `FGBG_DATASET` names the dataset. The variable `FGBG_REVISION` can name a tag or branch of it.
"""


def space_card(dataset_id: str, revision: str, existing: str = "") -> tuple[str, list[str]]:
    """The card of a Space that shows `dataset_id` at `revision`.

    Lines of `existing` that a user wrote or changed are kept as they are: the title, `pinned`, hardware, a
    `python_version` that satisfies the requirements, the text below the front matter.

    Args:
        existing: the card on the Hub, if an earlier push wrote it; else "".
    Returns:
        The card, and warnings.
    """
    template, _ = _split(paths.project_file(TEMPLATE).read_text(encoding="utf-8"))
    blocks, body = _split(existing.replace("\r\n", "\n"))
    names = _value(blocks, "datasets")
    shown = str(names[0]) if isinstance(names, list) and names else ""  # the dataset that the card names now
    title, warnings = dataset_id.split("/")[-1], []
    header = blocks or {"title": _block("title", title)} | template
    if _value(blocks, "title") == shown.split("/")[-1]:
        header["title"] = _block("title", title)
    ours: dict[str, object] = {
        "sdk": "gradio",
        "sdk_version": installed_version("gradio"),
        "app_file": APP,
        "datasets": [dataset_id],
    }
    if "python_version" not in blocks:
        ours["python_version"] = python_version()
    elif (minor := re.search(r"3\.(\d+)", blocks["python_version"])) and int(minor[1]) < lowest_python():
        warnings.append(
            f"python_version of the Space was 3.{minor[1]}, but its requirements need at least 3.{lowest_python()};"
            f" it is {python_version()} now."
        )
        ours["python_version"] = python_version()
    ours[REVISION] = revision
    header |= {key: _block(key, value) for key, value in ours.items() if _value(blocks, key) != value}
    text = _TEXT.format(title=title, dataset=dataset_id)
    before = _TEXT.format(title=shown.split("/")[-1], dataset=shown)
    body = body.replace(before, text) if body.strip() else text
    return f"---\n{''.join(header.values())}---\n\n{body}", warnings


def _split(card: str) -> tuple[dict[str, str], str]:
    """The lines of the front matter by top-level key, and the text below it. Comments belong to the key above them."""
    found = _FRONT_MATTER.match(card)
    if not found:
        return {}, card
    blocks: dict[str, str] = {}
    key = ""
    for line in found[1].splitlines(keepends=True):
        if name := re.match(r"([\w-]+)\s*:", line):
            key = name[1]
        blocks[key] = blocks.get(key, "") + line
    return blocks, found[2]


def _value(blocks: dict[str, str], key: str) -> Any:
    """The value of a key; None without it, or if its lines are not YAML."""
    try:
        return (yaml.safe_load(blocks.get(key, "")) or {}).get(key)
    except (yaml.YAMLError, AttributeError):
        return None


def _block(key: str, value: object) -> str:
    return yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True)
