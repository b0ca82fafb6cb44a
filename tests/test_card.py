import html
import json
import re

import numpy as np
import pytest
import yaml
from datasets import load_dataset
from datasets.exceptions import ExpectedMoreSplitsError
from datasets.utils.info_utils import NonMatchingSplitsSizesError
from huggingface_hub import DatasetCard
from hypothesis import given, settings
from hypothesis import strategies as st
from made_statistics import DISPARITY, METRIC, made_manifest, made_statistics
from markdown_it import MarkdownIt
from PIL import Image
from small_output import DISPARITY as DISPARITY_SPEC
from small_output import make_output, metric_output  # noqa: F401

from fgbg_depth import schema
from fgbg_depth.card import charts
from fgbg_depth.card import markdown as markup
from fgbg_depth.card import notes as card_notes
from fgbg_depth.card import sheets as figures
from fgbg_depth.card import text as card
from fgbg_depth.card.front_matter import HUB_LICENSES, front_matter, size_category
from fgbg_depth.card.label_checks import CHART, SHEET
from fgbg_depth.depth.kinds import METRIC as METRIC_DEPTH
from fgbg_depth.depth.kinds import RELATIVE_DEPTH
from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.manifest import Manifest
from fgbg_depth.recipe import Recipe, parse_recipe
from fgbg_depth.storage.files import Storage

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def words(rendered: str) -> str:
    """What a reader sees of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", rendered))


def body(text: str) -> str:
    return text.split("---\n", 2)[2]


# ---- the YAML


def test_front_matter_is_what_the_hub_wants():
    recipe = Recipe(name="school scenes", license="cc-by-4.0", depth_model="densedepth-nyu")
    text = card.render_card(made_manifest(recipe))
    data = DatasetCard(text).data
    assert data.pretty_name == "school scenes" and data.license == "cc-by-4.0"
    assert data.task_categories == ["depth-estimation", "image-segmentation", "mask-generation"]
    assert data.size_categories == ["1K<n<10K"]
    assert [c["config_name"] for c in data["configs"]] == ["default", "bg", "fg", "preview"]
    splits = data["dataset_info"][0]["splits"]
    assert [s["name"] for s in splits] == list(schema.SPLITS)
    assert sum(s["num_examples"] for s in splits) == 8000
    assert [f["name"] for f in data["dataset_info"][0]["features"]] == list(schema.features())


def test_front_matter_without_depth_and_holdout():
    recipe = Recipe(depth_model="none", holdout=0)
    data = DatasetCard(card.render_card(made_manifest(recipe, depth=None))).data
    assert "depth-estimation" not in data.task_categories
    assert [f["split"] for f in data["configs"][0]["data_files"]] == ["train"]
    assert "fg_bg_depth" not in yaml.safe_dump(data["dataset_info"])


@pytest.mark.parametrize(
    ("words_", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("", {"license": "other"}),
        ("My own: ask me!", {"license": "other", "license_name": "my-own-ask-me"}),
        ("???", {"license": "other"}),
    ],
)
def test_license_is_one_that_the_hub_knows(words_, expected):
    recipe = Recipe(license=words_)
    data = yaml.safe_load(front_matter(made_manifest(recipe)).strip().strip("-"))
    assert {k: v for k, v in data.items() if k.startswith("license")} == expected
    assert data["license"] in HUB_LICENSES


@pytest.mark.parametrize(
    ("rows", "word"), [(999, "n<1K"), (1000, "1K<n<10K"), (400_000, "100K<n<1M"), (10**8, "n>10M")]
)
def test_size_category(rows, word):
    assert size_category(rows) == word


# ---- the text


CASES = {
    "metric": (METRIC, {}),
    "disparity": (DISPARITY, {}),
    "relative depth, 8 bits": (DISPARITY | {"kind": "relative_depth", "bits": 8}, {}),
    "no depth": (None, {"depth_model": "none"}),
    "one split": (METRIC, {"holdout": 0}),
    "ground, hanging over, PNG, one size": (
        METRIC,
        {"placement_mode": "ground", "visible_min": 0.5, "image_format": "png", "mirror": False, "placements": 1,
         "foreground_measure": "height", "foreground_min": 105, "foreground_max": 105},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_card_fits_the_dataset(case):
    depth, choices = CASES[case]
    recipe = Recipe(**choices)
    text = card.render_card(made_manifest(recipe, depth), repo_id="me/scenes")
    rendered = MARKDOWN.render(body(text))
    seen = words(rendered)
    assert ("depth" in seen.replace("fgbg-depth", "").split("The complete recipe")[0]) == bool(depth)
    assert ("metres" in seen) == (depth is METRIC)
    assert ("does not allow commercial use" in seen) == bool(depth and "nc" in depth["license"])
    assert ("assets/depth.png" in rendered) == bool(depth)
    assert ("There is one split" in seen) == ("holdout" in choices)
    assert ("Cut-outs do not stand on the ground" in seen) == ("placement_mode" not in choices)
    assert 'load_dataset(repo, split="train")' in seen and "datasets/me/scenes" in seen
    assert parse_recipe(re.search(r"```yaml\n(.*?)\n```", text, re.S)[1]) == recipe
    for leftover in ("{{", "{%", "None", "  \n", "\n\n\n"):
        assert leftover not in text, leftover
    for table in re.findall(r"<table>.*?</table>", rendered, re.S):  # no row lost a cell
        assert len({len(re.findall(r"<t[hd]", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.S)}) == 1


def test_numbers_are_in_the_table_of_kinds():
    recipe = Recipe()
    seen = words(MARKDOWN.render(body(card.render_card(made_manifest(recipe)))))
    for number in (
        "0.5056, 0.4969, 0.4817",
        "0.2486, 0.2490, 0.2604",
        "0.0454",
        "0.2038",
        "224 x 224 x 3",
        "8,000",
        "2.78 m",
    ):
        assert number in seen


def test_every_column_is_documented():
    recipe = Recipe()
    text = card.render_card(made_manifest(recipe))
    columns = {*schema.features(), *schema.features("bg"), *schema.features("fg"), *schema.features("preview")}
    missing = [c for c in columns if f"`{c}`" not in text]
    assert not missing


def test_versions_skipped_files_and_warnings_are_listed():
    recipe = Recipe()
    statistics = made_statistics(recipe) | {
        "version": "v1.1.0",
        "skipped": [{"file": f"bad_{i}.png", "reason": "is wholly transparent"} for i in range(201)],
        "warnings": ["a.jpg: enlarged from 100 to 224 pixels"],
        "history": [
            {"version": "v1.1.0", "date": "2026-11-20", "message": "More <b>rooms</b>.",
             "rows": 8000, "depth_model": "x", "bg_removed": ["gone"],
             "recipe_changes": ["seed: 0 -> 1"], "bg_added": [f"n{i}" for i in range(7)]},
            {"version": "v1.0.0", "date": "2026-11-01", "rows": 400, "depth_model": None, "recipe_changes": []},
        ],
    }  # fmt: skip
    seen = words(MARKDOWN.render(body(card.render_card(Manifest.from_dict(statistics), repo_id="me/scenes"))))
    assert "201 source files could not be used" in seen and "and 1 more, in statistics.json" in seen
    lines = " ".join(seen.split())
    assert "8,000 rows (+7,600) 7 backgrounds added: n0, n1, n2, n3, n4, ... 1 background removed: gone" in lines
    assert "v1.1.0, 2026-11-20 More <b>rooms</b>. 8,000" in lines and "depth model: none -> x" in lines
    assert "recipe: seed: 0 -> 1" in seen and "first version: 400 rows" in seen and 'revision="v1.1.0"' in seen
    assert "enlarged from 100" in seen


# ---- words of people


NASTY = (
    "</details><script>alert(1)</script> | **b** _i_ `c` [x](javascript:y) <b> --- # $x$ "
    "{{ 1111*3 }} {% raw %} ``` \\ &amp; ![i](u)"
)


def test_nothing_of_peoples_words_becomes_markup():
    recipe = Recipe(name=NASTY, license=NASTY, background_license=NASTY, foreground_license=NASTY)
    depth = METRIC | {"model": NASTY, "license": NASTY, "input_size": NASTY, "revision": NASTY}
    statistics = made_statistics(recipe, depth)
    statistics["sources"]["bg"] = {NASTY: {"digest": "0", "held_out": False, "file": NASTY}}
    statistics |= {"skipped": [{"file": NASTY, "reason": NASTY}], "warnings": [NASTY], "version": NASTY}
    change = {
        "recipe_changes": [NASTY],
        "bg_added": [NASTY],
        "bg_removed": [],
        "fg_added": [],
        "fg_removed": [],
    }
    statistics["history"] = [
        {"version": NASTY, "date": NASTY, "message": NASTY, "rows": 1, "depth_model": NASTY, **change},
        {"version": NASTY, "rows": 1},
    ]
    plain = card.render_card(made_manifest(Recipe(), METRIC))
    text = card.render_card(Manifest.from_dict(statistics))
    rendered = MARKDOWN.render(body(text))
    assert DatasetCard(text).data.pretty_name == NASTY
    assert "<script" not in rendered and "<b>" not in rendered and "3333" not in words(rendered)
    assert rendered.count("</details>") == MARKDOWN.render(body(plain)).count("</details>") + 1  # that of the warnings
    assert not re.findall(r'href="(?!https?://)', rendered)
    drawn = set(card.PICTURES) - {CHART, SHEET}  # these two need checks
    assert set(re.findall(r'<img src="([^"]*)"', rendered)) == {schema.picture_path(name) for name in drawn}
    assert words(rendered).count("</details><script>alert(1)</script> | **b** _i_ `c` [x](javascript:y)") >= 10


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_any_text_shows_as_it_is_in_a_table_cell(value):
    rendered = MARKDOWN.render(f"| a | b |\n|---|---|\n| {markup.text(value)} | {markup.code(value)} |\n")
    cells = re.findall(r"<td>(.*?)</td>", rendered, re.S)
    printable = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    assert len(cells) == 2
    assert [words(cell).strip() for cell in cells] == [printable, printable]
    assert "<" not in re.sub(r"</?code>", "", "".join(cells))


@settings(max_examples=100)
@given(st.text(alphabet="`~a\n"))
def test_a_fence_holds_whatever_is_in_it(value):
    tokens = MARKDOWN.parse(markup.fence("x" + value + "x"))
    assert [t.type for t in tokens] == ["fence"]
    assert tokens[0].content == "x" + value + "x\n"


@pytest.mark.parametrize(
    "notes",
    ["", "My words.", "## Mine\n\n<b>kept</b> --- ```\ncode", f"about the line {card_notes.NOTES_END} itself"],
)
def test_notes_are_kept_word_for_word(notes):
    recipe = Recipe()
    text = card.render_card(made_manifest(recipe), notes)
    assert card_notes.extract_notes(text) == notes
    again = card.render_card(made_manifest(recipe), card_notes.extract_notes(text))
    assert again == text


OWN_WORDS = "Ask **Ann**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## My heading\n\nLast words."


@pytest.mark.parametrize("notes", ["Ask **Ann**.", OWN_WORDS])
@pytest.mark.parametrize("missing", [[], [card_notes.NOTES_BEGIN], [card_notes.NOTES_END], "both"], ids=str)
def test_notes_are_kept_if_a_comment_around_them_is_missing(missing, notes):
    text = card.render_card(made_manifest(Recipe()), notes)
    missing = [card_notes.NOTES_BEGIN, card_notes.NOTES_END] if missing == "both" else missing
    for comment in missing:
        text = text.replace(comment, "")
    assert card_notes.extract_notes(text) == notes
    warning = card_notes.missing_comment_warning(text, "out/README.md")
    assert all(comment in warning for comment in missing) and bool(warning) == bool(missing)
    again = card.render_card(made_manifest(Recipe()), card_notes.extract_notes(text))
    assert again == card.render_card(made_manifest(Recipe()), notes)


def test_notes_beside_the_comments_are_kept():
    text = card.render_card(made_manifest(Recipe()), "Between.")
    text = text.replace(card_notes.NOTES_BEGIN, f"Above.\n\n{card_notes.NOTES_BEGIN}")
    text = text.replace(card_notes.NOTES_END, f"{card_notes.NOTES_END}\n\nBelow.")
    assert [line for line in card_notes.extract_notes(text).splitlines() if line] == ["Above.", "Between.", "Below."]


def test_without_notes_a_missing_comment_is_no_warning():
    text = card.render_card(made_manifest(Recipe()))
    assert card_notes.extract_notes(text) == ""
    without = text.replace(card_notes.NOTES_BEGIN, "").replace(card_notes.NOTES_END, "")
    assert card_notes.extract_notes(without) == "" == card_notes.missing_comment_warning(without, "README.md")


def test_the_text_of_a_card_of_somebody_else_becomes_the_notes():
    assert card_notes.extract_notes("---\nlicense: mit\n---\n# Mine\n\nWords.\n") == "# Mine\n\nWords."
    assert card_notes.extract_notes("# Mine\r\n\r\nWords.") == "# Mine\n\nWords."
    assert card_notes.extract_notes("") == ""


def test_a_damaged_card_of_an_output_is_kept_with_a_warning(tmp_path, caplog):
    storage = Storage(tmp_path)
    text = card.render_card(made_manifest(Recipe()), OWN_WORDS)
    storage.write(schema.CARD, text.replace(card_notes.NOTES_END, "").encode())
    assert card_notes.read_notes(storage) == OWN_WORDS
    assert f"{tmp_path}/README.md" in caplog.text and card_notes.NOTES_END in caplog.text


@pytest.mark.parametrize(
    ("published", "local", "merged"),
    [
        ("", "", ""),
        ("a", "", "a"),
        ("", "b", "b"),
        ("a", "a\n\nb", "a\n\nb"),
        ("a\n\nb", "a\n\nc", "a\n\nb\n\nc"),
    ],
)
def test_merged_notes_hold_all_words(published, local, merged):
    assert card_notes.merged_notes(published, local) == merged


def test_notes_that_look_like_a_template_stay_text():
    recipe = Recipe()
    assert "{{ 7 * 7 }}" in card.render_card(made_manifest(recipe), "{{ 7 * 7 }} <!-- notes -->")


@pytest.mark.parametrize(
    "words_", ["cc-by-nc-4.0", "CC BY-NC-SA 4.0", "apple-amlr", "non-commercial use only", "NonCommercial research"]
)
def test_noncommercial_licences_are_known(words_):
    assert card.is_noncommercial(words_)


@pytest.mark.parametrize("words_", ["apache-2.0", "", "ncsa", "commercial use allowed", "mit"])
def test_other_licences_are_not_called_noncommercial(words_):
    assert not card.is_noncommercial(words_)


# ---- the card of a real output


def test_every_config_loads_and_is_checked_against_the_card(metric_output, tmp_path):  # noqa: F811
    manifest = Manifest.read(Storage(metric_output))
    loaded = load_dataset(str(metric_output), cache_dir=str(tmp_path))
    assert {split: len(rows) for split, rows in loaded.items()} == manifest.splits
    assert loaded["train"].features == schema.features()
    assert load_dataset(str(metric_output), "bg", split="train", cache_dir=str(tmp_path)).num_rows == 4
    assert load_dataset(str(metric_output), "fg", split="train", cache_dir=str(tmp_path)).num_rows == 5


def test_a_missing_shard_does_not_load_in_silence(tmp_path):
    output = make_output(tmp_path)
    next(output.glob("data/train-*")).unlink()
    with pytest.raises((NonMatchingSplitsSizesError, ExpectedMoreSplitsError)):
        load_dataset(str(output), cache_dir=str(tmp_path / "cache"))


@pytest.mark.parametrize("spec_name", ["metric", "disparity"])
def test_the_cards_own_code_runs_and_decodes(spec_name, metric_output, tmp_path, monkeypatch):  # noqa: F811
    output = metric_output if spec_name == "metric" else make_output(tmp_path, spec=DISPARITY_SPEC)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", (output / "README.md").read_text(), re.S):
        exec(block.replace("path/to/this/folder", str(output)), names)
    spec = DepthSpec.from_dict(json.loads((output / "statistics.json").read_text())["depth"])
    ours = names["depth_m" if spec_name == "metric" else "disparity"]
    assert np.allclose(ours, decode_depth(names["row"]["fg_bg_depth"], spec), rtol=1e-6, equal_nan=True)
    off = np.abs(np.asarray(names["picture"]).astype(int) - np.asarray(names["row"]["fg_bg"]))
    assert off.mean() < 4  # JPEG's loss


@pytest.mark.slow
def test_pictures_and_card_are_written_once_and_stale_ones_removed(tmp_path):
    output = make_output(tmp_path)
    storage = Storage(output)
    manifest = Manifest.read(storage)
    assert card.write_card(storage, manifest) == []
    assert sorted(storage.list("assets")) == sorted(map(schema.picture_path, card.PICTURES))
    readme = output / "README.md"
    readme.write_text(readme.read_text().replace(card_notes.NOTES_BEGIN, f"{card_notes.NOTES_BEGIN}\nHand-written."))
    kinds = {k: v for k, v in manifest.kinds.items() if k != "fg_bg_depth"}
    without = manifest.replace(depth=None, depth_histogram=None, kinds=kinds)
    assert "README.md" in card.write_card(storage, without)
    assert "assets/depth.png" not in storage.list("assets")
    assert "Hand-written." in readme.read_text()


# ---- pictures


def picture_row(depth: bool = True) -> dict:
    rng = np.random.default_rng(1)
    return {
        "bg": rng.integers(0, 255, (64, 64, 3), dtype=np.uint8),
        "fg": rng.integers(0, 255, (30, 20, 4), dtype=np.uint8),
        "fg_bg": rng.integers(0, 255, (64, 64, 3), dtype=np.uint8),
        "mask": rng.integers(0, 255, (64, 64), dtype=np.uint8),
        "fg_bg_depth": rng.uniform(1, 5, (64, 64)) if depth else None,
        "title": "scène 中 + thing with a name that is far too long to fit below a small picture",
    }


def test_contact_sheet_has_a_column_less_without_depth():
    with_depth = figures.contact_sheet([picture_row()] * 2, DepthSpec("m"))
    without = figures.contact_sheet([picture_row(False)] * 2)
    assert with_depth.width - without.width == 224 + 12
    assert figures.contact_sheet([picture_row()], DepthSpec("m"), columns=("fg_bg",)).width < without.width
    with pytest.raises(ValueError, match="one row"):
        figures.contact_sheet([])
    with pytest.raises(ValueError, match="spec"):
        figures.contact_sheet([picture_row()])


@pytest.mark.parametrize("kind", ["metric", "relative_depth", "relative_disparity"])
def test_pictures_are_the_same_bytes_each_time(kind):
    spec = DepthSpec("m", kind=kind, unit="m" if kind == "metric" else "")
    manifest = made_manifest(Recipe(), (METRIC if kind == "metric" else DISPARITY) | {"kind": kind})
    first = card.draw_pictures(manifest, [picture_row()])
    assert first == card.draw_pictures(manifest, [picture_row()])
    assert set(first) == set(card.PICTURES) - {CHART, SHEET}
    assert all(b"tEXt" not in data and b"tIME" not in data for data in first.values())
    assert figures.banner([picture_row()], spec).size == (1600, 400)


def test_charts_of_next_to_nothing():
    assert charts.heat_map_chart([[0.0]]).size == charts.CHART_SIZE
    assert charts.coverage_chart([0] * 50, 0.0).size == charts.CHART_SIZE
    assert charts.coverage_chart([0] * 49 + [3], 1.0).size == charts.CHART_SIZE
    assert charts.depth_chart([2.0, 2.001], [7], METRIC_DEPTH).size == charts.CHART_SIZE


def test_depth_chart_bars_add_up_to_all_pixels():
    edges, counts = np.linspace(0.5, 10, 257), np.full(256, 100)
    image = np.asarray(charts.depth_chart(edges, counts, RELATIVE_DEPTH))
    assert (image == np.array(charts.INK)).all(axis=-1).any()
    assert isinstance(Image.fromarray(image), Image.Image)
