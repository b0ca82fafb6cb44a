"""`evaluate`: a small network on every split and on photographs, the same in every run."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_output import make_output, metric_output  # noqa: F401

import fgbg_depth.training.evaluate as evaluation_module
from fgbg_depth import decode_depth, evaluate, load
from fgbg_depth.cli.main import main
from fgbg_depth.errors import OutputError, SourceError
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.schema import SPLITS
from fgbg_depth.training.evaluation import PHOTOS, SplitScores, warnings_about
from fgbg_depth.training.examples import Examples
from fgbg_depth.training.fit import fit, score
from fgbg_depth.training.network import SmallNet
from fgbg_depth.training.photos import read_photos
from fgbg_depth.training.rows import read_examples

torch.set_num_threads(1)
DEPTH_SCORES = {"abs_rel", "delta", "abs_rel_inside", "delta_inside"}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_module, "SIZE_PX", 32)
    monkeypatch.setattr(evaluation_module, "TRAIN_ROWS", 24)
    monkeypatch.setattr(evaluation_module, "TEST_ROWS", 6)


def write_photo(folder: Path, name: str, size: tuple[int, int] = (48, 64), mask: str | None = "_mask.png") -> None:
    """A grey photograph with a white square, and its mask."""
    folder.mkdir(exist_ok=True)
    matte = np.zeros(size, np.uint8)
    matte[10:30, 20:40] = 255
    photo = np.repeat(np.maximum(matte, 90)[..., None], 3, axis=2)
    Image.fromarray(photo).save(folder / f"{name}.jpg")
    if mask:
        Image.fromarray(matte).save(folder / f"{name}{mask}")


def test_rows_are_those_of_the_dataset(metric_output: Path) -> None:  # noqa: F811
    files = open_files(metric_output)
    manifest = read_manifest(files)
    found = read_examples(files, manifest, "train", 1000, 64)
    rows = load(metric_output, split="train")
    assert len(found) == len(rows)
    depth = decode_depth([row["fg_bg_depth_placed"] for row in rows], manifest)
    stored = {np.asarray(row["fg_bg"]).tobytes(): index for index, row in enumerate(rows)}
    order = [stored[picture.movedim(0, 2).numpy().tobytes()] for picture in found.pictures]
    assert sorted(order) == list(range(len(rows)))
    assert found.depth is not None
    np.testing.assert_allclose(found.depth[:, 0].exp().numpy(), depth[order], rtol=1e-5)
    assert found.is_metric


def test_views_keep_picture_mask_and_depth_together() -> None:
    """All three hold the same pattern; after any crop and mirroring they still do, and depth follows the crop."""
    rng = np.random.default_rng(0)
    pattern = torch.from_numpy(np.kron(rng.integers(0, 2, (6, 1, 8, 8)), np.ones((8, 8))).astype(np.uint8)) * 255
    depth = pattern.float() / 255
    examples = Examples(pattern.repeat(1, 3, 1, 1), pattern, depth, pattern == 255, is_metric=True)
    views = examples.random_views(torch.arange(6), torch.Generator().manual_seed(1))
    assert views.depth is not None
    assert views.valid is not None
    clear = (views.mattes < 0.01) | (views.mattes > 0.99)  # not between two pixels of different value
    assert clear.float().mean() > 0.6
    assert torch.equal(views.valid[clear], views.mattes[clear] > 0.5)
    assert torch.equal((views.pictures[:, :1] > 0.5)[clear], views.mattes[clear] > 0.5)
    low, high = views.depth.amin((1, 2, 3)), views.depth.amax((1, 2, 3))
    torch.testing.assert_close(high - low, torch.ones(6))
    share = views.depth - low.reshape(6, 1, 1, 1)
    assert ((share < 1e-4) | (share > 1 - 1e-4)).all()  # nearest pixels: the two depths and none between
    assert (low <= 0).all()
    assert (low >= np.log(0.6) - 1e-6).all()
    assert len(set(low.tolist())) == 6
    again = examples.random_views(torch.arange(6), torch.Generator().manual_seed(1))
    assert torch.equal(views.pictures, again.pictures)


def test_equal_seeds_train_equal_networks(metric_output: Path) -> None:  # noqa: F811
    files = open_files(metric_output)
    rows = read_examples(files, read_manifest(files), "train", 20, 32)
    found = []
    for seed in (0, 0, 1):
        network = SmallNet(seed)
        fit(network, rows, steps=3, batch_size=4, seed=seed)
        found.append(score(network, rows).means())
    assert found[0] == found[1] != found[2]


def test_every_split_is_scored_and_nothing_differs_in_a_second_run(metric_output: Path) -> None:  # noqa: F811
    seen: list[tuple[str, int, int]] = []
    first = evaluate(metric_output, steps=3, on_progress=lambda *values: seen.append(values))
    assert list(first.splits) == list(SPLITS)
    assert all(set(split.scores) == {"dice", "iou", "matte_error", *DEPTH_SCORES} for split in first.splits.values())
    assert first.trained_on == 24
    assert [split.tested for split in first.splits.values()][1:] == [6, 6, 4]
    assert seen[-1] == ("train", 3, 3)
    assert ("read", 40, 40) in seen
    second = evaluate(metric_output, steps=3)
    assert dataclasses.replace(second, elapsed_s=first.elapsed_s) == first


def test_depth_that_a_model_predicted_is_named_as_imitation(metric_output: Path) -> None:  # noqa: F811
    text = evaluate(metric_output, steps=1).as_text()
    assert "how well the network imitates that model, not how right its depth is" in text
    assert "made-up-metric" in text
    assert "AbsRel inside" in text


def test_a_dataset_without_depth_is_evaluated_by_its_mask(built: Path) -> None:
    found = evaluate(built, steps=2)
    assert set(found.splits["train"].scores) == {"dice", "iou", "matte_error"}
    assert "only the mask is evaluated" in found.as_text()
    assert found.depth is None


def test_few_sources_and_many_placements_are_warned_about(metric_output: Path) -> None:  # noqa: F811
    manifest = read_manifest(open_files(metric_output))
    same = {name: SplitScores(9, 9, {"dice": 0.8}) for name in SPLITS}
    assert "only 3 backgrounds and 4 cut-outs" in warnings_about(manifest, same)[0]
    many = manifest.replace(splits={"train": 100_000})
    assert "100,000 rows from only 3 backgrounds and 4 cut-outs: 14,286 rows for each" in warnings_about(many, same)[0]
    worse = same | {"test_unseen_both": SplitScores(9, 9, {"dice": 0.26})}
    assert "Dice of test_unseen_both is 0.26, that of train 0.80" in warnings_about(manifest, worse)[-1]
    assert "No source is held out" in warnings_about(manifest, {"train": same["train"]})[-1]


def test_photographs_with_masks_and_with_alpha(tmp_path: Path) -> None:
    write_photo(tmp_path / "photos", "a")
    photo = np.asarray(Image.open(tmp_path / "photos" / "a.jpg"))
    matte = np.asarray(Image.open(tmp_path / "photos" / "a_mask.png"))
    noise = photo + np.random.default_rng(0).integers(0, 9, photo.shape, np.uint8)
    Image.fromarray(np.dstack([noise, matte])).save(tmp_path / "photos" / "b.png")
    (tmp_path / "photos" / "notes.txt").write_text("not a picture")
    names, found = read_photos(tmp_path / "photos", 48)
    assert names == ["a.jpg", "b.png"]
    np.testing.assert_array_equal(found.mattes[:, 0], [matte[:, 8:56]] * 2)  # the middle square
    np.testing.assert_array_equal(found.pictures[0].movedim(0, 2), photo[:, 8:56])
    np.testing.assert_array_equal(found.pictures[1].movedim(0, 2), noise[:, 8:56])


def cut_out() -> bytes:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[5:9, 5:9] = 200
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no photographs"),
        ({"a.jpg": None}, r"a\.jpg has no mask: there is no a_mask\.png, and no alpha"),
        ({"a_mask.png": None, "b.png": cut_out()}, r"a_mask\.png is a mask without a photograph"),
        ({"a.png": cut_out()}, r"a\.png is a cut-out, not a photograph"),
        ({"a.png": b"nothing"}, r"a\.png cannot be used: "),
        ({"a.jpg": None, "a_mask.png": b""}, r"a_mask\.png cannot be used: is empty"),
        ({"a.jpg": None, "a_mask.png": cut_out()}, r"a_mask\.png has 20x20 pixels, but a\.jpg has 64x48"),
    ],
)
def test_errors_of_photographs_name_the_file(tmp_path: Path, files: dict[str, bytes | None], message: str) -> None:
    write_photo(tmp_path / "made", "a")
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes((tmp_path / "made" / name).read_bytes() if content is None else content)
    with pytest.raises(SourceError, match=message):
        read_photos(folder, 32)


def test_a_missing_folder_of_photographs_is_found_before_the_training(metric_output: Path, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(SourceError, match=r"There is no folder .*photos"):
        evaluate(metric_output, tmp_path / "photos", on_progress=lambda *values: pytest.fail("it started"))


def test_the_command_prints_a_table_or_json(
    metric_output: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(evaluate.__kwdefaults__, "steps", 2)
    write_photo(tmp_path / "photos", "a")
    assert main(["evaluate", str(metric_output), "--photos", str(tmp_path / "photos")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:4] == ["rows", "tested", "Dice", "IoU"]
    assert [line.split()[0] for line in lines[2:7]] == [*SPLITS, PHOTOS]
    assert main(["evaluate", str(metric_output), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["splits"]["train"]["scores"].keys() >= DEPTH_SCORES
    assert main(["evaluate", str(tmp_path / "missing")]) == 1
    assert "There is no folder" in capsys.readouterr().err


def test_a_dataset_without_training_rows_is_an_error(metric_output: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    manifest = read_manifest(open_files(metric_output)).replace(splits={"test_unseen_bg": 4})
    monkeypatch.setattr(evaluation_module, "read_manifest", lambda files: manifest)
    with pytest.raises(OutputError, match="has no rows in train"):
        evaluate(metric_output)


@pytest.mark.slow
def test_disparity_is_learned_as_distance(tmp_path: Path) -> None:
    from small_output import DISPARITY

    output = make_output(tmp_path, DISPARITY)
    found = evaluate(output, steps=1)
    assert "has no unit" in found.as_text()
    assert 0 < found.splits["train"].scores["abs_rel"] < 5
