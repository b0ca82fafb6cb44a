"""Publish the browsing app as a Space that shows one dataset of the Hub."""

from __future__ import annotations

from dataclasses import dataclass, field

from huggingface_hub import HfApi

from fgbg_depth import schema
from fgbg_depth.errors import HubError
from fgbg_depth.hub.changes import compare
from fgbg_depth.hub.commit import commit_once
from fgbg_depth.hub.messages import CREATING, explain
from fgbg_depth.hub.output import LocalFile
from fgbg_depth.hub.repository import RemoteState, RepoClient, check_login, check_write_access, read_state
from fgbg_depth.hub.session import Traffic, single_tries
from fgbg_depth.hub.space_card import space_card
from fgbg_depth.hub.space_files import PACKAGE, installed_version, space_files
from fgbg_depth.hub.target import RepoTarget, check_ref, check_repo_id
from fgbg_depth.hub.upload import upload
from fgbg_depth.retry import RequestError, RetryPolicy

DATASET, REVISION = "FGBG_DATASET", "FGBG_REVISION"  # variables of the Space, which the app reads
_NO_SUCH_ROUTE = (404, 405, 501)  # what a Hub without variables answers


@dataclass
class SpaceReport:
    """The report of publishing a Space."""

    space_id: str
    dataset_id: str
    url: str
    revision: str = "main"  # of the dataset
    commit: str | None = None  # None: the Space already held this version of the app
    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{len(self.added)} added, {len(self.replaced)} replaced, {len(self.deleted)} deleted"
        published = f"Published {self.url}: {counts}."
        done = published if self.commit else f"{self.url} already held this version of the app; no commit was made."
        lines = [f"{done} It shows {self.dataset_id}, revision {self.revision}."]
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])


def check_space(
    space_id: str,
    dataset_id: str,
    follows: str | None = None,
    *,
    ask_hub: bool = True,
    token: str | None = None,
    retry_policy: RetryPolicy | None = None,
) -> None:
    """Check that the Space can be published, so that a problem is known before a dataset is uploaded.

    Args:
        follows: tag or branch of the dataset that the Space shall show.
        ask_hub: also check on the Hub that the namespace is the user's, that the token may write to a Space of this
            name, and that it holds no other app. Without it nothing is sent.
    Raises:
        HubError: one of these checks failed, a name is not valid, or a package that the app needs is not installed.
    """
    check_repo_id(space_id)
    check_repo_id(dataset_id)
    check_ref("--space-follows", follows)
    space_files()
    installed_version("gradio")
    if ask_hub:
        client = _client(space_id, token, retry_policy)
        try:
            with single_tries(client.policy):
                check_login(client)
                state = read_state(client)
                if state.repo_exists:
                    check_write_access(client)
                    _holds_this_app(client, state)
                else:
                    _check_namespace(client)
        except RequestError as e:
            raise explain(e, client.target) from e


def publish_space(
    space_id: str,
    dataset_id: str,
    *,
    revision: str | None = None,
    private: bool = False,
    token: str | None = None,
    retry_policy: RetryPolicy | None = None,
) -> SpaceReport:
    """Make the Space `space_id` run the app on `dataset_id`, in one commit. A second call makes no commit.

    The Space holds `app.py`, this package, and a requirements file without torch. Its card and its variables
    FGBG_DATASET and FGBG_REVISION name the dataset to show. The variables can be changed in the Space's settings.

    Args:
        space_id: `USER/NAME`; created if missing.
        dataset_id: the dataset to show, `USER/NAME`.
        revision: tag or branch of the dataset to show; default: `main`, as it is when the Space starts.
        private: create the Space as private.
        token: default: the token of `hf auth login` or HF_TOKEN.
        retry_policy: how often and how long to retry.
    Raises:
        HubError: with what happened, what the Hub holds now, and what to do next.
    """
    check_repo_id(space_id)
    check_repo_id(dataset_id)
    client = _client(space_id, token, retry_policy)
    files = [LocalFile.of_content(name, data) for name, data in sorted(space_files().items())]
    report = SpaceReport(space_id, dataset_id, f"{client.api.endpoint}/{client.target.path}", revision or "main")
    try:
        with single_tries(client.policy) as traffic:
            _publish(client, files, private, report, traffic)
    except RequestError as e:
        raise explain(e, client.target) from e
    return report


def _client(space_id: str, token: str | None, retry_policy: RetryPolicy | None) -> RepoClient:
    return RepoClient(HfApi(token=token), RepoTarget(space_id, repo_type="space"), retry_policy or RetryPolicy(), token)


