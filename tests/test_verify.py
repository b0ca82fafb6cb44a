"""`verify`: what it finds, and whether following its advice repairs the output."""

import io
import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from small_output import METRIC, build_small, make_output, metric_output, output_copy, use_slope  # noqa: F401

from fgbg_depth import schema
from fgbg_depth.card.croissant import croissant_json
from fgbg_depth.card.front_matter import front_matter
from fgbg_depth.errors import DepthError
from fgbg_depth.manifest import Manifest
from fgbg_depth.render.png import encode_mask
from fgbg_depth.scene.layers import Layer, row_facts
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import read_record, write_parquet
from fgbg_depth.verify.check import verify
from fgbg_depth.verify.expected import replan
from fgbg_depth.verify.labels import check_labels, difference

# ruff: noqa: F811 (fixtures)


def shards(output, split="train"):
    return sorted(f"data/{p.name}" for p in output.glob(f"data/{split}-*"))


def only_problem(output, **options):
    report = verify(output, **options)
    assert len(report.problems) == 1, report.problems
    assert not report.ok and "\n" not in report.problems[0]
    return report.problems[0]


def rewrite(output, name, change, footer=None):
    """Replace a shard by a changed one, and write its new hash into statistics.json."""
    storage = Storage(output)
    table, record = pq.read_table(output / name), read_record(storage, name)
    written = write_parquet(storage, name, schema.features(), [change(table)], lambda: {**record, **(footer or {})})
    note_hash(output, name, written)


def note_hash(output, name, written):
    path = output / "statistics.json"
    statistics = json.loads(path.read_text())
    kind = "shards" if name.startswith("data/") else "files"
    statistics[kind][name] |= {"bytes": written.bytes, "sha256": written.sha256}
    path.write_text(json.dumps(statistics))


def with_cell(table, column, row, value):
    values = table.column(column).to_pylist()
    values[row] = value(values[row])
    index = table.column_names.index(column)
    return table.set_column(index, column, pa.array(values, table.schema.field(column).type))


@pytest.mark.parametrize("full", [False, True])
def test_an_intact_output_has_no_problem(metric_output, full):
    calls = []
    report = verify(metric_output, full=full, progress=lambda done, total: calls.append((done, total)))
    assert report.ok and report.problems == () and report.notes == ()
    assert report.rows == 80 and report.files == 21  # 8 shards, 4 + 5 sources, a preview for each background
    assert report.remade == 80 if full else 8 <= report.remade < 80
    assert calls[-1] == (80, 80)
    assert "no problem" in report.summary()


@pytest.mark.parametrize(
    "choices",
    [
        {"holdout": 0, "mirror": False},
        {"placement_mode": "ground", "visible_min": 0.5, "image_format": "png"},
        {"spec": None, "shard_rows": 4},
    ],
)
@pytest.mark.slow
def test_outputs_of_other_recipes_have_no_problem(tmp_path, choices):
    report = verify(make_output(tmp_path, **choices), full=True)
    assert report.ok, report.problems


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9, 0.999])
def test_a_flipped_byte(output_copy, where):
    output = output_copy()
    name = shards(output)[1]
    data = bytearray((output / name).read_bytes())
    data[int(len(data) * where)] ^= 1
    (output / name).write_bytes(data)
    problem = only_problem(output)
    assert problem.startswith(f"{name}: its SHA-256 is not the one in statistics.json") and "Build again" in problem


@pytest.mark.parametrize("folder", ["bg", "fg", "preview"])
def test_a_flipped_byte_in_a_small_config(output_copy, folder):
    output = output_copy()
    path = min((output / folder).iterdir())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert only_problem(output).startswith(f"{folder}/{path.name}: its SHA-256 is not the one in statistics.json")


def test_a_truncated_and_an_empty_shard(output_copy):
    output = output_copy()
    first, second = shards(output)[:2]
    (output / first).write_bytes((output / first).read_bytes()[:-10])
    (output / second).write_bytes(b"")
    problems = verify(output).problems
    assert [p.split(":")[0] for p in problems] == [first, second]


