"""Settings of all tests: one torch thread, no network, no file read from or written to the user's folders."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# before anything imports torch or the Hub's client, which read these once
_HOME = tempfile.TemporaryDirectory(prefix="fgbg-depth-tests-")
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "HF_HOME": f"{_HOME.name}/hf",
    "HF_ENDPOINT": "http://127.0.0.1:9",  # no server listens there; tests of the Hub start their own
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "FGBG_DEPTH_HOME": f"{_HOME.name}/fgbg-depth",
    "TOKENIZERS_PARALLELISM": "false",
}
for _name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
    os.environ.pop(_name, None)

# one busy core: no deadline an example, and no folder of examples left in the tree
settings.register_profile("fgbg", deadline=None, max_examples=40, database=None)
settings.load_profile("fgbg")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than a few seconds; left out with -m 'not slow'")


def pytest_unconfigure(config: pytest.Config) -> None:
    _HOME.cleanup()


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> None:
    """Two torch threads beside another busy process can stall 10..60 times."""
    import sys

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `bg/` (5 backgrounds) and `fg/` (5 cut-outs); read only, copy it to change it."""
    from tiny import make_sources

    folder = tmp_path_factory.mktemp("sources")
    make_sources(folder, 5, 5)
    return folder


@pytest.fixture(scope="session")
def built(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished output without depth, made undisturbed by one process; read only."""
    from tiny import quiet_build, tiny_recipe

    output = tmp_path_factory.mktemp("built") / "out"
    quiet_build(tiny_recipe(sources), output)
    return output


@pytest.fixture
def simple_depth(monkeypatch: pytest.MonkeyPatch) -> Iterator[list]:
    """Builds in this process label with `tiny.SimpleLabeller`; yields the list of labellers made."""
    import tiny

    import fgbg_depth.depth.models

    made: list = []

    def load(recipe: object, spec: object, device: str = "auto", worker: int = 0) -> object:
        made.append(tiny.SimpleLabeller(spec))
        return made[-1]

    monkeypatch.setattr(
        fgbg_depth.depth.models, "resolve_spec", lambda recipe, images, device="auto": tiny.simple_spec(recipe)
    )
    monkeypatch.setattr(fgbg_depth.depth.models, "load_labeller", load)
    yield made


@pytest.fixture(scope="session")
def both_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output with predicted and placed depth of the bundled model, and their checks; read only."""
    from tiny import make_sources, quiet_build, tiny_recipe

    folder = make_sources(tmp_path_factory.mktemp("both"), 2, 3)
    recipe = tiny_recipe(folder, size=64, depth_model="densedepth-demo", depth_label="both", holdout=0)
    quiet_build(recipe, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")  # not of the session: while it is open, an event loop runs in this thread
def chromium() -> Iterator["Browser"]:
    """A running browser."""
    from app_browser import open_chromium

    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def url(output: Path) -> Iterator[str]:
    """The address of the app, which shows the `output` of the test module."""
    from app_server import serving

    with serving(str(output)) as address:
        yield address
