"""Publish the demo app as a Space that shows one dataset of the Hub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub import HfApi

from fgbg_depth.errors import HubError
from fgbg_depth.hub.changes import LocalFile, compare
from fgbg_depth.hub.messages import Place, explained
from fgbg_depth.hub.refs import check_repo_id
from fgbg_depth.hub.repository import Hub, State, check_login, check_rights, read_state
from fgbg_depth.hub.space_files import PACKAGE, space_files
from fgbg_depth.hub.upload import commit_once, upload
from fgbg_depth.retry import CLIENT_ERRORS, Patience, client, retrying

DATASET, REVISION = "FGBG_DATASET", "FGBG_REVISION"


@dataclass
class SpaceReport:
    """What publishing a Space did."""

    space_id: str
    dataset_id: str
    url: str
    commit: str | None = None  # None: the Space already held exactly this
    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{len(self.added)} added, {len(self.replaced)} replaced, {len(self.deleted)} deleted"
        did = f"Published {self.url}: {counts}." if self.commit else f"{self.url} already held exactly this app."
        lines = [f"{did} It shows {self.dataset_id}."]
        return "\n".join(lines + [f"warning: {warning}" for warning in self.warnings])


def publish_space(
    space_id: str,
    dataset_id: str,
    *,
    revision: str | None = None,
    private: bool = False,
    token: str | None = None,
    patience: Patience | None = None,
) -> SpaceReport:
    """Make the Space `space_id` run the app on `dataset_id`, in one commit; the same again makes none.

    The Space holds `app.py`, the part of the package that browsing needs, and a list of requirements without torch.
    Which dataset it shows stands in its variable FGBG_DATASET, so it can be changed in the Space's settings.

    Args:
        space_id: `USER/NAME`; created when missing.
        revision: tag or branch of the dataset to show; default: `main`, as it will be.
        private: create the Space as private.
    Raises:
        HubError: with what happened and the next command.
    """
    patience = patience or Patience()
    check_repo_id(space_id)
    check_repo_id(dataset_id)
    hub = Hub(HfApi(token=token), Place(space_id, kind="space"), patience, token)
    wanted = {DATASET: dataset_id} | ({REVISION: revision} if revision else {})
    files = [_local(name, data) for name, data in sorted(space_files(dataset_id).items())]
    report = SpaceReport(space_id, dataset_id, f"{hub.api.endpoint}/spaces/{space_id}")
    try:
        with client(patience):
            _publish(hub, files, wanted, private, report)
    except CLIENT_ERRORS as e:
        raise explained(e, hub.place, "publishing the Space") from e
    return report


def _publish(hub: Hub, files: list[LocalFile], variables: dict[str, str], private: bool, report: SpaceReport) -> None:
    check_login(hub)
    dataset = retrying(lambda: hub.api.dataset_info(report.dataset_id), "dataset", hub.patience)
    if dataset.private:
        report.warnings.append(
            f"{report.dataset_id} is private, so the Space cannot read it; add a secret HF_TOKEN in its settings."
        )
    state = read_state(hub)
    if state.repo_exists:
        check_rights(hub)
    else:
        pairs = [{"key": key, "value": value} for key, value in variables.items()]
        options: Any = {"private": private or None, "exist_ok": True, "space_sdk": "gradio", "space_variables": pairs}
        retrying(lambda: hub.api.create_repo(**hub.where, **options), "new Space", hub.patience)
        state = read_state(hub)
    _set_variables(hub, variables)  # before the code, so that its first start shows the right dataset
    before = {name for name in state.files if name.startswith(f"{PACKAGE}/")} if _is_ours(state) else set()
    plan = compare(files, state, before)
    report.added = [file.name for file in plan.added]
    report.replaced = [file.name for file in plan.replaced]
    report.deleted = plan.deleted
    if not plan.is_empty:
        operations = upload(hub, plan, create_pr=False, show=False)
        message = f"Show {report.dataset_id}"
        report.commit = commit_once(hub, plan, operations, message, state.head, create_pr=False).oid


def _is_ours(state: State) -> bool:
    """Whether the Space holds this app, or nothing yet; another app is not overwritten.

    Raises:
        HubError: it holds another app.
    """
    ours = f"{PACKAGE}/app/launch.py" in state.files
    if not ours and "app.py" in state.files:
        raise HubError(
            "this Space holds another app.\n  Choose another name: --space USER/NAME; it is created when missing."
        )
    return ours


def _set_variables(hub: Hub, wanted: dict[str, str]) -> None:
    """Setting a variable restarts the Space, so only what differs is set."""
    space_id = hub.place.repo_id
    found = retrying(lambda: hub.api.get_space_variables(space_id), "variables", hub.patience)
    for key, value in wanted.items():
        if key not in found or found[key].value != value:
            retrying(
                lambda key=key, value=value: hub.api.add_space_variable(space_id, key, value),  # type: ignore[misc]
                f"variable {key}",
                hub.patience,
            )


def _local(name: str, data: bytes) -> LocalFile:
    return LocalFile(name, len(data), hashlib.sha256(data).hexdigest(), None, data)
