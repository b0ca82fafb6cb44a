"""The card's section "Can I trust the depth?": its words, numbers, chart and sheet of rows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_statistics import DISPARITY, METRIC, made_checks, made_statistics
from markdown_it import MarkdownIt
from PIL import Image
from small_output import make_output
from tiny import encoded

from fgbg_depth.card.charts import ACCENT, MEAN, bar_chart
from fgbg_depth.card.check_charts import NAMES, check_bars, check_statistics, checks_chart
from fgbg_depth.card.checked_rows import choose_checked_rows, read_values, sheet_or_previous, with_outline
from fgbg_depth.card.label_checks import checks_pictures, checks_section
from fgbg_depth.manifest import ColumnStatistics, Manifest
from fgbg_depth.recipe import Recipe
from fgbg_depth.statistics import ColumnSums
from fgbg_depth.storage.files import Storage


def checked_manifest(depth: dict | None = METRIC, placed: bool = False, **changes: object) -> Manifest:
    values = made_statistics(Recipe(), depth)
    values["columns"] = made_checks(values["rows"], placed) | changes
    return Manifest.from_dict(json.loads(json.dumps(values)))


def column_of(*values: float, low: float = 0.0, high: float = 1.0) -> ColumnStatistics:
    sums = ColumnSums(low, high)
    sums.add_values(values)
    return ColumnStatistics.of(sums)


def test_the_section_says_what_the_medians_mean() -> None:
    text = checks_section(checked_manifest(), "me/scenes")
    assert text.startswith("## Can I trust the depth?\n")
    assert (
        "**In half of the rows, the predicted depth has a step along no more than 34 % of the cut-out's outline**"
        in text
    )
    assert "what surrounds the cut-out is 1.6 times as far as the cut-out" in text  # exp(0.5)
    assert "the distances of the background differ by 10 % from those without cut-out." in text
    assert "placed" not in text
    assert 'fgbg_depth.load("me/scenes", split="train", where="boundary_recall > 0.5")' in text
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<tr>") == 4 and html.count("<li>") == 3 and html.count("<img") == 2
    assert "<td><code>background_drift</code></td>" in html and '<td style="text-align:right">3</td>' in html
    assert "no unit" not in text


def test_the_section_shows_both_labels() -> None:
    text = checks_section(checked_manifest(placed=True))
    assert "**In half of the rows, the placed depth has a step along the whole of the cut-out's outline**" in text
    assert "outline**, and what surrounds the cut-out is 2.7 times as far as the cut-out." in text
    lines = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("| `")]
    assert lines == [
        ["| `boundary_recall`", "predicted"],
        ["| `placed_boundary_recall`", "placed"],
        ["| `nearer`", "predicted"],
        ["| `placed_nearer`", "placed"],
        ["| `background_drift`", "predicted"],
    ]


def test_the_section_with_placed_labels_alone() -> None:
    values = made_statistics(Recipe())
    checks = made_checks(values["rows"], placed=True)
    values["columns"] = {name: column for name, column in checks.items() if name.startswith("placed_")}
    text = checks_section(Manifest.from_dict(values))
    assert "predicted" not in text and "background_drift" not in text
    assert 'where="placed_boundary_recall > 0.5"' in text and "highest `placed_boundary_recall`" in text


def test_relative_depth_says_how_its_values_become_distances() -> None:
    text = checks_section(checked_manifest(DISPARITY))
    assert "Relative disparity has no unit" in text and "near end of the stored range is at distance 1" in text


def test_no_section_without_checks(tmp_path: Path) -> None:
    nothing = Manifest.from_dict(made_statistics(Recipe()))
    without_depth = Manifest.from_dict(made_statistics(Recipe(), None))
    all_missing = checked_manifest(**{name: column_of(math.nan).model_dump() for name in NAMES})
    for manifest in (nothing, without_depth, all_missing):
        assert checks_section(manifest) == "" and checks_chart(manifest) is None
        assert checks_pictures(Storage(tmp_path), manifest) == {}


def test_bars_stand_at_their_values() -> None:
    bars = check_bars("boundary_recall", {"predicted": column_of(0, 0, 0, 1, 0.5)})
    share = bars.heights / bars.heights.sum()
    assert len(share) == 41 and share[[0, 20, 40]].tolist() == pytest.approx([0.6, 0.2, 0.2])
    ticks = {text: position for position, text in bars.x_ticks}
    assert [ticks[text] * 41 for text in ("0", "0.5", "1")] == pytest.approx([0.5, 20.5, 40.5])  # middles of bars


def test_bars_of_ratios_and_changes_leave_out_the_empty_part() -> None:
    nearer = check_bars("nearer", {"predicted": column_of(0.0, math.log(2), low=-2, high=3)})
    assert [text for _, text in nearer.x_ticks] == ["1", "2"] and len(nearer.heights) < 15
    position = {text: position * len(nearer.heights) for position, text in nearer.x_ticks}
    assert [nearer.heights[int(position[text])] > 0 for text in ("1", "2")] == [True, True]
    drift = check_bars("background_drift", {"predicted": column_of(0.1, 0.12)})
    assert drift.x_ticks[0][1] == "0 %" and len(drift.heights) == 10
    large = check_bars("background_drift", {"predicted": column_of(0.8, 0.85)})
    assert large.x_ticks[0][1] == "0 %"  # how large a change is can only be seen beside 0
    everything = check_bars("nearer", {"predicted": column_of(-9, 9, low=-2, high=3)})
    assert len(everything.heights) == 41 and everything.heights[[0, 40]].all()


def test_two_labels_are_drawn_beside_each_other() -> None:
    manifest = checked_manifest(placed=True)
    bars = check_bars("nearer", check_statistics(manifest, "nearer"))
    assert bars.second is not None and bars.second.shape == bars.heights.shape
    assert bars.second.argmax() > bars.heights.argmax()  # the placed cut-outs are nearer
    same = column_of(0, 0, 0.5)
    pixels = np.asarray(bar_chart(check_bars("boundary_recall", {"predicted": same, "placed": same})))
    areas = [(pixels == colour).all(axis=-1).sum() for colour in (ACCENT, MEAN)]
    assert areas[0] == pytest.approx(areas[1], rel=0.35) and min(areas) > 1000  # none hides the other
    chart, single = checks_chart(manifest), checks_chart(checked_manifest())
    assert chart is not None and single is not None
    assert (chart.size, single.size) == ((2520, 780), (2520, 720))
    colours = {colour for _, colour in chart.getcolors(10**6)}
    assert {ACCENT, MEAN} <= colours
    assert chart.tobytes() == checks_chart(manifest).tobytes()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 rows with metric depth and the three checks. Not to be changed."""
    folder = make_output(tmp_path_factory.mktemp("checked"))
    return folder


