"""Memory of the app's server over many visits, beside that of another version of this project in the same run.

    python benchmarks/app_memory.py OUTPUT                        # 500 visits
    python benchmarks/app_memory.py OUTPUT --beside ../main       # also by the app of that checkout

A visit is what a browser does: it loads the page with the address of a row, and all pictures of the row. Every visit
has a session of its own, as visitors have. Memory is the resident set of the server's process.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
REPORT_AT = (1, 50, *range(100, 10_001, 100))


@contextmanager
def server(root: Path, output: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The app of a checkout; its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {"FGBG_DEPTH_HOME": home, "GRADIO_TEMP_DIR": home}
        line = [sys.executable, str(root / "app.py"), str(output.resolve()), "--port", str(port)]
        process = subprocess.Popen(line, cwd=home, env=env, stdout=subprocess.DEVNULL)
        try:
            while process.poll() is None:
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                except (urllib.error.URLError, ConnectionError, TimeoutError):
                    time.sleep(0.2)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(20)


def visit(url: str, row: str) -> tuple[int, int]:
    """Load the page with a row.

    Returns:
        Bytes of the answer, and bytes of the pictures that it names.
    """
    config = json.loads(read(f"{url}/config"))
    load = next(d for d in config["dependencies"] if any(event == "load" for _, event in d["targets"]))
    session = uuid.uuid4().hex
    call = {"data": [], "fn_index": load["id"], "session_hash": session, "trigger_id": None, "event_data": None}
    headers = {"Content-Type": "application/json"}
    address = f"{url}/gradio_api/queue/join?tab=row&row={row}"
    urllib.request.urlopen(urllib.request.Request(address, json.dumps(call).encode(), headers), timeout=60).close()
    answer = b""
    with urllib.request.urlopen(f"{url}/gradio_api/queue/data?session_hash={session}", timeout=60) as stream:
        for line in stream:
            if b'"process_completed"' in line:
                answer = line
                break
    text = html.unescape(json.loads(answer.removeprefix(b"data: "))["output"].__repr__())
    pictures = set(re.findall(r"/fgbg/image/[\w/-]+", text))
    return len(answer), sum(len(read(url + picture)) for picture in pictures)


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as found:
        data: bytes = found.read()
        return data


def measure(root: Path, output: Path, num_visits: int) -> None:
    """Print the memory of a version's server after some visits."""
    rows = json.loads((output / "statistics.json").read_text())["splits"]["train"]
    with server(root, output) as (url, process):
        before = process.memory_info().rss / 2**20
        print(f"{root}: {before:.0f} MiB before the first visit", flush=True)
        begin, used, first = time.perf_counter(), cpu_s(process), 0.0
        for number in range(1, num_visits + 1):
            answer, pictures = visit(url, f"train/{number * 37 % rows}")
            if number in REPORT_AT or number == num_visits:
                memory = process.memory_info().rss / 2**20
                first = first or memory
                print(f"  {number:>4} visits {memory:>7.0f} MiB   {answer / 1000:>6.1f} kB a page", end="")
                print(f" and {pictures / 1000:>5.1f} kB of pictures", flush=True)
        growth = (memory - first) / max(1, num_visits - 1)
        each = (time.perf_counter() - begin) / num_visits * 1000, (cpu_s(process) - used) / num_visits * 1000
        print(f"  growth {growth * 1024:.0f} KiB a visit; a visit takes {each[0]:.0f} ms, {each[1]:.0f} ms of CPU")


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="a finished dataset")
    parser.add_argument("--visits", type=int, default=500, help="(default: %(default)s)")
    parser.add_argument("--beside", type=Path, help="another checkout of this project, measured first")
    args = parser.parse_args()
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load}")
    for root in filter(None, (args.beside, ROOT)):
        measure(root.resolve(), args.output, args.visits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
