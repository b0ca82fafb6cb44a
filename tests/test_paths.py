"""The folder for what this project keeps between commands, and models that earlier versions stored elsewhere."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgbg_depth import paths


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's home without any of our variables set; the Hub's client keeps its files in `huggingface/`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("FGBG_DEPTH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "huggingface"))
    paths._report_earlier.cache_clear()
    yield tmp_path
    paths._report_earlier.cache_clear()


def stored(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def test_home(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.home() == user / ".cache" / "fgbg-depth"
    monkeypatch.setenv("XDG_CACHE_HOME", str(user / "xdg"))
    assert paths.home() == user / "xdg" / "fgbg-depth"
    monkeypatch.setenv("FGBG_DEPTH_HOME", "~/chosen")
    assert paths.home() == user / "chosen"


def test_a_folder_of_an_earlier_version_is_used_and_reported_once(user: Path, caplog: pytest.LogCaptureFixture) -> None:
    here = paths.home() / "densedepth-nyu"
    assert paths.find_folder("densedepth-nyu", "config.json") == here
    earlier = stored(user / "huggingface" / "fgbg-depth" / "densedepth-nyu")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert paths.find_folder("densedepth-nyu", "config.json") == earlier
    assert caplog.messages == [
        f"Using {earlier}, stored by an earlier version of fgbg-depth. You can move it to {here}."
    ]


def test_a_complete_folder_in_home_is_preferred(user: Path) -> None:
    stored(user / "huggingface" / "fgbg-depth" / "densedepth-nyu")
    here = stored(paths.home() / "densedepth-nyu")
    assert paths.find_folder("densedepth-nyu", "config.json") == here


def test_an_incomplete_folder_of_an_earlier_version_is_not_used(user: Path) -> None:
    (user / "huggingface" / "fgbg-depth" / "densedepth-nyu").mkdir(parents=True)
    assert paths.find_folder("densedepth-nyu", "config.json") == paths.home() / "densedepth-nyu"


def test_a_chosen_home_is_the_only_one(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier versions used FGBG_DEPTH_HOME too, so nothing of theirs is elsewhere."""
    stored(user / "huggingface" / "fgbg-depth" / "densedepth-nyu")
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(user / "chosen"))
    assert paths.find_folder("densedepth-nyu", "config.json") == user / "chosen" / "densedepth-nyu"


def test_the_last_output(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(user)
    assert paths.last_output() is None
    paths.remember_output("out")
    assert paths.last_output() == str(user / "out")
    paths.remember_output("memory://out")
    assert paths.last_output() == "memory://out"
    (user / "file").write_text("")
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(user / "file" / "home"))  # cannot be created
    paths.remember_output("other")
    assert paths.last_output() is None
