"""`cutouts` with the sessions of rembg and tiny models: no weights are downloaded, all other code is the real one."""

from __future__ import annotations

import functools
import http.server
import inspect
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matting import COLOR, compose, cutout_at, make_photos, matte_of, write_model
from tiny import save

from fgbg_depth.cli.main import main
from fgbg_depth.errors import MattingError
from fgbg_depth.sources.cutouts import rembg_mattes
from fgbg_depth.sources.cutouts.make import make_cutouts
from fgbg_depth.sources.cutouts.models import DEFAULT_MODEL, MODELS, find_model

pytest.importorskip("rembg")
pytest.importorskip("onnx")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where rembg looks for models; it is empty."""
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path / "home"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that a server on this machine serves in the place of rembg's downloads."""
    import pooch

    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    real = pooch.retrieve

    def retrieve(url: str, known_hash: str | None, **rest: Any) -> str:
        name = url.rsplit("/", 1)[1]
        return str(real(f"http://127.0.0.1:{running.server_address[1]}/{name}", known_hash, **rest))

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    yield folder
    running.shutdown()
    running.server_close()


def test_photographs_to_cutouts(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The matte is the model's: the object of known colour, cropped, without the green of the old background."""
    write_model(home, DEFAULT_MODEL, gain=0.4)  # so small that its answer is nearly proportional to the matte
    photos = make_photos(tmp_path / "photos", 3, noise=0)
    save(np.full((60, 80, 3), 90, np.uint8), photos / "empty.jpg")
    assert main(["cutouts", str(photos), "--output", str(tmp_path / "fg")]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"3 cut-outs of 4 photographs: {tmp_path}/fg\nLeft out 1.\n")
    assert "build --foregrounds" in shown.out
    assert "empty.jpg: left out: no object found: the matte is empty\n" in shown.err
    assert (tmp_path / "fg-contact-sheet.png").is_file()
    for i in range(3):
        cutout = cutout_at(tmp_path / "fg" / f"photo_{i:02d}.png")
        alpha, truth = cutout[..., 3], matte_of(90, 120, (0.45 + 0.02 * i, 0.5), 0.2 + 0.02 * i)
        assert abs(int((alpha >= 128).sum()) - int((truth >= 128).sum())) < 0.1 * (truth >= 128).sum()
        assert alpha[0].max() == alpha[-1].max() == alpha[:, 0].max() == alpha[:, -1].max() == 0  # the margin
        assert max(alpha.shape) < 0.75 * 120  # the crop
        edge = (alpha > 40) & (alpha < 215)
        assert np.abs(cutout[edge][:, :3].astype(int) - COLOR).mean() < 15  # 57 with the photograph's own colours
    terms = (tmp_path / "fg" / "SOURCES.md").read_text()
    assert "- 3 cut-outs: mattes by the model birefnet-general-lite, run with rembg 2.0" in terms
    assert "  - licence of the model: MIT; see https://github.com/ZhengPeng7/BiRefNet" in terms


def test_the_model_is_always_named_and_the_device_is_that_asked_for(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rembg's own default does not allow commercial use."""
    import rembg

    calls = []
    real = rembg.new_session

    def new_session(*arguments: Any, **options: Any) -> Any:
        calls.append((arguments, options))
        return real(*arguments, **options)

    monkeypatch.setattr(rembg, "new_session", new_session)
    write_model(home, DEFAULT_MODEL)
    make_cutouts(make_photos(tmp_path / "photos", 2), tmp_path / "fg", device="cpu")
    assert calls == [(("birefnet-general-lite",), {"providers": ["CPUExecutionProvider"]})]


@pytest.mark.parametrize(("name", "side"), [("birefnet-portrait", 1024), ("u2netp", 320), ("isnet-general-use", 1024)])
def test_other_models_and_the_older_place_of_their_files(home: Path, tmp_path: Path, name: str, side: int) -> None:
    write_model(home, name, gain=0.4, side=side, legacy=True)
    found = make_cutouts(make_photos(tmp_path / "photos", 1), tmp_path / "fg", model=name)
    assert found.made == 1
    terms = (tmp_path / "fg" / "SOURCES.md").read_text()
    assert f"model {name}, run with rembg" in terms and find_model(name).license in terms


def test_every_model_of_the_table_runs_on_this_machine_and_has_rembgs_address() -> None:
    from rembg.sessions import sessions

    for model in MODELS:
        session = sessions[model.name]
        assert session.is_local() and not session.requires_credentials() and not session.has_usage_cost(), model.name
        assert model.url in inspect.getsource(session), model.name
        assert model.license and model.terms.startswith("https://"), model.name
    assert find_model(DEFAULT_MODEL).license == "MIT"
    assert not {"withoutbg", "atlascloud"} & {model.name for model in MODELS}
    with pytest.raises(
        MattingError, match=r"there is no matting model 'withoutbg'\.\n  Models: birefnet-general-lite, "
    ):
        find_model("withoutbg")


def test_the_help_names_every_model_with_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cutouts", "--help"])
    shown = capsys.readouterr().out
    for model in MODELS:
        assert f"{model.license}; {model.suits}" in shown
    with pytest.raises(SystemExit):
        main(["cutouts", "photos", "--output", "fg", "--model", "birefnet"])
    assert "--model: 'birefnet' is not allowed. Did you mean birefnet-" in capsys.readouterr().err


def test_a_model_is_downloaded_once(
    home: Path, server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")  # the hash is that of the real weights
    write_model(server, "made", legacy=True).rename(server / find_model(DEFAULT_MODEL).file)
    photos = make_photos(tmp_path / "photos", 1)
    file = home / "models" / DEFAULT_MODEL / f"{DEFAULT_MODEL}.onnx"
    for output in ("fg", "fg2"):
        assert main(["cutouts", str(photos), "--output", str(tmp_path / output)]) == 0
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Downloading birefnet")]
        assert len(lines) == (output == "fg")
        assert not lines or lines[0].endswith(f"to {file}, once.")
    assert file.is_file()


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (None, r"HTTPError: 404"),
        (b"<html>a page of the network's login</html>", r"ValueError: MD5 hash of downloaded file"),
    ],
    ids=["not there", "another file"],
)
def test_a_failed_download_says_what_to_do(
    home: Path, server: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], served: bytes | None, reason: str
) -> None:
    if served is not None:
        (server / find_model(DEFAULT_MODEL).file).write_bytes(served)
    assert main(["cutouts", str(make_photos(tmp_path / "photos", 1)), "--output", str(tmp_path / "fg")]) == 1
    error = capsys.readouterr().err
    assert f"MattingError: {DEFAULT_MODEL} cannot be downloaded from https://github.com/danielgatis/rembg" in error
    assert reason in error
    assert f"save it as {home}/models/{DEFAULT_MODEL}/{DEFAULT_MODEL}.onnx" in error and "--matte FOLDER" in error
    assert not list(home.rglob("*.onnx"))
    assert not list((tmp_path / "fg").glob("[!.]*"))


