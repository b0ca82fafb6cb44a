"""The Space that a push publishes: the complete app without torch, showing the pushed dataset."""

import ast
import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from importlib import metadata
from pathlib import Path

import httpx2
import pytest
import yaml
from hub_client import NAME, environment, repo_of, send
from hub_faults import Fault
from hub_server import HubServer

from fgbg_depth.cli.main import main
from fgbg_depth.errors import HubError, OutputError
from fgbg_depth.hub import space_files
from fgbg_depth.hub.space import publish_space
from fgbg_depth.retry import RetryPolicy

pytest.importorskip("gradio")
pytest_plugins = ["hub_fixtures"]
SPACE = "alice/look"
ROOT = Path(__file__).parent.parent
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


def edit_space(hub: HubServer, **files: str) -> None:
    """Commit files to the Space as its owner does on the Hub's page; README stands for README.md."""
    lines = [{"key": "header", "value": {"summary": "edit"}}]
    for name, text in files.items():
        path = {"README": "README.md"}.get(name, name)
        lines.append({"key": "file", "value": {"path": path, "content": base64.b64encode(text.encode()).decode()}})
    hub.store.commit(hub.store.repos["space", SPACE], "main", lines, "alice", False)


def card_of(hub: HubServer) -> tuple[dict, str]:
    """The front matter of the Space's card, and its text."""
    _, header, text = files_of_space(hub)["README.md"].decode().split("---\n", 2)
    return yaml.safe_load(header), text


@pytest.fixture
def published(hub: HubServer, work: Path) -> HubServer:
    send(work / "out", tag="v1")
    publish_space(SPACE, NAME, retry_policy=QUICK)
    return hub


def test_one_commit_with_card_requirements_and_variables(published: HubServer):
    space = published.store.repos["space", SPACE]
    assert [commit.title for commit in space.history("main")] == [f"Show {NAME}", "initial commit"]
    assert space.variables == {"FGBG_DATASET": NAME, "FGBG_REVISION": "main"}
    files = files_of_space(published)
    import gradio

    expected = {"sdk": "gradio", "sdk_version": gradio.__version__, "app_file": "app.py", "datasets": [NAME]}
    assert expected.items() <= card_of(published)[0].items()
    requirements = files["requirements.txt"].decode()
    assert "pyarrow==" in requirements and "numpy==" in requirements
    assert not [name for name in HEAVY if name in requirements]
    assert sum(map(len, files.values())) < 2_000_000
    assert not [name for name in files if name.startswith("fgbg_depth/data/") or "__pycache__" in name]


def test_the_python_of_the_space_satisfies_its_requirements(published: HubServer):
    from packaging.specifiers import SpecifierSet

    python = card_of(published)[0]["python_version"]
    assert isinstance(python, str)
    pins = [line.split("==")[0] for line in files_of_space(published)["requirements.txt"].decode().splitlines()]
    for name in ["gradio", *pins]:
        needed = metadata.metadata(name)["Requires-Python"]
        assert SpecifierSet(needed or "").contains(f"{python}.0"), f"{name} needs Python {needed}"
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert SpecifierSet(ours).contains(f"{python}.0")


