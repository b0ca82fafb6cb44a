"""Messages for failed requests: what happened, why, what the Hub holds now, and what to do next."""

from __future__ import annotations

import shlex

from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled

from fgbg_depth.errors import HubError
from fgbg_depth.hub.target import RepoTarget
from fgbg_depth.retry import RequestError, causes, requested_wait_s

LOG_IN = "Log in with a token that can write: hf auth login."
CHECK_WRITE = "checking write access"  # the step
_RUN_AGAIN = "Run the same command again; files that are already on the Hub are not uploaded again."
_CORRECT_IT = "Correct this, then run the same command again; files that are already on the Hub are not uploaded again."
CREATING = "creating the repository"  # the step of a push and of the Space that needs the right to create
_QUOTA_WORDS = ("storage limit", "quota", "storage patterns", "disk space")


def explain(error: RequestError, target: RepoTarget) -> HubError:
    """The message for a request that failed before anything was committed. Raise it `from error`."""
    status, reason, step = error.status, _reason(error), error.step
    number = f" ({status})" if status else ""
    unchanged = _unchanged(target)
    if any(isinstance(cause, LocalTokenNotFoundError) for cause in causes(error)):
        return HubError(f"no token for the Hub was found.\n  {LOG_IN}\n  {unchanged}")
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes(error)):
        return HubError(
            "the Hub cannot be reached: offline mode is on.\n"
            f"  Unset HF_HUB_OFFLINE and run the same command again.\n  {unchanged}"
        )
    if error.is_from_storage:
        return HubError(
            f"the Hub's storage refused the upload{number} while {step}, also at new addresses: {reason}\n"
            f"  Your token is not the reason. Check the clock of this computer, then run the same command again.\n"
            f"  {unchanged}"
        )
    if status == 401 and "credentials" in reason.lower():
        return HubError(f"the Hub rejected the token (401): {reason}\n  {LOG_IN}\n  {unchanged}")
    if status == 402 and target.repo_type == "space":
        return HubError(
            f"the Hub asks for a paid plan for {target.path} (402): {reason}\n"
            f"  See https://huggingface.co/settings/billing, or use another account: --space USER/NAME.\n  {unchanged}"
        )
    if status in (402, 413, 507) or any(word in reason.lower() for word in _QUOTA_WORDS):
        return HubError(
            f"the Hub has no storage left for {target.path}{number}: {reason}\n"
            "  Free some space or see https://huggingface.co/settings/billing, then run the same command again.\n"
            f"  {unchanged}"
        )
    if status in (401, 403) and step == CREATING:
        return HubError(
            f"{target.path} was not found, and this token may not create it ({status}).\n"
            f"  Reason given by the Hub: {reason}\n"
            "  Either it does not exist, or it is a private repository that this token may not read. Check the name;\n"
            f"  if it is right, log in with a token of its owner: hf auth login.\n  {unchanged}"
        )
    if status in (401, 403):
        return cannot_write(
            target, f"{status}", reason, is_readable=step == CHECK_WRITE and target.repo_type == "dataset"
        )
    if status == 404 and "Repository Not Found" in str(error.error):
        return HubError(
            f"{target.path} does not exist, or this token may not read it (404).\n"
            f"  Check the name, or log in with another token: hf auth login.\n  {unchanged}"
        )
    if error.is_temporary:
        return HubError(f"{_no_answer(error)}\n  {_run_again(error)}\n  {unchanged}")
    if "xet" in reason.lower():
        return HubError(
            f"{target.path}: the upload through Xet failed while {step}{number}: {reason}\n"
            f"  Set HF_HUB_DISABLE_XET=1 and run the same command again.\n  {unchanged}"
        )
    if status:
        refused = f"the Hub refused the request while {step} ({status})"
        return HubError(f"{target.path}: {refused}: {reason}\n  {_CORRECT_IT}\n  {unchanged}")
    return HubError(f"{target.path}: {step} failed: {reason}\n  {_CORRECT_IT}\n  {unchanged}")


def cannot_write(target: RepoTarget, why: str, reason: str = "", is_readable: bool = False) -> HubError:
    """The token has no write access.

    Args:
        why: the status or a few words.
        reason: the Hub's own text.
        is_readable: the repository exists and can be read, so that a pull request is possible.
    """
    pull = "  Or propose the changes to its owner: add --pr, which opens a pull request.\n" if is_readable else ""
    detail = f"\n  Reason given by the Hub: {reason}" if reason else ""
    return HubError(
        f"the token cannot write to {target.path} ({why}).{detail}\n  {LOG_IN}\n{pull}  {_unchanged(target)}"
    )


