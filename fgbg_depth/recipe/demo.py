"""The recipe of the bundled demonstration."""

from __future__ import annotations

from fgbg_depth.recipe.recipe import Recipe


def demo_recipe() -> Recipe:
    """The bundled demonstration: 16 x 16 sources, cut-outs standing on the ground."""
    return Recipe(
        name="fgbg-demo",
        foreground_min=0.25,
        foreground_max=0.45,
        placements=2,
        placement_mode="ground",
        ground_band=(0.78, 0.98),
        holdout=0.125,
        license="apache-2.0",
        background_license="rendered by this project (demo/), Apache-2.0",
        foreground_license="rendered by this project (demo/), Apache-2.0",
    )
