"""The output folder: a visible file is complete, one build writes at a time, and errors say what to do."""

import errno
import fcntl
import hashlib
import multiprocessing
import os
import struct
import threading
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import IO, Any

import pytest

from fgbg_depth.errors import OutputError
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.lock import FIRST_BYTE, NUM_BYTES, lock_bytes


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
    storage.remove("bg/b.bin")  # removing a file that does not exist is no error
    assert not storage.exists("bg/b.bin")
    with pytest.raises(FileNotFoundError):
        storage.read("bg/b.bin")


def test_listing_leaves_out_only_the_file_that_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary file that is renamed between reading the folder and asking for its size."""
    storage = Storage(tmp_path)
    for name in ("a", ".b.tmp", "c"):
        storage.write(f"data/{name}", b"123")
    real_scandir = os.scandir

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.entry, self.name = entry, entry.name

        def is_file(self) -> bool:
            return self.entry.is_file()

        def stat(self) -> os.stat_result:
            if self.name == ".b.tmp":
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.name)
            return self.entry.stat()

    class Folder(list[Entry]):
        def __enter__(self) -> "Folder":
            return self

        def __exit__(self, *args: object) -> None: ...

    monkeypatch.setattr(os, "scandir", lambda path: Folder(map(Entry, real_scandir(path))))
    assert storage.list("data") == storage.list("data", hidden=True) == {"data/a": 3, "data/c": 3}


def test_listing_beside_a_writer_is_never_empty(tmp_path: Path) -> None:
    storage, stop = Storage(tmp_path), threading.Event()
    storage.write("data/finished", b"123")

    def write() -> None:
        while not stop.is_set():
            (tmp_path / "data" / ".x.tmp").write_bytes(b"1")
            os.replace(tmp_path / "data" / ".x.tmp", tmp_path / "data" / "x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert "data/finished" in storage.list("data")
    finally:
        stop.set()
        writer.join()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(storage: Storage) -> None:
    storage.write("data/a.bin", b"old")

    def fail(f: IO[bytes]) -> None:
        f.write(b"half")
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        storage.write("data/a.bin", fail)
    assert storage.read("data/a.bin") == b"old"
    assert list(storage.list("data", hidden=True)) == ["data/a.bin"]


def test_a_file_is_visible_only_when_it_is_complete(tmp_path: Path) -> None:
    storage = Storage(tmp_path)

    def look(f: IO[bytes]) -> None:
        f.write(b"half")
        f.flush()
        assert storage.list() == {} and not storage.exists("a.bin")
        assert len(storage.list(hidden=True)) == 1

    storage.write("a.bin", look)
    assert storage.list(hidden=True) == {"a.bin": 4}


def test_an_upload_reads_a_closed_temporary_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Windows refuses to open a file that is still open for writing."""
    storage = Storage(f"memory://{tmp_path}/out")
    opened: list[IO[bytes]] = []
    uploaded: list[Path] = []
    real_put = storage.remote.put

    def put(local: str, name: str) -> None:
        assert opened[0].closed
        uploaded.append(Path(local))
        real_put(local, name)

    monkeypatch.setattr(storage.remote, "put", put)
    storage.write("a.bin", lambda f: opened.append(f.raw))  # type: ignore[attr-defined]
    assert uploaded and not uploaded[0].exists() and not uploaded[0].parent.exists()


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EFBIG, "larger than"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
        (errno.EISDIR, "A file has the name of a folder"),
        (errno.EIO, "same command again"),
    ],
)
def test_write_errors_say_what_to_do(tmp_path: Path, code: int, hint: str) -> None:
    def fail(f: IO[bytes]) -> None:
        raise OSError(code, os.strerror(code))

    with pytest.raises(OutputError, match=hint) as e:
        Storage(tmp_path).write("data/a.bin", fail)
    assert f"{tmp_path}/data/a.bin" in str(e.value) and list((tmp_path / "data").iterdir()) == []


def test_a_file_with_the_name_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(OutputError, match="A file has the name of a folder"):
        Storage(tmp_path).write("data/a.bin", b"")


def test_an_unknown_protocol_names_the_driver_to_install() -> None:
    with pytest.raises(OutputError, match="Install the fsspec driver"):
        Storage("nosuch://bucket/folder")


