"""Sources from a dataset on the Hub, loaded by the real client from a Hub on loopback."""

import io
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from hub_client import NAME, TOKEN, send
from hub_server import HubServer
from huggingface_hub import HfApi
from PIL import Image
from tiny import make_sources, tiny_recipe

from fgbg_depth.errors import SourceError
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.read.stored_sources import read_sources
from fgbg_depth.sources.hub import HubAddress, list_hub_images
from fgbg_depth.sources.load import Sources, load_sources

WHERE = f"hf://datasets/{NAME}"
pytest_plugins = ["hub_fixtures"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_sources(tmp_path, 5, 2)


def load(folder: Path, **changes: object) -> Sources:
    return load_sources(tiny_recipe(folder, **changes))


def pushed(hub: HubServer, files: dict[str, bytes]) -> HfApi:
    api = HfApi(endpoint=hub.url, token=TOKEN)
    api.create_repo(NAME, repo_type="dataset")
    for path, data in files.items():
        api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=NAME, repo_type="dataset")
    return api


def table(files: list[Path]) -> bytes:
    """A parquet file with the columns `n` (numbers) and `photo` (images)."""
    rows = datasets.Dataset.from_dict({"n": list(range(len(files))), "photo": [str(f) for f in files]})
    buffer = io.BytesIO()
    rows.cast_column("photo", datasets.Image()).to_parquet(buffer)
    return buffer.getvalue()


# a card as `push_to_hub` writes it: files by split, and the rows that each split has
CARD = b"""---
dataset_info:
  features: [{name: n, dtype: int64}, {name: photo, dtype: image}]
  splits: [{name: train, num_bytes: 9, num_examples: 2}, {name: test, num_bytes: 9, num_examples: 3}]
configs: [{config_name: default, data_files: [{split: train, path: data/train-*}, {split: test, path: data/test-*}]}]
---
"""


@pytest.fixture(params=["with a card", "without a card"])
def two_splits(hub: HubServer, folder: Path, request: pytest.FixtureRequest) -> Iterator[HubServer]:
    """Tag v1: split `train` with the backgrounds 0 and 1, split `test` with 2, 3 and 4. In main `train` has 3 and 4."""
    pictures = sorted((folder / "bg").glob("*.png"))
    files = {"data/train-0.parquet": table(pictures[:2]), "data/test-0.parquet": table(pictures[2:])}
    if request.param == "with a card":
        files["README.md"] = CARD
    api = pushed(hub, files)
    api.create_tag(NAME, tag="v1", repo_type="dataset")
    api.upload_file(
        path_or_fileobj=table(pictures[3:]),
        path_in_repo="data/train-0.parquet",
        repo_id=NAME,
        repo_type="dataset",
    )
    hub.log.clear()
    yield hub


def names(sources: Sources) -> list[str]:
    return [s.name for s in sources.backgrounds]


def test_they_are_the_same_as_from_a_folder(two_splits: HubServer, folder: Path) -> None:
    local, remote = load(folder), load(folder, backgrounds=f"{WHERE}@v1:test#photo")
    facts = {s.name: (s.digest, s.pixels_digest) for s in local.backgrounds}
    assert names(remote) == ["scene_02.png", "scene_03.png", "scene_04.png"]
    assert all(facts[s.name] == (s.digest, s.pixels_digest) for s in remote.backgrounds)


@pytest.mark.parametrize(
    ("split", "expected"), [("", ["scene_00.png", "scene_01.png"]), (":train", ["scene_00.png", "scene_01.png"])]
)
def test_only_files_of_the_split_are_downloaded(
    two_splits: HubServer, folder: Path, split: str, expected: list[str]
) -> None:
    assert names(load(folder, backgrounds=f"{WHERE}@v1{split}")) == expected
    downloads = [path for method, path, _ in two_splits.log if method == "GET" and path.endswith(".parquet")]
    assert downloads and all("train-0.parquet" in path for path in downloads)


def test_a_second_load_downloads_nothing(two_splits: HubServer, folder: Path) -> None:
    first = load(folder, backgrounds=f"{WHERE}@v1:test")
    two_splits.log.clear()
    assert load(folder, backgrounds=f"{WHERE}@v1:test") == first
    assert not [path for method, path, _ in two_splits.log if method == "GET" and path.endswith(".parquet")]


