"""A small dataset with every option that varies scenes, from bundled sources and with the bundled depth network."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tiny import quiet_build, tiny_recipe

import fgbg_depth
from fgbg_depth.recipe import Recipe

DATA = Path(fgbg_depth.__file__).parent / "data"
# No ground is found in the bedroom; in the living room furniture hides cut-outs.
BACKGROUNDS = ("meadow", "living-room", "bedroom")
CUTOUTS = ("man", "cat", "car", "dog", "teddy")
VARIED: dict[str, Any] = {
    "name": "varied",
    "size": 96,
    "placements": 2,
    "foreground_min": 0.3,
    "foreground_max": 0.6,
    "scale_per": "row",
    "rotation_max": 12,
    "blend": "mixed",
    "match_light": 0.4,
    "objects": [1, 3],
    "placement_mode": "scene",
    "occlusion": True,
    "visible_min": 0.5,
    "depth_model": "densedepth-demo",
}
NUM_ROWS = len(BACKGROUNDS) * len(CUTOUTS) * 2 * VARIED["placements"]


def varied_recipe(folder: Path, **changes: Any) -> Recipe:
    """Its recipe; the sources are copied into `folder`."""
    for kind, short, names in (("backgrounds", "bg", BACKGROUNDS), ("foregrounds", "fg", CUTOUTS)):
        (folder / short).mkdir(parents=True)
        for path in (DATA / kind).iterdir():
            if path.stem in names:
                shutil.copy(path, folder / short)
    return tiny_recipe(folder, **(VARIED | changes))


def make_varied_output(folder: Path, **changes: Any) -> Path:
    """Build the dataset into `folder/out`; takes about 10 seconds of one core."""
    quiet_build(varied_recipe(folder, **changes), folder / "out")
    return folder / "out"
