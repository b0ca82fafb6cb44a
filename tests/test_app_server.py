"""The running app: its endpoints through gradio_client, what no visitor can reach, and datasets that are missing."""

import base64
import contextlib
import http.client
import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from app_outputs import make_output
from app_server import ROOT, command, serving
from gradio_client import Client
from gradio_client.exceptions import AppError
from hub_client import use_hub
from hub_server import HubServer

from fgbg_depth.app.closed_uploads import MAX_BODY_BYTES
from fgbg_depth.app.try_it import MAX_BYTES
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.reader import DatasetReader, Filter


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_output(tmp_path_factory.mktemp("server") / "out", placements=10, size=64)


@pytest.fixture(scope="module")
def url(output: Path) -> Iterator[str]:
    with command(str(output), home=output.parent / "home") as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str, output: Path) -> Client:
    return Client(url, verbose=False, analytics_enabled=False, download_files=output.parent / "downloads")


def test_endpoints_are_named_and_described(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)
    names = {"/info", "/samples", "/row", "/depth_at", "/point_cloud", "/statistics"}
    assert set(api["named_endpoints"]) == names and not api["unnamed_endpoints"]
    described = {f"/{d['api_name']}": d.get("api_description") for d in client.config["dependencies"]}
    assert all(len(described[name]) > 20 for name in names)


def test_samples_are_rows(client: Client, output: Path) -> None:
    rows = client.predict(split="train", mirrored="mirrored", num=7, seed=5, api_name="/samples")
    assert len(rows) == 7 and all(row["flip"] and row["split"] == "train" for row in rows)
    assert rows == client.predict(split="train", mirrored="mirrored", num=7, seed=5, api_name="/samples")
    whole = client.predict(rows[0]["split"], rows[0]["index"], api_name="/row")
    stored = pq.read_table(output / whole["shard"]).slice(whole["shard_row"], 1).to_pylist()[0]
    for column in ("fg_bg", "fg_bg_mask", "fg_bg_depth"):
        assert base64.b64decode(whole["images"][column]["base64"]) == stored[column]["bytes"]


def test_depth_and_cloud_and_statistics(client: Client, output: Path) -> None:
    assert client.predict("train", 0, 0, 0, api_name="/depth_at")["value"] is None
    found = client.predict("train", 0, 30, 5, api_name="/depth_at")
    assert found["unit"] == "m" and found["value"] == pytest.approx(found["stored"] / 1000)
    cloud = client.predict("train", 0, api_name="/point_cloud")
    assert base64.b64decode(cloud["base64"]).startswith(b"glTF")
    stored = Manifest.from_json((output / "statistics.json").read_bytes())
    assert client.predict(api_name="/statistics") == stored.to_dict()
    assert client.predict(api_name="/info")["rows"] == 240


@pytest.mark.parametrize(
    "call",
    [
        {"split": "nope", "index": 0, "api_name": "/row"},
        {"split": "../../etc", "index": 0, "api_name": "/row"},
        {"split": "train", "index": -1, "api_name": "/row"},
        {"split": "train", "index": 0, "x": 64, "y": 0, "api_name": "/depth_at"},
        {"split": "train", "index": 0, "fov_deg": 0, "api_name": "/point_cloud"},
        {"num": 10**9, "api_name": "/samples"},
        {"mirrored": "sideways", "api_name": "/samples"},
        {"split": "trian", "api_name": "/samples"},
    ],
)
def test_wrong_arguments_get_a_message(client: Client, call: dict) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(**call)
    assert "Traceback" not in str(caught.value) and len(str(caught.value)) > 20


