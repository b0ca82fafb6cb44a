"""Push an output to the Hub: bytes first, then one commit with everything, then the tag."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi

from fgbg_depth import schema
from fgbg_depth.card.text import render_card
from fgbg_depth.errors import HubError, OutputError, UsageError
from fgbg_depth.hub import history
from fgbg_depth.hub.changes import (
    LocalFile,
    Plan,
    compare,
    notes_to_keep,
    put_here_before,
    read_output,
    strays,
    text_file,
)
from fgbg_depth.hub.messages import Place, explained, tag_exists
from fgbg_depth.hub.refs import check_ref, check_repo_id
from fgbg_depth.hub.report import PushReport
from fgbg_depth.hub.repository import Hub, State, check_login, check_rights, read_manifest, read_state
from fgbg_depth.hub.upload import Committed, commit_once, upload
from fgbg_depth.manifest import Manifest
from fgbg_depth.retry import CLIENT_ERRORS, Patience, client, retrying, status_of
from fgbg_depth.storage.files import Storage


def push(
    output: str | Path,
    repo_id: str,
    *,
    revision: str = "main",
    tag: str | None = None,
    private: bool = False,
    message: str | None = None,
    create_pr: bool = False,
    dry_run: bool = False,
    token: str | None = None,
    progress: bool = True,
    verified: bool = False,
    patience: Patience | None = None,
) -> PushReport:
    """Make the branch `revision` of the dataset `repo_id` hold what `output` holds, in one commit.

    Only what the Hub lacks travels. Files that others put into the repository stay; files that an earlier
    push put there and the output no longer has are deleted. A kill at any moment leaves the branch as it was
    or as it should be; pushing again completes the rest. Pushing the same again makes no commit.

    Args:
        output: folder of a finished build.
        repo_id: `USER/NAME`; created when missing.
        revision: branch; created from `main` when missing.
        tag: name of the new version, such as `v1.1.0`.
        private: create the repository as private.
        message: title of the commit.
        create_pr: open a pull request instead of moving the branch.
        dry_run: only say what would be done; changes nothing and needs no token for a public repository.
        token: default: that of `hf auth login` or HF_TOKEN.
        progress: a bar in bytes on stderr.
        verified: the caller has just run `verify` on the output.
        patience: how often and how long to try.
    Raises:
        HubError: with what happened, what the state is and the next command; also when the output is not whole.
    """
    if create_pr and tag:
        raise UsageError("--tag and --create-pr exclude each other.\n  Merge the request, then push again with --tag.")
    folder, patience = Path(output), patience or Patience()
    check_repo_id(repo_id)
    check_ref("--revision", revision)
    check_ref("--tag", tag)
    if "://" in str(output):
        raise HubError(f"{output} is not a local folder.\n  Copy it here first, then push the copy.")
    if not verified:
        _refuse_unverified(folder)
    manifest, files = read_output(folder)
    place = Place(repo_id, revision, "dataset", str(output), len(manifest.shards))
    hub = Hub(HfApi(token=token), place, patience, token)
    job = _Job(hub, folder, tag, private, message, create_pr, dry_run, progress)
    try:
        with client(patience):
            return job.run(manifest, files)
    except CLIENT_ERRORS as e:
        raise explained(e, place, job.doing) from e


@dataclass
class _Job:
    """One push under way. `doing` says which step it is at, for messages."""

    hub: Hub
    folder: Path
    tag: str | None
    private: bool
    message: str | None
    create_pr: bool
    dry_run: bool
    progress: bool
    doing: str = "reading the repository"

    def run(self, manifest: Manifest, files: list[LocalFile]) -> PushReport:
        hub, tag = self.hub, self.tag
        if not self.dry_run:
            check_login(hub)
        state = read_state(hub)
        _check_visibility(hub.place, state, self.private)
        if not self.dry_run:
            state = self._create_what_is_missing(state)
        new = self._next_version(state, manifest)
        files = files + self._generated(state, new)
        plan = compare(files, state, put_here_before(state))
        if tag in state.tags and (not plan.is_empty or _commit_of(hub, str(tag)) != state.head):
            raise tag_exists(hub.place, str(tag), state.tags[str(tag)])
        report = self._report(plan, new)
        report.warnings += strays(plan, files, state)
        if self.dry_run:
            return report
        target = str(state.head)
        if not plan.is_empty:
            committed = self._commit(plan, state, new.version)
            report.commit, report.pr_url, target = committed.oid, committed.pr_url, committed.oid
        if tag is not None and tag not in state.tags:
            self.doing = f"tagging {tag}"
            _set_tag(hub, tag, target)
        if not self.create_pr:
            report.warnings += _keep_locally(self.folder, files)
        return report

    def _create_what_is_missing(self, state: State) -> State:
        """The repository, then the branch; both requests may be sent twice."""
        hub, api, revision = self.hub, self.hub.api, self.hub.place.revision
        if not state.repo_exists:
            self.doing = "creating the repository"
            private = self.private or None  # None: as the account's settings say
            retrying(
                lambda: api.create_repo(**hub.where, private=private, exist_ok=True),
                "new repository",
                hub.patience,
            )
            state = read_state(hub)
        elif not self.create_pr:
            check_rights(hub)
        if not state.branch_exists:
            self.doing = f"creating branch {revision}"
            head = state.head
            retrying(
                lambda: api.create_branch(**hub.where, branch=revision, revision=head, exist_ok=True),
                "new branch",
                hub.patience,
            )
            state = read_state(hub)
        return state

    def _next_version(self, state: State, manifest: Manifest) -> Manifest:
        """The statistics with version and history, counted from the newest tag."""
        base, before = state.manifest, history.newest_tag(state.manifest, other_than=self.tag)
        if base and base.version != before and before in state.tags:
            base = read_manifest(self.hub, state, str(before)) or base
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        return history.versioned(manifest, state.manifest, base, self.tag, today)

    def _generated(self, state: State, new: Manifest) -> list[LocalFile]:
        """Card and statistics as this version has them."""
        local_card = self.folder / schema.CARD
        old_card = local_card.read_text(encoding="utf-8") if local_card.is_file() else ""
        notes = notes_to_keep(state, old_card)
        card = render_card(new, notes, self.hub.place.repo_id)
        return [text_file(schema.STATISTICS, new.to_json()), text_file(schema.CARD, card)]

    def _commit(self, plan: Plan, state: State, version: str | None) -> Committed:
        self.doing = "uploading"
        operations = upload(self.hub, plan, self.create_pr, self.progress)
        self.doing = "committing"
        counts = f"{len(plan.added)} added, {len(plan.replaced)} replaced, {len(plan.deleted)} deleted"
        message = self.message or f"{version or 'Update'}: {counts}"
        return commit_once(self.hub, plan, operations, message, state.head, self.create_pr)

    def _report(self, plan: Plan, new: Manifest) -> PushReport:
        place = self.hub.place
        url = f"{self.hub.api.endpoint}/datasets/{place.repo_id}"
        return PushReport(
            place.repo_id,
            place.revision,
            url if place.revision == "main" else f"{url}/tree/{place.revision}",
            version=new.version,
            tag=self.tag,
            added={file.name: file.size for file in plan.added},
            replaced={file.name: file.size for file in plan.replaced},
            deleted=plan.deleted,
            num_kept=plan.num_kept,
            travel_bytes=plan.travel_bytes,
            dry_run=self.dry_run,
        )


def _refuse_unverified(folder: Path) -> None:
    from fgbg_depth.verify.check import verify

    read_output(folder)  # a folder without a build gets the shorter message
    problems = list(verify(folder).problems)
    if problems:
        more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise HubError(
            f"{folder} is not whole, so nothing was sent: {problems[0]}{more}\n"
            f"  See all: python builder.py verify {folder}"
        )


def _check_visibility(place: Place, state: State, private: bool) -> None:
    if private and state.repo_exists and not state.private:
        raise HubError(
            f"{place.repo} exists and is public; --private only holds for a new repository.\n"
            f"  Make it private first: hf repos settings {place.repo_id} --type dataset --private"
        )


def _commit_of(hub: Hub, tag: str) -> str | None:
    return retrying(lambda: hub.api.repo_info(**hub.where, revision=tag), f"tag {tag}", hub.patience).sha


def _set_tag(hub: Hub, tag: str, commit: str) -> None:
    """Set the tag; one that is there already must name this commit, as after a lost response."""
    try:
        retrying(lambda: hub.api.create_tag(**hub.where, tag=tag, revision=commit), f"tag {tag}", hub.patience)
    except Exception as e:
        if status_of(e) != 409:
            raise
        found = _commit_of(hub, tag)
        if found != commit:
            raise tag_exists(hub.place, tag, str(found)) from e


def _keep_locally(folder: Path, files: list[LocalFile]) -> list[str]:
    """Write card and statistics as published into the output, so that it and the Hub agree."""
    storage = Storage(folder)
    try:
        for name in (schema.CARD, schema.STATISTICS):
            text = next(file.text for file in files if file.name == name)
            if not storage.exists(name) or storage.read(name) != text:
                storage.write(name, text)
    except (OSError, OutputError) as e:
        return [f"{folder}: the published card and statistics could not be written back ({e})."]
    return []
