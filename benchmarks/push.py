"""Time, memory and bytes of a push, beside the stock client's upload_folder, to a Hub on loopback.

    python benchmarks/push.py [--gb 2] [--shards 20 200]

Both send the same folder to the tests' Hub on this machine, so the figures are those of the client's side (hashing,
reading, requests), not of a network. The shards are sparse files; the Hub writes them out and they are deleted again.
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

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

STOCK = """
import json, sys
from huggingface_hub import HfApi
api = HfApi()
api.create_repo(sys.argv[2], repo_type="dataset", exist_ok=True)
made = api.upload_folder(repo_id=sys.argv[2], folder_path=sys.argv[1], repo_type="dataset", ignore_patterns=".*")
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"commit": made.oid, "peak_mb": peak}))
"""


def measure(hub, home: Path, *command: str) -> tuple[float, dict]:
    """Seconds and the figures that a process prints last."""
    from hub_client import environment

    started = time.perf_counter()
    environ = {**os.environ, **environment(hub, home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    ran = subprocess.run([sys.executable, *command], env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - started, json.loads(ran.stdout.splitlines()[-1])


def main() -> None:
    from hub_outputs import make_large_output
    from hub_server import HubServer

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=2.0, help="size of the output (default: 2)")
    parser.add_argument("--shards", type=int, nargs="+", default=[20, 200], help="how many (default: 20 200)")
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
                ("upload_folder of the client", ("-c", STOCK, str(output), "alice/stock")),
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
