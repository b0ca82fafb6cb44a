"""Publish the browsing app as a Space that shows one dataset of the Hub."""

from __future__ import annotations

from dataclasses import dataclass, field

from huggingface_hub import HfApi

from fgbg_depth.errors import HubError
from fgbg_depth.hub.changes import compare
from fgbg_depth.hub.commit import commit_once
from fgbg_depth.hub.messages import explain
from fgbg_depth.hub.output import LocalFile
from fgbg_depth.hub.repository import RemoteState, RepoClient, check_login, check_write_access, read_state
from fgbg_depth.hub.session import Traffic, single_tries
from fgbg_depth.hub.space_files import PACKAGE, space_files
from fgbg_depth.hub.target import RepoTarget, check_repo_id
from fgbg_depth.hub.upload import upload
from fgbg_depth.retry import RequestError, RetryPolicy

DATASET, REVISION = "FGBG_DATASET", "FGBG_REVISION"  # variables of the Space, which the app reads


@dataclass
class SpaceReport:
    """The report of publishing a Space."""

    space_id: str
    dataset_id: str
    url: str
    commit: str | None = None  # None: the Space already held this version of the app
    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{len(self.added)} added, {len(self.replaced)} replaced, {len(self.deleted)} deleted"
        published = f"Published {self.url}: {counts}."
        done = published if self.commit else f"{self.url} already held this version of the app; no commit was made."
        lines = [f"{done} It shows {self.dataset_id}."]
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])


def check_space(space_id: str, dataset_id: str) -> None:
    """Check what can be checked without the Hub, so that it is known before a dataset is uploaded.

    Raises:
        HubError: a name is not valid, or a package that the app needs is not installed.
    """
    check_repo_id(space_id)
    check_repo_id(dataset_id)
    space_files(dataset_id)


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

    The Space holds `app.py`, the part of this package that browsing needs, and a requirements file without torch. Its
    variable FGBG_DATASET names the dataset to show; it can be changed in the Space's settings.

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
    retry_policy = retry_policy or RetryPolicy()
    check_repo_id(space_id)
    check_repo_id(dataset_id)
    client = RepoClient(HfApi(token=token), RepoTarget(space_id, repo_type="space"), retry_policy, token)
    variables = {DATASET: dataset_id} | ({REVISION: revision} if revision else {})
    files = [LocalFile.of_content(name, data) for name, data in sorted(space_files(dataset_id).items())]
    report = SpaceReport(space_id, dataset_id, f"{client.api.endpoint}/{client.target.path}")
    try:
        with single_tries(retry_policy) as traffic:
            _publish(client, files, variables, private, report, traffic)
    except RequestError as e:
        raise explain(e, client.target) from e
    return report


def _publish(
    client: RepoClient,
    files: list[LocalFile],
    variables: dict[str, str],
    private: bool,
    report: SpaceReport,
    traffic: Traffic,
) -> None:
    api = client.api
    check_login(client)
    _check_dataset(client, report)
    state = read_state(client)
    if state.repo_exists:
        check_write_access(client)
    else:
        pairs = [{"key": key, "value": value} for key, value in variables.items()]
        client.request(
            "creating the Space",
            api.create_repo,
            **client.repo_args,
            private=private or None,  # None: as the account's settings say
            exist_ok=True,
            space_sdk="gradio",
            space_variables=pairs,
        )
        state = read_state(client)
    is_ours = _holds_this_app(client, state)
    _set_variables(client, variables)  # before the commit, so that the first start shows the right dataset
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
        HubError: the dataset does not exist.
    """
    try:
        dataset = client.request("reading the dataset", client.api.dataset_info, report.dataset_id)
    except RequestError as e:
        raise explain(e, RepoTarget(report.dataset_id)) from e
    if dataset.private:
        report.warnings.append(
            f"{report.dataset_id} is private, so the Space cannot read it; add a secret HF_TOKEN in its settings."
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


def _set_variables(client: RepoClient, variables: dict[str, str]) -> None:
    """Set the variables that differ. Each change restarts the Space, so the others are left alone."""
    api, space_id = client.api, client.target.repo_id
    current = client.request("reading the Space's variables", api.get_space_variables, space_id)
    for key, value in variables.items():
        if key not in current or current[key].value != value:
            client.request(f"setting variable {key}", api.add_space_variable, space_id, key, value)
