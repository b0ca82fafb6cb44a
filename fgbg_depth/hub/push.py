"""Push an output to the Hub: upload the files, then make one commit with all of them, then set the tag."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi

from fgbg_depth.errors import HubError, UsageError, command
from fgbg_depth.hub.base_version import check_base
from fgbg_depth.hub.changes import ChangeSet, compare, files_of_earlier_push, foreign_data_warnings
from fgbg_depth.hub.commit import BranchMovedError, Committed, commit_once, find_pull_request, set_tag, tagged_commit
from fgbg_depth.hub.generated import generated_files, next_version, write_back
from fgbg_depth.hub.messages import CREATING, explain, tag_exists
from fgbg_depth.hub.output import LocalFile, read_output
from fgbg_depth.hub.report import IncompletePushError, PushReport
from fgbg_depth.hub.repository import RemoteState, RepoClient, check_login, check_write_access, read_state
from fgbg_depth.hub.session import Traffic, single_tries
from fgbg_depth.hub.target import RepoTarget, check_ref, check_repo_id, check_tag
from fgbg_depth.hub.upload import upload
from fgbg_depth.manifest import Manifest
from fgbg_depth.retry import RequestError, RetryPolicy


def push(
    output: str | Path,
    repo_id: str,
    *,
    revision: str = "main",
    tag: str | None = None,
    private: bool = False,
    message: str | None = None,
    create_pr: bool = False,
    overwrite_card: bool = False,
    replace_newer: bool = False,
    dry_run: bool = False,
    token: str | None = None,
    progress: bool = True,
    verified: bool = False,
    retry_policy: RetryPolicy | None = None,
) -> PushReport:
    """Make the branch `revision` of the dataset `repo_id` hold the files of `output`, in one commit.

    Only files that the Hub does not have are uploaded. Files that others put into the repository stay; files that an
    earlier push wrote and the output no longer has are deleted. If the push is killed, the branch holds either the
    version before or the new one, and the next push completes the rest. A second push of the same output makes no
    commit.

    Args:
        output: folder of a finished build.
        repo_id: `USER/NAME`; created if missing.
        revision: branch; created from `main` if missing.
        tag: name of the new version, such as `v1.1.0`.
        private: create the repository as private.
        message: title of the commit, and text of the version's entry in the card's changelog.
        create_pr: open a pull request instead of moving the branch. This needs no write access. If an open pull request
            has the same content, no second one is opened.
        overwrite_card: where the card was edited on the Hub and this push changes the same text, write the text of this
            push. Otherwise the push fails there, before anything is uploaded. Other edits are kept in any case.
        replace_newer: replace a version on the branch that the output is not based on. Otherwise the push fails if it
            would undo something of that version, such as rows that somebody added.
        dry_run: only report what a push would do. It changes nothing, and a public repository needs no token.
        token: default: the token of `hf auth login` or HF_TOKEN.
        progress: show the Hub client's progress bars on stderr if it is a terminal.
        verified: the caller has just run `verify` on the output, so it is not run again.
        retry_policy: how often and how long to retry.
    Raises:
        HubError: the Hub refused a request or could not be reached, or the output is not complete and correct. The
            message says what happened, what the Hub holds now, and what to do next.
        OutputError: a file of the output cannot be read.
        UsageError: `create_pr` with `tag`.
    """
    if create_pr and tag:
        raise UsageError("--tag and --pr exclude each other.\n  Merge the pull request, then push again with --tag.")
    check_repo_id(repo_id)
    check_ref("--revision", revision)
    check_tag(tag, [revision])
    if "://" in str(output):
        raise HubError(f"{output} is not a local folder.\n  Copy it to a local folder, then push the copy.")
    folder, retry_policy = Path(os.path.expanduser(output)), retry_policy or RetryPolicy()
    manifest, files = read_output(folder)
    if not verified:
        _verify(folder)
    target = RepoTarget(repo_id, revision, "dataset", str(output), len(manifest.shards))
    client = RepoClient(HfApi(token=token), target, retry_policy, token)
    try:
        with single_tries(retry_policy, show_bars=progress) as traffic:
            job = _PushJob(
                client, folder, tag, private, message, create_pr, overwrite_card, replace_newer, dry_run, traffic
            )
            return job.run(manifest, files)
    except RequestError as e:
        raise explain(e, target) from e


@dataclass(frozen=True)
class _Plan:
    """What a push commits: the changes, the two generated files among them, and the report of it."""

    changes: ChangeSet
    generated: list[LocalFile]
    notes: str
    report: PushReport


@dataclass(frozen=True)
class _PushJob:
    """The steps of one push, with the options of `push`."""

    client: RepoClient
    folder: Path
    tag: str | None
    private: bool
    message: str | None
    create_pr: bool
    overwrite_card: bool
    replace_newer: bool
    dry_run: bool
    traffic: Traffic

    def run(self, manifest: Manifest, files: list[LocalFile]) -> PushReport:
        """Push `files` and the two generated files.

        Raises:
            RequestError: a request failed before anything was committed.
        """
        client, tag = self.client, self.tag
        if not self.dry_run:
            check_login(client)
        state = read_state(client)
        self._check_visibility(state)
        if not self.dry_run and not self.create_pr and state.repo_exists:
            check_write_access(client)
        plan = self._plan(state, manifest, files)
        if self.dry_run:
            return plan.report
        if self.create_pr:
            return self._open_pull_request(state, manifest, plan)
        if not (state.repo_exists and state.branch_exists):
            state = self._create_missing(state)
            plan = self._plan(state, manifest, files)
        report, changes, head = plan.report, plan.changes, str(state.head)
        if not changes.is_empty:
            report.commit = head = self._commit(changes, state, manifest, report.version).oid
        report.sent_bytes = self.traffic.sent_bytes
        if tag is not None and tag not in state.tags:
            try:
                set_tag(client, tag, head, made_commit=report.commit is not None)
            except HubError as e:
                raise IncompletePushError(str(e), report) from e
        report.warnings += write_back(self.folder, plan.generated)
        return report

    def _open_pull_request(self, state: RemoteState, manifest: Manifest, plan: _Plan) -> PushReport:
        """Open a pull request, or find the open one that has the same rows, notes and message."""
        target, report = self.client.target, plan.report
        if not state.branch_exists:
            what = f"branch {target.revision} of {target.path}" if state.repo_exists else target.path
            raise HubError(
                f"{what} does not exist, or this token may not read it; a pull request needs it.\n"
                "  Nothing was uploaded. Check the name. To create it, push without --pr."
            )
        if plan.changes.is_empty:
            return report
        digest = hashlib.sha256("\n".join([manifest.content_digest, plan.notes, self.message or ""]).encode())
        found = find_pull_request(self.client, digest.hexdigest()[:32])
        committed = found or self._commit(plan.changes, state, manifest, report.version, digest.hexdigest()[:32])
        report.commit, report.pr_url, report.pr_existed = committed.oid, committed.pr_url, found is not None
        report.sent_bytes = self.traffic.sent_bytes
        return report

    def _plan(self, state: RemoteState, manifest: Manifest, files: list[LocalFile]) -> _Plan:
        """What to commit to a branch in this state. Sends nothing.

        Raises:
            HubError: the tag is taken, or the push would undo what others published or wrote.
        """
        client, tag = self.client, self.tag
        check_tag(tag, state.branches, state.tags)
        published = next_version(client, state, manifest, tag, self.message or "")
        if not self.replace_newer:
            check_base(client, state, manifest)
        generated = generated_files(self.folder, client, state, manifest, published, self.overwrite_card)
        files = files + generated.files
        changes = compare(files, state, files_of_earlier_push(state))
        if tag in state.tags and (not changes.is_empty or tagged_commit(client, str(tag)) != state.head):
            raise tag_exists(client.target, str(tag), state.tags[str(tag)])
        report = self._report(changes, published)
        report.kept = generated.kept
        report.warnings += generated.warnings + foreign_data_warnings(changes, files, state)
        return _Plan(changes, generated.files, generated.notes, report)

    def _check_visibility(self, state: RemoteState) -> None:
        if self.private and state.repo_exists and not state.private:
            target = self.client.target
            raise HubError(
                f"{target.path} exists and is public; --private applies only to a new repository. Nothing was"
                f" committed.\n  Make it private first: hf repos settings {target.repo_id} --type dataset --private"
            )

    def _create_missing(self, state: RemoteState) -> RemoteState:
        """Create the repository and the branch if they are missing. Both requests may be sent twice."""
        client, api, revision = self.client, self.client.api, self.client.target.revision
        if not state.repo_exists:
            private = self.private or None  # None: as the account's settings say
            client.request(CREATING, api.create_repo, **client.repo_args, private=private, exist_ok=True)
            state = read_state(client)
        if not state.branch_exists:
            client.request(
                f"creating branch {revision}",
                api.create_branch,
                **client.repo_args,
                branch=revision,
                revision=state.head,
                exist_ok=True,
            )
            state = read_state(client)
        return state

    def _commit(
        self, changes: ChangeSet, state: RemoteState, manifest: Manifest, version: str | None, digest: str | None = None
    ) -> Committed:
        operations = upload(self.client, changes, self.create_pr, self.traffic)
        counts = f"{len(changes.added)} added, {len(changes.replaced)} replaced, {len(changes.deleted)} deleted"
        message = self.message or f"{version or 'Update'}: {counts}"
        try:
            return commit_once(self.client, changes, operations, message, state.head, self.create_pr, digest)
        except BranchMovedError as e:
            try:
                if not self.replace_newer:
                    check_base(self.client, read_state(self.client), manifest)
            except RequestError:
                raise e from None
            raise

    def _report(self, changes: ChangeSet, published: Manifest) -> PushReport:
        target = self.client.target
        url = f"{self.client.api.endpoint}/{target.path}"
        return PushReport(
            target.repo_id,
            target.revision,
            url if target.revision == "main" else f"{url}/tree/{target.revision}",
            version=published.version,
            tag=self.tag,
            added={file.name: file.size for file in changes.added} | dict.fromkeys(changes.copied, 0),  # on the Hub
            replaced={file.name: file.size for file in changes.replaced},
            deleted=changes.deleted,
            num_unchanged=changes.num_unchanged,
            upload_bytes=changes.upload_bytes,
            dry_run=self.dry_run,
        )


def _verify(folder: Path) -> None:
    """Raise HubError unless the output passes `verify`."""
    from fgbg_depth.verify.check import verify

    problems = list(verify(folder).problems)
    if problems:
        more = f" (and {len(problems) - 1} more problems)" if problems[1:] else ""
        raise HubError(
            f"{folder} failed verification, so nothing was uploaded: {problems[0]}{more}\n"
            f"  List all problems: {command(f'verify {shlex.quote(str(folder))}')}"
        )
