"""Time, memory and uploaded bytes of a push, compared with upload_folder of the Hub's client.

    python benchmarks/push.py [--gb 2] [--shards 20 200]

Both upload the same folder to the tests' Hub server on this machine, so the times are those of the client (reading,
hashing, requests), without a network. The shards are sparse files, but the server writes every byte: the disk needs
room for --gb.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub_server import HubServer

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

UPLOAD_FOLDER = """
import json, sys
from huggingface_hub import HfApi
api = HfApi()
api.create_repo(sys.argv[2], repo_type="dataset", exist_ok=True)
made = api.upload_folder(repo_id=sys.argv[2], folder_path=sys.argv[1], repo_type="dataset", ignore_patterns=".*")
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"commit": made.oid, "peak_mb": peak}))
"""


def measure(hub: "HubServer", home: Path, *command: str) -> tuple[float, dict[str, Any]]:
    """Run Python with these arguments; returns its wall time in seconds and the JSON object that it prints last."""
    from hub_client import environment

    started = time.perf_counter()
    environ = {**os.environ, **environment(hub, home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run([sys.executable, *command], env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - started, json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    from hub_outputs import make_large_output
    from hub_server import HubServer

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=2.0, help="size of the output (default: %(default)s)")
    parser.add_argument("--shards", type=int, nargs="+", default=[20, 200], help="numbers of shards (default: 20 200)")
    options = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {options.gb:g} GB, no Xet"
    )
    print(f"{'shards':>6}  {'what':32}  {'seconds':>7}  {'peak MB':>7}  {'bytes received':>15}")
    for num_shards in options.shards:
        with tempfile.TemporaryDirectory(prefix="fgbg-push-") as folder, HubServer(Path(folder) / "hub") as hub:
            output = make_large_output(Path(folder) / "work", num_shards, int(options.gb * 1e9))
            pusher = (str(TESTS / "hub_pusher.py"), str(output), "alice/scenes")
            runs = (
                ("push", pusher),
                ("push again, nothing changed", pusher),
                ("upload_folder of the client", ("-c", UPLOAD_FOLDER, str(output), "alice/stock")),
            )
            for name, command in runs:
                if command[0] == "-c":
                    hub.forget_content()
                before = hub.uploaded_bytes()
                elapsed_s, figures = measure(hub, Path(folder) / "home", *command)
                received = hub.uploaded_bytes() - before
                print(
                    f"{num_shards:6}  {name:32}  {elapsed_s:7.1f}  {figures['peak_mb']:7.0f}  {received:15,}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
