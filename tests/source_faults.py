"""Pictures with a fault each, as docs/source_pictures.py makes them, and the bundled ones, which have none."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from PIL import Image

from fgbg_depth import paths

ROOT = Path(__file__).parent.parent


def load_pictures_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("source_pictures", ROOT / "docs" / "source_pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = load_pictures_script()


def bundled(name: str) -> Image.Image:
    return Image.open(paths.DATA / name)
