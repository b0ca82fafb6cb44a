"""Build a wheel, install it into a new virtual environment outside the checkout, and use it as a new user would.

    python .ci/try_wheel.py [FOLDER]      # FOLDER: a demonstration dataset built from the checkout, to compare with

The environment is really new, and pip resolves the wheel's own dependencies: a package that pyproject.toml forgets, or
a range that excludes a pinned version, is found here and nowhere else, because every other environment is installed
from requirements.txt. Those pins are the constraints, so pip takes the same files from its cache (about a minute).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Runs in the new environment: the tests' Hub on loopback, and what `push --space` leaves there.
PUSH = """
import os, subprocess, sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from hub_server import HubServer

with tempfile.TemporaryDirectory() as folder, HubServer(Path(folder)) as hub:
    settings = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "alice-write", "HF_HUB_DISABLE_XET": "1"}
    line = ["fgbg-depth", "push", "fgbg-dataset", "alice/demo", "--tag", "v1.0.0", "--space", "alice/demo-app"]
    subprocess.run(line, env=os.environ | settings, check=True)
    space = hub.store.repos["space", "alice/demo-app"].resolve("main").files
    assert {"app.py", "README.md", "requirements.txt", "fgbg_depth/__init__.py"} <= space.keys(), sorted(space)
"""
INFO = """
import sys
from gradio_client import Client
info = Client(sys.argv[1], verbose=False).predict(api_name="/info")
assert info["rows"] == 1024, info
"""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # end what was started, and remove the folder
    os.environ.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory(prefix="fgbg-depth-wheel-") as folder:
        work = Path(folder)
        install(work)
        os.environ["PATH"] = os.pathsep.join([str(work / "venv" / "bin"), os.environ["PATH"]])  # activate it
        os.environ["FGBG_DEPTH_HOME"], os.environ["HF_HOME"] = str(work / "home"), str(work / "hf")
        os.chdir(new_folder(work / "empty"))
        shown("fgbg-depth", "--version")
        shown("python", "-m", "fgbg_depth", "--version")
        shown("fgbg-depth", "build")
        shown("fgbg-depth", "verify", "fgbg-dataset")
        if len(sys.argv) > 1:
            shown("diff", "-r", sys.argv[1], "fgbg-dataset")
            print("the same bytes as from the checkout")
        with app() as url:
            page = urllib.request.urlopen(url, timeout=30).read().decode()
            assert "fgbg" in page, page[:1000]
            subprocess.run(["python", "-c", INFO, url], check=True)
            print(f"the app answers: {len(page):,} characters of page, 1,024 rows")
        subprocess.run(["python", "-c", PUSH, str(ROOT / "tests")], check=True)


def install(work: Path) -> None:
    """The wheel, with the app's extra, and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
    python = str(work / "venv" / "bin" / "python")
    source = (
        work / "source"
    )  # only the files that git knows, as in a release; a wheel takes whatever lies in the folder
    subprocess.run(["git", "clone", "-q", str(ROOT), str(source)], check=True)
    pip = [python, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(work), str(source)], check=True)
    wheel = next(work.glob("*.whl"))
    subprocess.run([*pip, "install", "-c", str(source / "requirements.txt"), f"{wheel}[app]"], check=True)
    shutil.rmtree(source)


def new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def shown(*line: str) -> None:
    print("$", *line, flush=True)
    subprocess.run(line, check=True)


@contextmanager
def app() -> Iterator[str]:
    """`fgbg-depth app` on a free port of the loopback interface, once it answers."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    print("$ fgbg-depth app --port", port, flush=True)
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(["fgbg-depth", "app", "--port", str(port)])
    try:
        for _ in range(300):
            assert process.poll() is None, "the app has ended"
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