@pytest.mark.parametrize("folder", ["data", "bg", "fg", "preview"])
def test_a_missing_file(output_copy, folder):
    output = output_copy()
    path = next(iter(sorted((output / folder).iterdir())))
    path.unlink()
    problems = verify(output).problems
    assert any(p.startswith(f"{folder}/{path.name}: missing. Build again") for p in problems)
    assert len(problems) == 1


@pytest.mark.parametrize("name", ["data/notes.txt", "data/train-x-0.parquet", "data/sub/a.parquet", "bg/b.parquet"])
def test_a_stray_file(output_copy, name):
    output = output_copy()
    (output / name).parent.mkdir(exist_ok=True)
    (output / name).write_bytes(b"PAR1 but not really")
    assert only_problem(output).startswith(f"{name}: not a file of this dataset. Delete it")


def test_hidden_files_and_other_files_of_the_user_are_ignored(output_copy):
    output = output_copy()
    for name in (
        ".gitattributes",
        "data/.x.parquet.0123.tmp",
        ".cache/a",
        "LICENSE",
        "assets/mine.png",
        ".lock",
    ):
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).touch()
    assert verify(output).ok


@pytest.mark.slow
def test_a_shard_of_another_recipe_beside_ours(output_copy, tmp_path):
    output = output_copy()
    other = make_output(tmp_path / "other", seed=1)
    name = shards(other)[0]
    shutil.copy(other / name, output / name)
    assert only_problem(output).startswith(f"{name}: a shard of another recipe or of other sources")


@pytest.mark.slow
def test_a_shard_of_another_recipe_under_our_name(output_copy, tmp_path):
    output = output_copy()
    other = make_output(tmp_path / "other", seed=1)
    ours, theirs = shards(output)[0], shards(other)[0]
    shutil.copy(other / theirs, output / ours)
    problem = only_problem(output)
    assert problem.startswith(ours) and "of another recipe" in problem
    # with its hash in statistics.json, only the footer shows it
    storage = Storage(output)
    entry = {"bytes": (output / ours).stat().st_size, "sha256": storage.sha256(ours)}
    statistics = json.loads((output / "statistics.json").read_text())
    statistics["shards"][ours] |= entry
    (output / "statistics.json").write_text(json.dumps(statistics))
    assert "its footer is that of another recipe" in verify(output).problems[0]


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("kinds", "fg_bg", "mean", 1), 0.5),
        (("by_split", "train", "fg_bg_mask", "std", 0), 0.1),
        (("kinds", "fg_bg_depth", "mean_value"), 3.0),
        (("kinds", "bg", "count"), 5),
        (("coverage", "histogram", 3), 99),
        (("heat_map", 4, 4), 0.9),
        (("depth_histogram", "counts", 0), 1),
        (("splits", "train"), 47),
        (("rows",), 81),
        (("name",), "someone else's"),
        (("sources", "bg", "scene_0.png", "held_out"), "maybe"),
    ],
)
def test_statistics_that_disagree(output_copy, keys, value):
    output = output_copy()
    statistics = json.loads((output / "statistics.json").read_text())
    at = statistics
    for key in keys[:-1]:
        at = at[key]
    assert at[keys[-1]] != value
    at[keys[-1]] = value
    (output / "statistics.json").write_text(json.dumps(statistics))
    assert any(p.startswith(f"statistics.json: {keys[0]}") for p in verify(output).problems)


def test_footers_that_disagree_with_their_pixels_are_found_in_full(output_copy):
    output = output_copy()
    name = shards(output)[0]
    record = read_record(Storage(output), name)
    record["statistics"]["rgb_histogram"][0][7] += 1
    record["statistics"]["rgb_histogram"][0][8] -= 1
    rewrite(output, name, lambda table: table, record)
    assert "the statistics in its footer are not those of its pixels" in verify(output, full=True).problems[0]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("x", lambda v: v + 1, "row 2: x is"),
        ("fg", lambda v: "thing_9", "row 2: fg is 'thing_9'"),
        ("flip", lambda v: not v, "row 2: flip is"),
        ("placement", lambda v: 0 if v else 1, "row 2: placement is"),  # a row twice, another missing
    ],
)
def test_a_row_with_other_columns(output_copy, column, value, words):
    output = output_copy()
    rewrite(output, shards(output)[0], lambda table: with_cell(table, column, 2, value))
    assert words in verify(output).problems[0]


