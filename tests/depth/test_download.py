"""densedepth-nyu and densedepth-kitti: downloads are resumed, checked and converted once; errors say what to do."""

import dataclasses
import hashlib
import http.server
import logging
import shutil
import threading

import pytest
from keras_files import write_file
from seeded import SMALL

from fgbg_depth import paths
from fgbg_depth.depth.densedepth import download
from fgbg_depth.depth.model_files import locate
from fgbg_depth.errors import DepthError, OutputError


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `files` with range requests and closes each connection after `limit` bytes."""

    files: dict[str, bytes] = {}  # noqa: RUF012
    ranges: list[str] = []  # noqa: RUF012
    limit = 1 << 40
    error = 404

    def do_GET(self):
        data = self.files.get(self.path.rsplit("/", 1)[-1])
        self.ranges.append(self.headers.get("Range", "all"))
        if data is None:
            self.send_error(self.error)
            return
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : start + self.limit])

    def log_message(self, *args):
        pass


def set_known(monkeypatch, model, **changes):
    known = dataclasses.replace(download.KNOWN_FILES[model], **changes)
    monkeypatch.setattr(download, "KNOWN_FILES", {**download.KNOWN_FILES, model: known})


@pytest.fixture
def server(monkeypatch, tmp_path):
    handler = type("Handler", (Server,), {"files": {}, "ranges": []})
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setattr(download, "ADDRESS", f"http://127.0.0.1:{httpd.server_port}/densedepth")
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(tmp_path / "home"))
    file = write_file(tmp_path / "small.h5", SMALL[0])
    handler.files["kitti.h5"] = handler.files["nyu.h5"] = file.read_bytes()
    set_known(monkeypatch, "densedepth-nyu", size=file.stat().st_size)
    yield handler
    httpd.shutdown()
    httpd.server_close()


@pytest.mark.parametrize("model", ["densedepth-nyu", "densedepth-kitti"])
def test_weights_are_downloaded_and_converted_once(server, model, tmp_path):
    files = locate(model)
    assert files.folder == tmp_path / "home" / model
    assert files.name == model
    assert files.license() == "gpl-3.0"
    assert files.config()["max_depth"] == (10 if model == "densedepth-nyu" else 80)
    assert locate(model).folder == files.folder
    assert server.ranges == ["all"]
    name = f"{model[11:]}.h5"
    assert {p.name for p in (tmp_path / "home").iterdir()} == {f".{model}.lock", name, f"{name}.sha256", model}


def test_an_interrupted_download_is_continued(server, tmp_path):
    server.limit = 1_000_000
    with pytest.raises(DepthError, match="Run again to continue"):
        locate("densedepth-nyu")
    partial = tmp_path / "home/nyu.h5.part"
    size = partial.stat().st_size
    assert 0 < size <= 1_000_000
    server.limit = 1 << 40
    locate("densedepth-nyu")
    assert server.ranges == ["all", f"bytes={size}-"]
    assert (tmp_path / "home/nyu.h5").read_bytes() == server.files["nyu.h5"]
    assert not partial.exists()


def test_a_download_of_another_size_is_an_error(server):
    server.files["nyu.h5"] += b"more"
    with pytest.raises(DepthError, match="are expected"):
        locate("densedepth-nyu")


def test_a_partial_file_longer_than_the_servers_file_is_deleted(server, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/kitti.h5.part").write_bytes(server.files["kitti.h5"] + b"more")
    with pytest.raises(DepthError, match="did not fit the server's file and was deleted"):
        locate("densedepth-kitti")
    locate("densedepth-kitti")
    assert server.ranges[-1] == "all"


def test_a_download_that_is_not_a_model_is_an_error(server, tmp_path):
    server.files["kitti.h5"] = b"<html>moved</html>"
    with pytest.raises(DepthError, match=r"not a complete HDF5 file[\s\S]*delete .*kitti.h5"):
        locate("densedepth-kitti")
    assert not (tmp_path / "home/densedepth-kitti").exists()
    assert not (tmp_path / "home/kitti.h5.sha256").exists()  # only files that could be converted are recorded


def test_a_missing_file_and_a_missing_server(server, monkeypatch, tmp_path):
    server.files.clear()
    with pytest.raises(DepthError, match="404") as caught:
        locate("densedepth-nyu")
    assert f"put it at {tmp_path / 'home/nyu.h5'}" in str(caught.value)
    assert "convert-weights nyu.h5 FOLDER" in str(caught.value)
    assert "issues/187" not in str(caught.value)
    server.error = 403
    with pytest.raises(DepthError, match=r"403[\s\S]*authors may have moved the file: see .*issues/187"):
        locate("densedepth-nyu")
    monkeypatch.setattr(download, "ADDRESS", "http://127.0.0.1:9/densedepth")
    with pytest.raises(DepthError, match="cannot download"):
        locate("densedepth-nyu")


def test_a_file_put_in_place_by_hand_needs_no_network(server, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "ADDRESS", "http://127.0.0.1:9/densedepth")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/nyu.h5").write_bytes(server.files["nyu.h5"])
    assert (locate("densedepth-nyu").folder / "model.safetensors").is_file()


def test_no_download_in_offline_mode(server, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DepthError, match="HF_HUB_OFFLINE is set"):
        locate("densedepth-nyu")
    assert server.ranges == []


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def other_content(data):
    """Another file of the same size that converts just as well: a byte of a weight is changed."""
    changed = bytearray(data)
    changed[-1] ^= 1
    return bytes(changed)


def remove_download(home, model="densedepth-nyu", name="nyu.h5"):
    shutil.rmtree(home / model)
    (home / name).unlink()


def test_the_right_sha256_is_accepted_without_a_warning(server, monkeypatch, caplog):
    set_known(monkeypatch, "densedepth-nyu", sha256=sha256(server.files["nyu.h5"]))
    with caplog.at_level(logging.WARNING):
        assert (locate("densedepth-nyu").folder / "model.safetensors").is_file()
    assert caplog.text == ""


def test_a_wrong_sha256_is_an_error_and_the_download_is_deleted(server, monkeypatch, tmp_path):
    right = server.files["nyu.h5"]
    server.files["nyu.h5"] = other_content(right)
    set_known(monkeypatch, "densedepth-nyu", sha256=sha256(right))
    with pytest.raises(DepthError, match=rf"its SHA-256 is {sha256(server.files['nyu.h5'])}, expected {sha256(right)}"):
        locate("densedepth-nyu")
    assert [p.name for p in (tmp_path / "home").iterdir()] == [".densedepth-nyu.lock"]
    server.files["nyu.h5"] = right
    locate("densedepth-nyu")


@pytest.mark.parametrize("wrong", ["content", "size"])
def test_a_wrong_file_put_in_place_by_hand_is_an_error_and_is_kept(server, monkeypatch, tmp_path, wrong):
    right = server.files["nyu.h5"]
    set_known(monkeypatch, "densedepth-nyu", sha256=sha256(right))
    file = tmp_path / "home/nyu.h5"
    file.parent.mkdir()
    file.write_bytes(other_content(right) if wrong == "content" else right + b"more")
    with pytest.raises(DepthError, match=r"is not the authors' nyu.h5[\s\S]*Delete it and run again"):
        locate("densedepth-nyu")
    assert file.is_file() and server.ranges == []


@pytest.mark.parametrize(
    ("model", "size_check"), [("nyu", "the size matches"), ("kitti", "the authors publish no size")]
)
def test_an_unknown_sha256_is_recorded_at_the_first_download(server, caplog, tmp_path, model, size_check):
    digest = sha256(server.files[f"{model}.h5"])
    with caplog.at_level(logging.WARNING):
        folder = locate(f"densedepth-{model}").folder
    assert [r.message for r in caplog.records] == [
        f"{model}.h5: {size_check}; the authors publish no checksum, so the content was not verified (SHA-256 {digest})"
    ]
    assert digest in (folder / "README.md").read_text()
    assert (tmp_path / f"home/{model}.h5.sha256").read_text() == f"{digest}  {model}.h5\n"


def test_an_unknown_sha256_is_compared_at_the_second_download(server, caplog, tmp_path):
    home, first = tmp_path / "home", server.files["nyu.h5"]
    locate("densedepth-nyu")
    remove_download(home)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        locate("densedepth-nyu")  # the same file again
    assert caplog.text == ""
    remove_download(home)

    server.files["nyu.h5"] = other_content(first)
    expected = rf"the file changed since \d{{4}}-\d\d-\d\d: its SHA-256 was {sha256(first)} and is now "
    with pytest.raises(DepthError, match=expected + sha256(server.files["nyu.h5"])) as caught:
        locate("densedepth-nyu")
    assert f"delete {home / 'nyu.h5.sha256'} and run again" in str(caught.value)
    assert not (home / "nyu.h5").exists() and not (home / "nyu.h5.part").exists()

    (home / "nyu.h5.sha256").unlink()
    locate("densedepth-nyu")
    assert sha256(server.files["nyu.h5"]) in (home / "nyu.h5.sha256").read_text()


def test_a_damaged_record_is_an_error(server, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/nyu.h5.sha256").write_text("?")
    with pytest.raises(DepthError, match=r"nyu\.h5\.sha256: this record holds no SHA-256"):
        locate("densedepth-nyu")


def test_errors_that_are_not_the_files_fault_do_not_blame_the_download(server, monkeypatch):
    from fgbg_depth.depth.densedepth import convert

    for error in (DepthError("the disk is full"), OutputError("ours"), TypeError("ours")):

        def fail(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr(convert, "_write", fail)
        with pytest.raises(type(error)) as caught:
            locate("densedepth-nyu")
        assert caught.value is error


def test_downloads_lie_in_the_projects_home(monkeypatch, tmp_path):
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(tmp_path / "home"))
    assert paths.home() == tmp_path / "home"
    monkeypatch.setenv("FGBG_DEPTH_HOME", "~/weights")
    assert paths.home() == paths.Path.home() / "weights"


def test_the_known_files():
    assert download.ADDRESS == "https://s3-eu-west-1.amazonaws.com/densedepth"
    assert {
        "densedepth-nyu": download.KnownFile("nyu.h5", size=172_897_376, sha256=None),
        "densedepth-kitti": download.KnownFile("kitti.h5", size=None, sha256=None),
    } == download.KNOWN_FILES


def test_a_model_converted_by_an_earlier_version_is_not_downloaded_again(server, monkeypatch, tmp_path, caplog):
    """Earlier versions stored models beside the Hub's cache unless FGBG_DEPTH_HOME was set."""
    earlier = tmp_path / "huggingface/fgbg-depth/densedepth-nyu"
    earlier.parent.mkdir(parents=True)
    locate("densedepth-nyu").folder.rename(earlier)
    monkeypatch.delenv("FGBG_DEPTH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "huggingface"))
    server.files.clear()
    server.ranges.clear()
    caplog.clear()
    assert [locate("densedepth-nyu").folder for _ in range(2)] == [earlier] * 2
    assert server.ranges == []
    assert [m for m in caplog.messages if str(earlier) in m and "You can move it to" in m] == caplog.messages[:1]
