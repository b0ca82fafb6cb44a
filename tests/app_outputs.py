"""Small datasets for the tests of the app, with the files that a build writes. Making one takes a second."""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fgbg_depth.schema import FORMAT, slug

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
SMALL = {"bg": pa.string(), "fg": pa.string(), "flip": pa.bool_(), "placement": pa.int32()}
SMALL |= {key: pa.int32() for key in ("x", "y", "width", "height")}
DEPTHS = {
    "metric": {"kind": "metric", "unit": "m", "offset": 0.0, "step": 0.001, "low": 0.1, "high": 10.0},
    "relative_disparity": {
        "kind": "relative_disparity",
        "unit": "",
        "offset": 0.0,
        "step": 1 / 65534,
        "low": 0.0,
        "high": 1.0,
    },
}


def depth_spec(kind: str) -> dict:
    """The depth spec of these datasets, as in statistics.json."""
    shared = {"model": "densedepth-demo", "revision": "", "digest": "0" * 16, "bits": 16, "precision": "fp32"}
    return shared | {"input_size": "native", "flip": False, "license": "apache-2.0"} | DEPTHS[kind]


def encode(array: np.ndarray, file_format: str = "PNG") -> bytes:
    """Bytes of an image file from (H, W), (H, W, 3) or (H, W, 4) pixels."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, file_format, **({"quality": 90} if file_format == "JPEG" else {}))
    return buffer.getvalue()


def make_background(index: int, size: int) -> np.ndarray:
    """(size, size, 3) uint8: a sky above a floor. `index` determines the colour."""
    y, x = np.mgrid[0:size, 0:size] / size
    hue = np.array([0.4 + 0.5 * np.sin(index * 1.7 + k) for k in (0, 2, 4)])
    sky = hue * 0.6 + 0.4
    image = np.where((y < 0.45)[..., None], sky * (1 - 0.4 * y[..., None]), hue * (0.35 + 0.6 * y[..., None]))
    stripes = 0.08 * np.sign(np.sin(30 * x / (0.2 + np.abs(y - 0.4))))[..., None] * (y >= 0.45)[..., None]
    return (np.clip(image + stripes, 0, 1) * 255).astype(np.uint8)


def make_cutout(index: int, size: int) -> np.ndarray:
    """(h, w, 4) uint8, straight alpha: a soft ellipse. `index` determines shape and colour."""
    height, width = max(size // 2, 2), max(size * (3 + index % 4) // 12, 2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    radius = np.hypot(x, y)
    alpha = np.clip((1 - radius) * 8, 0, 1)
    colour = np.array([0.5 + 0.5 * np.cos(index * 2.1 + k) for k in (0, 2, 4)])
    shade = np.clip(1.1 - np.hypot(x + 0.4, y + 0.5) / 2, 0, 1)
    return (np.dstack([colour * shade[..., None], alpha]) * 255).astype(np.uint8)


def _load(folder: Path, mode: str, size: int, num: int) -> dict[str, np.ndarray]:
    found = sorted(p for p in folder.iterdir() if p.suffix in {".jpg", ".png", ".jpeg"})[:num]
    images = {}
    for path in found:
        image = Image.open(path).convert(mode)
        if mode == "RGB":
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side)).resize((size, size))
        else:
            image = image.crop(image.getchannel("A").getbbox())
            height = size * 47 // 100
            image = image.resize((max(1, round(image.width * height / image.height)), height))
        images[path.stem] = np.asarray(image)
    return images


def _compose(background: np.ndarray, cutout: np.ndarray, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    frame_h, frame_w = background.shape[:2]
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + cutout.shape[0], frame_h), min(x + cutout.shape[1], frame_w)
    part = cutout[top - y : bottom - y, left - x : right - x]
    mask = np.zeros((frame_h, frame_w), np.uint8)
    image = background.copy()
    mask[top:bottom, left:right] = part[..., 3]
    alpha = part[..., 3:].astype(np.float32) / 255
    blended = part[..., :3] * alpha + image[top:bottom, left:right] * (1 - alpha)
    image[top:bottom, left:right] = np.round(blended)
    return image, mask


def _depth_values(mask: np.ndarray, bottom: int, kind: str) -> np.ndarray:
    size = mask.shape[0]
    y = np.mgrid[0:size, 0:size][0] / size
    metres = np.where(y < 0.45, 9.0 - 3 * y, 3.4 / np.maximum(y, 0.1))
    metres = np.where(mask >= 128, 3.2 / max(bottom / size, 0.4), metres).clip(0.1, 10)
    scaled = metres * 1000 if kind == "metric" else 1 + (1 / metres - 0.1).clip(0, 1) * 65534
    stored = np.round(scaled)
    stored[:2, :2] = 0  # a corner without a label
    return stored.astype(np.uint16)


def _image(data: bytes) -> dict:
    return {"bytes": data, "path": None}


def write_table(path: Path, columns: dict[str, list], schema: dict[str, pa.DataType], meta: dict) -> dict:
    """Write one parquet file as a build does, and return its entry of statistics.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = pa.schema(schema).with_metadata({"fgbg_depth": json.dumps(meta)})
    table = pa.table(columns, schema=fields)
    pq.write_table(table, path, row_group_size=100, compression="none", use_dictionary=sorted(SMALL))
    data = path.read_bytes()
    return {"rows": table.num_rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def make_output(
    output: Path,
    num_backgrounds: int = 3,
    num_cutouts: int = 4,
    placements: int = 5,
    size: int = 96,
    depth: str | None = "metric",
    real: Path | None = None,
    names: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """Write a dataset. `names` are the names of the first cut-outs; `real` is a folder to take pictures from."""
    rng = np.random.Generator(np.random.Philox(seed))
    if real is not None:
        backgrounds = _load(real / "backgrounds", "RGB", size, num_backgrounds)
        cutouts = _load(real / "foregrounds", "RGBA", size, num_cutouts)
    else:
        backgrounds = {f"scene {i:03d}": make_background(i, size) for i in range(num_backgrounds)}
        made = [*names, *(f"object_{i:03d}" for i in range(len(names), num_cutouts))]
        cutouts = {name: make_cutout(i, size) for i, name in enumerate(made)}
    held_bg, held_fg = {sorted(backgrounds)[-1]}, {sorted(cutouts)[-1]}
    schema = {"fg_bg": IMAGE, "fg_bg_mask": IMAGE} | ({"fg_bg_depth": IMAGE} if depth else {}) | SMALL
    shards: dict[str, dict] = {}
    splits: dict[str, int] = {}
    total = _Totals()
    for bg, background in sorted(backgrounds.items()):
        for unseen_fg in (False, True):
            chosen = sorted(name for name in cutouts if (name in held_fg) == unseen_fg)
            rows: dict[str, list] = {key: [] for key in schema}
            for fg in chosen:
                for flip in (False, True):
                    for placement in range(placements):
                        cutout = cutouts[fg][:, ::-1] if flip else cutouts[fg]
                        h, w = cutout.shape[:2]
                        x, y = (
                            int(rng.integers(-w // 3, size - w + w // 3)),
                            int(rng.integers(0, size - h + h // 3)),
                        )
                        image, mask = _compose(background, cutout, x, y)
                        rows["fg_bg"].append(_image(encode(image, "JPEG")))
                        rows["fg_bg_mask"].append(_image(encode(mask)))
                        if depth:
                            stored = _depth_values(mask, min(y + h, size), depth)
                            rows["fg_bg_depth"].append(_image(encode(stored)))
                            total.depth(stored, depth)
                        total.row(image, mask)
                        values = (bg, fg, flip, placement, x, y, w, h)
                        for key, value in zip(SMALL, values, strict=True):
                            rows[key].append(value)
            unseen = {(0, 0): "train", (1, 0): "test_unseen_bg", (0, 1): "test_unseen_fg"}
            split = unseen.get((bg in held_bg, unseen_fg), "test_unseen_both")
            digest = hashlib.sha256(f"{split}{bg}{seed}".encode()).hexdigest()[:24]
            name = f"data/{split}-{slug(bg)}-{digest}.parquet"
            meta = {"format": FORMAT, "rows": len(rows["bg"]), "split": split}
            shards[name] = write_table(output / name, rows, schema, meta)
            splits[split] = splits.get(split, 0) + len(rows["bg"])
    files, sources = _write_sources(output, backgrounds, cutouts, held_bg, held_fg)
    statistics = total.statistics(depth) | {
        "format": FORMAT, "name": output.name, "version": None, "rows": sum(splits.values()), "splits": splits,
        "shards": shards, "files": files, "sources": sources, "skipped": [], "warnings": [], "history": [],
        "recipe": {"name": output.name, "size": size, "placements": placements, "mirror": True, "seed": seed,
                   "license": "cc-by-4.0", "image_format": "jpeg", "holdout": 0.1, "depth_label": "predicted"},
        "depth": depth_spec(depth) if depth else None,
    }  # fmt: skip
    by_split = {"fg_bg", "fg_bg_mask", "fg_bg_depth"} & statistics["kinds"].keys()
    statistics["by_split"] = {
        split: {kind: statistics["kinds"][kind] | {"count": rows} for kind in sorted(by_split)}
        for split, rows in splits.items()
    }
    card = f"---\npretty_name: {output.name}\n---\n# {output.name}\n\nA card with a [link](https://example.org).\n"
    (output / "README.md").write_text(card + "\n| column | meaning |\n|---|---|\n| `fg_bg` | composite |\n")
    (output / "recipe.yaml").write_text(f"name: {output.name}\nsize: {size}\n")
    (output / "statistics.json").write_text(json.dumps(statistics))
    return output


def _write_sources(output: Path, backgrounds: dict, cutouts: dict, held_bg: set, held_fg: set) -> tuple[dict, dict]:
    digest = hashlib.sha256(repr(sorted(cutouts)).encode()).hexdigest()[:16]
    bg: dict[str, list] = {key: [] for key in ("name", "image", "held_out", "digest")}
    for name, image in sorted(backgrounds.items()):
        for key, value in zip(bg, (name, _image(encode(image)), name in held_bg, digest), strict=True):
            bg[key].append(value)
    fg: dict[str, list] = {key: [] for key in ("name", "image", "mask", "held_out", "digest", "width", "height")}
    for name, image in sorted(cutouts.items()):
        h, w = image.shape[:2]
        pictures = _image(encode(image)), _image(encode(np.ascontiguousarray(image[..., 3])))
        for key, value in zip(fg, (name, *pictures, name in held_fg, digest, w, h), strict=True):
            fg[key].append(value)
    schema = {"name": pa.string(), "image": IMAGE, "held_out": pa.bool_(), "digest": pa.string()}
    fg_schema = schema | {"mask": IMAGE, "width": pa.int32(), "height": pa.int32()}
    files = {
        f"bg/train-{digest}.parquet": write_table(output / f"bg/train-{digest}.parquet", bg, schema, {}),
        f"fg/train-{digest}.parquet": write_table(
            output / f"fg/train-{digest}.parquet", fg, {key: fg_schema[key] for key in fg}, {}
        ),
    }
    sources = {
        "bg": {name: {"digest": digest, "held_out": name in held_bg, "file": name} for name in backgrounds},
        "fg": {name: {"digest": digest, "held_out": name in held_fg, "file": name} for name in cutouts},
    }
    return files, sources


class _Totals:
    """The part of a build's statistics that the pages show."""

    def __init__(self) -> None:
        self.images: list[np.ndarray] = []
        self.masks: list[np.ndarray] = []
        self.depths: list[np.ndarray] = []

    def row(self, image: np.ndarray, mask: np.ndarray) -> None:
        self.images.append(image[::4, ::4])
        self.masks.append(mask)

    def depth(self, stored: np.ndarray, kind: str) -> None:
        spec = DEPTHS[kind]
        value = spec["offset"] + spec["step"] * stored.astype(np.float64)
        self.depths.append(np.where(stored > 0, value, np.nan)[::4, ::4])

    def statistics(self, depth: str | None) -> dict:
        image, mask = np.stack(self.images) / 255, np.stack(self.masks) / 255
        count, size = mask.shape[0], mask.shape[1]
        shared = {"count": count, "height": [size, size], "width": [size, size], "bytes": 1_000_000}
        mean, std = image.mean((0, 1, 2)).tolist(), image.std((0, 1, 2)).tolist()
        kinds = {
            "bg": shared | {"count": 3, "mode": "RGB", "mean": mean, "std": std},
            "fg": shared | {"count": 4, "mode": "RGBA", "mean": [*mean, 0.7], "std": [*std, 0.4], "width": [24, 48]},
            "fg_bg": shared | {"mode": "RGB", "mean": mean, "std": std},
            "fg_bg_mask": shared | {"mode": "L", "mean": [mask.mean()], "std": [mask.std()]},
        }
        covered = mask.mean((1, 2))
        cell = size // 32
        heat = mask[:, : cell * 32, : cell * 32].reshape(count, 32, cell, 32, cell).mean((0, 2, 4))
        histogram = None
        if depth:
            values = np.stack(self.depths)
            spec = DEPTHS[depth]
            counts, edges = np.histogram(values[~np.isnan(values)], 256, (spec["low"], spec["high"]))
            histogram = {"edges": edges.tolist(), "counts": counts.tolist()}
            kinds["fg_bg_depth"] = shared | {
                "mode": "I;16", "mean": [0.3], "std": [0.1], "invalid_fraction": float(np.isnan(values).mean()),
                "mean_value": float(np.nanmean(values)), "std_value": float(np.nanstd(values)),
                "min_value": float(np.nanmin(values)), "max_value": float(np.nanmax(values)),
            }  # fmt: skip
        return {
            "kinds": kinds, "depth_histogram": histogram, "heat_map": heat.tolist(),
            "coverage": {"mean": float(covered.mean()), "histogram": np.histogram(covered, 50, (0, 1))[0].tolist()},
        }  # fmt: skip
