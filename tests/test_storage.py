"""The output folder: what is visible is whole, one build at a time, and failures say what to do."""

import errno
import hashlib
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from fgbg_depth.errors import OutputError
from fgbg_depth.storage.files import Storage


@pytest.fixture(params=["folder", "file-url", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    urls = {"folder": str(tmp_path / "out"), "file-url": f"file://{tmp_path}/out", "memory": f"memory://{tmp_path}/out"}
    return Storage(urls[request.param])


def test_write_read_list_move_remove(storage: Storage) -> None:
    written = storage.write("data/a.bin", b"abc")
    assert (written.bytes, written.sha256) == (3, hashlib.sha256(b"abc").hexdigest())
    storage.write("data/.hidden", b"h")
    storage.write("top.txt", lambda f: f.write(b"x") and f.write(memoryview(b"yz")) and None)
    assert storage.read("top.txt") == b"xyz" and storage.sha256("top.txt") == hashlib.sha256(b"xyz").hexdigest()
    assert storage.list("data") == {"data/a.bin": 3}
    assert storage.list("data", hidden=True) == {"data/.hidden": 1, "data/a.bin": 3}
    assert storage.list() == {"top.txt": 3}
    assert storage.list("nowhere") == {} and not storage.exists("nowhere")
    storage.write("data/a.bin", b"other")
    assert storage.read("data/a.bin") == b"other"
    storage.move("data/a.bin", "bg/b.bin")
    assert not storage.exists("data/a.bin") and storage.read("bg/b.bin") == b"other"
    storage.remove("bg/b.bin")
    storage.remove("bg/b.bin")  # removing what is gone is no error
    assert not storage.exists("bg/b.bin")
    with pytest.raises(FileNotFoundError):
        storage.read("bg/b.bin")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(storage: Storage) -> None:
    storage.write("data/a.bin", b"old")

    def fail(f: Any) -> None:
        f.write(b"half")
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        storage.write("data/a.bin", fail)
    assert storage.read("data/a.bin") == b"old"
    assert list(storage.list("data", hidden=True)) == ["data/a.bin"]


def test_nothing_is_visible_before_the_end(tmp_path: Path) -> None:
    storage = Storage(tmp_path)

    def look(f: Any) -> None:
        f.write(b"half")
        f.flush()
        assert storage.list() == {} and not storage.exists("a.bin")
        assert len(storage.list(hidden=True)) == 1

    storage.write("a.bin", look)
    assert storage.list(hidden=True) == {"a.bin": 4}


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EFBIG, "larger than"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
        (errno.EISDIR, "file is where a folder"),
        (errno.EIO, "same command again"),
    ],
)
def test_write_errors_say_what_to_do(tmp_path: Path, code: int, hint: str) -> None:
    def fail(f: Any) -> None:
        raise OSError(code, os.strerror(code))

    with pytest.raises(OutputError, match=hint) as e:
        Storage(tmp_path).write("data/a.bin", fail)
    assert f"{tmp_path}/data/a.bin" in str(e.value) and list((tmp_path / "data").iterdir()) == []


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(OutputError, match="file is where a folder"):
        Storage(tmp_path).write("data/a.bin", b"")


def test_an_unknown_protocol_names_the_remedy() -> None:
    with pytest.raises(OutputError, match="driver"):
        Storage("nosuch://bucket/folder")


def test_one_build_at_a_time(tmp_path: Path) -> None:
    with Storage(tmp_path / "out").lock(), pytest.raises(OutputError, match="another build"):
        Storage(tmp_path / "out").lock().__enter__()
    with Storage(tmp_path / "out").lock():  # let go
        pass


def test_slices_share_and_keep_a_whole_build_out(tmp_path: Path) -> None:
    one, two = Storage(tmp_path), Storage(tmp_path)
    with one.lock(shared=True), two.lock(shared=True), pytest.raises(OutputError, match="another build"):
        Storage(tmp_path).lock().__enter__()


def _hold(path: str, held: Any) -> None:
    with Storage(path).lock():
        held.set()
        held.wait(1e6) and __import__("time").sleep(1e6)


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path), held))
    process.start()
    assert held.wait(30)
    with pytest.raises(OutputError, match="another build"):
        Storage(tmp_path).lock().__enter__()
    process.kill()
    process.join()
    with Storage(tmp_path).lock():
        pass


def test_clean_removes_only_temporary_files(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    for name in ("data/.a.parquet.0123.tmp", "data/a.parquet", "data/.keep", ".b.tmp", "c.tmp"):
        storage.write(name, b"x")
    storage.clean(("data", ""))
    assert [*storage.list("data", hidden=True), *storage.list(hidden=True)] == ["data/.keep", "data/a.parquet", "c.tmp"]
