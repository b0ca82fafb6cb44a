"""Output at an fsspec URL: the same bytes as in a folder; resumed, finished, verified and loaded."""

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from tiny import quiet_build, tiny_recipe, tree

from fgbg_depth.errors import OutputError
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.remote import Remote
from fgbg_depth.verify.check import verify


def remote_tree(url: str) -> dict[str, str]:
    """SHA-256 of every file below `url`, by name; the same as `tree` of a folder."""
    remote = Remote(url)
    remote.fs.invalidate_cache()
    prefix = remote.prefix.rstrip("/") + "/"
    return {
        path.removeprefix(prefix): hashlib.sha256(remote.fs.cat_file(path)).hexdigest()
        for path in sorted(remote.fs.find(prefix))
    }


@pytest.fixture
def memory_url(tmp_path: Path) -> Iterator[str]:
    url = f"memory://{tmp_path.name}/out"
    yield url
    fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


def test_memory_has_the_bytes_of_a_folder(sources: Path, built: Path, memory_url: str) -> None:
    recipe = tiny_recipe(sources)
    assert quiet_build(recipe, memory_url).whole
    assert remote_tree(memory_url) == tree(built)
    assert not quiet_build(recipe, memory_url).changed
    storage = Storage(memory_url)
    first = next(iter(storage.list("data")))
    storage.remove(first)
    assert quiet_build(recipe, memory_url).made == 1
    assert remote_tree(memory_url) == tree(built)


def test_slices_in_memory_and_verify(sources: Path, built: Path, memory_url: str) -> None:
    recipe = tiny_recipe(sources)
    for i in (2, 1):
        quiet_build(recipe, memory_url, slice_of=(i, 2))
    quiet_build(recipe, memory_url, finish=True)
    assert remote_tree(memory_url) == tree(built)
    report = verify(memory_url, workers=1)
    assert report.ok and report.rows > 0
    storage = Storage(memory_url)
    damaged = next(iter(storage.list("data")))
    storage.write(damaged, storage.read(damaged)[:-1] + b"x")
    assert any(damaged in problem for problem in verify(memory_url, workers=1).problems)


class Server(LocalFileSystem):
    """A driver of something that is no object store (sftp, hdfs, smb): others see a file during its upload."""

    protocol = "plain"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(str(path).removeprefix("plain://"))


@pytest.fixture
def server_url(tmp_path: Path) -> str:
    fsspec.register_implementation("plain", Server, clobber=True)
    return f"plain://{tmp_path}/out"


def test_a_folder_on_a_server(sources: Path, built: Path, tmp_path: Path, server_url: str) -> None:
    assert Storage(f"local://{tmp_path}").is_local and Storage(f"file://{tmp_path}").is_local
    assert not Storage(server_url).is_local and not Remote(server_url).is_object_store
    quiet_build(tiny_recipe(sources), server_url)
    assert tree(tmp_path / "out") == tree(built)


