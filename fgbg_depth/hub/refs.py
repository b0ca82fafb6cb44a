"""Names of repositories, branches and tags, checked before anything is asked of the Hub."""

from __future__ import annotations

import re

from huggingface_hub.utils import HFValidationError, validate_repo_id

from fgbg_depth.errors import HubError

_REF_NAME = re.compile(r"[\w.][\w./-]*")


def check_repo_id(repo_id: str) -> None:
    """Raises HubError unless it is `USER/NAME` as the Hub allows it."""
    try:
        validate_repo_id(repo_id)
        if repo_id.count("/") != 1:
            raise HFValidationError("the user or organisation is missing")
    except HFValidationError as e:
        raise HubError(
            f"{repo_id!r} is not a repository's name: {e}\n"
            "  Write USER/NAME with letters, digits, '-', '_' and '.', such as alice/scenes."
        ) from e


def check_ref(option: str, name: str | None) -> None:
    """Raises HubError unless `name`, the value of `option`, may name a branch or a tag."""
    if name is not None and (not _REF_NAME.fullmatch(name) or name.startswith("refs/") or ".." in name):
        raise HubError(f"{option} {name!r} is no name for git.\n  Use letters, digits, '-', '_' and '.'.")
