"""The Hub's refusals in words: what happened, why, and the next command to type."""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

from fgbg_depth.errors import HubError
from fgbg_depth.retry import causes, is_transient, status_of

# what the client, httpx and Xet raise; a mistake in our own code keeps its traceback
LOGIN = "Log in with a write token: hf auth login."
_QUOTA_WORDS = ("storage limit", "quota", "storage patterns", "disk space")


@dataclass(frozen=True)
class Place:
    """Where a push goes, for messages."""

    repo_id: str
    revision: str = "main"
    kind: str = "dataset"
    output: str = ""
    num_shards: int = 0

    @property
    def repo(self) -> str:
        return f"{self.kind}s/{self.repo_id}"

    @property
    def ready(self) -> str:
        """What is safe on this side."""
        return f" {self.num_shards} shards are ready in {self.output}." if self.num_shards else ""


def explained(error: Exception, place: Place, doing: str) -> HubError:
    """`error` as a message for people. Raise it `from error`."""
    status, said = status_of(error), _said(error)
    again = "Run the same command again; what is on the Hub already will not travel twice."
    if any(isinstance(cause, LocalTokenNotFoundError) for cause in causes(error)):
        return HubError(f"no token for the Hub was found.\n  {LOGIN}{place.ready}")
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes(error)):
        return HubError(f"the Hub cannot be reached: offline mode is on.\n  Unset HF_HUB_OFFLINE.{place.ready}")
    if status == 401 and "credentials" in said.lower():
        return HubError(f"the Hub does not know this token (401).\n  {LOGIN} Nothing was committed.{place.ready}")
    if status in (402, 413, 507) or any(word in said.lower() for word in _QUOTA_WORDS):
        return HubError(
            f"the Hub has no room left for {place.repo} ({status}): {said}\n"
            "  Free some space or see https://huggingface.co/settings/billing, then run the same command\n"
            f"  again. Branch {place.revision} is as it was.{place.ready}"
        )
    if status in (401, 403):
        return cannot_write(place, f"{status}", said)
    if status == 404 and "Repository Not Found" in str(error):
        return HubError(
            f"{place.repo} does not exist, or this token may not see it (404).\n"
            f"  Check the name, or log in with another token: hf auth login.{place.ready}"
        )
    if is_transient(error):
        status_words = f" ({status})" if status else ""
        return HubError(
            f"the Hub did not answer while {doing}{status_words}: {said}\n"
            f"  Branch {place.revision} of {place.repo} is whole. {again}{place.ready}"
        )
    if "xet" in said.lower():
        return HubError(
            f"{place.repo}: uploading through Xet failed while {doing}: {said}\n"
            "  Set HF_HUB_DISABLE_XET=1 and run the same command again."
        )
    return HubError(f"{place.repo}: {said} (while {doing}).\n  Nothing was committed. {again}{place.ready}")


def cannot_write(place: Place, status: str, said: str = "") -> HubError:
    reason = f"\n  The Hub says: {said}" if said else ""
    return HubError(
        f"the token cannot write to {place.repo} ({status}), branch {place.revision}.{reason}\n"
        f"  {LOGIN} Nothing was committed.{place.ready}"
    )


def tag_exists(place: Place, tag: str, commit: str) -> HubError:
    return HubError(
        f"tag {tag} of {place.repo} already names another version, commit {commit[:8]}.\n"
        f"  Choose another --tag, or remove that one:"
        f" hf repos tag delete {place.repo_id} {tag} --type {place.kind}"
    )


def moved_meanwhile(place: Place, before: str, after: str) -> HubError:
    return HubError(
        f"somebody else committed to {place.repo}, branch {place.revision}, during this push"
        f" ({before[:8]} -> {after[:8]}).\n"
        "  Nothing of theirs was touched, and nothing of yours was committed. Run the same command again:\n"
        "  it starts from their version, and what has been uploaded will not travel twice."
    )


def _said(error: Exception) -> str:
    """The server's own words, or the innermost error's, on one line."""
    if isinstance(error, ValueError):  # what the client itself found wrong, such as a card's metadata
        return " ".join(str(error).split())
    for cause in causes(error):
        if isinstance(cause, HfHubHTTPError) and cause.server_message:
            return " ".join(cause.server_message.split())
    inner = [cause for cause in causes(error) if str(cause).strip()]
    chosen = inner[-1] if inner and is_transient(error) else error
    return " ".join(str(chosen).split()) or type(chosen).__name__
