"""Load exactly one version, from a folder or from the Hub. No other version is used instead."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hub_client import NAME, delete_on_hub, edit_on_hub, repo_of, send
from hub_faults import Fault
from hub_outputs import grow
from hub_server import HubServer

from fgbg_depth.errors import HubError
from fgbg_depth.read.backgrounds import with_backgrounds
from fgbg_depth.read.decode_batch import decode_batch
from fgbg_depth.read.load import load, load_manifest

pytest_plugins = ["hub_fixtures"]
COLUMNS = ["fg_bg", "fg_bg_mask", "bg", "fg", "flip", "placement", "x", "y", "width", "height"]


@pytest.fixture
def two_versions(hub: HubServer, work: Path) -> HubServer:
    """v1.0.0 with 4 backgrounds (32 rows), v2.0.0 and main with 5 (40 rows)."""
    send(work / "out", tag="v1.0.0")
    grow(work)
    send(work / "out", tag="v2.0.0")
    return hub


def names(rows) -> set[str]:
    return {row["bg"] for row in rows}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("revision", "num_bg"), [("v1.0.0", 4), ("v2.0.0", 5), ("main", 5), (None, 5)])
def test_each_revision_loads_its_own_rows(two_versions: HubServer, streaming: bool, revision: str | None, num_bg: int):
    rows = load(NAME, revision=revision, split="train", streaming=streaming)
    assert list(rows.features) == COLUMNS
    assert len(names(rows)) == num_bg and sum(1 for _ in rows) == 8 * num_bg
    image = next(iter(rows))["fg_bg"]
    assert (image.size, image.mode) == ((32, 32), "RGB")


@pytest.mark.parametrize("streaming", [False, True])
def test_encoded_rows_and_their_manifest_are_of_the_same_version(two_versions: HubServer, streaming: bool):
    manifest = load_manifest(NAME, "v1.0.0")
    assert (manifest.rows, load_manifest(NAME).rows) == (32, 40)
    rows = load(NAME, "v1.0.0", split="train", streaming=streaming, decode=False)
    encoded = [row["fg_bg"]["bytes"] for row in rows]
    assert len(encoded) == manifest.rows
    shown = [np.asarray(row["fg_bg"]) for row in load(NAME, "v1.0.0", split="train")]
    np.testing.assert_array_equal(decode_batch({"fg_bg": encoded})["fg_bg"], shown)
    with pytest.raises(HubError, match="v9"):
        load_manifest(NAME, "v9")


@pytest.mark.parametrize("streaming", [False, True])
def test_load_dataset_gives_the_same_rows(two_versions: HubServer, streaming: bool):
    from datasets import load_dataset

    for revision, num_bg in (("v1.0.0", 4), ("main", 5)):
        rows = load_dataset(NAME, revision=revision, split="train", streaming=streaming)
        ours = load(NAME, revision=revision, split="train")
        assert [row["bg"] for row in rows] == list(ours["bg"]) and len(names(rows)) == num_bg
        assert next(iter(rows))["fg_bg"].tobytes() == ours[0]["fg_bg"].tobytes()


def test_configs_and_splits(hub: HubServer, held_out: Path, tmp_path: Path):
    output = Path(shutil.copytree(held_out, tmp_path / "out"))
    send(output)
    everything = load(NAME)
    assert {name: len(rows) for name, rows in everything.items()} == {
        "train": 28,
        "test_unseen_bg": 12,
        "test_unseen_fg": 28,
        "test_unseen_both": 12,
    }
    assert len(load(NAME, split="train[:5]")) == 5
    assert len(load(NAME, split="train+test_unseen_bg")) == 40
    for config, rows in (("bg", 10), ("fg", 2)):
        assert len(load(NAME, config=config, split="train")) == len(load(output, config=config)["train"]) == rows
    with pytest.raises(HubError, match="no split 'test' in config default; its splits are train, test_unseen_bg"):
        load(NAME, split="test")
    with pytest.raises(HubError, match="no config 'masks'; the configs are default, bg, fg, preview"):
        load(NAME, config="masks")


def test_one_split_downloads_only_its_files(hub: HubServer, held_out: Path, tmp_path: Path):
    send(shutil.copytree(held_out, tmp_path / "out"))
    before = len(hub.log)
    load(NAME, split="test_unseen_both")
    fetched = {path.split("/")[-1] for method, path, _ in hub.log[before:] if method == "GET" and "/resolve/" in path}
    assert fetched >= {"README.md", "statistics.json"} and len(fetched) == 2 + 3
    assert all(name.startswith("test_unseen_both-") for name in fetched - {"README.md", "statistics.json"})


def test_load_without_network_gives_the_requested_version_or_fails(
    two_versions: HubServer, monkeypatch: pytest.MonkeyPatch
):
    load(NAME, revision="v1.0.0")
    two_versions.faults.add(Fault("reset", "", times=10**6))
    assert len(load(NAME, revision="v1.0.0", split="train")) == 32
    assert len(list(load(NAME, revision="v1.0.0", split="train", streaming=True))) == 32
    for revision in ("v2.0.0", "main", None):
        for streaming in (False, True):
            with pytest.raises(HubError, match="cannot be reached, and datasets/alice/scenes, revision"):
                load(NAME, revision=revision, split="train", streaming=streaming)
    with pytest.raises(HubError, match="No other version is used instead"):
        load(NAME, revision="v1.0.0", config="bg")  # its files were never downloaded
    two_versions.faults.clear()
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert len(load(NAME, revision="v1.0.0", split="train")) == 32
    with pytest.raises(HubError, match="cannot be reached"):
        load(NAME, revision="v2.0.0", split="train")


def test_load_while_the_hub_is_down_gives_the_requested_version_or_fails(two_versions: HubServer):
    commit = repo_of(two_versions).tags["v1.0.0"]
    load(NAME, revision=commit)
    load(NAME, revision="v1.0.0")
    two_versions.faults.add(Fault("503", "", times=10**6))
    assert len(load(NAME, revision="v1.0.0", split="train")) == 32
    assert len(load(NAME, revision=commit, split="train")) == 32
    with pytest.raises(HubError, match="cannot be reached"):
        load(NAME, revision="v2.0.0", split="train")


def test_cache_is_not_used_when_the_hub_refuses_access(two_versions: HubServer):
    load(NAME, revision="v1.0.0")
    two_versions.store.repos["dataset", NAME].private = True
    with pytest.raises(HubError, match=r"may not read it \(404\).*\n.*hf auth login"):
        load(NAME, revision="v1.0.0", token="bob-write")
    with pytest.raises(HubError, match=r"\(401\)"):
        load(NAME, revision="v1.0.0", token="hf_wrong")


def test_missing_revisions_repositories_and_folders(two_versions: HubServer, work: Path, tmp_path: Path):
    with pytest.raises(HubError, match="has no revision 'v9'"):
        load(NAME, revision="v9")
    with pytest.raises(HubError, match="datasets/alice/none does not exist"):
        load("alice/none")
    sent = len(two_versions.log)
    for name in ("no such/folder/at all", "nowhere", "/nowhere", tmp_path / "nowhere"):
        with pytest.raises(HubError, match="is not an existing folder, and not a name on the Hub"):
            load(name)
    assert len(two_versions.log) == sent, "no request was made"
    with pytest.raises(HubError, match="is a folder and has no revisions"):
        load(work / "out", revision="v1.0.0")
    with pytest.raises(HubError, match="not a dataset of fgbg-depth"):
        load(tmp_path)
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    with pytest.raises(HubError, match=r"not finished.*\n  Finish it: .*build --output "):
        load(tmp_path)
    two_versions.store.create("dataset", "alice/other", False, "alice")
    with pytest.raises(HubError, match="not a finished dataset"):
        load("alice/other")


@pytest.mark.parametrize("streaming", [False, True])
def test_missing_shard_of_a_folder(work: Path, streaming: bool):
    first, second, *_ = sorted((work / "out" / "data").iterdir())
    first.unlink()
    with pytest.raises(HubError, match=rf"data/{first.name} of .*out is missing, but statistics.json lists it.\n") as e:
        load(work / "out", streaming=streaming)
    assert f"Build again: python builder.py build --output {work / 'out'}" in str(e.value)
    second.unlink()
    with pytest.raises(HubError, match=rf"data/{first.name} and 1 more files of .* are missing"):
        load(work / "out", split="train", streaming=streaming)
    assert load(work / "out", config="bg", split="train", streaming=streaming)


@pytest.mark.parametrize("streaming", [False, True])
def test_missing_shard_on_the_hub(hub: HubServer, work: Path, streaming: bool):
    send(work / "out")
    shard = min((work / "out" / "data").iterdir()).name
    delete_on_hub(hub, f"data/{shard}")
    with pytest.raises(HubError, match=rf"{shard} of datasets/alice/scenes, revision main is missing"):
        load(NAME, split="train", streaming=streaming)


def test_unlisted_file_on_the_hub_adds_no_rows(two_versions: HubServer, work: Path):
    shard = next((work / "out" / "data").iterdir()).read_bytes()
    edit_on_hub(two_versions, "data/train-stray.parquet", shard)
    assert len(load(NAME, split="train")) == 40


def test_damaged_download_fails(two_versions: HubServer):
    shard = next(path for path in repo_of(two_versions).resolve("main").files if path.startswith("data/"))
    blob = two_versions.store.blob_path(repo_of(two_versions).resolve("main").files[shard].blob)
    blob.write_bytes(blob.read_bytes()[:-100])
    with pytest.raises(HubError, match=r"could not be read"):
        load(NAME, split="train")


@pytest.mark.parametrize("streaming", [False, True])
def test_backgrounds_are_added_row_by_row(two_versions: HubServer, streaming: bool):
    rows = load(NAME, split="train", streaming=streaming)
    pictures = load(NAME, config="bg", split="train")
    expected = {row["name"]: row["image"] for row in pictures}
    joined = with_backgrounds(rows, pictures)
    for row, plain in zip(joined, rows, strict=True):
        assert row["bg_image"].tobytes() == expected[row["bg"]].tobytes()
        assert {name: row[name] for name in COLUMNS[2:]} == {name: plain[name] for name in COLUMNS[2:]}
        assert row["fg_bg"].tobytes() == plain["fg_bg"].tobytes()
    outside = np.asarray(plain["fg_bg_mask"]) == 0
    difference = np.abs(np.asarray(row["fg_bg"], int) - np.asarray(row["bg_image"], int))
    assert difference[outside].mean() < 60  # JPEG of noise


def test_backgrounds_are_found_by_name_and_added_to_all_splits(hub: HubServer, held_out: Path, tmp_path: Path):
    output = Path(shutil.copytree(held_out, tmp_path / "out"))
    send(output, tag="v1")
    joined = with_backgrounds(load(NAME, revision="v1"), NAME, revision="v1")
    assert {name: len(rows) for name, rows in joined.items()}["test_unseen_bg"] == 12
    batch = with_backgrounds(load(output, split="train"), output)[3:6]
    assert [image.size for image in batch["bg_image"]] == [(32, 32)] * 3
