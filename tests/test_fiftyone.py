"""`fiftyone.yml`: what it says, and FiftyOne's own `load_from_hub` reading a dataset by it.

The second part needs FiftyOne, which is not among the requirements of the tests because of its size, and no database: a
class stands in for FiftyOne's dataset, and a server on this machine for the dataset viewer of the Hub, from which
FiftyOne reads rows. To run it: pip install fiftyone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import yaml
from datasets import Dataset, Image, load_dataset
from made_statistics import METRIC, made_manifest
from PIL import Image as Pictures
from small_output import make_output

from fgbg_depth import schema
from fgbg_depth.card.fiftyone import fiftyone_yaml
from fgbg_depth.recipe import Recipe

VARIED: dict[str, Any] = {"objects": [1, 2], "visible_min": 0.5, "holdout": 0.3}


def test_masks_depth_and_splits_are_named() -> None:
    found = yaml.safe_load(fiftyone_yaml(made_manifest(Recipe(objects=(1, 2)), METRIC)))
    assert found["format"] == "ParquetFilesDataset" and found["filepath"] == "fg_bg"
    masks, depth = ["fg_bg_mask", "fg_bg_instances"], ["fg_bg_depth", "fg_bg_depth_placed"]
    assert list(found["additional_media_fields"].values()) == masks + depth
    assert found["subsets"] == ["default"] and found["splits"] == list(schema.SPLITS)


def test_a_dataset_without_depth_names_none() -> None:
    found = yaml.safe_load(fiftyone_yaml(made_manifest(Recipe(depth_model="none", holdout=0), None)))
    assert found["additional_media_fields"] == {"fg_bg_mask_path": "fg_bg_mask"} and found["splits"] == ["train"]


class Viewer(BaseHTTPRequestHandler):
    """The dataset viewer's endpoints that FiftyOne asks: /splits, /info and /rows, and the images of rows."""

    splits: dict[str, Dataset]

    def log_message(self, *args: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer a request."""
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/image/"):
            split, index, column = parts.path.split("/")[2:]
            data = self.splits[split][int(index)][column]["bytes"]
        else:
            answers = {"/splits": self._list, "/info": self._info, "/rows": self._rows}
            data = json.dumps(answers[parts.path](query)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        configs = {"default": list(self.splits), "bg": ["train"]}
        return {"splits": [{"split": split, "config": name} for name, splits in configs.items() for split in splits]}

    def _info(self, query: dict[str, str]) -> dict[str, Any]:
        rows = next(iter(self.splits.values()))
        counts = {name: {"num_examples": len(split)} for name, split in self.splits.items()}
        return {"dataset_info": {"features": rows.features.to_dict(), "splits": counts}}

    def _rows(self, query: dict[str, str]) -> dict[str, Any]:
        split, start, length = query["split"], int(query["offset"]), int(query["length"])
        rows = self.splits[split]
        found = []
        for index in range(start, min(start + length, len(rows))):
            row = rows[index]
            for name, feature in rows.features.items():
                if isinstance(feature, Image):
                    host, port = self.server.server_address[:2]
                    row[name] = {"src": f"http://{host!s}:{port}/image/{split}/{index}/{name}"}
            found.append({"row_idx": index, "row": row})
        return {"rows": found}


class Samples(list[Any]):
    """In the place of FiftyOne's dataset, which needs a database."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options, self.info, self.app_config = options, {}, SimpleNamespace()

    def add_samples(self, samples: list[Any], progress: bool = True) -> None:
        """Keep samples."""
        self += samples

    def save(self) -> None:
        """There is nothing to save to."""


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[tuple[str, Path, dict[str, Dataset]]]:
    """The address of a viewer, the output that it shows, and its rows with encoded images."""
    output = make_output(tmp_path, **VARIED)
    splits = load_dataset(str(output))
    splits = {name: _encoded(rows) for name, rows in splits.items()}
    handler = type("ViewerOfOne", (Viewer,), {"splits": splits})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", output, splits
        server.shutdown()
        thread.join()


def _encoded(rows: Dataset) -> Dataset:
    for name, feature in rows.features.items():
        if isinstance(feature, Image):
            rows = rows.cast_column(name, Image(decode=False))
    return rows


def test_load_from_hub_opens_it_with_its_masks(
    viewer: tuple[str, Path, dict[str, Dataset]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fiftyone = pytest.importorskip("fiftyone")
    from fiftyone.utils import huggingface

    address, output, splits = viewer
    monkeypatch.setattr(huggingface, "DATASETS_SERVER_URL", address)
    monkeypatch.setattr(huggingface.fod, "Dataset", Samples)
    monkeypatch.setattr(fiftyone.config, "default_dataset_dir", str(tmp_path / "fiftyone"))
    samples = huggingface.load_from_hub("me/scenes", config_file=str(output / schema.FIFTYONE))
    assert samples.options["name"] == "me/scenes"
    assert len(samples) == sum(map(len, splits.values()))
    for sample in samples:
        (split,) = sample["tags"]
        row = splits[split][sample["row_idx"]]
        label = fiftyone.Segmentation(mask_path=sample["fg_bg_mask_path"])  # as the head of the file says
        assert np.array_equal(label.get_mask(), np.asarray(Pictures.open(BytesIO(row["fg_bg_mask"]["bytes"]))))
        names = ("fg_bg_mask", "fg_bg_instances", "fg_bg_depth", "fg_bg_depth_placed")
        paths = {"fg_bg": sample["filepath"], **{name: sample[f"{name}_path"] for name in names}}
        assert {name: Path(path).read_bytes() for name, path in paths.items()} == {n: row[n]["bytes"] for n in paths}
        assert sample["fg"] == row["fg"] and sample["x"] == row["x"]
