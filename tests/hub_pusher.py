"""A process that pushes; tests kill it or measure it.

python hub_pusher.py OUTPUT REPO_ID [--tag TAG]      push once; print the commit and the memory used
python hub_pusher.py --steps REPO_ID                 push each output named on stdin; print "done" or the error
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from fgbg_depth.errors import HubError
from fgbg_depth.hub.push import push
from fgbg_depth.retry import RetryPolicy

RETRY_POLICY = RetryPolicy(first_wait_s=0.05, timeout_s=1.0)


def step_by_step(repo_id: str) -> None:
    for line in sys.stdin:
        try:
            push(line.strip(), repo_id, verified=True, progress=False, retry_policy=RETRY_POLICY, replace_newer=True)
            print("done", flush=True)
        except HubError as e:
            print(" ".join(str(e).split()), flush=True)


def once(output: str, repo_id: str, tag: str | None) -> None:
    start_mb = peak_mb()
    report = push(output, repo_id, tag=tag, verified=True, replace_newer=True)  # tests go back and forth
    print(json.dumps({"commit": report.commit, "start_mb": start_mb, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """The largest memory of this process so far in MB; getrusage would include the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    if sys.argv[1] == "--steps":
        step_by_step(sys.argv[2])
    else:
        once(sys.argv[1], sys.argv[2], sys.argv[4] if sys.argv[3:] else None)
