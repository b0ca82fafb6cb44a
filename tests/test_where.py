"""`where`: conditions as text, compared with Python's own evaluation; `load(where=)` from folders and from the Hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_client import NAME, send
from hub_outputs import make_output
from hub_server import HubServer
from hypothesis import given, settings
from hypothesis import strategies as st

from fgbg_depth import schema
from fgbg_depth.errors import UsageError
from fgbg_depth.read.load import load
from fgbg_depth.read.where import parse_where
from fgbg_depth.schema import Column

pytest_plugins = ["hub_fixtures"]
RECALL = Column("recall", "float32", "", "", histogram=(0.0, 1.0))
FACTS = ["bg", "fg", "flip", "placement", "x", "y", "width", "height"]
COLUMNS = (*(c for c in schema.COLUMNS["default"] if c.name in ("fg_bg", "fg_bg_mask", *FACTS)), RECALL)
NAN = float("nan")
ROWS = [
    {"bg": bg, "fg": "it's", "flip": flip, "placement": i, "x": x, "y": 3, "width": 20, "height": 9, "recall": recall}
    for i, (bg, flip, x, recall) in enumerate(
        [("a", True, -7, 0.0), ("a", False, 0, 0.25), ("b", True, 20, 0.5), ("b", False, 21, 1.0), ("c", True, 3, 0.75)]
    )
]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    types = {"string": pa.string(), "bool": pa.bool_(), "int32": pa.int32(), "float32": pa.float32()}
    fields = [(c.name, types[c.type]) for c in COLUMNS if c.type != "image"]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def matching(text: str, rows: list[dict[str, Any]] = ROWS) -> list[int]:
    return table(rows).filter(parse_where(text, COLUMNS))["placement"].to_pylist()


def conditions() -> st.SearchStrategy[str]:
    numbers = st.sampled_from(["x", "width", "placement", "recall", "-7", "0", "20", "0.25", "0.5", "+3", "20.5"])
    orders = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    with_column = st.sampled_from(["x", "recall"])
    simple = st.one_of(
        st.builds("{} {} {}".format, with_column, orders, numbers),
        st.builds("{} {} {} {} {}".format, numbers, orders, with_column, orders, with_column),
        st.sampled_from(["flip", "flip == False", "bg == 'b'", "'b' != bg", 'bg < "b"', 'fg == "it\'s"', "bg != fg"]),
        st.sampled_from(["x in (0, 20)", "bg not in ['a', 'c']", "recall in {0.5, 1}", "recall not in (0.25,)"]),
    )

    def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("({} and {})".format, inner, inner),
            st.builds("({} or {})".format, inner, inner),
            st.builds("not ({})".format, inner),
        )

    return st.recursive(simple, combined, max_leaves=5)


@settings(max_examples=400, deadline=None)
@given(conditions())
def test_a_condition_means_what_it_means_in_python(text: str) -> None:
    wanted = [row["placement"] for row in ROWS if eval(text, {}, row)]
    assert matching(text) == wanted


@pytest.mark.parametrize("text", ["recall < 1", "recall >= 0.5", "recall == 0.25", "recall != 0.25", "recall in (0,)"])
def test_a_missing_number_matches_no_comparison(text: str) -> None:
    rows = [*ROWS, {**ROWS[0], "placement": 99, "recall": NAN}]
    for condition in (text, f"not ({text})", text.replace(" in ", " not in "), f"not (not ({text}))"):
        assert 99 not in matching(condition, rows)
    assert sorted(matching(text, rows) + matching(f"not ({text})", rows)) == [0, 1, 2, 3, 4]
    assert 99 in matching(f"({text}) or x == -7", rows) and 99 in matching("flip", rows)


def test_statistics_of_row_groups_hide_no_match(tmp_path: Path) -> None:
    """A row group that holds one value and NaN has this value as its least and greatest."""
    rows = [*ROWS, {**ROWS[0], "recall": 0.5}, {**ROWS[0], "recall": NAN, "placement": 99}]
    pq.write_table(table(rows), tmp_path / "rows.parquet", row_group_size=1)
    pq.write_table(table(rows[-2:]), tmp_path / "group.parquet")
    for text in ("recall != 0.5", "recall == 0.5", "not recall == 0.5", "recall > 0.25", "recall not in (0.5, 0)"):
        for name, stored in (("rows", rows), ("group", rows[-2:])):
            read = pq.read_table(tmp_path / f"{name}.parquet", filters=parse_where(text, COLUMNS))
            assert read["placement"].to_pylist() == matching(text, stored), text


def test_a_number_is_rounded_as_the_column_is() -> None:
    rows = [{**ROWS[0], "recall": 0.1}]
    assert matching("recall == 0.1", rows) == [0] == matching("0.1 <= recall <= 0.1", rows)
    assert matching("recall > 0.1", rows) == [] == matching("recall < 0.1", rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "where='': invalid syntax.\n  Equality is ==, texts are in quotes. Example: where='x >= 0"),
        ("x = 3", "invalid syntax"),
        ("recal > 0.5", "there is no column 'recal'.\n  Did you mean recall\\? The columns are bg, fg, flip, pl"),
        ("bg == meadow", "there is no column 'meadow'.\n  The columns are bg, fg, .* Texts are in quotes."),
        ("fg_bg > 3", "fg_bg is an image, and images cannot be compared."),
        ("fg_bg_mask", "fg_bg_mask is an image, and images cannot be compared."),
        ("x > 'a'", "x is a number, but 'a' is a text."),
        ("bg == 3", "bg is a text, but 3 is a number."),
        ("bg in ('a', 3)", "bg is a text, but 3 is a number."),
        ("x == bg", "x is a number, but bg is a text."),
        ("flip == 1", "flip is true or false, but 1 is a number.\n  Write flip or not flip."),
        ("flip < True", "flip is true or false, and has no order."),
        ("x", "x is a number, not a condition.\n  Compare it"),
        ("1 < 2", "there is no column in this comparison"),
        ("x > 3 & y > 2", "3 & y: neither a column .*\n  Combine comparisons with `and` and `or`, not with & and"),
        ("~flip", "~flip: not a comparison.\n  Write `not`, not ~."),
        ("x is 3", "`is` does not compare values"),
        ("x in 3", "3: not a list of values"),
        ("x in ()", r"\(\): not a list of values"),
        ("3 in (x, y)", "3: not a column"),
        ("bg in (fg,)", "fg: a column, where a value should be"),
        ("x > 99999999999999999999", "99999999999999999999: the number is too large"),
        ("x > 10 ** 9", r"10 \*\* 9: neither a column nor"),
        ("x > 1j", "1j: neither"),
        ("bg == b'a'", "b'a': neither"),
        ("bg == None", "None: neither"),
        ("bg == f'{x}'", "neither"),
        ("x.real > 3", "x.real: neither"),
        ("x[0] > 3", r"x\[0\]: neither"),
        ("__import__('os').system('true')", "not a comparison"),
        ("x > abs(3)", r"abs\(3\): neither"),
        ("(lambda: x)", "not a comparison"),
        ("[x for x in (1, 2)]", "not a comparison"),
        ("(x := 3) > 2", "neither"),
        ("x > 3 if flip else flip", "not a comparison"),
        ("True", "True: not a comparison"),
        ("(" * 999 + "flip" + ")" * 999, "too many"),
        ("x > 3\0", "null byte"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_where(text, COLUMNS)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 backgrounds x 2 cut-outs x 2 flips x 60 placements: two shards with row groups of 100, 100 and 40 rows."""
    return make_output(tmp_path_factory.mktemp("where"), 2, placements=60)


