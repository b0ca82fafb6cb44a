"""The charts of rows with scenes."""

from __future__ import annotations

import pytest
from test_variation import EVERYTHING, manifest_of, statistics

from fgbg_depth.card.scene_charts import scene_bars
from fgbg_depth.manifest import ColumnStatistics
from fgbg_depth.statistics import ColumnSums


def test_plain_rows_have_no_such_charts() -> None:
    assert scene_bars(manifest_of().replace(columns={})) == []
    constant = {"num_objects": statistics("num_objects", [1, 1]), "angle": statistics("angle", [0, 0])}
    assert scene_bars(manifest_of(**EVERYTHING).replace(columns=constant)) == []


def test_a_bar_for_each_number_of_cut_outs() -> None:
    chart = scene_bars(manifest_of(**EVERYTHING))[0]
    assert chart.heights.tolist() == pytest.approx([1.5 * chart.heights[2], 0, chart.heights[2]])
    assert [text for _, text in chart.x_ticks] == ["1", "2", "3"]
    assert [position for position, _ in chart.x_ticks] == pytest.approx([1 / 6, 3 / 6, 5 / 6])


def test_equally_likely_angles_have_equal_bars() -> None:
    sums = ColumnSums(-300, 300)  # steps of 3 degrees, so that no whole degree is halfway between two of them
    sums.add_values([float(angle) for angle in range(-13, 14)])
    angles = ColumnStatistics.of(sums)
    (chart,) = scene_bars(manifest_of(**EVERYTHING).replace(columns={"angle": angles}))
    assert len(chart.heights) == 9 and chart.heights.tolist() == pytest.approx([chart.heights[0]] * 9)
    positions = {text: position for position, text in chart.x_ticks}
    assert positions["0°"] == pytest.approx(0.5) and positions["10°"] == pytest.approx(23.5 / 27)
    assert positions["−10°"] == pytest.approx(3.5 / 27)


def test_wholly_visible_cut_outs_have_a_bar_of_their_own() -> None:
    visible = statistics("visible", [0.52] * 10 + [0.99] * 20 + [1.0] * 70)
    (chart,) = scene_bars(manifest_of(**EVERYTHING).replace(columns={"visible": visible}))
    assert len(chart.heights) == 11  # 50 to 55 %, ..., 95 to 100 %, 100 %
    last = chart.heights[-1]
    assert chart.heights[[0, -2]].tolist() == pytest.approx([last / 7, last * 2 / 7])
    assert [text for _, text in chart.x_ticks] == ["50 %", "60 %", "70 %", "80 %", "90 %", "100 %"]
