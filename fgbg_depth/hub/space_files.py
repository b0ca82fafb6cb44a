"""The files of a Space: the app, this package, and the requirements of browsing."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, version

from fgbg_depth import paths
from fgbg_depth.errors import HubError, install_command

PACKAGE = "fgbg_depth"
APP = "app.py"
# What browsing imports, besides gradio, whose version the Space's card names. Without torch, transformers and datasets,
# which the package imports only to build, label and load.
REQUIREMENTS = (
    "deflate",
    "filelock",
    "fsspec",
    "httpx2",
    "huggingface-hub",
    "jinja2",
    "lazy-loader",
    "markdown-it-py",
    "nh3",
    "numpy",
    "pillow",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "simplejpeg",
    "starlette",
    "wrapt",
)
_LOWEST_PYTHON = 11  # 3.11, as in pyproject.toml


def space_files() -> dict[str, bytes]:
    """The content of all files of the Space apart from its card, by path.

    The package is complete but for its bundled sources and depth model, which only `build` reads.

    Raises:
        HubError: a package that the app needs is not installed here, so its version is unknown.
    """
    found = (path for path in sorted(paths.PACKAGE.rglob("*")) if path.is_file() and path.suffix != ".pyc")
    package = {path.relative_to(paths.PACKAGE): path for path in found}
    files = {f"{PACKAGE}/{name.as_posix()}": p.read_bytes() for name, p in package.items() if name.parts[0] != "data"}
    pins = "".join(f"{name}=={installed_version(name)}\n" for name in REQUIREMENTS)
    return {**files, APP: paths.project_file(APP).read_bytes(), "requirements.txt": pins.encode()}


def installed_version(name: str) -> str:
    """The installed version of a package, which the Space gets as well.

    Raises:
        HubError: it is not installed here.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        raise HubError(
            f"the Space gets the versions of packages that are installed here, but {name} is not installed.\n"
            f"  Install it: {install_command('app')}"
        ) from None


def python_version() -> str:
    """The Python of the Space, such as "3.11": the one that runs here, because the pinned versions are of it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def lowest_python() -> int:
    """The lowest N for which Python 3.N satisfies all requirements of the Space."""
    needed = [_LOWEST_PYTHON]
    for name in ("gradio", *REQUIREMENTS):
        needed += [int(minor) for minor in re.findall(r">=\s*3\.(\d+)", str(metadata(name)["Requires-Python"]))]
    return max(needed)
