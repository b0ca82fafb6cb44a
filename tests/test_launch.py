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


def test_a_port_in_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert launch.main([str(tmp_path), "--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert f"AppError: The app cannot listen on 127.0.0.1, port {port}" in said and "--port" in said.splitlines()[-1]


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
    with pytest.raises(AppError, match="gradio is not installed"):
        launch.run(argparse.Namespace(dataset="x", revision=None, host=None, port=None))


def test_another_missing_module_is_not_explained_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ModuleNotFoundError("No module named 'fgbg_depth.gone'", name="fgbg_depth.gone")

    monkeypatch.setattr(launch, "serve", fail)
    with pytest.raises(ModuleNotFoundError):
        launch.main([])
