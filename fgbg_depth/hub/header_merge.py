"""Three-way merge of the YAML front matter of a card. Keys, comments and the order that people wrote are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_COMPUTED = ("configs", "dataset_info", "size_categories")  # from the files; when a card is adopted, ours count
_LICENSE = ("license", "license_name", "license_link")
_NAMES = ("config_name", "split", "name")  # by which the items of a list of mappings are told apart
_MISSING = object()


@dataclass(frozen=True)
class KeyConflict:
    """A key that was changed on the Hub and by this push, in different ways. Values are YAML; "": there is none."""

    key: str
    local: str
    remote: str


def parse(text: str) -> dict[str, Any]:
    """The keys of a front matter.

    Raises:
        ValueError: it is not a YAML mapping.
    """
    try:
        values = yaml.safe_load(text) if text.strip() else {}
    except yaml.YAMLError as e:
        raise ValueError(" ".join(str(e).split())) from e
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError("it is not a list of keys and values")
    return values


def merge_headers(base: str | None, local: str, remote: str) -> tuple[str, list[KeyConflict], list[str]]:
    """The front matter with the changes of `local` and those of `remote`, both relative to `base`.

    Args:
        base: what the last push wrote; None if no push wrote `remote`. Then the keys of `remote` are kept, apart from
            those that follow from the files.
    Returns:
        The merged YAML; the keys that cannot be merged, for which it has the value of `local`; and the keys whose
        value is that of `remote` and not that of `local`.
    Raises:
        ValueError: `remote` is not a YAML mapping.
    """
    theirs = parse(remote)
    if remote.strip() == (base or "").strip():
        return local, [], []
    ours, before = parse(local), parse(base) if base is not None else {}
    if base is None and "license" in theirs:
        ours = {key: value for key, value in ours.items() if key not in _LICENSE}
    merged: dict[str, Any] = {}
    conflicts: list[KeyConflict] = []
    for key in dict.fromkeys([*theirs, *ours]):
        old, here, there = (side.get(key, _MISSING) for side in (before, ours, theirs))
        try:
            value = _merge_value(old, here, there, as_set=key != "size_categories")
        except _ConflictError:
            value = there if base is None and key not in _COMPUTED else here
            if base is not None:
                conflicts.append(KeyConflict(key, _dump(key, here), _dump(key, there)))
        if value is not _MISSING:
            merged[key] = value
    generated = parse(local)
    kept = [key for key in dict.fromkeys([*merged, *generated]) if merged.get(key) != generated.get(key)]
    return _edited(remote, theirs, merged), conflicts, kept


class _ConflictError(Exception):
    """Both sides changed a value."""


def _merge_value(base: Any, local: Any, remote: Any, as_set: bool = True) -> Any:
    """One value; `_MISSING` stands for a key that one side lacks.

    Raises:
        _ConflictError: both sides changed it, in different ways.
    """
    if remote == base or local == remote:
        return local
    if local == base:
        return remote
    if isinstance(local, dict) and isinstance(remote, dict):
        return _merge_mapping(base if isinstance(base, dict) else {}, local, remote)
    if isinstance(local, list) and isinstance(remote, list) and as_set:
        old = base if isinstance(base, list) else []
        if not any(isinstance(item, dict | list) for item in [*old, *local, *remote]):
            kept = [item for item in remote if item in local or item not in old]
            return kept + [item for item in local if item not in remote and item not in old]
        name = next((n for n in _NAMES if all(isinstance(i, dict) and n in i for i in [*old, *local, *remote])), None)
        if name is not None:
            sides = [{item[name]: item for item in items} for items in (old, local, remote)]
            return list(_merge_mapping(*sides).values())
    raise _ConflictError


def _merge_mapping(base: Mapping[str, Any], local: Mapping[str, Any], remote: Mapping[str, Any]) -> dict[str, Any]:
    sides = (base, local, remote)
    merged = {k: _merge_value(*(side.get(k, _MISSING) for side in sides)) for k in dict.fromkeys([*local, *remote])}
    return {key: value for key, value in merged.items() if value is not _MISSING}


def _edited(text: str, values: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The YAML `text` (with `values`) changed to hold the values `wanted`. Lines of equal values stay as they are.

    The Hub client's `RepoCard` would write all of it anew: without comments, without keys that have no value, and with
    `no` (Norwegian) as `false`.
    """
    root, lines = yaml.compose(text) if text.strip() else None, text.splitlines(keepends=True)
    starts = {key.value: key.start_mark.line for key, _ in root.value} if root is not None else {}
    stops = dict(zip(starts, [*list(starts.values())[1:], len(lines)], strict=True))
    parts = lines[: min(starts.values(), default=0)]
    for key, value in values.items():
        if key in wanted and wanted[key] == value:
            parts += lines[starts[str(key)] : stops[str(key)]] if str(key) in starts else [_dump(key, value)]
        elif key in wanted:
            parts.append(_dump(key, wanted[key]))
    parts += [_dump(key, value) for key, value in wanted.items() if key not in values]
    result = "".join(part if part.endswith("\n") else f"{part}\n" for part in parts)
    try:
        is_right = yaml.safe_load(result) == dict(wanted)
    except yaml.YAMLError:
        is_right = False
    return result if is_right else "".join(_dump(key, value) for key, value in wanted.items())


def _dump(key: str, value: Any) -> str:
    if value is _MISSING:
        return ""
    return str(yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=10**9))
