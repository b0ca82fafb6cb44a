"""A browser for tests of the page: on a wide screen, on a small one and on a phone. Its console must have no errors."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WIDE, SMALL, PHONE = (1440, 900), (1024, 768), (390, 844)
NEEDS_BROWSER = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed (apt-get install chromium)"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]

WIDE_AND_PHONE = pytest.mark.parametrize(
    ("size", "dark"), [(WIDE, False), pytest.param(PHONE, True, marks=pytest.mark.slow)], ids=["wide", "phone, dark"]
)


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page, the errors in its console, and its requests to other servers."""

    def __init__(self, chromium: Browser, url: str, size: tuple[int, int], dark: bool) -> None:
        phone = size == PHONE
        self.context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            is_mobile=phone,
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.url = url
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", lambda r: None if self.inside(r.url) else self.outside.append(r.url))

    def inside(self, address: str) -> bool:
        return address.startswith((self.url, "data:", "blob:"))

    def tab(self, name: str) -> None:
        self.page.locator("[role=tab]:visible", has_text=re.compile(f"^{name}$")).last.click()

    def fits_the_window(self) -> None:
        """The page does not scroll sideways."""
        sizes = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1] + 1, sizes

    def done(self) -> None:
        assert (self.errors, self.outside) == ([], [])
        assert "hacked" not in self.page.title()
        self.context.close()


def tiles(page: Page) -> Locator:
    return page.locator("#fg-gallery [data-open]")


def addresses(page: Page) -> list[str]:
    """The addresses of the rows that the tab Samples shows."""
    return [str(a) for a in tiles(page).evaluate_all("found => found.map(tile => tile.dataset.open)")]


def wait_for_rows(page: Page, words: str) -> None:
    """Wait until the line above the tiles has these words."""
    page.wait_for_function(
        "w => document.querySelector('#fg-gallery .fg-count')?.textContent.replace(/\\s+/g, ' ').includes(w)", arg=words
    )


def wait_for_row(page: Page, address: str = "") -> str:
    """Wait until the tab Row shows this row, or any; its address."""
    page.wait_for_selector(f".fg-row[data-row='{address}']" if address else ".fg-row")
    return page.locator(".fg-row").get_attribute("data-row") or ""


def query(page: Page) -> str:
    """The query of the page's address."""
    return str(page.evaluate("location.search"))


def wait_for_query(page: Page, text: str) -> None:
    page.wait_for_function("t => location.search === t", arg=text)


def settled(page: Page) -> None:
    """Wait until the server has answered everything that the page asked for."""
    page.wait_for_function("!document.documentElement.classList.contains('fg-busy')")


def wait_for_value(page: Page, selector: str, value: str) -> None:
    """Wait until a field has this value."""
    page.wait_for_function("([s, v]) => document.querySelector(s)?.value === v", arg=[selector, value])