def test_without_a_revision_it_is_main(two_splits: HubServer, folder: Path) -> None:
    assert names(load(folder, backgrounds=WHERE)) == ["scene_03.png", "scene_04.png"]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"{WHERE}@v1:val", r"no split 'val'\. The splits are train, test\."),
        (f"{WHERE}@v1#n", r"no image column 'n'\. The image columns are photo\."),
        (f"{WHERE}@v9", r"cannot be loaded \(.*v9"),
        ("hf://datasets/alice/other", r"alice/other cannot be loaded"),
        ("hf://alice", r"Write hf://datasets/USER/NAME\[@REVISION\]\[/CONFIG\]\[:SPLIT\]\[#COLUMN\]\."),
    ],
)
def test_wrong_addresses(two_splits: HubServer, folder: Path, address: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        load(folder, backgrounds=address)


def test_rows_are_counted(hub: HubServer, folder: Path) -> None:
    """A split that is not as long as the dataset's card says is incomplete, or the card describes another version."""
    pictures = sorted((folder / "bg").glob("*.png"))
    files = {"data/train-0.parquet": table(pictures[:3]), "data/test-0.parquet": table(pictures[2:])}
    pushed(hub, {**files, "README.md": CARD})
    with pytest.raises(SourceError, match="split 'train' has 3 rows, its card says 2"):
        load(folder, backgrounds=WHERE)
    assert len(names(load(folder, backgrounds=f"{WHERE}:test"))) == 3


def test_a_dataset_without_images(hub: HubServer, folder: Path) -> None:
    pushed(hub, {"numbers.csv": b"a,b\n1,2\n"})
    with pytest.raises(SourceError, match=r"no image column\. Its columns are a, b\."):
        load(folder, backgrounds=WHERE)


def test_a_dataset_of_image_files(hub: HubServer, folder: Path) -> None:
    pictures = sorted((folder / "bg").glob("*.png"))
    pushed(hub, {f"{'train' if i < 3 else 'test'}/{path.name}": path.read_bytes() for i, path in enumerate(pictures)})
    hub.log.clear()
    assert names(load(folder, backgrounds=WHERE)) == ["scene_00.png", "scene_01.png", "scene_02.png"]
    assert not [path for _, path, _ in hub.log if "scene_03.png" in path]


def test_an_unreachable_hub(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match="cannot be loaded"):
        next(list_hub_images(WHERE))


@pytest.fixture
def own(hub: HubServer, work: Path) -> Path:
    """A dataset of this project on the Hub, tag v1: configs default, preview, bg (four) and fg (two)."""
    send(work / "out", tag="v1")
    return work


def test_sources_of_a_dataset_of_this_project_keep_names_and_alpha(own: Path, folder: Path) -> None:
    """Loaded from the configs bg and fg, they give the pixels that the dataset stores."""
    built = DatasetReader.open(str(own / "out"))
    stored = {kind: read_sources(built.files, built.manifest.files_of(kind)) for kind in ("bg", "fg")}
    loaded = load(folder, backgrounds=f"{WHERE}@v1/bg", foregrounds=f"{WHERE}@v1/fg")
    for kind, sources in (("bg", loaded.backgrounds), ("fg", loaded.cutouts)):
        assert sorted(s.name for s in sources) == sorted(stored[kind]), kind
    for kind, mode in (("bg", "RGB"), ("fg", "RGBA")):
        for file in list_hub_images(f"{WHERE}@v1/{kind}"):
            assert file.read() == stored[kind][file.name].image
            assert Image.open(io.BytesIO(file.read())).mode == mode
    again = {
        s.name: s for s in load(folder, backgrounds=f"{WHERE}@v1/bg", foregrounds=f"{WHERE}/fg:train#image").cutouts
    }
    assert again.keys() == stored["fg"].keys()


@pytest.mark.parametrize("address", [WHERE, f"{WHERE}@v1", f"{WHERE}@v1:train", f"{WHERE}#fg_bg"])
def test_several_configs_without_a_name(own: Path, folder: Path, address: str) -> None:
    """648 composites are no backgrounds."""
    start = address.split(":train")[0].split("#")[0]
    named = rf"Name one, such as {start}/bg or {start}/fg"
    with pytest.raises(SourceError, match=rf"the dataset has 4 configs: .*\n  {named}"):
        load(folder, backgrounds=address)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"{WHERE}@v1/gb", r"no config 'gb'\. The configs are .*bg, fg"),
        (f"{WHERE}@v1/bg:test", r"no split 'test'\. The splits are train\."),
        (f"{WHERE}@v1/default", r"has 2 image columns: fg_bg, fg_bg_mask\.\n.*such as .*@v1/default#fg_bg"),
        (f"{WHERE}@v1/a/b", r"is not the address of a dataset"),
    ],
)
def test_wrong_configs_and_columns(own: Path, folder: Path, address: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        load(folder, backgrounds=address)


def test_a_named_config_and_column(own: Path, folder: Path) -> None:
    assert len(list(list_hub_images(f"{WHERE}@v1/default#fg_bg"))) == 32


def test_stored_backgrounds_with_depth(hub: HubServer, folder: Path) -> None:
    """The configs of labelled datasets have two image columns; the pictures are in `image`."""
    pictures = [str(path) for path in sorted((folder / "bg").glob("*.png"))[:2]]
    columns = {"name": ["lake", "alps/lake"], "digest": ["a", "b"], "image": pictures, "depth": pictures[::-1]}
    rows = datasets.Dataset.from_dict(columns)
    buffer = io.BytesIO()
    rows.cast_column("image", datasets.Image()).cast_column("depth", datasets.Image()).to_parquet(buffer)
    pushed(hub, {"data/train-0.parquet": buffer.getvalue()})
    found = list(list_hub_images(WHERE))
    assert [file.name for file in found] == ["lake", "alps/lake"]
    assert found[0].read() == Path(pictures[0]).read_bytes()


@pytest.mark.parametrize(
    ("text", "revision", "config", "split", "column"),
    [
        ("hf://datasets/a/b", None, "", "", ""),
        ("hf://datasets/a/b@v1", "v1", "", "", ""),
        ("hf://datasets/a/b/bg", None, "bg", "", ""),
        ("hf://datasets/a/b@v1/bg:train#image", "v1", "bg", "train", "image"),
        ("hf://datasets/a/b@refs/pr/3/bg", "refs/pr/3", "bg", "", ""),
        ("hf://datasets/a/b@refs/convert/parquet", "refs/convert/parquet", "", "", ""),
        ("hf://datasets/a/b@next%2F2/bg", "next/2", "bg", "", ""),
        ("hf://datasets/a/b#a/b:c", None, "", "", "a/b:c"),
    ],
)
def test_addresses(text: str, revision: str | None, config: str, split: str, column: str) -> None:
    address = HubAddress.parse(text)
    assert (address.repo, address.revision) == ("a/b", revision)
    assert (address.config, address.split, address.column) == (config, split, column)