def _publish(client: RepoClient, files: list[LocalFile], private: bool, report: SpaceReport, traffic: Traffic) -> None:
    api, variables = client.api, {DATASET: report.dataset_id, REVISION: report.revision}
    check_login(client)
    _check_dataset(client, report)
    state = read_state(client)
    if state.repo_exists:
        check_write_access(client)
    else:
        pairs = [{"key": key, "value": value} for key, value in variables.items()]
        client.request(
            CREATING,
            api.create_repo,
            **client.repo_args,
            private=private or None,  # None: as the account's settings say
            exist_ok=True,
            space_sdk="gradio",
            space_variables=pairs,
        )
        state = read_state(client)
    is_ours = _holds_this_app(client, state)
    _set_variables(client, variables, report)  # before the commit, so that the first start shows the right dataset
    card, warnings = space_card(report.dataset_id, report.revision, state.card if is_ours else "")
    files = [*files, LocalFile.of_content(schema.CARD, card.encode())]
    report.warnings += warnings
    pushed_before = {name for name in state.files if name.startswith(f"{PACKAGE}/")} if is_ours else set()
    changes = compare(files, state, pushed_before)
    report.added = [file.name for file in changes.added]
    report.replaced = [file.name for file in changes.replaced]
    report.deleted = changes.deleted
    if not changes.is_empty:
        operations = upload(client, changes, create_pr=False, traffic=traffic)
        message = f"Show {report.dataset_id}"
        report.commit = commit_once(client, changes, operations, message, state.head, create_pr=False).oid


def _check_dataset(client: RepoClient, report: SpaceReport) -> None:
    """Warn if the dataset is private, because the Space cannot read it without a token.

    Raises:
        HubError: the dataset does not exist, or has no such revision.
    """
    target = RepoTarget(report.dataset_id)
    try:
        dataset = client.request("reading the dataset", client.api.dataset_info, report.dataset_id)
        refs = client.request(
            "reading the dataset's revisions", client.api.list_repo_refs, report.dataset_id, repo_type="dataset"
        )
    except RequestError as e:
        raise explain(e, target) from e
    if report.revision not in {ref.name for ref in [*refs.branches, *refs.tags]}:
        raise HubError(
            f"{target.path} has no branch or tag {report.revision}, so the Space cannot show it.\n"
            "  Give one that exists: --space-follows REVISION. No file of the Space was changed."
        )
    if dataset.private:
        report.warnings.append(
            f"{report.dataset_id} is private, so the Space cannot read it; add a secret HF_TOKEN in its settings."
        )


def _check_namespace(client: RepoClient) -> None:
    """Check that the user may create a repository in the namespace.

    Only for tokens with the role "write": the Hub does not say what other tokens may create.

    Raises:
        HubError: the namespace is neither the user nor one of the user's organisations.
    """
    user = client.request("checking the token", client.api.whoami, token=client.token)
    if user.get("auth", {}).get("accessToken", {}).get("role") != "write":
        return
    names = [user["name"], *(org["name"] for org in user.get("orgs", []))]
    namespace = client.target.repo_id.split("/")[0]
    if namespace not in names:
        raise HubError(
            f"{client.target.path} does not exist, and this token may not create it: {namespace} is not one of its"
            f" names.\n  Choose --space NAME/... with one of {', '.join(names)}, or log in with another token: hf auth"
            " login.\n  Nothing was sent."
        )


def _holds_this_app(client: RepoClient, state: RemoteState) -> bool:
    """Whether the Space holds this app; False if it holds no app. Another app is not overwritten.

    Raises:
        HubError: it holds another app.
    """
    is_ours = f"{PACKAGE}/app/launch.py" in state.files
    if not is_ours and "app.py" in state.files:
        raise HubError(
            f"{client.target.path} holds another app, so nothing was changed.\n"
            "  Choose another name: --space USER/NAME; the Space is created if missing."
        )
    return is_ours


def _set_variables(client: RepoClient, variables: dict[str, str], report: SpaceReport) -> None:
    """Set the variables that differ. Each change restarts the Space, so the others are left alone.

    The app works without them, because the Space's card names dataset and revision as well.
    """
    api, space_id = client.api, client.target.repo_id
    try:
        current = client.request("reading the Space's variables", api.get_space_variables, space_id)
        for key, value in variables.items():
            if key not in current or current[key].value != value:
                client.request(f"setting variable {key}", api.add_space_variable, space_id, key, value)
    except RequestError as e:
        if e.status not in _NO_SUCH_ROUTE:
            raise
        report.warnings.append(
            f"this Hub has no variables of Spaces ({e.status}), so the app shows the dataset that the Space's"
            f" {schema.CARD} names."
        )
