"""Long runs: 120 shards, 200 pushes with faults, 30 kills, 2 GB. They take minutes and print figures."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hub_client import NAME, environment, files_of, local_files, repo_of, send
from hub_faults import random_faults
from hub_outputs import make_large_output, make_output
from hub_server import HubServer

from fgbg_depth.read.load import load

pytest_plugins = ["hub_fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PUSHER = str(Path(__file__).with_name("hub_pusher.py"))


def version_of(hub: HubServer, name: str, versions: dict[str, Path]) -> str:
    """The name of the output that the branch holds. Fails unless it holds exactly one of them, completely."""
    head = repo_of(hub, name).resolve("main")
    statistics = json.loads(hub.store.blob_path(head.files["statistics.json"].blob).read_bytes())
    listed = {path: entry["sha256"] for key in ("shards", "files") for path, entry in statistics[key].items()}
    remote = {path: entry.sha256 for path, entry in head.files.items() if path.endswith(".parquet")}
    assert remote == listed
    for version, output in versions.items():
        local = local_files(output)
        if {path for path in local if path.endswith(".parquet")} == set(remote):
            assert {path: hub.store.blob_path(head.files[path].blob).read_bytes() for path in remote} == {
                path: local[path] for path in remote
            }
            return version
    raise AssertionError(f"the branch holds neither version: {sorted(remote)}")


def two_outputs(folder: Path) -> dict[str, Path]:
    return {"few": make_output(folder / "few", 2), "more": make_output(folder / "more", 4)}


def start_pusher(hub: HubServer, home: Path, *arguments: str) -> subprocess.Popen[str]:
    home.mkdir(exist_ok=True)
    pipe = subprocess.PIPE
    variables = {**os.environ, **environment(hub, home)}
    return subprocess.Popen(
        [sys.executable, PUSHER, *arguments],
        env=variables,
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_120_shards_are_one_commit_and_every_revision_loads(hub: HubServer, tmp_path: Path, capsys):
    from datasets import load_dataset

    output = make_output(tmp_path / "work", 120)
    first = send(output, tag="v1.0.0")
    assert len(repo_of(hub).history("main")) == 2 and sum(p.startswith("data/") for p in first.added) == 120
    sent, old = hub.uploaded_bytes(), files_of(hub)
    v1 = load(NAME, revision="v1.0.0", split="train")
    make_output(tmp_path / "work", 121)
    second = send(output, tag="v1.1.0")
    again = hub.uploaded_bytes() - sent
    shards = {path: size for path, size in second.added.items() if path.startswith("data/")}
    small = second.upload_bytes - sum(shards.values())
    with capsys.disabled():
        print(
            f"\n120 shards: {sent:,} bytes uploaded; one more background: {again:,} bytes received by the Hub, of them"
            f" {sum(shards.values()):,} new shard, {small:,} card, pictures, small configs, statistics"
        )
    assert len(shards) == 1 and again < 1.1 * second.upload_bytes + 100_000
    assert not set(second.deleted) & set(files_of(hub)) and files_of(hub, "v1.0.0") == old
    assert len(repo_of(hub).history("main")) == 3
    for revision, rows in (("v1.0.0", 960), ("v1.1.0", 968), ("main", 968)):
        for streaming in (False, True):
            ours = load(NAME, revision=revision, split="train", streaming=streaming)
            plain = load_dataset(NAME, revision=revision, split="train", streaming=streaming)
            found = [row["bg"] for row in ours.remove_columns(["fg_bg", "fg_bg_mask"])]
            assert len(found) == rows and found == [row["bg"] for row in plain.remove_columns(["fg_bg", "fg_bg_mask"])]
    after = load(NAME, revision="v1.0.0", split="train")
    assert all(after[i]["fg_bg"].tobytes() == v1[i]["fg_bg"].tobytes() for i in range(0, 960, 97))


def test_200_pushes_with_random_faults(hub: HubServer, tmp_path: Path, capsys):
    """Each push changes the branch from one version to the other, while any request may fail in any way."""
    made = two_outputs(tmp_path)
    hub.faults.chance = random_faults(random.Random(5), 0.15)
    failed: list[str] = []

    def fifty_pushes(worker: int) -> int:
        name, own = f"alice/scenes-{worker}", tmp_path / f"worker{worker}"
        versions = {version: Path(shutil.copytree(path, own / version)) for version, path in made.items()}
        pusher = start_pusher(hub, tmp_path / f"home{worker}", "--steps", name)
        assert pusher.stdin and pusher.stdout
        old, num_commits, done = None, 1, 0
        for index in range(50):
            target = ("few", "more")[index % 2]
            (versions[target] / "assets" / "coverage.png").write_bytes(
                os.urandom(20_000)
            )  # so that there is something to upload
            for _ in range(10):
                pusher.stdin.write(f"{versions[target]}\n")
                pusher.stdin.flush()
                answer = pusher.stdout.readline().strip()
                repo = hub.store.repos.get(("dataset", name))
                if repo and len(repo.commits) > 1:
                    assert version_of(hub, name, versions) in (old, target)
                if answer == "done":
                    break
                failed.append(answer)
            assert answer == "done" and version_of(hub, name, versions) == target
            num_commits += 1
            assert len(repo_of(hub, name).commits) == num_commits, "a commit was made twice"
            old, done = target, done + 1
        pusher.stdin.close()
        assert pusher.wait(20) == 0
        return done

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(fifty_pushes, range(4)))
    kinds = {kind: sum(k == kind for k, _ in hub.faults.done) for kind, _ in hub.faults.done}
    with capsys.disabled():
        at_commit = sum("/commit/" in line for _, line in hub.faults.done)
        print(
            f"\n{done} pushes, {len(hub.faults.done)} faults {kinds}, {at_commit} of them at the commit;"
            f" {len(failed)} pushes failed and succeeded when repeated; {time.monotonic() - started:.0f} s"
        )
    assert done == 200 and len(hub.faults.done) > 200


def test_30_kills(hub: HubServer, tmp_path: Path, capsys):
    """A push is killed at a random time. The branch stays complete, and the next push finishes with one commit."""
    versions = two_outputs(tmp_path)
    send(versions["few"])
    rng, outcome = random.Random(7), {"old": 0, "new": 0}
    for index in range(30):
        old, target = (("few", "more"), ("more", "few"))[index % 2]
        num_commits, seen = len(repo_of(hub).commits), [0]
        pusher = start_pusher(hub, tmp_path / "home", str(versions[target]), NAME)
        moment, lag_s = rng.randrange(1, 30), rng.choice([0, 0.002, 0.02, 0.1])

        def kill(line: str, pusher=pusher, moment=moment, lag_s=lag_s, seen=seen) -> None:
            seen[0] += 1
            if seen[0] == moment:
                threading.Timer(lag_s, pusher.send_signal, [signal.SIGKILL]).start() if lag_s else pusher.kill()

        hub.faults.chance = kill
        pusher.wait(60)
        time.sleep(0.2)  # the Hub still carries out a request that it has received
        hub.faults.clear()
        found = version_of(hub, NAME, versions)
        assert found in (old, target)
        outcome["old" if found == old else "new"] += 1
        assert len(repo_of(hub).commits) == num_commits + (found == target)
        puts = {path for method, path, _ in hub.log if method == "PUT" and path.startswith("/storage/")}
        before = len(hub.log)
        send(versions[target], replace_newer=True)
        assert version_of(hub, NAME, versions) == target
        assert len(repo_of(hub).commits) == num_commits + 1, "a commit was made twice"
        repeated = [path for method, path, _ in hub.log[before:] if method == "PUT" and path in puts]
        assert all(_was_interrupted(hub, path, before) for path in repeated), "a file was uploaded twice"
    with capsys.disabled():
        print(f"\n30 kills: branch at the old version {outcome['old']} times, at the new one {outcome['new']} times")
    assert outcome["old"] and outcome["new"]


def _was_interrupted(hub: HubServer, path: str, before: int) -> bool:
    """Whether the first upload of an object was interrupted: then the client did not verify it."""
    return ("POST", f"{path}/verify") not in {(method, p) for method, p, _ in hub.log[:before]}


@pytest.mark.long
@pytest.mark.parametrize("num_shards", [20, 200])
def test_2_gb_stay_under_500_mb_of_memory(hub: HubServer, tmp_path: Path, capsys, num_shards: int):
    output = make_large_output(tmp_path / "large", num_shards, 2_000_000_000)
    pusher = start_pusher(hub, tmp_path / "home", str(output), NAME)
    answer, _ = pusher.communicate(timeout=900)
    figures = json.loads(answer)
    with capsys.disabled():
        print(f"\n2 GB in {num_shards} shards: peak {figures['peak_mb']:.0f} MB ({figures['start_mb']:.0f} before)")
    assert figures["peak_mb"] < 500 and hub.stored_bytes() > 2_000_000_000
    hub.forget_content()
