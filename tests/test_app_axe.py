"""axe-core finds nothing serious in any tab, in both colour schemes, on a wide screen and on a phone."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from app_browser import NEEDS_BROWSER, PHONE, WIDE, Visit, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    *NEEDS_BROWSER,
    pytest.mark.skipif(importlib.util.find_spec("axe_playwright_python") is None, reason="axe is not installed"),
    pytest.mark.slow,
]
READY = {  # what each tab shows when it is complete
    "samples": "#fg-gallery [data-open]",
    "row": ".fg-row",
    "3d": "#fg-scene canvas",
    "compare": "[data-compared]",
    "statistics": ".fg-numbers",
    "try": "#fg-try",
    "sources": "#fg-sources [data-pick]",
    "card": ".fg-cardpage",
}


@pytest.fixture(scope="module")
def output(both_labels: Path) -> Path:
    """All tabs need two depth labels."""
    return both_labels


def violations(visit: Visit) -> list[str]:
    """What axe calls serious or critical, a line for each element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(visit.page).response["violations"]
    return [
        f"{v['impact']} {v['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else v['help']}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1440", "390"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("tab", READY)
def test_nothing_serious(chromium: Browser, url: str, tab: str, dark: bool, size: tuple[int, int]) -> None:
    visit = Visit(chromium, url, size, dark)
    visit.page.goto(f"{url}/?tab={tab}")
    visit.page.locator(READY[tab]).filter(visible=True).first.wait_for()
    settled(visit.page)
    visit.page.wait_for_timeout(500)  # gradio fades parts in
    assert violations(visit) == []
    visit.done()