def test_every_package_that_browsing_imports_is_in_the_requirements(published: HubServer):
    """Those that the app's modules import by themselves; what they need in turn, pip knows."""
    code = (
        "import sys, fgbg_depth.app.page, fgbg_depth.app.endpoints, fgbg_depth.app.launch, fgbg_depth.read.opening\n"
        "import fgbg_depth.read.hub_files\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'fgbg_depth' and m.__file__])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    imported: set[str] = set()
    for path in map(Path, ran.stdout.split()):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    distributions = metadata.packages_distributions()
    needed = {distributions[name][0].lower().replace("_", "-") for name in imported if name in distributions}
    assert len(needed) > 5 and needed - {"fgbg-depth", "gradio"} <= set(space_files.REQUIREMENTS)


def test_second_call_makes_no_commit(published: HubServer):
    before = len(published.store.repos["space", SPACE].commits)
    report = publish_space(SPACE, NAME, retry_policy=QUICK)
    assert report.commit is None and "already held" in str(report)
    assert len(published.store.repos["space", SPACE].commits) == before


def test_lines_that_the_owner_wrote_into_the_card_survive(published: HubServer, work: Path):
    text = files_of_space(published)["README.md"].decode()
    edited = text.replace("pinned: false", "pinned: true  # keep\nsuggested_hardware: cpu-upgrade")
    edited = re.sub("python_version: .*", "python_version: 3.12", edited).replace("title: scenes", "title: My scenes")
    edit_space(published, README=edited + "\nMy own paragraph.\n")
    assert publish_space(SPACE, NAME, retry_policy=QUICK).commit is None, "nothing of ours has changed"
    send(work / "out", "alice/second", tag="v2")
    report = publish_space(SPACE, "alice/second", revision="v2", retry_policy=QUICK)
    assert report.replaced == ["README.md"] and report.warnings == []
    header, body = card_of(published)
    assert header["pinned"] is True and header["suggested_hardware"] == "cpu-upgrade" and header["title"] == "My scenes"
    assert "python_version: 3.12\n" in files_of_space(published)["README.md"].decode()
    assert header["datasets"] == ["alice/second"] and header["fgbg_revision"] == "v2"
    assert body.endswith("\nMy own paragraph.\n") and "Browse [alice/second]" in body and NAME not in body


def test_a_python_that_the_requirements_exclude_is_replaced(published: HubServer):
    text = files_of_space(published)["README.md"].decode()
    edit_space(published, README=re.sub("python_version: .*", "python_version: '3.10'", text))
    report = publish_space(SPACE, NAME, retry_policy=QUICK)
    assert "python_version of the Space was 3.10, but its requirements need at least 3.11" in str(report)
    assert card_of(published)[0]["python_version"] == space_files.python_version()


def test_other_dataset_and_files_that_are_no_longer_needed(published: HubServer, work: Path):
    send(work / "out", "alice/second", tag="v1")
    edit_space(published, **{"fgbg_depth/gone.py": "x", "notes.txt": "x"})
    report = publish_space(SPACE, "alice/second", revision="v1", retry_policy=QUICK)
    assert report.deleted == ["fgbg_depth/gone.py"] and report.replaced == ["README.md"]
    space = published.store.repos["space", SPACE]
    assert space.variables == {"FGBG_DATASET": "alice/second", "FGBG_REVISION": "v1"}
    assert files_of_space(published)["notes.txt"] == b"x" and card_of(published)[0]["title"] == "second"


def lay_out(hub: HubServer, folder: Path) -> Path:
    """The Space's files in a folder, as the Hub checks them out."""
    for path, data in files_of_space(hub).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


@pytest.mark.slow
def test_files_of_the_space_are_enough_to_open_the_dataset(published: HubServer, tmp_path: Path):
    """The app runs from the Space's files alone; packages that browsing does not need cannot be imported."""
    folder = lay_out(published, tmp_path / "space")
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment(published, tmp_path / "home")
    variables |= {"FGBG_DATASET": NAME, "PYTHONPATH": str(folder)}
    code = OPEN.replace("{heavy}", repr(HEAVY))
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, env=variables, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split(" ", 1) == [f"{folder}/fgbg_depth", "[]\n"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_space_starts_in_a_fresh_environment_from_its_own_requirements(published: HubServer, tmp_path: Path):
    """As the Hub builds it: the Python and the gradio of its card, its requirements, and nothing else.

    No variable names the dataset: the card does. Needs a package index; downloads about 150 MB.
    """
    folder = lay_out(published, tmp_path / "space")
    header = card_of(published)[0]
    assert header["python_version"] == space_files.python_version(), "this test has one Python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    packages = [f"gradio=={header['sdk_version']}", "-r", str(folder / "requirements.txt")]
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
    installed = subprocess.run(install, capture_output=True, text=True)
    if "No matching distribution found for gradio" in installed.stderr:
        pytest.skip("no package index")
    assert installed.returncode == 0, installed.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    variables |= environment(published, tmp_path / "home") | {"SPACE_ID": SPACE, "GRADIO_SERVER_PORT": str(port)}
    variables |= {"FGBG_DEPTH_HOME": str(tmp_path / "none")}
    with open(tmp_path / "log", "w+") as log:
        app = subprocess.Popen([python, "app.py"], cwd=folder, env=variables, stdout=log, stderr=log)
        try:
            page = fetch(f"http://127.0.0.1:{port}/", app)
            config = fetch(f"http://127.0.0.1:{port}/config", app)
            client = httpx2.Client(base_url=f"http://127.0.0.1:{port}/gradio_api", timeout=60)
            event = client.post("/call/info", json={"data": []}).json()["event_id"]
            answer = client.get(f"/call/info/{event}").text
        finally:
            app.terminate()
            app.wait(20)
        log.seek(0)
        shown = log.read()
    assert "<html" in page and "gradio" in page and "components" in config, shown
    assert "event: complete" in answer and '"rows": 32' in answer, answer + shown
    assert f"Showing {NAME}" in shown and "Traceback" not in shown


def fetch(url: str, server: subprocess.Popen) -> str:
    """A page of a server that is just starting."""
    for _ in range(240):
        if server.poll() is not None:
            return ""
        try:
            return str(httpx2.get(url, timeout=30).raise_for_status().text)
        except httpx2.TransportError:
            time.sleep(0.5)
    return ""


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


def push_with_space(work: Path, *words: str, space: str = SPACE) -> int:
    return main(["push", str(work / "out"), NAME, "--space", space, *words])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits in the commands."""
    monkeypatch.setattr(RetryPolicy, "wait_s", lambda policy, try_index: 0.01)


def test_a_missing_package_is_reported_before_the_upload(
    hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(space_files, "REQUIREMENTS", (*space_files.REQUIREMENTS, "missing-package"))
    assert push_with_space(work) == 1
    assert "missing-package is not installed" in capsys.readouterr().err and not hub.log


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ("look", "'look' is not a valid repository name"),
        ("bob/look", r"spaces/bob/look does not exist.*bob is not one of its names.*one of alice, lab"),
        ("alice/other", "spaces/alice/other holds another app, so nothing was changed"),
        ("bob/there", r"the token cannot write to spaces/bob/there \(403\)"),
    ],
)
def test_a_space_that_cannot_be_published_is_reported_before_anything_is_sent(
    hub: HubServer, work: Path, space: str, says: str, capsys: pytest.CaptureFixture[str]
):
    other = hub.store.create("space", "alice/other", False, "alice")
    hub.store.create("space", "bob/there", False, "bob")
    file = {"key": "file", "value": {"path": "app.py", "content": base64.b64encode(b"print(1)").decode()}}
    hub.store.commit(other, "main", [{"key": "header", "value": {"summary": "x"}}, file], "alice", False)
    assert push_with_space(work, space=space) == 1
    assert re.search(says, " ".join(capsys.readouterr().err.split()))
    assert {method for method, _, _ in hub.log} <= {"GET"} and ("dataset", NAME) not in hub.store.repos


def test_a_space_of_an_organisation(hub: HubServer, work: Path):
    assert push_with_space(work, space="lab/look") == 0
    assert ("space", "lab/look") in hub.store.repos


@pytest.mark.parametrize(
    ("words", "revision"),
    [([], "main"), (["--tag", "v1"], "v1"), (["--tag", "v1", "--space-follows", "main"], "main")],
    ids=["no tag", "tag", "follows main"],
)
def test_the_space_shows_the_tag_of_the_push_unless_told_otherwise(
    hub: HubServer, work: Path, capsys: pytest.CaptureFixture[str], words: list[str], revision: str
):
    assert push_with_space(work, *words) == 0
    assert hub.store.repos["space", SPACE].variables == {"FGBG_DATASET": NAME, "FGBG_REVISION": revision}
    assert card_of(hub)[0]["fgbg_revision"] == revision
    assert f"It shows {NAME}, revision {revision}." in capsys.readouterr().out


def test_a_revision_that_the_dataset_does_not_have(hub: HubServer, work: Path, capsys: pytest.CaptureFixture[str]):
    assert push_with_space(work, "--space-follows", "v9") == 1
    assert "has no branch or tag v9" in capsys.readouterr().err and ("space", SPACE) not in hub.store.repos
    assert main(["push", str(work / "out"), NAME, "--space-follows", "v9"]) == 2


def test_a_failing_space_is_reported_apart_and_a_rerun_does_only_the_rest(
    hub: HubServer, work: Path, capsys: pytest.CaptureFixture[str], quick: None
):
    hub.faults.add(Fault("503", "POST .*/spaces/.*/commit/", times=6, message="down for maintenance"))
    assert push_with_space(work, "--tag", "v1", "--json") == 1
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert result["commit"] and result["tag"] == "v1" and "space" not in result
    assert list(result["failed"]) == ["space"] and "down for maintenance" in result["failed"]["space"]
    assert "the dataset is published, but not the Space alice/look" in shown.err
    assert "Nothing was committed" not in shown.err and "shards are ready" not in shown.err
    assert push_with_space(work, "--tag", "v1", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["commit"] is None and result["failed"] == {} and result["space"]["commit"]
    assert len(repo_of(hub).history("main")) == 2


def test_a_refused_space_says_that_no_file_of_it_was_changed(
    hub: HubServer, work: Path, capsys: pytest.CaptureFixture[str]
):
    hub.faults.add(Fault("402", "POST /api/repos/create", skip=1, message="Subscribe to PRO for more Spaces"))
    assert push_with_space(work) == 1
    shown = capsys.readouterr()
    assert "the Hub asks for a paid plan for spaces/alice/look (402): Subscribe to PRO" in shown.err
    assert "No file of the Space was changed." in shown.err and "no storage left" not in shown.err
    assert "Pushed to" in shown.out


def test_a_failing_dataset_is_in_the_json_too(hub: HubServer, work: Path, capsys: pytest.CaptureFixture[str]):
    hub.faults.add(Fault("422", "POST .*/datasets/.*/commit/", message="unprocessable"))
    assert push_with_space(work, "--json") == 1
    shown = capsys.readouterr()
    assert "unprocessable" in json.loads(shown.out)["failed"]["dataset"] and "HubError: " in shown.err
    assert ("space", SPACE) not in hub.store.repos


def test_a_failing_tag_is_reported_apart(hub: HubServer, work: Path, capsys: pytest.CaptureFixture[str], quick: None):
    """The Space would show the tag, so it is not published either. With --space-follows main it is."""
    hub.faults.add(Fault("403", "POST .*/tag/", times=2, message="tags are closed"))
    assert push_with_space(work, "--tag", "v1", "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert result["commit"] and result["tag"] is None and set(result["failed"]) == {"tag", "space"}
    assert push_with_space(work, "--tag", "v1", "--space-follows", "main", "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert set(result["failed"]) == {"tag"} and result["space"]["commit"]
    assert push_with_space(work, "--tag", "v1") == 0
    assert repo_of(hub).tags == {"v1": repo_of(hub).branches["main"]}


@pytest.mark.parametrize("status", ["404", "405", "501"])
def test_a_hub_without_variables_of_spaces(hub: HubServer, work: Path, status: str):
    """The card names dataset and revision, and the app reads it."""
    send(work / "out")
    hub.faults.add(Fault(status, "/variables", times=100))
    report = publish_space(SPACE, NAME, retry_policy=QUICK)
    assert report.commit and f"this Hub has no variables of Spaces ({status})" in str(report)


def test_variables_that_the_hub_refuses_end_the_step(published: HubServer):
    """An old variable would make the app show another dataset."""
    published.faults.add(Fault("403", "GET .*/variables"))
    with pytest.raises(HubError, match="cannot write to spaces/alice/look"):
        publish_space(SPACE, NAME, retry_policy=QUICK)


def test_a_downloaded_space_shows_the_dataset_that_its_card_names(
    published: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Never another dataset that happens to be on the machine."""
    from fgbg_depth import paths
    from fgbg_depth.app.choice import Choice, choose

    publish_space(SPACE, NAME, revision="v1", retry_policy=QUICK)
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FGBG_DATASET", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fgbg-dataset").mkdir()
    paths.remember_output(str(tmp_path / "fgbg-dataset"))
    folder = tmp_path / "space"
    folder.mkdir()
    monkeypatch.setattr(paths, "CHECKOUT", folder)
    assert choose(None, None).source == str(tmp_path / "fgbg-dataset")
    (folder / "README.md").write_bytes(files_of_space(published)["README.md"])
    assert choose(None, None) == Choice(NAME, "v1") and choose(None, "main") == Choice(NAME, "main")
    assert choose("other", None) == Choice("other", None)
    monkeypatch.setenv("FGBG_DATASET", "user/name")
    assert choose(None, None) == Choice("user/name", None)
    monkeypatch.delenv("FGBG_DATASET")
    (folder / "README.md").write_text("---\nsdk: gradio\n---\n")
    with pytest.raises(OutputError, match="is the card of a Space, but names no dataset"):
        choose(None, None)


def test_other_app_is_not_changed(published: HubServer):
    other = published.store.create("space", "alice/other", False, "alice")
    file = {"key": "file", "value": {"path": "app.py", "content": base64.b64encode(b"print(1)").decode()}}
    published.store.commit(other, "main", [{"key": "header", "value": {"summary": "x"}}, file], "alice", False)
    with pytest.raises(HubError, match="spaces/alice/other holds another app, so nothing was changed"):
        publish_space("alice/other", NAME, retry_policy=QUICK)
    assert other.variables == {}


def test_warning_for_a_private_dataset(hub: HubServer, work: Path):
    send(work / "out", private=True)
    assert "add a secret HF_TOKEN" in str(publish_space(SPACE, NAME, retry_policy=QUICK))
