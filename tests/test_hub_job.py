"""`examples/hub_job.py`: its dry run, and the real way against a Hub on this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from hub_client import NAME, environment, files_of
from hub_server import HubServer
from packaging.requirements import Requirement
from tiny import make_sources

pytest_plugins = ["hub_fixtures"]
SCRIPT = Path(__file__).parents[1] / "examples" / "hub_job.py"
TINY = ["--size", "32", "--placements", "1", "--depth-model", "none", "--workers", "1", "--seed", "7"]


def run(cwd: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a process of its own."""
    env = os.environ | {"PYTHONPATH": str(SCRIPT.parents[1]), "HF_HUB_OFFLINE": "0"} | variables
    command = [sys.executable, str(SCRIPT), "--repo", NAME, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=300, check=False)


def sources(folder: Path) -> list[str]:
    made = make_sources(folder, 2, 2)
    return ["--backgrounds", str(made / "bg"), "--foregrounds", str(made / "fg"), *TINY]


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hub_job", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_header_is_one_that_uv_reads() -> None:
    block = re.search(r"(?m)^# /// script$\n((?:^#(?: .*)?$\n)+?)^# ///$", SCRIPT.read_text())
    assert block is not None
    header = tomllib.loads("\n".join(line[2:] for line in block[1].splitlines()))
    project = tomllib.loads((SCRIPT.parents[1] / "pyproject.toml").read_text())["project"]
    assert header["requires-python"] == project["requires-python"]
    assert [Requirement(text).name for text in header["dependencies"]] == [project["name"]]


def test_a_dry_run_needs_no_hub_and_builds_nothing(tmp_path: Path) -> None:
    unreachable = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home")}
    done = run(tmp_path, *sources(tmp_path), "--tag", "v1.0.0", "--dry-run", **unreachable)
    assert done.returncode == 0, done.stderr
    assert "2 backgrounds x 2 cut-outs" in done.stdout
    assert f"fgbg-depth push dataset {NAME} --tag v1.0.0" in done.stdout
    assert not (tmp_path / "dataset" / "data").exists()


@pytest.mark.slow
def test_a_job_builds_and_pushes(hub: HubServer, tmp_path: Path) -> None:
    done = run(tmp_path, *sources(tmp_path), "--tag", "v1.0.0", **environment(hub, tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    files = files_of(hub, "v1.0.0")
    assert {"README.md", "croissant.json", "statistics.json"} <= files.keys()
    assert b"seed: 7" in files["recipe.yaml"]


def test_a_token_that_cannot_write_stops_the_job_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = loaded()
    role = {"auth": {"accessToken": {"role": "read"}}}
    monkeypatch.setattr(job.HfApi, "whoami", lambda self: role)
    monkeypatch.setattr(job, "fgbg_depth", lambda arguments: pytest.fail("it builds"))
    with pytest.raises(SystemExit, match="can only read"):
        job.main(["--repo", NAME])
    monkeypatch.setattr(job.HfApi, "whoami", _no_token)
    with pytest.raises(SystemExit, match="--secrets HF_TOKEN"):
        job.main(["--repo", NAME])


def _no_token(self: object) -> None:
    from huggingface_hub.errors import LocalTokenNotFoundError

    raise LocalTokenNotFoundError("no token")


def test_a_build_that_fails_is_not_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    job, steps = loaded(), []
    monkeypatch.setattr(job, "check_token", lambda: None)
    monkeypatch.setattr(job, "fgbg_depth", lambda arguments: steps.append(arguments[0]) or 1)
    assert job.main(["--repo", NAME]) == 1 and steps == ["build"]
