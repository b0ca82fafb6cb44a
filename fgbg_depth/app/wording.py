"""Numbers and names as people read them."""

from __future__ import annotations

from typing import Any

SPLIT_NAMES = {
    "train": "train",
    "test_unseen_bg": "test: unseen background",
    "test_unseen_fg": "test: unseen cut-out",
    "test_unseen_both": "test: both unseen",
}
SPLIT_MEANINGS = {
    "train": "backgrounds and cut-outs to learn from",
    "test_unseen_bg": "known cut-outs on backgrounds that training never sees",
    "test_unseen_fg": "cut-outs that training never sees, on known backgrounds",
    "test_unseen_both": "neither the background nor the cut-out is in training",
}
KIND_NAMES = {
    "metric": "depth in metres",
    "relative_depth": "relative depth (larger is farther)",
    "relative_disparity": "relative disparity (larger is nearer)",
}


def thousands(value: float) -> str:
    """12345 -> "12 345", with a narrow no-break space."""
    return f"{value:,.0f}".replace(",", "\u202f")


def size(num_bytes: float) -> str:
    """Bytes as "17 kB"; powers of 1000, three digits at most."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if num_bytes < 999.5 or unit == "TB":
            return f"{num_bytes:.0f} {unit}" if num_bytes >= 10 or unit == "B" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    raise AssertionError


def percent(share: float) -> str:
    """0.0734 -> "7.3 %", with a no-break space."""
    return f"{share * 100:.1f}\u00a0%"


def depth_value(value: float, spec: dict[str, Any]) -> str:
    """A depth with its unit, or three digits of a relative value."""
    return f"{value:.2f} m" if spec["unit"] == "m" else f"{value:.3f}"


def license_name(recipe: dict[str, Any]) -> str:
    """The licence of the dataset, or that none is stated."""
    return str(recipe.get("license") or "not stated")