def test_no_network_says_what_to_do(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import pooch

    real = pooch.retrieve
    monkeypatch.setattr(
        pooch, "retrieve", lambda url, *rest, **named: real("http://127.0.0.1:9/x.onnx", *rest, **named)
    )
    assert main(["cutouts", str(make_photos(tmp_path / "photos", 1)), "--output", str(tmp_path / "fg")]) == 1
    error = capsys.readouterr().err
    assert f"{DEFAULT_MODEL} cannot be downloaded from" in error and "ConnectionError" in error
    assert "Check the network and run the same command again." in error


def test_a_damaged_model_says_which_file_to_delete(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_model(home, DEFAULT_MODEL)
    file.write_bytes(file.read_bytes()[:50])
    assert main(["cutouts", str(make_photos(tmp_path / "photos", 1)), "--output", str(tmp_path / "fg")]) == 1
    error = capsys.readouterr().err
    assert f"MattingError: {file} cannot be loaded (" in error and "Delete this file" in error


def test_a_model_of_another_shape_names_the_photograph(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(home, DEFAULT_MODEL, side=320)
    assert main(["cutouts", str(make_photos(tmp_path / "photos", 1)), "--output", str(tmp_path / "fg")]) == 1
    assert f"MattingError: {DEFAULT_MODEL} failed on photo_00.png (InvalidArgument: " in capsys.readouterr().err


def test_a_gpu_that_is_not_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnxruntime

    write_model(home, DEFAULT_MODEL)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    line = ["cutouts", str(make_photos(tmp_path / "photos", 1)), "--output", str(tmp_path / "fg"), "--device", "cuda"]
    assert main(line) == 1
    error = capsys.readouterr().err
    assert "--device cuda: the installed onnxruntime has no support for CUDA; install onnxruntime-gpu" in error
    assert "--device cpu" in error


def test_missing_packages_are_named_with_the_command_that_installs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rembg_mattes, "find_spec", lambda name: None if name == "onnxruntime" else object())
    assert main(["cutouts", str(make_photos(tmp_path / "photos", 1)), "--output", str(tmp_path / "fg")]) == 1
    error = capsys.readouterr().err
    assert "packages that are not installed: onnxruntime.\n" in error
    assert "-m pip install -r requirements-cutouts.txt" in error


def test_nothing_is_loaded_if_every_cutout_exists(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(home, DEFAULT_MODEL)
    line = ["cutouts", str(make_photos(tmp_path / "photos", 2)), "--output", str(tmp_path / "fg"), "--json"]
    assert main(line) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["made"], first["reused"]) == (2, 0)

    def refuse(self: Any) -> Any:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(rembg_mattes.RembgMattes, "_load", refuse)
    assert main(line) == 0
    second = json.loads(capsys.readouterr().out)
    assert (second["made"], second["reused"], second["left_out"]) == (0, 2, 0)
    assert [each["file"] for each in second["cutouts"]] == ["photo_00.png", "photo_01.png"]
    save(compose(matte_of(90, 120), seed=9), tmp_path / "photos" / "new.png")
    with pytest.raises(AssertionError, match="the model was loaded"):
        main(line)