def manifest_of(output: Path) -> Manifest:
    manifest = Manifest.read(Storage(output))
    assert manifest is not None
    return manifest


def test_the_lowest_and_the_highest_rows_are_chosen(output: Path) -> None:
    manifest = manifest_of(output)
    lowest, highest = choose_checked_rows(read_values(Storage(output), manifest, "nearer"))
    values = {
        (path, row): value
        for path in manifest.shards
        for row, value in enumerate(pq.read_table(output / path)["nearer"].to_pylist())
    }
    in_order = sorted(values.values())
    assert [values[row] for row in lowest] == in_order[:4]
    assert [values[row] for row in highest] == in_order[:-5:-1]
    assert (lowest, highest) == choose_checked_rows(read_values(Storage(output), manifest, "nearer"))


def write_values(folder: Path, manifest: Manifest, values: list[float]) -> None:
    """Shards that hold these values of `check` and nothing else, in equal parts."""
    (folder / "data").mkdir(exist_ok=True)
    for path, part in zip(sorted(manifest.shards), np.array_split(values, len(manifest.shards)), strict=True):
        pq.write_table(pa.table({"check": pa.array(part, pa.float32())}), folder / path)


def test_equal_values_are_spread_over_shards_and_nan_is_left_out(output: Path, tmp_path: Path) -> None:
    manifest = manifest_of(output)
    num_shards = len(manifest.shards)
    write_values(tmp_path, manifest, [0.0] * 40 + [1.0] * 40)
    lowest, highest = choose_checked_rows(read_values(Storage(tmp_path), manifest, "check"))
    assert len({path for path, _ in lowest}) >= 3 <= len({path for path, _ in highest})
    write_values(tmp_path, manifest, [0.5] * 80)
    lowest, highest = choose_checked_rows(read_values(Storage(tmp_path), manifest, "check"))
    assert len(lowest) == len(highest) == 4 and not set(lowest) & set(highest)
    write_values(tmp_path, manifest, [math.nan] * 77 + [0.1, math.nan, 0.2])
    lowest, highest = choose_checked_rows(read_values(Storage(tmp_path), manifest, "check"))
    last = sorted(manifest.shards)[-1]
    assert num_shards > 1 and [path for path, _ in lowest + highest] == [last, last] and lowest[0][1] < highest[0][1]


def test_the_sheet_shows_outline_and_depth_of_eight_rows(output: Path) -> None:
    manifest = manifest_of(output)
    pictures = checks_pictures(Storage(output), manifest)
    assert list(pictures) == ["checks", "checked_rows"]
    sheet = sheet_or_previous(Storage(output), manifest, cell_px=64)
    num_maps = sum(name.startswith("fg_bg_depth") for name in manifest.kinds)  # predicted, or predicted and placed
    assert isinstance(sheet, Image.Image) and sheet.height == 64 + (1 + num_maps) * 72 + 46 + 18
    pixels = np.asarray(sheet)
    outline = (pixels == (255, 64, 160)).all(axis=-1)
    columns = np.flatnonzero(outline.any(axis=0))
    assert 1 + (np.diff(columns) > 8).sum() >= 8  # every row has its outline
    assert not outline[64 + 72 :].any()  # the depth maps have none
    again = sheet_or_previous(Storage(output), manifest, cell_px=64)
    assert isinstance(again, Image.Image) and sheet.tobytes() == again.tobytes()


def test_the_outline_lies_on_the_edge_of_the_foreground() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 10:30] = 200
    mask[0:10, 50:64] = 127
    row = {
        "fg_bg": encoded(Image.fromarray(np.zeros((64, 64, 3), np.uint8))),
        "fg_bg_mask": encoded(Image.fromarray(mask)),
    }
    outline = (np.asarray(with_outline(row, 64)) == (255, 64, 160)).all(axis=-1)
    wanted = np.zeros((64, 64), bool)
    wanted[19:41, 10:30] = wanted[20:40, 9:31] = True
    wanted[21:39, 11:29] = False
    assert np.array_equal(outline, wanted)
