"""The state of the page as an address, and steps through rows, without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from app_outputs import make_output
from hypothesis import given, settings
from hypothesis import strategies as st

from fgbg_depth.app.handlers import Handlers, show_errors_on_page
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.state import PageState, parse_address, parse_query
from fgbg_depth.app.visit import Ask, View, Visits
from fgbg_depth.errors import UsageError
from fgbg_depth.read.order import Sort
from fgbg_depth.read.reader import DatasetReader, Filter

TABS = ("samples", "row", "3d", "statistics")
INFINITE = float("inf")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(str(make_output(tmp_path_factory.mktemp("state") / "out", size=32, names=("<b>&=?/",))))


@pytest.fixture(scope="module")
def browser(opened: Opened) -> DatasetReader:
    return opened()


@pytest.fixture(scope="module")
def visits(opened: Opened) -> Visits:
    return Visits(opened, TABS, ["3d"])


def answer(view: View) -> dict[str, Any]:
    found = json.loads(view.answer)
    assert isinstance(found, dict)
    return found


def test_a_new_visitor_has_a_plain_address(browser: DatasetReader) -> None:
    assert PageState().to_query() == "" and parse_query("", browser, TABS) == (PageState(), [])
    state = PageState("row", "train/12", split="train", ranges=(("coverage", 0.05, INFINITE),), page=3)
    assert state.to_query() == "?tab=row&row=train/12&split=train&p=3&coverage_min=0.05"


bounds = st.none() | st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.9g}"))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_state_survives_its_address(browser: DatasetReader, data: st.DataObject) -> None:
    def pick(*values: str) -> str:
        return data.draw(st.sampled_from(("", *values)))

    ranges = []
    for column in ("coverage", "x"):
        low, high = data.draw(bounds), data.draw(bounds)
        if low is not None or high is not None:
            ranges.append((column, -INFINITE if low is None else low, INFINITE if high is None else high))
    state = PageState(
        tab=data.draw(st.sampled_from(TABS)),
        row=pick("train/0", "test_unseen_fg/3"),
        split=pick(*browser.splits),
        bg=pick(*browser.names("bg")),
        fg=pick(*browser.names("fg")),
        flip=pick("yes", "no"),
        ranges=tuple(ranges),
        sort=pick("stored", "coverage", "-x"),
        seed=data.draw(st.integers(0, 10**9)),
        shown=data.draw(st.sampled_from(("fg_bg", "fg_bg_mask", "fg_bg_depth"))),
        page=data.draw(st.integers(1, 999)),
    )
    assert parse_query(state.to_query(), browser, TABS) == (state, [])


@settings(max_examples=100, deadline=None)
@given(query=st.text(max_size=80) | st.builds(lambda k, v: f"{k}={v}", st.sampled_from(
    ["row", "p", "seed", "sort", "tab", "coverage_min", "x_max", "shown", "flip"]), st.text(max_size=20)))  # fmt: skip
def test_any_address_gives_a_state(browser: DatasetReader, query: str) -> None:
    state, _ = parse_query(query, browser, TABS)
    assert parse_query(state.to_query(), browser, TABS) == (state, [])
    browser.order(state.filter, state.order)


def test_a_wrong_value_is_named(browser: DatasetReader) -> None:
    for query, words in (
        ("row=train/9999", "train has rows 0 to"),
        ("row=train/-1", "SPLIT/NUMBER"),
        ("tab=nowhere", "tab=nowhere"),
        ("p=1e3", "p=1e3"),
        ("coverage_max=much", "coverage_max=much"),
        ("coverage_max=nan", "coverage_max=nan"),
        ("&".join(f"a{i}=1" for i in range(200)), "more than 100 fields"),
    ):
        state, messages = parse_query(query, browser, TABS)
        assert state == PageState() and len(messages) == 1 and words in messages[0], query


def test_addresses_of_rows() -> None:
    assert parse_address("train/12") == ("train", 12)
    for wrong in ("train", "train/", "train/-1", "train/1e3", "train/²", "x/" + "9" * 30, "<b>/1", "a b/1"):
        with pytest.raises(UsageError):
            parse_address(wrong)


def test_steps_lead_around_and_random_rows_match(visits: Visits, browser: DatasetReader) -> None:
    order = browser.order(Filter(flip=True), Sort())
    rows = [row.address for row in browser.rows_of(order, 0, 1000, ())]
    for start, step, expected in (
        (0, 1, 1),
        (0, -1, -1),
        (-1, 1, 0),
        (3, 2 * len(rows) + 2, 5),
        (5, -7, len(rows) - 2),
    ):
        found = answer(visits.visit({"query": f"?tab=row&flip=yes&row={rows[start]}", "step": step}, None))
        assert found["query"] == f"?tab=row&row={rows[expected]}&flip=yes"
        assert rows[found["position"]] == rows[expected] and found["count"] == len(rows)
    for _ in range(5):
        found = answer(visits.visit({"query": "?tab=row&flip=yes", "random": True}, None))
        assert found["query"].split("row=")[-1].split("&")[0] in rows
    other = next(a for a in (f"train/{i}" for i in range(99)) if a not in rows)
    assert answer(visits.visit({"query": f"?flip=yes&row={other}", "step": 1}, None))["position"] == 0
    assert answer(visits.visit({"query": f"?flip=yes&row={other}", "step": -1}, None))["position"] == len(rows) - 1
    nothing = visits.visit({"query": "?tab=row&coverage_min=0.99", "step": 1}, None)
    assert nothing.row is not None and "No row matches" in nothing.row


def test_parts_that_the_page_shows_are_not_sent_again(visits: Visits) -> None:
    first = visits.visit({"query": ""}, None)
    shown = answer(first)["shown"]
    assert first.gallery and first.filters and first.row is None
    again = visits.visit({"query": "?row=train/3", "shown": shown}, None)
    assert again.gallery is None and again.filters is None and again.tabs is None
    row = visits.visit({"query": "?tab=row&row=train/3", "shown": shown}, None)
    assert row.row and row.tabs is not None and row.gallery is None and not row.rows
    assert visits.visit({"query": "?tab=3d&row=train/3", "shown": shown}, None).rows == {"3d": "train/3"}
    assert len(row.row) < 20_000, "a row's HTML holds no picture"


@pytest.mark.parametrize(
    "data", [None, 3, "x", {"query": 3, "step": "many", "shown": [1]}, {"step": 10**30}, {"query": "x" * 10**5}]
)
def test_any_request_gets_an_answer(visits: Visits, data: Any) -> None:
    assert "query" in answer(visits.visit(data, None))
    assert Ask.of(data).random is False


def test_a_missing_dataset_is_a_message(tmp_path: Path) -> None:
    visits = Visits(Opened(str(tmp_path / "<img src=x>")), TABS)
    assert "&lt;img" in (visits.first(None).header or "")
    assert "<img" in answer(visits.visit({}, None))["messages"][0], "as text; static/address.js shows it as text"


def test_messages_that_gradio_shows_are_escaped() -> None:
    def fail() -> None:
        raise UsageError("there is no <img src=http://x/t.png>")

    with pytest.raises(Exception, match=r"&lt;img src=http://x/t\.png&gt;"):
        show_errors_on_page(fail)()


def test_a_clicked_bar_leads_to_its_rows(opened: Opened) -> None:
    followed = json.loads(Handlers(opened).filter_by("coverage", 0.1, 0.15))
    assert followed["go"] == "?coverage_min=0.1&coverage_max=0.15"
    with pytest.raises(UsageError, match="blend"):
        Handlers(opened).filter_by("blend", 0, 1)