def test_listing_a_server_leaves_out_only_the_file_that_vanishes(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As fsspec's driver for SMB does, this one asks for each file's size and fails if one is gone by then."""
    storage, real_info = Storage(server_url), Server.info
    for name in ("a", ".b.tmp", "c"):
        storage.write(f"data/{name}", b"123")

    def info(self: Server, path: Any, **kwargs: Any) -> Any:
        if str(path).endswith(".b.tmp"):
            raise FileNotFoundError(path)
        return real_info(self, path, **kwargs)

    def ls(self: Server, path: str, detail: bool = False, **kwargs: Any) -> list[Any]:
        names = [f"{path}/{name}" for name in os.listdir(path)]
        return [self.info(name) for name in names] if detail else names

    monkeypatch.setattr(Server, "info", info)
    monkeypatch.setattr(Server, "ls", ls)
    assert storage.list("data") == storage.list("data", hidden=True) == {"data/a": 3, "data/c": 3}
    assert storage.list("nowhere") == {}


def test_an_interrupted_upload_shows_nothing_and_leaves_nothing(
    tmp_path: Path, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(server_url)
    storage.write("data/a.bin", b"old")
    folder = tmp_path / "out" / "data"
    real, seen = Server.put_file, []

    def half(self: Server, local: str, path: str, **kwargs: Any) -> None:
        real(self, local, path, **kwargs)
        Path(path).write_bytes(b"ne")
        seen.append(storage.list("data"))
        raise ConnectionResetError("peer is gone")

    monkeypatch.setattr(Server, "put_file", half)
    with pytest.raises(OutputError, match="peer is gone"):
        storage.write("data/a.bin", b"new")
    assert seen == [{"data/a.bin": 3}]
    assert [p.name for p in folder.iterdir()] == ["a.bin"] and storage.read("data/a.bin") == b"old"


def test_a_server_that_does_not_rename_over_a_file(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Server.mv

    def strict(self: Server, path: str, new_path: str, **kwargs: Any) -> None:
        if self.exists(new_path):
            raise FileExistsError(new_path)
        real(self, path, new_path, **kwargs)

    monkeypatch.setattr(Server, "mv", strict)
    storage = Storage(server_url)
    storage.write("a.bin", b"old")
    storage.write("a.bin", b"new")
    assert storage.read("a.bin") == b"new" and storage.list(hidden=True) == {"a.bin": 3}


def test_errors_of_drivers_become_output_errors(monkeypatch: pytest.MonkeyPatch, memory_url: str) -> None:
    class NoCredentialsError(Exception):
        """No OSError, as that of botocore."""

    storage = Storage(memory_url)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise NoCredentialsError("Unable to locate credentials")

    storage.write("a", b"x")
    calls = {
        "ls": lambda: storage.list("data"),
        "info": lambda: storage.exists("a"),
        "open": lambda: storage.open("a"),
        "put_file": lambda: storage.write("a", b"x"),
        "rm_file": lambda: storage.remove("a"),
        "mv": lambda: storage.move("a", "b"),
    }
    for method, call in calls.items():
        with monkeypatch.context() as patch, pytest.raises(OutputError, match="Unable to locate credentials") as e:
            patch.setattr(type(storage.remote.fs), method, fail)
            call()
        assert memory_url in str(e.value) and "credentials for it" in str(e.value)


def test_files_written_by_other_machines_are_seen(memory_url: str) -> None:
    """Drivers cache listings, which miss what others have written since."""
    storage = Storage(memory_url)
    looked = []
    real = storage.remote.fs.invalidate_cache
    storage.remote.fs.invalidate_cache = lambda path=None: looked.append(path) or real(path)
    try:
        storage.write("data/a.bin", b"x")
        storage.list("data")
        storage.exists("data/a.bin")
        storage.read("data/a.bin")
    finally:
        del storage.remote.fs.invalidate_cache
    assert len([path for path in looked if path and path.endswith("/data")]) == 3


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on a loopback server that speaks S3; told to the driver by the usual variables."""
    pytest.importorskip("s3fs", reason="pip install s3fs")
    server = pytest.importorskip("moto.server", reason="pip install 'moto[s3]' flask flask-cors")
    import logging

    import s3fs

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = server.ThreadedMotoServer("127.0.0.1", port, verbose=False)
    running.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().makedirs("bucket", exist_ok=True)
    yield "s3://bucket/some/out"
    running.stop()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.slow
def test_s3(s3: str, sources: Path, built: Path, tmp_path: Path) -> None:
    """Two worker processes, a shard lost, slices, verify, and back through `load_dataset`."""
    from datasets import load_dataset

    recipe = tiny_recipe(sources)
    assert quiet_build(recipe, s3, workers=2).whole
    assert remote_tree(s3) == tree(built)
    assert not quiet_build(recipe, s3).changed
    storage = Storage(s3)
    storage.remove(next(iter(storage.list("data"))))
    assert quiet_build(recipe, s3, workers=2).made == 1
    assert remote_tree(s3) == tree(built)
    assert verify(s3, workers=2).ok
    for i in (1, 2):
        quiet_build(recipe, s3 + "-sliced", slice_of=(i, 2))
    quiet_build(recipe, s3 + "-sliced", finish=True)
    assert remote_tree(s3 + "-sliced") == tree(built)
    remote = load_dataset(
        "parquet",
        data_files={"train": f"{s3}/data/train-*.parquet"},
        split="train",
        storage_options={"anon": False},
        cache_dir=str(tmp_path / "cache"),
    )
    local = load_dataset(str(built), split="train", cache_dir=str(tmp_path / "cache"))
    assert remote.features == local.features and remote.num_rows == local.num_rows
    assert remote[0]["fg_bg"].tobytes() == local[0]["fg_bg"].tobytes()


@pytest.mark.slow
def test_s3_without_bucket_or_credentials(s3: str, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    with pytest.raises(OutputError, match="bucket does not exist"):
        quiet_build(tiny_recipe(sources), "s3://nowhere/out")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(OutputError, match="credentials for it"):
        quiet_build(tiny_recipe(sources), s3)
