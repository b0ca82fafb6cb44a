"""Where a push goes: the repository and the branch, with names that are checked before any request."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from fgbg_depth.errors import HubError

_REF_NAME = re.compile(r"[\w.][\w./-]*")


@dataclass(frozen=True)
class RepoTarget:
    """The repository and the branch that a push writes to.

    Args:
        repo_id: `USER/NAME`.
        revision: the branch.
        repo_type: "dataset" or "space".
        output: folder that is pushed, for messages.
        num_shards: shards in that folder, for messages.
    """

    repo_id: str
    revision: str = "main"
    repo_type: str = "dataset"
    output: str = ""
    num_shards: int = 0

    @property
    def path(self) -> str:
        """The repository's path on the Hub, such as "datasets/alice/scenes"."""
        return f"{self.repo_type}s/{self.repo_id}"

    @property
    def shards_ready(self) -> str:
        """A sentence for messages that says what is ready to push, after a space; "" if nothing is known."""
        return f" {self.num_shards} shards are ready in {self.output}." if self.num_shards else ""


def check_repo_id(repo_id: str) -> None:
    """Raise HubError unless `repo_id` is `USER/NAME` with characters that the Hub allows."""
    try:
        validate_repo_id(repo_id)
        if repo_id.count("/") != 1:
            raise HFValidationError("the user or organisation is missing")
    except HFValidationError as e:
        raise HubError(
            f"{repo_id!r} is not a valid repository name: {e}\n"
            "  Write USER/NAME with letters, digits, '-', '_' and '.', such as alice/scenes."
        ) from e


def check_ref(option: str, name: str | None) -> None:
    """Raise HubError unless `name`, the value of `option`, is a valid name of a branch or a tag.

    Source: git help check-ref-format; the Hub accepts names that git refuses, and fails later.
    """
    if name is None:
        return
    parts = name.split("/")
    is_valid = _REF_NAME.fullmatch(name) and not name.startswith("refs/") and ".." not in name and name[-1] != "."
    if not is_valid or any(not part or part[0] == "." or part.endswith(".lock") for part in parts):
        raise HubError(
            f"{option} {name!r} is not a valid git name.\n"
            "  Use letters, digits, '-', '_' and '.'. No part of it may be empty, begin with '.' or end with '.lock'."
        )


def check_tag(tag: str | None, branches: Collection[str] = (), tags: Collection[str] = ()) -> None:
    """Check the name of a new tag.

    Args:
        branches, tags: names that the repository has.
    Raises:
        HubError: git does not allow the name, or it could not be told from a branch, a commit or another tag.
    """
    if tag is None:
        return
    check_ref("--tag", tag)
    if tag in ("main", "HEAD", *branches):
        raise HubError(
            f"--tag {tag!r} is the name of a branch, so revision={tag!r} would not name this version.\n"
            "  Nothing was committed. Choose another name, such as v1.0.0."
        )
    if re.fullmatch("[0-9a-f]{40}", tag):
        raise HubError(f"--tag {tag!r} looks like a commit.\n  Choose another name, such as v1.0.0.")
    for other in tags:
        if other.startswith(f"{tag}/") or tag.startswith(f"{other}/"):
            raise HubError(
                f"--tag {tag!r} cannot be set while there is a tag {other!r}: git keeps both in one place.\n"
                "  Nothing was committed. Choose another name, such as v1.0.0."
            )