def png_of(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def jpeg_of(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", quality=90)
    return {"bytes": buffer.getvalue(), "path": None}


SIDE = 64
BAD_CELLS = {
    "another mask": (
        "fg_bg_mask",
        lambda v: {"bytes": encode_mask(np.zeros((SIDE, SIDE), np.uint8)), "path": None},
        "fg_bg_mask is not the alpha of",
    ),
    "another picture": ("fg_bg", lambda v: jpeg_of(np.full((SIDE, SIDE, 3), 90, np.uint8)), "fg_bg is not"),
    "8-bit depth": ("fg_bg_depth", lambda v: png_of(np.ones((SIDE, SIDE), np.uint8)), "with 8 bits"),
    "RGB depth": ("fg_bg_depth", lambda v: png_of(np.ones((SIDE, SIDE, 3), np.uint8)), "colour type 2"),
    "small depth": ("fg_bg_depth", lambda v: png_of(np.ones((8, 8), np.uint16)), "is 8x8"),
    "broken depth": ("fg_bg_depth", lambda v: {"bytes": v["bytes"][:60], "path": None}, "does not decode"),
    "no depth": ("fg_bg_depth", lambda v: None, "fg_bg_depth"),
}


@pytest.mark.parametrize("case", BAD_CELLS)
def test_a_row_with_other_images(output_copy, case):
    column, value, words = BAD_CELLS[case]
    output = output_copy()
    rewrite(output, shards(output)[0], lambda table: with_cell(table, column, 2, value))
    problems = verify(output, full=True).problems
    assert any(words in p and "row 2" in p for p in problems), problems


def test_the_same_pixels_in_other_bytes_are_a_note(output_copy):
    output = output_copy()
    again = lambda v: png_of(np.asarray(Image.open(io.BytesIO(v["bytes"]))))  # noqa: E731
    rewrite(output, shards(output)[0], lambda table: with_cell(table, "fg_bg_mask", 2, again))
    report = verify(output, full=True)
    assert any("1 row with the pixels that composing again gives, but in other bytes" in note for note in report.notes)
    assert not any("row 2" in p for p in report.problems)


def test_another_depth_in_the_footer(output_copy):
    output = output_copy()
    rewrite(output, shards(output)[0], lambda table: table, {"depth": METRIC.to_dict() | {"model": "another"}})
    assert "another depth" in verify(output).problems[0]


def test_recipe_and_statistics_of_different_builds(output_copy):
    output = output_copy()
    text = (output / "recipe.yaml").read_text()
    (output / "recipe.yaml").write_text(text.replace("seed: 0", "seed: 5"))
    assert only_problem(output).startswith("recipe.yaml: not the recipe in statistics.json")
    (output / "recipe.yaml").write_text("size: [\n")
    assert only_problem(output).startswith("recipe.yaml: not a recipe (not valid YAML:")
    (output / "recipe.yaml").unlink()
    assert only_problem(output).startswith("recipe.yaml: missing")


def test_card_that_would_load_something_else(output_copy):
    output = output_copy()
    card = (output / "README.md").read_text()
    (output / "README.md").write_text(re.sub(r"num_examples: \d+", "num_examples: 7", card, count=1))
    assert "README.md: dataset_info" in only_problem(output)
    (output / "README.md").write_text("# gone\n")
    assert "the YAML block at its start cannot be read" in only_problem(output)
    (output / "README.md").unlink()
    assert only_problem(output).startswith("README.md: missing")


def test_a_picture_of_the_card_is_missing(output_copy):
    output = output_copy()
    (output / "assets/contact_sheet.webp").unlink()
    assert only_problem(output).startswith("assets/contact_sheet.webp: missing")


def test_folders_that_are_not_outputs(tmp_path, output_copy):
    assert "does not exist" in only_problem(tmp_path / "nothing")
    output = output_copy()
    (output / "statistics.json").write_text("{")
    assert "not JSON" in only_problem(output)
    (output / "statistics.json").write_text("[]")
    assert "no key 'format'" in only_problem(output)
    (output / "statistics.json").write_text('{"format": 2}')
    assert "the key name is missing" in only_problem(output)
    (output / "statistics.json").write_text('{"format": 99}')
    assert "use the version of fgbg-depth that wrote it" in only_problem(output)
    (output / "statistics.json").unlink()
    assert "not finished" in only_problem(output)


def flip_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def first_file(output, folder):
    return sorted((output / folder).iterdir())[0]


def test_the_summary_names_the_command_that_builds_again(output_copy):
    output = output_copy()
    assert "\n" not in verify(output).summary()
    flip_byte(first_file(output, "data"))
    assert verify(output).summary().endswith(f"\nto build again: python builder.py build --output {output}")


def test_a_shard_with_other_columns(output_copy):
    output = output_copy()
    storage, name = Storage(output), shards(output)[0]
    features = schema.features()
    del features["x"]
    table, record = pq.read_table(output / name), read_record(storage, name)
    note_hash(output, name, write_parquet(storage, name, features, [table.drop_columns("x")], lambda: record))
    assert re.search(r"its columns are fg_bg \(.*they should be .*x \(int32\), y", verify(output).problems[0])


def test_expected_facts_are_those_that_composing_writes():
    facts = row_facts("a", "b", Layer(1, 2, 3, 4, True, 5))
    assert tuple(facts) == schema.fact_columns(labels=())
    assert list(facts.values()) == ["a", "b", True, 5, 1, 2, 3, 4]


def test_labels_are_predicted_again(metric_output, monkeypatch):
    use_slope(monkeypatch, METRIC)
    report = verify(metric_output, labels=20)
    assert report.ok and report.relabelled == 20
    assert "20 labels predicted again; the largest difference is 0 %" in report.notes[0]


def test_labels_of_another_row_are_found(output_copy, monkeypatch):
    output = output_copy()
    use_slope(monkeypatch, METRIC)
    name = shards(output)[0]

    def swapped(table):  # each label one row further
        index = table.column_names.index("fg_bg_depth")
        labels = table.column(index).to_pylist()
        return table.set_column(
            index, table.schema.field(index), pa.array(labels[1:] + labels[:1], table.schema.field(index).type)
        )

    rewrite(output, name, swapped)
    statistics = json.loads((output / "statistics.json").read_text())
    card = output / "README.md"
    card.write_text(front_matter_like(statistics, card.read_text()))
    (output / schema.CROISSANT).write_text(croissant_json(Manifest.from_dict(statistics)))
    problems = verify(output, full=True).problems  # the checks of a label do not fit another label
    assert problems and all(p.startswith(name) and "the stored label gives" in p for p in problems)
    manifest = Manifest.read(Storage(output))
    expected, _ = replan(Storage(output), manifest)
    problems = check_labels(Storage(output), manifest.shards, expected.plan, 80).problems
    assert problems and all(
        str(p).startswith(name) and "is not what made-up-metric predicts" in str(p) for p in problems
    )


def front_matter_like(statistics, card):
    """The card with the YAML block of statistics that a test changed."""
    return front_matter(Manifest.from_dict(statistics)) + card.split("---\n", 2)[2]


def test_a_model_that_cannot_be_loaded_is_a_note(metric_output):
    report = verify(metric_output, labels=1)
    assert report.ok and report.relabelled == 0 and "no label was predicted again" in report.notes[0]


def test_difference_of_depth_maps():
    a = np.random.default_rng(0).uniform(1, 5, (20, 20)).astype(np.float32)
    assert difference(a, a) == 0
    assert difference(a, a + a.std()) == pytest.approx(1, rel=1e-5)
    holes = a.copy()
    holes[:10] = np.nan
    assert difference(a, holes) == pytest.approx(0.5)
    assert difference(np.full((2, 2), np.nan), np.full((2, 2), np.nan)) == 0
    assert difference(np.full((2, 2), np.nan), np.ones((2, 2))) == 1


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_cannot_be_used_is_an_error_and_not_a_note(metric_output, device):
    with pytest.raises(DepthError, match=device):
        verify(metric_output, labels=2, device=device)


def test_what_is_no_folder_is_named_as_such(tmp_path):
    assert verify(tmp_path / "nope").problems == (f"{tmp_path}/nope does not exist.",)
    (tmp_path / "a.txt").write_text("a")
    assert verify(tmp_path / "a.txt").problems == (f"{tmp_path}/a.txt is a file, not the folder of a dataset.",)