def test_two_builds_at_once_are_refused(tmp_path: Path) -> None:
    with Storage(tmp_path / "out").lock(), pytest.raises(OutputError, match="another build"):
        Storage(tmp_path / "out").lock().__enter__()
    with Storage(tmp_path / "out").lock():  # released
        pass


def test_slices_share_the_lock_and_exclude_a_whole_build(tmp_path: Path) -> None:
    one, two = Storage(tmp_path), Storage(tmp_path)
    with one.lock(shared=True), two.lock(shared=True), pytest.raises(OutputError, match="another build"):
        Storage(tmp_path).lock().__enter__()
    with Storage(tmp_path).lock(), pytest.raises(OutputError, match="another build"):
        Storage(tmp_path).lock(shared=True).__enter__()


def test_an_error_inside_the_lock_is_not_changed(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match="mine"), Storage(tmp_path).lock():
        raise PermissionError("mine")
    with Storage(tmp_path).lock():
        pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_used_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_locks(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with Storage(tmp_path).lock(), Storage(tmp_path).lock():
        pass


def _hold(path: str, shared: bool, held: Event) -> None:
    with Storage(path).lock(shared):
        held.set()
        time.sleep(1e6)


@pytest.mark.parametrize("shared", [False, True])
def test_a_killed_process_releases_its_lock(tmp_path: Path, shared: bool) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path), shared, held))
    process.start()
    assert held.wait(60)
    with pytest.raises(OutputError, match="another build"):
        Storage(tmp_path).lock().__enter__()
    process.kill()
    process.join()
    with Storage(tmp_path).lock():
        pass


def byte_lock(path: Path) -> tuple[Callable[[int, int], None], IO[bytes]]:
    """Exclusive locks on ranges of bytes, one open file a holder, as Windows has them; Linux can do the same."""
    file = open(path, "a+b")  # noqa: SIM115 (the caller closes it)

    def lock(first: int, count: int) -> None:
        request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, first, count, 0)
        try:
            fcntl.fcntl(file, 37, request)  # F_OFD_SETLK
        except BlockingIOError as e:
            raise PermissionError(errno.EACCES, "Permission denied") from e  # what msvcrt.locking raises

    return lock, file


def test_byte_ranges_give_shared_and_exclusive_locks(tmp_path: Path) -> None:
    """The locks that Windows uses, with real locks of the kernel."""
    one, two, three = (byte_lock(tmp_path / "lock") for _ in range(3))
    first, count = lock_bytes(one[0], shared=True)
    assert FIRST_BYTE <= first < FIRST_BYTE + NUM_BYTES and count == 1
    lock_bytes(two[0], shared=True)
    with pytest.raises(PermissionError):
        lock_bytes(three[0], shared=False)
    one[1].close()
    with pytest.raises(PermissionError):
        lock_bytes(three[0], shared=False)
    two[1].close()
    assert lock_bytes(three[0], shared=False) == (FIRST_BYTE, NUM_BYTES)
    four, five = byte_lock(tmp_path / "lock"), byte_lock(tmp_path / "lock")
    for shared, (lock, _) in ((True, four), (False, five)):
        with pytest.raises(PermissionError):
            lock_bytes(lock, shared)
    for _, file in (three, four, five):
        file.close()


def test_two_slices_that_draw_the_same_byte_draw_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import secrets

    one, two = byte_lock(tmp_path / "lock"), byte_lock(tmp_path / "lock")
    drawn = iter([7, 7, 8])
    monkeypatch.setattr(secrets, "randbelow", lambda limit: next(drawn))
    assert lock_bytes(one[0], shared=True) == (FIRST_BYTE + 7, 1)
    assert lock_bytes(two[0], shared=True) == (FIRST_BYTE + 8, 1)
    one[1].close()
    two[1].close()


def test_only_temporary_files_are_removed(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    for name in ("data/.a.parquet.0123.tmp", "data/a.parquet", "data/.keep", ".b.tmp", "c.tmp"):
        storage.write(name, b"x")
    storage.remove_temporary_files(("data", ""))
    assert [*storage.list("data", hidden=True), *storage.list(hidden=True)] == ["data/.keep", "data/a.parquet", "c.tmp"]


def test_addresses_of_the_home_folder_and_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quoted `~` is not a folder of that name, and an empty address is not the current folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Storage("~/set").url == f"{tmp_path}/set" and Storage("./~set").url == "./~set"
    with pytest.raises(OutputError, match="The address of the output is empty"):
        Storage(" ")
