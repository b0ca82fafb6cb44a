"""Fixtures for tests of the Hub."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_client import use_hub
from hub_outputs import make_output
from hub_server import HubServer


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two builds: `out` with four backgrounds, and `grown` with one more."""
    folder = tmp_path_factory.mktemp("scenes")
    shutil.copytree(make_output(folder, 4), folder / "four")
    make_output(folder, 5)
    (folder / "out").rename(folder / "grown")
    (folder / "four").rename(folder / "out")
    return folder


@pytest.fixture
def work(scenes: Path, tmp_path: Path) -> Path:
    """A copy of `scenes` for one test: sources and a finished output of four shards. `grow` adds a background."""
    return Path(shutil.copytree(scenes, tmp_path / "work"))


@pytest.fixture(scope="session")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output of ten backgrounds, three of them held out, and two cut-outs, one of them held out; copy it to push."""
    return make_output(tmp_path_factory.mktemp("held_out"), 10, holdout=0.3)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub with small pages; the clients of this process use it as user alice."""
    with HubServer(tmp_path / "hub", page_size=5) as server:
        use_hub(monkeypatch, server, tmp_path / "home")
        yield server