def _unchanged(target: RepoTarget) -> str:
    if target.repo_type == "space":
        return "No file of the Space was changed."
    return f"Nothing was committed to branch {target.revision}.{target.shards_ready}"


def card_conflict(target: RepoTarget, difference: str) -> HubError:
    """The card was edited on the Hub where this push changes it, too.

    Args:
        difference: see `card_merge.show`.
    """
    return HubError(
        f"README.md of {target.path} was edited on the Hub, and this push changes the same text in another way.\n"
        f"{difference}\n"
        "  Nothing was uploaded. Edit README.md on the Hub (your own notes: there or in the folder) until these lines\n"
        "  agree, then run the same command again. Or add --overwrite-card: these lines are then written as this push\n"
        "  has them, and all other edits are kept."
    )


def commit_unanswered(target: RepoTarget, error: RequestError) -> HubError:
    """The Hub did not confirm the commit: it may still carry the request out later."""
    return HubError(
        f"{_no_answer(error)}\n"
        f"  {_run_again(error)} It never makes a second commit.\n"
        f"  Branch {target.revision} of {target.path} is complete: it holds either the version before this push or"
        f" this one.{target.shards_ready}"
    )


def commit_refused(target: RepoTarget, newest: str, error: RequestError) -> HubError:
    """The Hub says that the branch has moved on, but shows no newer commit than the one this push started from."""
    return HubError(
        f"the Hub refused the commit to {target.path} ({error.status}): {_reason(error)}\n"
        f"  It shows no new commit: the newest on branch {target.revision} is still {newest}.\n"
        f"  Nothing was committed. Wait a few minutes, then run the same command again.{target.shards_ready}"
    )


def tag_exists(target: RepoTarget, tag: str, tagged: str, committed: str | None = None) -> HubError:
    """The tag names another commit. `committed`: the commit that this push made before it found out."""
    state = f"Commit {committed} is on branch {target.revision}; only the tag failed. " if committed else ""
    nothing = "" if committed else f"Nothing was committed to branch {target.revision}. "
    return HubError(
        f"tag {tag} of {target.path} already names another version, commit {tagged[:8]}.\n"
        f"  {state}{nothing}Choose another --tag, or delete that one:"
        f" hf repos tag delete {target.repo_id} {shlex.quote(tag)} --type {target.repo_type}"
    )


def tag_failed(target: RepoTarget, tag: str, commit: str, made_commit: bool, error: RequestError) -> HubError:
    """The commit is on the branch, but the Hub did not set the tag.

    Args:
        commit: full id of the commit that should have been tagged.
        made_commit: whether this push made that commit; otherwise the branch held it before.
    """
    done = "pushed to" if made_commit else "already on"
    number = f" ({error.status})" if error.status else ""
    hint = "  If your token may not set tags, log in with another one first: hf auth login.\n"
    if error.status in (400, 422):
        hint = "  If the Hub does not accept this name, push again with another --tag.\n"
    return HubError(
        f"the dataset is {done} {target.path}, branch {target.revision}, as commit {commit};"
        f" only setting tag {tag} failed{number}: {_reason(error)}\n"
        f"{'' if error.is_temporary else hint}"
        f"  {_requested_wait(error)}Set the tag: hf repos tag create {target.repo_id} {shlex.quote(tag)}"
        f" --revision {commit} --type {target.repo_type}\n"
        "  Or run the same command again: it makes no second commit and sets only the tag."
    )


def _no_answer(error: RequestError) -> str:
    status, reason = error.status, _reason(error)
    if status:
        return f"the Hub answered with error {status} while {error.step}: {reason}"
    return f"the Hub did not answer while {error.step}: {reason}"


def _run_again(error: RequestError) -> str:
    return f"{_requested_wait(error)}{_RUN_AGAIN}"


def _requested_wait(error: RequestError) -> str:
    """A sentence about the wait that the Hub asks for, before a space; "" if it asks for none."""
    wait_s, limit_s = requested_wait_s(error), error.wait_limit_s
    if not wait_s:
        return ""
    longer = f", longer than the limit of {limit_s:.0f} s" if limit_s is not None and wait_s > limit_s else ""
    return f"The Hub asks to wait {wait_s:.0f} s{longer}. "


def _reason(error: RequestError) -> str:
    return error.reason
