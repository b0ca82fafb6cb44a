"""Rows in an order: shuffled, as stored, sorted by a column; the same for a folder and behind a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from app_outputs import make_output
from varied_output import make_varied_output

from fgbg_depth.errors import UsageError
from fgbg_depth.read.order import GrowingOrder, Sort
from fgbg_depth.read.reader import DatasetReader, Filter


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> DatasetReader:
    return DatasetReader.open(make_output(tmp_path_factory.mktemp("order") / "out", placements=7, size=32))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> DatasetReader:
    return DatasetReader.open(make_varied_output(tmp_path_factory.mktemp("scenes"), placements=3, depth_label="both"))


def addresses(reader: DatasetReader, row_filter: Filter, sort: Sort) -> list[str]:
    order = reader.order(row_filter, sort)
    rows = reader.rows_of(order, 0, 10_000, ())
    assert len(rows) == order.count
    assert [reader.position(order, row.split, row.index) for row in rows] == list(range(len(rows)))
    return [row.address for row in rows]


def test_every_order_has_each_matching_row_once(reader: DatasetReader) -> None:
    everything = {f"{split}/{index}" for split, rows in reader.splits.items() for index in range(rows)}
    stored = addresses(reader, Filter(), Sort("stored"))
    assert set(stored) == everything and stored[0] == "train/0" and stored[1] == "train/1"
    first = addresses(reader, Filter(), Sort())
    assert set(first) == everything and first == addresses(reader, Filter(), Sort(seed=0))
    assert first != addresses(reader, Filter(), Sort(seed=1))
    some = addresses(reader, Filter(fg="object_001", flip=True), Sort.parse("-x"))
    assert set(some) == {a for a in everything if matches(reader, a, "object_001", True)} and len(some) == 21


def matches(reader: DatasetReader, address: str, fg: str, flip: bool) -> bool:
    split, index = address.split("/")
    facts = reader.row(split, int(index), ()).facts
    return bool(facts["fg"] == fg and facts["flip"] == flip)


def test_sorted_by_a_column(reader: DatasetReader) -> None:
    for sort, sign in ((Sort("x"), 1), (Sort("x", True), -1)):
        values = [row.facts["x"] for row in reader.rows_of(reader.order(Filter(split="train"), sort), 0, 500, ())]
        assert values == sorted(values, key=lambda x: sign * x) and len(values) == reader.splits["train"]
    rows = reader.rows_of(reader.order(Filter(), Sort("coverage")), 0, 500)
    assert "coverage" in reader.number_columns and len(rows) == reader.num_rows


def test_rows_without_a_value_come_last_and_match_no_range(scenes: DatasetReader) -> None:
    for column in ("boundary_recall", "nearer", "placed_nearer", "coverage", "visible"):
        for sort in (Sort(column), Sort(column, True)):
            rows = scenes.rows_of(scenes.order(Filter(), sort), 0, 500, ())
            values = np.array([row.facts[column] for row in rows])
            assert len(rows) == scenes.num_rows
            known = values[~np.isnan(values)]
            assert np.isnan(values[len(known) :]).all()
            assert (np.diff(-known if sort.descending else known) >= 0).all()
        middle = float(np.median(known))
        found = scenes.rows_of(scenes.order(Filter(ranges=((column, middle, np.inf),))), 0, 500, ())
        assert sorted(r.facts[column] for r in found) == sorted(v for v in known.tolist() if v >= middle)
    blends = {row.facts["blend"] for row in rows}
    for blend in blends:
        found = scenes.rows_of(scenes.order(Filter(texts=(("blend", blend),))), 0, 500, ())
        assert {row.facts["blend"] for row in found} == {blend}
    assert scenes.order(Filter(texts=(("blend", "no such"),))).count == 0


@pytest.mark.parametrize("name", ["fg_bg", "nowhere", "bg"])
def test_a_column_that_is_not_there(reader: DatasetReader, name: str) -> None:
    with pytest.raises(UsageError, match=name):
        reader.order(Filter(ranges=((name, 0, 1),)))
    with pytest.raises(UsageError, match=name):
        reader.order(Filter(), Sort(name))


def test_sorting_by_texts_is_refused(scenes: DatasetReader) -> None:
    with pytest.raises(UsageError, match="column of numbers 'blend'"):
        scenes.order(Filter(), Sort("blend"))


def test_a_growing_order_takes_no_more_rows_than_needed(reader: DatasetReader) -> None:
    taken: list[int] = []

    def rows() -> Iterator[tuple[int, int]]:
        for i in range(100):
            taken.append(i)
            yield (0, i)

    order = GrowingOrder(rows(), None)
    assert order.rows(0, 10) == [(0, i) for i in range(10)] and len(taken) == 10 and order.count is None
    assert order.position((0, 3)) == 3 and order.position((5, 0)) is None and order.count == 100
    assert order.rows(95, 10) == [(0, i) for i in range(95, 100)]


def test_orders_behind_a_network_have_the_same_rows(reader: DatasetReader) -> None:
    remote = DatasetReader.open(Path(reader.files.name))
    remote.files.is_local = False  # type: ignore[misc]
    for row_filter in (Filter(), Filter(fg="object_001"), Filter(split="train", coverage=(0.05, 0.2))):
        for sort in (Sort("stored"), Sort("x", True), Sort("coverage"), Sort(seed=3)):
            found = [row.address for row in remote.rows_of(remote.order(row_filter, sort), 0, 1000, ())]
            expected = addresses(reader, row_filter, sort)
            assert set(found) == set(expected) and (not sort.column or found == expected)
            split, index = found[5].split("/")
            assert remote.position(remote.order(row_filter, sort), split, int(index)) == 5