WHERES = (
    "x > 5",
    "not flip and 2 <= y < 6",
    "bg == 'scene_001' or placement in (0, 59)",
    "width < height or fg != 'thing_0'",
)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("where", WHERES)
def test_load_from_a_folder(output: Path, where: str, streaming: bool) -> None:
    everything = list(load(output, split="train"))
    rows = list(load(output, split="train", where=where, streaming=streaming))
    assert rows == [row for row in everything if eval(where, {}, row)] and 0 < len(rows) < len(everything) == 480


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("where", WHERES)
def test_load_from_the_hub(hub: HubServer, output: Path, tmp_path: Path, where: str, streaming: bool) -> None:
    send(shutil.copytree(output, tmp_path / "out"))
    rows = load(NAME, split="train", where=where, streaming=streaming)
    facts = [{k: v for k, v in row.items() if k in FACTS} for row in rows]
    everything = load(output, split="train").select_columns(FACTS)
    assert facts == [row for row in everything if eval(where, {}, row)]
    assert next(iter(rows))["fg_bg"].size == (32, 32)


def test_load_of_splits_configs_slices_and_nothing(held_out: Path) -> None:
    whole = load(held_out)
    found = load(held_out, where="not flip")
    assert {name: 2 * len(rows) for name, rows in found.items()} == {name: len(rows) for name, rows in whole.items()}
    slice_of = load(held_out, split="train[:50%]", where="not flip")
    assert len(slice_of) == 7 and not any(slice_of["flip"])  # half of the matching rows, not of all
    held = json.loads((held_out / "statistics.json").read_text())["sources"]["bg"]
    name = next(name for name, source in held.items() if source["held_out"])
    by_split = load(held_out, where=f"bg == {name!r}")
    assert {split for split, rows in by_split.items() if len(rows)} == {"test_unseen_bg", "test_unseen_both"}
    assert by_split["train"].features == whole["train"].features  # empty, but with its columns
    for streaming in (False, True):
        assert list(load(held_out, split="train", where="x > 1000", streaming=streaming)) == []
    found_names = load(held_out, config="bg", split="train", where="held_out")["name"]
    assert sorted(found_names) == [n for n in sorted(held) if held[n]["held_out"]]
    with pytest.raises(UsageError, match="there is no column 'x'"):
        load(held_out, config="bg", where="x > 3")


def test_row_groups_without_a_match_are_not_read(output: Path, tmp_path: Path) -> None:
    """The images of a row group are damaged so that they cannot be read; rows of the others still load."""
    copy = Path(shutil.copytree(output, tmp_path / "out"))
    for path in (copy / "data").iterdir():
        group = pq.ParquetFile(path).metadata.row_group(0)  # 100 rows: 25 placements of 2 cut-outs with 2 flips
        column = next(
            group.column(i) for i in range(group.num_columns) if "fg_bg.bytes" in group.column(i).path_in_schema
        )
        with open(path, "r+b") as file:
            file.seek(column.data_page_offset)
            file.write(b"\xff" * 64)
    for streaming in (False, True):
        rows = list(load(copy, split="train", where="placement >= 25", streaming=streaming))
        assert len(rows) == 280 and rows[0]["fg_bg"].size == (32, 32)
        with pytest.raises(Exception, match=r"(?i)thrift|page|generating|deserialize|invalid"):
            list(load(copy, split="train", where="placement < 25", streaming=streaming))
