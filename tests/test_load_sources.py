"""All sources of a recipe: every bad file is named, and the result does not depend on the workers."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tiny import make_sources, quiet_build, save, scene, thing, tiny_recipe

from fgbg_depth.errors import SourceError
from fgbg_depth.render.codecs import decode_rgb, decode_rgba
from fgbg_depth.sources import load as load_module
from fgbg_depth.sources.load import Sources, load_sources
from fgbg_depth.verify.check import verify


def load(folder: Path, **changes: object) -> Sources:
    return load_sources(tiny_recipe(folder, **changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_sources(tmp_path, 2, 2)


def test_one_message_names_every_bad_file(folder: Path) -> None:
    (folder / "bg" / "empty.png").write_bytes(b"")
    (folder / "bg" / "page.jpg").write_text("<html>")
    (folder / "bg" / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "bg" / "round.png").symlink_to(folder / "bg" / "round.png")
    save(scene(1, 3, 3), folder / "bg" / "tiny.png")
    save(scene(0), folder / "fg" / "opaque.png")
    save(np.zeros((9, 9, 4), np.uint8), folder / "fg" / "clear.png")
    faint = thing(3)
    faint[..., 3] //= 10
    save(faint, folder / "fg" / "faint.png")
    dot = np.zeros((20, 20, 4), np.uint8)
    dot[5, 5] = 255
    save(dot, folder / "fg" / "dot.png")
    whole = (folder / "fg" / "thing_00.png").read_bytes()
    (folder / "fg" / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError) as e:
        load(folder)
    text = str(e.value)
    assert text.startswith("10 source files cannot be used") and "--skip-bad" in text
    reasons = {
        "empty.png": "is empty",
        "page.jpg": "not a picture",
        "gone.png": "cannot be read",
        "round.png": "cannot be read",
        "tiny.png": "smaller than 4 pixels (3x3)",
        "opaque.png": "no transparency (mode RGB)",
        "clear.png": "fully transparent",
        "faint.png": "too faint to be foreground",
        "dot.png": "a visible part of 1x1 pixels",
        "half.png": "damaged",
    }
    for file, reason in reasons.items():
        line = next(line for line in text.splitlines() if f"  {file} " in line)
        assert reason in line
    found = load(folder, skip_bad=True)
    assert {file for file, _ in found.skipped} == reasons.keys()
    assert len(found.backgrounds) == 2 and len(found.cutouts) == 2


@pytest.mark.parametrize(("kind", "is_about_alpha"), [("bg", False), ("fg", True)])
def test_the_advice_is_about_the_files_that_cannot_be_used(folder: Path, kind: str, is_about_alpha: bool) -> None:
    """Damaged backgrounds need no advice about alpha channels."""
    if kind == "bg":
        (folder / "bg" / "half.png").write_bytes((folder / "bg" / "scene_00.png").read_bytes()[:300])
    else:
        save(scene(0), folder / "fg" / "opaque.png")
    with pytest.raises(SourceError) as e:
        load(folder)
    assert ("A cut-out needs an alpha channel" in str(e.value)) == is_about_alpha
    assert str(e.value).endswith("\n  Repair or remove this file, or pass --skip-bad to leave it out.")


def test_the_message_lists_50_bad_files_and_counts_the_others(folder: Path) -> None:
    for i in range(120):
        (folder / "bg" / f"bad{i}.png").write_bytes(b"")
    with pytest.raises(SourceError) as e:
        load(folder)
    assert "120 source files" in str(e.value) and "and 70 more" in str(e.value) and len(str(e.value)) < 4000


def test_the_number_of_workers_changes_nothing(sources: Path) -> None:
    assert load_sources(tiny_recipe(sources), 1) == load_sources(tiny_recipe(sources), 4)


def test_the_digest_of_pixels_is_that_of_the_prepared_image(sources: Path) -> None:
    found = load(sources)
    for s in (*found.backgrounds, *found.cutouts):
        mode = "RGBA" if s in found.cutouts else "RGB"
        image = Image.frombytes(
            mode, (s.width, s.height), (decode_rgba if mode == "RGBA" else decode_rgb)(s.png).tobytes()
        )
        assert hashlib.sha256(image.tobytes()).hexdigest() == s.pixels_digest


def test_lookalikes_are_grouped_once_a_kind(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grouping takes seconds with 10,000 sources; the warnings and the splits use the same groups."""
    counts = []
    group = load_module.group_lookalikes

    def counted(thumbnails: list[np.ndarray]) -> list[list[int]]:
        counts.append(len(thumbnails))
        return group(thumbnails)

    monkeypatch.setattr(load_module, "group_lookalikes", counted)
    load(sources)
    assert counts == [5, 5]


def test_lookalikes_are_reported_and_divided_together(folder: Path) -> None:
    """A re-saved and a mirrored copy of one background, under names that sort apart."""
    Image.fromarray(scene(0)).save(folder / "bg" / "a-copy.jpg", quality=90)
    save(scene(0)[:, ::-1], folder / "bg" / "z-mirrored.png")
    for index in range(2, 9):
        save(scene(index), folder / "bg" / f"scene_{index:02d}.png")
    alike = {"a-copy", "scene_00.png", "z-mirrored.png"}
    held_out = []
    for seed in range(12):
        found = load(folder, seed=seed, holdout=0.3)
        assert any(
            w == "a-copy.jpg, scene_00.png, z-mirrored.png: these look alike; they stay on the same side of the splits"
            for w in found.warnings
        )
        sides = {s.held_out for s in found.backgrounds if s.name in alike}
        assert len(sides) == 1
        held_out += sides
    assert set(held_out) == {True, False}


@pytest.mark.parametrize(("band", "is_too_high"), [((0.0, 0.1), True), ((0.7, 0.9), False)])
def test_the_card_states_where_cutouts_stand_in_the_rows(
    folder: Path, band: tuple[float, float], is_too_high: bool
) -> None:
    logged: list[str] = []
    recipe = tiny_recipe(folder, placement_mode="ground", ground_band=band, foreground_min=0.4, foreground_max=0.5)
    quiet_build(recipe, folder / "out", log=logged.append)
    table = pa.concat_tables([pq.read_table(path, columns=["y", "height"]) for path in (folder / "out/data").iterdir()])
    edges = pc.divide(pc.add(table["y"], table["height"]).cast("float64"), 32.0)
    card = (folder / "out" / "README.md").read_text()
    found = re.search(r"the lower edge of the cut-out is ([\d.]+) to ([\d.]+) % down the picture", card)
    assert found is not None
    assert float(found[1]) == pytest.approx(100 * pc.min(edges).as_py(), abs=0.1)
    assert float(found[2]) == pytest.approx(100 * pc.max(edges).as_py(), abs=0.1)
    assert ("the recipe asks for 0 to 10 %" in card) == is_too_high
    assert any("2 of 2 cut-outs are too tall to stand in it" in line for line in logged) == is_too_high
    assert verify(folder / "out").ok
