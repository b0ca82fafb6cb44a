"""Messages name the program as the user started it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fgbg_depth import errors
from fgbg_depth.errors import command, install_command, program, run_command

ROOT = Path(__file__).parent.parent


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one; nothing is on PATH, and Python is not in a virtual environment."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", str(executable(tmp_path / "usr" / "python").parent))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    return folder


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The package lies in a folder without builder.py, as in site-packages."""
    monkeypatch.setattr(errors, "_CHECKOUT", tmp_path / "site-packages")


def started_as(monkeypatch: pytest.MonkeyPatch, path: object) -> None:
    monkeypatch.setattr(sys, "argv", [str(path)])


@pytest.mark.parametrize("script", ["builder.py", "app.py"])
def test_a_script_of_the_checkout(script: str, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started_as(monkeypatch, ROOT / script)
    assert command("build --output x") == "python builder.py build --output x"
    assert command("app") == "python app.py"
    assert command("app my-set") == "python app.py my-set"
    assert command("apple") == "python builder.py apple"


def test_a_script_of_the_checkout_by_a_relative_path(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    started_as(monkeypatch, "builder.py")
    assert program() == "python builder.py"


def test_the_installed_command_on_path(
    empty: Path, installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started_as(monkeypatch, executable(tmp_path / "usr" / "fgbg-depth"))
    assert command("app my-set") == "fgbg-depth app my-set"
    started_as(monkeypatch, "fgbg-depth")
    assert program() == "fgbg-depth"


def test_the_installed_command_of_an_environment_that_is_not_activated(
    empty: Path, installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "usr" / "fgbg-depth")  # PATH has another one
    started_as(monkeypatch, executable(empty / ".venv" / "bin" / "fgbg-depth"))
    assert program() == ".venv/bin/fgbg-depth"
    started_as(monkeypatch, executable(tmp_path / "my env" / "fgbg-depth"))
    assert program() == f"'{tmp_path}/my env/fgbg-depth'"


def test_python_m(empty: Path, installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    started_as(monkeypatch, "/usr/lib/site-packages/fgbg_depth/__main__.py")
    assert command("app") == "python -m fgbg_depth app"
    started_as(monkeypatch, "/usr/lib/site-packages/other/__main__.py")
    assert program() == "python -m fgbg_depth"  # the only one that works: PATH has no fgbg-depth


@pytest.mark.parametrize(
    "other", ["", "-c", "/usr/lib/ipykernel_launcher.py", "/home/me/app.py", "/home/me/builder.py"]
)
def test_another_program(other: str, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started_as(monkeypatch, other)
    assert command("build") == "python builder.py build"
    monkeypatch.setattr(errors, "_CHECKOUT", tmp_path / "site-packages")
    assert command("build") == "python -m fgbg_depth build"
    executable(tmp_path / "usr" / "fgbg-depth")
    assert command("build") == "fgbg-depth build"


def test_the_python_of_a_virtual_environment(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started_as(monkeypatch, ROOT / "builder.py")
    monkeypatch.setattr(sys, "prefix", str(empty / ".venv"))
    monkeypatch.setattr(sys, "executable", str(executable(empty / ".venv" / "bin" / "python")))
    assert program() == ".venv/bin/python builder.py"
    assert command("app x") == ".venv/bin/python app.py x"
    monkeypatch.chdir(empty / ".venv" / "bin")  # the shell would look for a bare name on PATH
    assert program() == f"{empty}/.venv/bin/python builder.py"
    monkeypatch.setenv("PATH", str(empty / ".venv" / "bin"))  # activated
    assert program() == "python builder.py"


def test_a_system_with_python3_only(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started_as(monkeypatch, ROOT / "builder.py")
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert program() == "python3 builder.py"


def test_install_command(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert install_command("app") == "python -m pip install -r requirements.txt"
    assert install_command("ray") == "python -m pip install -r requirements-ray.txt"
    monkeypatch.setattr(errors, "_CHECKOUT", tmp_path / "site-packages")
    assert install_command("app") == "python -m pip install 'fgbg-depth[app]'"


def test_usage_names_the_program(tmp_path: Path) -> None:
    """As a user sees it: the usage line of `python builder.py` and `python -m fgbg_depth`."""
    for line, shown in (["builder.py"], "builder.py"), (["-m", "fgbg_depth"], "-m fgbg_depth"):
        done = subprocess.run([sys.executable, *line, "build", "--help"], cwd=ROOT, capture_output=True, text=True)
        assert f"python {shown} build [" in done.stdout.splitlines()[0], done.stderr


def run_and_close(*words: str, unbuffered: bool = False, stream: str = "stdout") -> tuple[int, str]:
    """Run a command whose output nobody reads; its exit code, and what it printed on the other stream."""
    reading, writing = os.pipe()
    os.close(reading)
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    done = subprocess.run(
        [sys.executable, "builder.py", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1" if unbuffered else ""},
        **{stream: writing, other: subprocess.PIPE},
        text=True,
    )
    os.close(writing)
    return done.returncode, getattr(done, other)


@pytest.mark.parametrize(
    ("unbuffered", "words"),
    [(False, ["--help"]), (False, ["build", "--help"]), (False, ["recipe"]), (True, ["recipe"])],
)
def test_output_that_nobody_reads(words: list[str], unbuffered: bool) -> None:
    """As in `fgbg-depth recipe | head -1`: no traceback, and the exit code of a program that SIGPIPE ended."""
    assert run_and_close(*words, unbuffered=unbuffered) == (141, "")


def test_messages_that_nobody_reads() -> None:
    assert run_and_close("build", "--size", "5", stream="stderr") == (141, "")


def test_a_broken_connection_is_not_taken_for_a_closed_output() -> None:
    def fail() -> None:
        raise BrokenPipeError("a connection")

    with pytest.raises(BrokenPipeError, match="a connection"):
        run_command(fail)


def test_run_command_returns_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    def fail() -> None:
        raise errors.UsageError("what happened.\n  What to do.")

    assert (run_command(lambda: None), run_command(lambda: 1)) == (0, 1)
    assert run_command(fail) == 2 and capsys.readouterr().err == "UsageError: what happened.\n  What to do.\n"
    assert run_command(stop, "Stopped here.") == 130 and capsys.readouterr().err == "\nStopped here.\n"
