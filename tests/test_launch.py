"""The command line of the app: `python app.py` and `fgbg-depth app` take the same options and explain what is wrong."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

import pytest

from fgbg_depth.app import launch
from fgbg_depth.cli.main import main
from fgbg_depth.errors import AppError

Served = list[tuple[str | None, str | None, str | None, int | None]]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Served:
    """What `serve` was called with, instead of serving; in an empty folder, with nothing built before."""
    calls: Served = []
    monkeypatch.setattr(launch, "check_dataset", lambda *arguments: None)
    monkeypatch.setattr(launch, "serve", lambda *arguments: calls.append(arguments))
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FGBG_DATASET", raising=False)
    monkeypatch.delenv("FGBG_REVISION", raising=False)
    monkeypatch.chdir(tmp_path)
    return calls


@pytest.mark.parametrize("start", [launch.main, lambda words: main(["app", *words])], ids=["app.py", "fgbg-depth app"])
def test_both_commands_take_the_same_options(start: object, served: Served) -> None:
    assert callable(start)
    words = ["user/name", "--revision", "v1", "--host", "127.0.0.1", "--port", "7999"]
    assert start(words) == 0 and served == [("user/name", "v1", "127.0.0.1", 7999)]


def test_the_dataset_to_show(served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The argument, the variable, the dataset built last, the default output folder: the first that is given."""
    from fgbg_depth.paths import remember_output

    expected: list[str | None] = [None]
    launch.main([])
    (tmp_path / "fgbg-dataset").mkdir()
    expected.append("fgbg-dataset")
    launch.main([])
    remember_output(str(tmp_path / "mine"))
    expected.append("fgbg-dataset")  # the one that was built last is not there any more
    launch.main([])
    (tmp_path / "mine").mkdir()
    expected.append(str(tmp_path / "mine"))
    launch.main([])
    monkeypatch.setenv("FGBG_DATASET", "user/name")
    expected.append("user/name")
    launch.main([])
    expected.append("other")
    launch.main(["other"])
    assert [source for source, *_ in served] == expected


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_an_impossible_port(port: str, served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["app", "--port", port]) == 2
    assert launch.main(["--port", port]) == 2
    assert f"--port is {port}; allowed" in capsys.readouterr().err and not served


def test_a_port_in_use(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert launch.main(["user/name", "--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert f"AppError: The app cannot listen on 127.0.0.1, port {port}: address already in use." in said
    named = int(said.split("--port ")[-1])
    assert f"Port {named} is free" in said and named > port and "Traceback" not in said and not served
    assert launch.main(["user/name", "--port", str(named)]) == 0, "the port of the message can be used"


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "::1:2"])
def test_an_address_that_is_not_of_this_computer(host: str, served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(["user/name", "--host", host]) == 1
    said = capsys.readouterr().err
    assert f"AppError: The app cannot listen on {host}: " in said and "--host" in said and not served


@pytest.mark.parametrize("host", [None, "127.0.0.1", "0.0.0.0", "localhost"])
def test_an_address_that_can_be_used(host: str | None, served: Served) -> None:
    assert launch.main(["user/name", *(["--host", host] if host else [])]) == 0 and len(served) == 1


def test_a_port_that_is_taken_while_gradio_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("gradio")
    monkeypatch.setattr(launch, "check_address", lambda *arguments: None)
    monkeypatch.setattr(launch, "check_dataset", lambda *arguments: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert launch.main([str(tmp_path), "--port", str(port)]) == 1
    assert f"AppError: The app cannot listen on 127.0.0.1, port {port}: another" in capsys.readouterr().err


def start_app(monkeypatch: pytest.MonkeyPatch, source: str) -> tuple[int, Served]:
    """The exit code of `python app.py SOURCE`, and the calls of `serve`."""
    calls: Served = []
    monkeypatch.setattr(launch, "serve", lambda *arguments: calls.append(arguments))
    return launch.main([source]), calls


@pytest.mark.parametrize("source", ["nope", "/no/such/folder", "nobody/nothing", "photos", "note.txt"])
def test_what_is_not_a_dataset_is_an_error_at_the_start(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "note.txt").write_text("x")
    assert start_app(monkeypatch, source) == (1, [])
    said = capsys.readouterr().err
    assert said.startswith(("OutputError: ", "HubError: ")) and source in said and "Traceback" not in said


def test_in_a_space_the_page_shows_the_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPACE_ID", "user/name-demo")
    code, calls = start_app(monkeypatch, "nobody/nothing")
    assert code == 0 and len(calls) == 1 and "nobody/nothing" in capsys.readouterr().err


def test_an_unfinished_build_is_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    code, calls = start_app(monkeypatch, str(tmp_path))
    said = capsys.readouterr().err
    assert code == 0 and len(calls) == 1 and "not finished" in said and "as soon as the build is finished" in said


@pytest.mark.parametrize("package", launch.OWN_PACKAGES)
def test_a_missing_package(package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*arguments: object) -> None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(launch, "serve", fail)
    assert launch.main([]) == 1
    said = capsys.readouterr().err
    assert f"AppError: The Python package {package} is not installed" in said and "pip install" in said


def test_gradio_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python says it when the app is imported without its packages."""
    for name in [name for name in sys.modules if name.startswith("fgbg_depth.app.") and not name.endswith(".launch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setattr(launch, "check_dataset", lambda *arguments: None)
    with pytest.raises(AppError, match="gradio is not installed"):
        launch.run(argparse.Namespace(dataset="x", revision=None, host=None, port=None))


def test_another_missing_module_is_not_explained_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ModuleNotFoundError("No module named 'fgbg_depth.gone'", name="fgbg_depth.gone")

    monkeypatch.setattr(launch, "serve", fail)
    with pytest.raises(ModuleNotFoundError):
        launch.main([])
