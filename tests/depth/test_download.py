"""densedepth-nyu and densedepth-kitti: fetched with resume, converted once; clear words when that cannot be."""

import http.server
import threading

import pytest
from keras_files import write_file
from seeded import SMALL

from fgbg_depth.depth.densedepth import download
from fgbg_depth.depth.model_files import locate
from fgbg_depth.errors import DepthError


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `files` with ranges, and breaks off each answer after `limit` bytes."""

    files: dict[str, bytes] = {}  # noqa: RUF012
    asked: list[str] = []  # noqa: RUF012
    limit = 1 << 40

    def do_GET(self):
        data = self.files.get(self.path.rsplit("/", 1)[-1])
        self.asked.append(self.headers.get("Range", "all"))
        if data is None:
            self.send_error(404)
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


@pytest.fixture
def server(monkeypatch, tmp_path):
    handler = type("Handler", (Server,), {"files": {}, "asked": [], "limit": 1 << 40})
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setattr(download, "ADDRESS", f"http://127.0.0.1:{httpd.server_port}/densedepth")
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(tmp_path / "home"))
    file = write_file(tmp_path / "small.h5", SMALL[0])
    handler.files["kitti.h5"] = handler.files["nyu.h5"] = file.read_bytes()
    sizes = {
        name: download.Published(published.file, file.stat().st_size if published.size else None)
        for name, published in download.MODELS.items()
    }
    monkeypatch.setattr(download, "MODELS", sizes)
    yield handler
    httpd.shutdown()
    httpd.server_close()


@pytest.mark.parametrize("model", ["densedepth-nyu", "densedepth-kitti"])
def test_fetched_and_converted_once(server, model, tmp_path):
    files = locate(model)
    assert files.folder == tmp_path / "home" / model
    assert files.name == model
    assert files.license() == "gpl-3.0"
    assert files.config()["max_depth"] == (10 if model == "densedepth-nyu" else 80)
    assert locate(model).folder == files.folder
    assert server.asked == ["all"]
    assert {p.name for p in (tmp_path / "home").iterdir()} == {f".{model}.lock", f"{model[11:]}.h5", model}


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path):
    server.limit = 1_000_000
    with pytest.raises(DepthError, match="Run again to continue"):
        locate("densedepth-nyu")
    part = tmp_path / "home/nyu.h5.part"
    had = part.stat().st_size
    assert 0 < had <= 1_000_000
    server.limit = 1 << 40
    locate("densedepth-nyu")
    assert server.asked == ["all", f"bytes={had}-"]
    assert (tmp_path / "home/nyu.h5").read_bytes() == server.files["nyu.h5"]
    assert not part.exists()


def test_a_file_of_another_size_is_refused(server):
    server.files["nyu.h5"] += b"more"
    with pytest.raises(DepthError, match="are expected"):
        locate("densedepth-nyu")


def test_a_file_that_is_no_model(server, tmp_path):
    server.files["kitti.h5"] = b"<html>moved</html>"
    with pytest.raises(DepthError, match=r"not a whole HDF5 file[\s\S]*delete .*kitti.h5"):
        locate("densedepth-kitti")
    assert not (tmp_path / "home/densedepth-kitti").exists()


def test_not_found_and_nobody_there(server, monkeypatch, tmp_path):
    server.files.clear()
    with pytest.raises(DepthError, match="404") as caught:
        locate("densedepth-nyu")
    assert f"put it at {tmp_path / 'home/nyu.h5'}" in str(caught.value)
    assert "convert-weights nyu.h5 FOLDER" in str(caught.value)
    monkeypatch.setattr(download, "ADDRESS", "http://127.0.0.1:9/densedepth")
    with pytest.raises(DepthError, match="cannot download"):
        locate("densedepth-nyu")


def test_a_file_placed_by_hand_needs_no_network(server, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "ADDRESS", "http://127.0.0.1:9/densedepth")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/nyu.h5").write_bytes(server.files["nyu.h5"])
    assert (locate("densedepth-nyu").folder / "model.safetensors").is_file()


def test_offline_says_so(server, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DepthError, match="HF_HUB_OFFLINE is set"):
        locate("densedepth-nyu")
    assert server.asked == []


def test_the_home_is_beside_the_hubs_cache(monkeypatch):
    from huggingface_hub.constants import HF_HOME

    monkeypatch.delenv("FGBG_DEPTH_HOME")
    assert str(download.home()).startswith(HF_HOME)


def test_the_published_addresses():
    assert download.ADDRESS == "https://s3-eu-west-1.amazonaws.com/densedepth"
    assert download.MODELS["densedepth-nyu"] == download.Published("nyu.h5", 172_897_376)
    assert download.MODELS["densedepth-kitti"].file == "kitti.h5"
