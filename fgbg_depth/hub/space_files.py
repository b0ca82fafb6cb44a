"""The files of a Space: the app, the modules of this package that it imports, and its requirements."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

import yaml

from fgbg_depth import paths
from fgbg_depth.errors import HubError, install_command

PACKAGE = "fgbg_depth"
APP = "app.py"
TEMPLATE = "space/README.md"
_ALL_IMPORTS = ("fgbg_depth.app", "fgbg_depth.read.reader")  # of these, imports inside functions are followed too
_TEXT = """# {title}

Browse [{dataset}](https://huggingface.co/datasets/{dataset}): images, mattes and depth, statistics and sources.
The Space's variable `FGBG_DATASET` names the dataset. The variable `FGBG_REVISION` can name a tag or branch of it.
"""


def space_files(dataset_id: str) -> dict[str, bytes]:
    """The content of all files of the Space, by path.

    Raises:
        HubError: a package that the app needs is not installed here, so its version is unknown.
    """
    top, app = paths.PACKAGE.parent, paths.project_file(APP)
    modules = imported_modules(app)
    files = {path.relative_to(top).as_posix(): path.read_bytes() for path in modules.values()}
    for folder in {path.parent for name, path in modules.items() if name.startswith(_ALL_IMPORTS)}:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                files[path.relative_to(top).as_posix()] = path.read_bytes()
    stub = f"{PACKAGE}/__init__.pyi"  # the package reads it when it is imported
    files[stub] = (top / stub).read_bytes()
    files[APP] = app.read_bytes()
    files["requirements.txt"] = requirements(modules).encode()
    files["README.md"] = readme(dataset_id, paths.project_file(TEMPLATE)).encode()
    return files


def imported_modules(app: Path) -> dict[str, Path]:
    """The modules of this package that the script `app` imports, directly or indirectly: name -> file.

    Imports inside functions are followed only in the app and the reader. Elsewhere they load torch, transformers and
    datasets, which browsing does not need.
    """
    found: dict[str, Path] = {}
    to_visit = [name for name in _imports(app, "", True) if name.startswith(PACKAGE)]
    while to_visit:
        name = to_visit.pop()
        path = _module_path(name)
        if name in found or path is None:
            continue
        found[name] = path
        to_visit += [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
        in_functions = name.startswith(_ALL_IMPORTS)
        to_visit += [n for n in _imports(path, name, in_functions) if n.split(".")[0] == PACKAGE]
    return dict(sorted(found.items()))


def requirements(modules: dict[str, Path]) -> str:
    """The requirements file: packages that the modules import, with the versions installed here.

    Gradio is not in it, because the Space's card names its version.

    Raises:
        HubError: a package is not installed.
    """
    names = {
        imported.split(".")[0]
        for name, path in modules.items()
        for imported in _imports(path, name, name.startswith(_ALL_IMPORTS))
    }
    outside = names - set(sys.stdlib_module_names) - {PACKAGE, "gradio"}
    distributions = packages_distributions()
    if missing := sorted(outside - distributions.keys()):
        raise _not_installed(", ".join(missing))
    pinned = sorted({distributions[name][0].lower() for name in outside})
    return "".join(f"{name}=={version(name)}\n" for name in pinned)


def _gradio_version() -> str:
    try:
        return version("gradio")
    except PackageNotFoundError:
        raise _not_installed("gradio") from None


def _not_installed(names: str) -> HubError:
    return HubError(
        f"the Space's requirements need the versions of the app's packages, but these are not installed: {names}.\n"
        f"  Install them: {install_command('app')}"
    )


def readme(dataset_id: str, template: Path) -> str:
    """The Space's card: the template, with the installed Gradio version and the dataset to show."""
    text = template.read_text(encoding="utf-8") if template.is_file() else ""
    header: dict[str, Any] = {}
    body = text
    if text.startswith("---\n"):
        front, _, body = text[4:].partition("\n---\n")
        header = yaml.safe_load(front) or {}
    title = dataset_id.split("/")[-1]
    header = {"title": title, "emoji": "🧊", "colorFrom": "purple", "colorTo": "yellow", **header}
    header |= {"sdk": "gradio", "sdk_version": _gradio_version(), "app_file": APP, "datasets": [dataset_id]}
    body = body.strip() or _TEXT.format(title=title, dataset=dataset_id).strip()
    return f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---\n\n{body}\n"


def _module_path(name: str) -> Path | None:
    path = paths.PACKAGE.parent.joinpath(*name.split("."))
    options = (path / "__init__.py", path.with_suffix(".py"))
    return next((option for option in options if option.is_file()), None)


def _imports(path: Path, module: str, in_functions: bool) -> Iterator[str]:
    """Full names that a module's file imports. For `from a import b` these are `a` and `a.b`."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _statements(tree, in_functions):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            imported = ".".join([*base, *(node.module.split(".") if node.module else [])])
            yield imported
            yield from (f"{imported}.{alias.name}" for alias in node.names)


def _statements(tree: ast.AST, in_functions: bool) -> Iterator[ast.AST]:
    """The statements that run at import, with `in_functions` also those in functions; without `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        if in_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _statements(node, in_functions)
