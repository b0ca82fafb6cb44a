"""The files of the demo Space: the app, the part of this package that it imports, and what that part needs."""

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
_ALL_IMPORTS = ("fgbg_depth.app", "fgbg_depth.read.reader")  # here imports inside functions count, too
_TEXT = """# {title}

Browse [{dataset}](https://huggingface.co/datasets/{dataset}): images, mattes and depth, statistics and sources.
The dataset's name is in this Space's variable `FGBG_DATASET`, a version of it, if wanted, in `FGBG_REVISION`.
"""


def space_files(dataset_id: str) -> dict[str, bytes]:
    """Everything that the Space's repository holds, by path.

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
    files[f"{PACKAGE}/__init__.pyi"] = (top / PACKAGE / "__init__.pyi").read_bytes()  # read at import
    files[APP] = app.read_bytes()
    files["requirements.txt"] = requirements(modules).encode()
    files["README.md"] = readme(dataset_id, paths.project_file(TEMPLATE)).encode()
    return files


def imported_modules(app: Path) -> dict[str, Path]:
    """Modules of this package that the script `app` needs, by name, found by following imports.

    Outside the app and the browser only imports at the top of a module count: those inside functions are there so
    that browsing does not need torch, transformers or datasets.
    """
    found: dict[str, Path] = {}
    todo = [name for name in _imports(app, "", True) if name.startswith(PACKAGE)]
    while todo:
        name = todo.pop()
        path = _module_path(name)
        if name in found or path is None:
            continue
        found[name] = path
        todo += [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
        everything = name.startswith(_ALL_IMPORTS)
        todo += [n for n in _imports(path, name, everything) if n.split(".")[0] == PACKAGE]
    return dict(sorted(found.items()))


def requirements(modules: dict[str, Path]) -> str:
    """What those modules import from elsewhere, pinned to what is installed here. Gradio comes with the Space.

    Raises:
        HubError: one of them is not installed.
    """
    names = {
        imported.split(".")[0]
        for name, path in modules.items()
        for imported in _imports(path, name, name.startswith(_ALL_IMPORTS))
    }
    outside = names - set(sys.stdlib_module_names) - {PACKAGE, "gradio"}
    known = packages_distributions()
    if missing := sorted(outside - known.keys()):
        raise _not_installed(", ".join(missing))
    pinned = sorted({known[name][0].lower() for name in outside})
    return "".join(f"{name}=={version(name)}\n" for name in pinned)


def _gradio_version() -> str:
    try:
        return version("gradio")
    except PackageNotFoundError:
        raise _not_installed("gradio") from None


def _not_installed(names: str) -> HubError:
    return HubError(
        f"The Space needs the versions of the app's packages, but these are not installed here: {names}.\n"
        f"  Install them: {install_command('app')}"
    )


def readme(dataset_id: str, template: Path) -> str:
    """The Space's card: what the template says, with the Gradio version and the dataset of this Space."""
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


def _imports(path: Path, module: str, everything: bool) -> Iterator[str]:
    """Full names that the file of a module imports; of `from a import b` both `a` and `a.b`."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _statements(tree, everything):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _statements(tree: ast.AST, everything: bool) -> Iterator[ast.AST]:
    """Statements that run at import, or with `everything` at any time; none that only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        if everything or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _statements(node, everything)
