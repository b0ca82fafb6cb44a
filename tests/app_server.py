"""Run the app for tests: in this process, which is quick, or as people do, `python app.py ...`."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def serving(source: str | None, revision: str | None = None) -> Iterator[str]:
    """Serve a dataset from a thread of this process; the address."""
    from fgbg_depth.app.launch import serve

    demo = serve(source, revision, "127.0.0.1", None, wait=False)
    try:
        yield str(demo.local_url).rstrip("/")
    finally:
        demo.close(verbose=False)


@contextmanager
def command(*arguments: str, home: Path) -> Iterator[str]:
    """Run `python app.py` in the folder `home` until it answers; the address."""
    home.mkdir(parents=True, exist_ok=True)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", home / "server.log"
    env = os.environ | {"FGBG_DEPTH_HOME": str(home / "state"), "GRADIO_TEMP_DIR": str(home / "gradio")}
    line = [sys.executable, str(ROOT / "app.py"), *arguments, "--port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(line, cwd=home, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            for _ in range(400):
                assert process.poll() is None, log.read_text()
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                except (urllib.error.URLError, ConnectionError, TimeoutError):
                    time.sleep(0.2)
            yield url
        finally:
            process.terminate()
            process.wait(20)
