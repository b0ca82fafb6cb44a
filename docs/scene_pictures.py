"""Draws the pictures of docs/scenes.md from the bundled sources: `python docs/scene_pictures.py`, half a minute."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))  # for running it in a checkout

from fgbg_depth.builder.background_labels import predict_backgrounds, with_ground  # noqa: E402
from fgbg_depth.builder.planning import plan_build  # noqa: E402
from fgbg_depth.builder.row_composers import RowComposers, SceneRows  # noqa: E402
from fgbg_depth.card.scene_pictures import color_instances, draw_horizon  # noqa: E402
from fgbg_depth.depth.spec import DepthSpec  # noqa: E402
from fgbg_depth.plan import Plan  # noqa: E402
from fgbg_depth.recipe import Recipe  # noqa: E402
from fgbg_depth.render.poisson import has_opencv  # noqa: E402
from fgbg_depth.render.scenes import compose_scene  # noqa: E402
from fgbg_depth.render.soften import BLENDS  # noqa: E402
from fgbg_depth.scene.scenes import Scene  # noqa: E402
from fgbg_depth.sources.prepared import Prepared  # noqa: E402

OUT = DOCS / "scenes"
SIZE, GAP = 224, 6
NAMES = ("man", "woman", "car", "cat", "dog", "teddy", "beach-ball", "armchair")


class Studio:
    """The bundled sources, with the depth of the backgrounds that the pictures use."""

    def __init__(self, backgrounds: Sequence[str]) -> None:
        recipe = Recipe(size=SIZE, placement_mode="scene", foreground_min=0.3, foreground_max=0.6, scale_per="row")
        plan: Plan = plan_build(recipe, log=lambda text: None, device="cpu")
        assert plan.spec is not None
        self.spec: DepthSpec = plan.spec
        chosen = [source for source in plan.sources.backgrounds if source.name in backgrounds]
        depths = predict_backgrounds(chosen, recipe, self.spec, "cpu")
        chosen = [dataclasses.replace(s, depth=d) for s, d in zip(chosen, depths, strict=True)]
        self.grounds = {source.name: with_ground(source, self.spec).ground for source in chosen}
        self.sources = dataclasses.replace(plan.sources, backgrounds=tuple(chosen))
        self.prepared = Prepared.of(self.sources)

    def rows(self, background: str, names: Sequence[str] = NAMES, **changes: Any) -> SceneRows:
        """What draws and composes rows with these options."""
        values: dict[str, Any] = {"size": SIZE, "visible_min": 0.5, "foreground_min": 0.3, "foreground_max": 0.6}
        recipe = Recipe(**(values | {"placements": 12, "scale_per": "row"} | changes))
        composer = RowComposers(recipe, self.prepared, self.spec).of(self.prepared.background(background), names)
        assert isinstance(composer, SceneRows)
        return composer

    def picture(self, rows: SceneRows, scene: Scene) -> Image.Image:
        """The composite of a scene."""
        recipe, background = rows.drawing.recipe, rows.background.image
        return compose_scene(scene, background, rows.variants, rows.drawing.stage, recipe).image


def strip(pictures: Sequence[Image.Image], name: str) -> None:
    """Write pictures side by side."""
    width = sum(picture.width + GAP for picture in pictures) - GAP
    sheet = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    x = 0
    for picture in pictures:
        sheet.paste(picture, (x, 0))
        x += picture.width + GAP
    OUT.mkdir(exist_ok=True)
    sheet.save(OUT / f"{name}.jpg", quality=82)


def drawn(studio: Studio, background: str, fg: str, num: int = 4, **changes: Any) -> list[Image.Image]:
    """The first rows of a cut-out on a background, as a build draws them."""
    rows = studio.rows(background, **changes)
    return [studio.picture(rows, scene) for scene in rows.drawing.scenes(fg, False)[:num]]


def draw_sizes(studio: Studio) -> None:
    strip(drawn(studio, "meadow", "dog", placement_mode="ground"), "scale_per")


def draw_angles(studio: Studio) -> None:
    strip(drawn(studio, "snow", "teddy", placement_mode="ground", rotation_max=25), "rotation_max")


def draw_blends(studio: Studio) -> None:
    """One scene with each blend, enlarged four times."""
    rows = studio.rows("snow", placement_mode="ground", visible_min=1.0)
    scene = max(rows.drawing.scenes("dog", False), key=lambda one: one.layers[0].height)
    layer = scene.layers[0]
    x, y = layer.x + layer.width - 44, layer.y - 3
    box = (x, y, x + 45, y + 45)
    tiles = []
    for blend in BLENDS:
        if blend == "poisson" and not has_opencv():
            continue
        tile = (
            studio.picture(rows, dataclasses.replace(scene, blend=blend))
            .crop(box)
            .resize((180, 180), Image.Resampling.NEAREST)
        )
        canvas = Image.new("RGB", (180, 198), "white")
        canvas.paste(tile)
        ImageDraw.Draw(canvas).text((2, 183), blend, fill="black")
        tiles.append(canvas)
    half = (len(tiles) + 1) // 2
    strip(tiles[:half], "blend_1")
    strip(tiles[half:], "blend_2")


def draw_light(studio: Studio) -> None:
    """One scene with three shares."""
    pictures = []
    for share in (0.0, 0.4, 1.0):
        rows = studio.rows("snow", placement_mode="ground", visible_min=1.0, match_light=share, blend="feather")
        pictures.append(studio.picture(rows, rows.drawing.scenes("armchair", False)[1]))
    strip(pictures, "match_light")


def draw_objects(studio: Studio) -> None:
    """Two scenes and their instance maps."""
    rows = studio.rows("meadow", placement_mode="scene", objects=(2, 4))
    pictures = []
    for scene in [one for one in rows.drawing.scenes("man", False) if len(one.layers) >= 3][:2]:
        composed = compose_scene(scene, rows.background.image, rows.variants, rows.drawing.stage, rows.drawing.recipe)
        assert composed.instances is not None
        pictures += [composed.image, Image.fromarray(color_instances(composed.instances))]
    strip(pictures, "objects")


def draw_places(studio: Studio) -> None:
    """The same recipe with three modes, each with several cut-outs; and the horizon of the last one."""
    pictures = []
    for mode in ("uniform", "ground", "scene"):
        rows = studio.rows("country-road", placement_mode=mode, objects=(4, 4), scale_per="cutout")
        picture = studio.picture(rows, max(rows.drawing.scenes("woman", False), key=lambda one: len(one.layers)))
        ground = studio.grounds["country-road"]
        if mode == "scene" and ground is not None:
            draw_horizon(picture, ground.horizon, SIZE)
        pictures.append(picture)
    strip(pictures, "placement_mode")


def draw_occlusion(studio: Studio) -> None:
    """One scene without and with occlusion: the one in which most of the cut-out is hidden."""
    best: tuple[float, Callable[[], list[Image.Image]]] = (1.0, list)
    for background in studio.grounds:
        free, hiding = (
            studio.rows(background, placement_mode="scene", placements=40, occlusion=on) for on in (False, True)
        )
        for fg in ("man", "dog"):
            for scene in hiding.drawing.scenes(fg, False):
                layer = scene.layers[0]
                inside = 0 <= layer.x <= SIZE - layer.width and layer.y >= 0 and layer.height > 50
                if inside and layer.visible < best[0]:
                    best = layer.visible, _both(studio, free, hiding, scene)
    strip(best[1](), "occlusion")


def _both(studio: Studio, free: SceneRows, hiding: SceneRows, scene: Scene) -> Callable[[], list[Image.Image]]:
    return lambda: [studio.picture(free, scene), studio.picture(hiding, scene)]


def main() -> None:
    """Draw all pictures into docs/scenes/."""
    studio = Studio(("meadow", "country-road", "snow", "forest-path", "living-room", "garden"))
    for draw in (draw_sizes, draw_angles, draw_blends, draw_light, draw_objects, draw_places, draw_occlusion):
        draw(studio)
    for path in sorted(OUT.iterdir()):
        print(f"{path.relative_to(DOCS.parent)} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
