"""A browser for the tests of single tabs: when such tests are skipped, and a fixture that starts the browser."""

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from test_app_browser import ARGUMENTS, CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IN_BROWSER = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed (apt-get install chromium)"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]


def started_browser() -> Iterator["Browser"]:
    """Start Chromium; the body of a fixture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
