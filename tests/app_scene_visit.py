"""Visits of the 3-D tab for tests: what is drawn, pointing at pixels, and what the page reads there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from app_browser import WIDE, Visit
from app_scenes import SIZE, stored_row
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CANVAS = "#fg-scene .fg3-stage canvas"
CLEAR = np.array([15, 14, 19])  # what scene_draw.js clears the canvas with
INDEX = 1


def opened(
    chromium: Browser, url: str, size: tuple[int, int] = WIDE, dark: bool = False, row: str = f"train/{INDEX}"
) -> Visit:
    """A visit of the 3-D tab that does not sway."""
    visit = Visit(chromium, url, size, dark)
    visit.page.emulate_media(reduced_motion="reduce")
    show(visit, row)
    return visit


def show(visit: Visit, row: str) -> None:
    visit.page.goto(f"{visit.url}/?tab=3d&row={row}")
    visit.page.wait_for_selector(f"[data-drawn='{row}']")


def drawn(page: Page) -> np.ndarray:
    """(h, w, 3) uint8 pixels of the canvas, below the buttons, without marks and without the frame of the focus."""
    page.wait_for_timeout(150)
    page.add_style_tag(content=".fg3-stage svg { visibility: hidden }")
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    clip = {"x": box["x"] + 4, "y": box["y"] + 50, "width": box["width"] - 8, "height": box["height"] - 60}
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))


def cleared(pixels: np.ndarray) -> np.ndarray:
    """(h, w) bool: pixels on which nothing was drawn."""
    return np.asarray(np.abs(pixels.astype(int) - CLEAR).max(-1) <= 2)


def holes(pixels: np.ndarray) -> int:
    """Pixels on which nothing was drawn, and that are not connected to the outside."""
    flooded = Image.fromarray(np.pad(cleared(pixels), 1, constant_values=True).astype(np.uint8)).copy()
    ImageDraw.floodfill(flooded, (0, 0), 2)
    return int((np.asarray(flooded) == 1).sum())


def choose(page: Page, mode: str) -> None:
    page.locator(".fg3-modes label", has_text=mode).click()
    page.wait_for_selector(f".fg3[data-mode={mode.lower()}]")


def turn(page: Page, steps: int) -> None:
    for _ in range(steps):
        page.locator(CANVAS).press("ArrowRight")


def point(page: Page, view: str, x: int, y: int, act: str = "hover") -> None:
    """Point at a pixel of the picture or of the depth map."""
    frame = page.locator(f"[data-view={view}]")
    box = frame.bounding_box()
    assert box is not None
    position = {"x": box["width"] * (x + 0.5) / SIZE, "y": box["height"] * (y + 0.5) / SIZE}
    getattr(frame, act)(position=position)


def reading(page: Page, name: str) -> str:
    return page.locator(f"[data-reading] [data-name='{name}']").inner_text().removeprefix(name).strip()


def inside_pixel(output: Path, index: int = INDEX) -> tuple[int, int]:
    """A pixel in the middle of the cut-out of a row of train."""
    rows, columns = np.nonzero(stored_row(output, "train", index)["fg_bg_mask"] == 255)
    middle = len(rows) // 2
    return int(columns[middle]), int(rows[middle])