def status(url: str, path: str) -> int:
    try:
        with urllib.request.urlopen(f"{url}{path}", timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code


def test_no_file_of_the_server_can_be_read(url: str, output: Path) -> None:
    wanted = [
        "/etc/passwd",
        str(ROOT / "app.py"),
        str(output / "statistics.json"),
        "app.py",
        "../app.py",
        "recipe.yaml",
    ]
    wanted += [str(next((output / "data").iterdir())), str(output.parent / "home" / "server.log"), "server.log"]
    for name in wanted:
        for route in ("/gradio_api/file=", "/file=", "/gradio_api/static/", "/assets/"):
            for quoted in (name, urllib.parse.quote(name, safe="")):
                assert status(url, route + quoted) in {403, 404}, route + quoted


@pytest.mark.parametrize("size", [1, 500, 5000])
@pytest.mark.parametrize("route", ["upload", "upload/", "upload?upload_id=x", "process_recording", "component_server"])
def test_nothing_can_be_uploaded(url: str, route: str, size: int) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="x.html"\r\n\r\n'
        + b"x" * size
        + b"\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    request = urllib.request.Request(f"{url}/gradio_api/{route}", body, headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 403 and caught.value.read() == b"This app takes no files.\n"


@pytest.mark.parametrize("route", ["component_server", "component_server/", "queue/join", "run/samples"])
def test_large_requests_are_refused(url: str, route: str) -> None:
    """By the length that the client names, before any of the body is sent."""
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    connection.putrequest("POST", f"/gradio_api/{route}")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(MAX_BODY_BYTES + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (413, b"The request has more than 20 MB, the most that is allowed.\n")
    connection.close()


def test_large_requests_without_a_length_are_refused(url: str) -> None:
    def answer(mebibytes: int) -> int:
        address = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=20)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server answers and closes
            connection.request(
                "POST",
                "/gradio_api/component_server",
                iter([b" " * 2**20] * mebibytes),
                {"Content-Type": "application/json"},
                encode_chunked=True,
            )
        status = connection.getresponse().status
        connection.close()
        return status

    assert answer(20) == 413
    assert answer(1) not in (403, 413), "a small one goes on to gradio"


def test_the_largest_picture_of_try_it_passes() -> None:
    assert MAX_BYTES * 4 / 3 + 100_000 < MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("parameter", "name", "known"),
    [("split", "trian", "train"), ("background", "scene 01", "scene 001"), ("cutout", "object_04", "object_003")],
)
def test_a_name_that_the_dataset_does_not_have(client: Client, parameter: str, name: str, known: str) -> None:
    """It gets no empty answer: that would read as a dataset without such rows."""
    with pytest.raises(
        AppError, match=f"{parameter} is '{name}', which this dataset does not have; allowed: .*{known}"
    ):
        client.predict(**{parameter: name}, api_name="/samples")


def test_calls_write_no_files(client: Client, output: Path) -> None:
    client.predict("train", 1, api_name="/row")
    folder = output.parent / "home" / "gradio"
    assert [p for p in folder.rglob("*") if p.is_file()] == []


def test_the_server_says_where_it_is_and_recommends_no_tunnel(url: str, output: Path) -> None:
    said = (output.parent / "home" / "server.log").read_text()
    assert f"Showing {output} at {url}" in said and "share" not in said.lower()


def test_analytics_are_off(url: str) -> None:
    assert json.loads(urllib.request.urlopen(f"{url}/config", timeout=10).read())["analytics_enabled"] is False


@pytest.mark.slow
def test_a_dataset_on_the_hub(output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    with HubServer(tmp_path / "hub", page_size=5) as hub:
        use_hub(monkeypatch, hub, tmp_path / "home", token="alice-read")
        api = HfApi(token="alice-write")
        api.create_repo("alice/scenes", repo_type="dataset", private=True)
        api.upload_folder(repo_id="alice/scenes", repo_type="dataset", folder_path=output)
        with serving("alice/scenes") as url:
            client = Client(url, verbose=False, analytics_enabled=False)
            info = client.predict(api_name="/info")
            assert info["rows"] == 240 and len(info["revision"]) == 40
            hub.log.clear()
            rows = client.predict(cutout="object_001", coverage_min=0.01, num=3, api_name="/samples")
            assert {row["fg"] for row in rows} == {"object_001"}
            whole = client.predict(rows[0]["split"], rows[0]["index"], api_name="/row")
            stored = pq.read_table(output / whole["shard"]).slice(whole["shard_row"], 1).to_pylist()[0]
            assert base64.b64decode(whole["images"]["fg_bg"]["base64"]) == stored["fg_bg"]["bytes"]
            assert f'revision="{info["revision"]}"' in whole["python"]
            read = {path for method, path, _ in hub.log if method == "GET" and "/resolve/" in path}
            rows = DatasetReader.open("alice/scenes").sample(Filter(split="train"), 24)
            local = DatasetReader.open(output)
            assert len(rows) == 24 and all(r.images == local.row(r.split, r.index, ("fg_bg",)).images for r in rows)
            assert read and all(f"/resolve/{info['revision']}/" in path for path in read), "only the pinned commit"


@pytest.mark.slow
def test_a_dataset_that_is_finished_while_the_server_runs(output: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made later"
    folder.mkdir()
    (folder / "recipe.yaml").write_text("name: x\n")
    with serving(str(folder)) as url:
        client = Client(url, verbose=False, analytics_enabled=False)
        with pytest.raises(AppError, match="not finished"):
            client.predict(api_name="/info")
        shutil.copytree(output, folder, dirs_exist_ok=True)
        assert client.predict(api_name="/info")["rows"] == 240, "without a restart"
