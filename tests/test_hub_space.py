"""The Space that a push publishes: the complete app without torch, showing the pushed dataset."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hub_client import NAME, environment, send
from hub_faults import Fault
from hub_server import HubServer

from fgbg_depth.cli.main import main
from fgbg_depth.errors import HubError
from fgbg_depth.hub import space_files
from fgbg_depth.hub.space import publish_space
from fgbg_depth.retry import RetryPolicy

pytest.importorskip("gradio")
pytest_plugins = ["hub_fixtures"]
SPACE = "alice/look"
QUICK = RetryPolicy(first_wait_s=0.01, timeout_s=5.0)
HEAVY = ("torch", "transformers", "datasets", "matplotlib", "h5py")
OPEN = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {heavy}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import os, fgbg_depth
from fgbg_depth.app.launch import main
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.page import build_page
opened = Opened(os.environ["FGBG_DATASET"], None)
build_page(opened)
row = opened().row("train", 3)
print(os.path.dirname(fgbg_depth.__file__), sorted(set({heavy}) & set(sys.modules)))
"""


def files_of_space(hub: HubServer) -> dict[str, bytes]:
    commit = hub.store.repos["space", SPACE].resolve("main")
    return {path: hub.store.blob_path(entry.blob).read_bytes() for path, entry in commit.files.items()}


@pytest.fixture
def published(hub: HubServer, work: Path) -> HubServer:
    send(work / "out")
    publish_space(SPACE, NAME, retry_policy=QUICK)
    return hub


def test_one_commit_with_card_requirements_and_variable(published: HubServer):
    space = published.store.repos["space", SPACE]
    assert [commit.title for commit in space.history("main")] == [f"Show {NAME}", "initial commit"]
    assert space.variables == {"FGBG_DATASET": NAME}
    files = files_of_space(published)
    header = yaml.safe_load(files["README.md"].decode().split("---")[1])
    import gradio

    expected = {"sdk": "gradio", "sdk_version": gradio.__version__, "app_file": "app.py", "datasets": [NAME]}
    assert expected.items() <= header.items()
    requirements = files["requirements.txt"].decode()
    assert "pyarrow==" in requirements and "numpy==" in requirements
    assert not [name for name in HEAVY if name in requirements]
    assert sum(map(len, files.values())) < 2_000_000


def test_second_call_makes_no_commit(published: HubServer):
    before = len(published.store.repos["space", SPACE].commits)
    report = publish_space(SPACE, NAME, retry_policy=QUICK)
    assert report.commit is None and "already held" in str(report)
    assert len(published.store.repos["space", SPACE].commits) == before


def test_other_dataset_and_files_that_are_no_longer_needed(published: HubServer, work: Path):
    import base64

    space = published.store.repos["space", SPACE]
    send(work / "out", "alice/second")
    lines = [{"key": "header", "value": {"summary": "old"}}]
    for path in ("fgbg_depth/gone.py", "notes.txt"):
        lines.append({"key": "file", "value": {"path": path, "content": base64.b64encode(b"x").decode()}})
    published.store.commit(space, "main", lines, "alice", False)
    report = publish_space(SPACE, "alice/second", revision="v1", retry_policy=QUICK)
    assert report.deleted == ["fgbg_depth/gone.py"] and report.replaced == ["README.md"]
    assert space.variables == {"FGBG_DATASET": "alice/second", "FGBG_REVISION": "v1"}
    assert files_of_space(published)["notes.txt"] == b"x"


@pytest.mark.slow
def test_files_of_the_space_are_enough_to_open_the_dataset(published: HubServer, tmp_path: Path):
    """The app runs from the Space's files alone; packages that browsing does not need cannot be imported."""
    folder = tmp_path / "space"
    for path, data in files_of_space(published).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment(published, tmp_path / "home")
    variables |= {"FGBG_DATASET": NAME, "PYTHONPATH": str(folder)}
    code = OPEN.replace("{heavy}", repr(HEAVY))
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, env=variables, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split(" ", 1) == [f"{folder}/fgbg_depth", "[]\n"]


def test_lost_response_makes_no_second_commit(hub: HubServer, work: Path):
    send(work / "out")
    hub.faults.add(Fault("lost", "POST .*/spaces/.*/commit/"))
    hub.faults.add(Fault("lost", "POST /api/repos/create"))
    publish_space(SPACE, NAME, retry_policy=QUICK)
    assert len(hub.store.repos["space", SPACE].commits) == 2


def test_failures(published: HubServer):
    with pytest.raises(HubError, match="cannot write to spaces/alice/look"):
        publish_space(SPACE, NAME, token="bob-write", retry_policy=QUICK)
    with pytest.raises(HubError, match="read-only token"):
        publish_space(SPACE, NAME, token="alice-read", retry_policy=QUICK)
    with pytest.raises(HubError, match="'look' is not a valid repository name"):
        publish_space("look", NAME, retry_policy=QUICK)
    with pytest.raises(HubError, match="datasets/alice/none does not exist"):
        publish_space(SPACE, "alice/none", retry_policy=QUICK)


@pytest.mark.parametrize(
    ("space", "missing", "says"),
    [(SPACE, "nh3", "not installed: nh3"), ("look", "", "'look' is not a valid repository name")],
    ids=["package", "name"],
)
def test_a_space_that_cannot_be_published_is_reported_before_the_upload(
    space: str,
    missing: str,
    says: str,
    hub: HubServer,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    installed = space_files.packages_distributions()
    installed.pop(missing, None)
    monkeypatch.setattr(space_files, "packages_distributions", lambda: installed)
    assert main(["push", str(work / "out"), NAME, "--space", space]) == 1
    assert says in capsys.readouterr().err and not hub.log


def test_other_app_is_not_changed(published: HubServer):
    import base64

    other = published.store.create("space", "alice/other", False, "alice")
    file = {"key": "file", "value": {"path": "app.py", "content": base64.b64encode(b"print(1)").decode()}}
    published.store.commit(other, "main", [{"key": "header", "value": {"summary": "x"}}, file], "alice", False)
    with pytest.raises(HubError, match="spaces/alice/other holds another app, so nothing was changed"):
        publish_space("alice/other", NAME, retry_policy=QUICK)
    assert other.variables == {}


def test_warning_for_a_private_dataset(hub: HubServer, work: Path):
    send(work / "out", private=True)
    assert "add a secret HF_TOKEN" in str(publish_space(SPACE, NAME, retry_policy=QUICK))
