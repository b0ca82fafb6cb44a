"""The package's structure: imports go down only, packages hold no logic of their own, files stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fgbg_depth

PACKAGE = Path(fgbg_depth.__file__).parent

# Top first. A room (a module or package directly in fgbg_depth/) imports only rooms of lower layers.
LAYERS = (
    ("__init__", "__main__"),
    ("cli",),
    ("app", "hub"),
    ("comparison", "export", "training", "verify"),
    ("builder",),
    ("card", "engine"),
    ("read",),
    ("manifest", "plan"),
    ("depth", "sources"),
    ("render",),
    ("scene",),
    ("storage", "statistics"),
    ("recipe",),
    ("schema",),
    ("retry", "rng", "paths"),
    ("errors",),
)
LEVEL = {room: level for level, rooms in enumerate(reversed(LAYERS)) for room in rooms}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(path: Path) -> set[str]:
    """Modules of this package that a file imports anywhere, also inside functions; not for type checking alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    type_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    modules = {module_of(file) for file in FILES}
    found = set()
    for node in ast.walk(tree):
        if id(node) in type_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                name if (name := f"{node.module}.{alias.name}") in modules else node.module
                for alias in node.names
                if alias.name != "__version__"  # the one constant of the package itself, for `--version`
            }
    return {name for name in found if name.split(".")[0] == "fgbg_depth"}


IMPORTS = {module_of(path): imports_of(path) for path in FILES}


def test_every_room_has_a_layer() -> None:
    rooms = {room_of(module_of(path)) for path in FILES}
    assert rooms <= LEVEL.keys()
    # A package's face is no room. 24 rooms make, check and show a dataset; `export` and `training` use a finished one.
    assert len(rooms - {"__init__"}) <= 26


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_go_down(module: str) -> None:
    here = room_of(module)
    for imported in sorted(IMPORTS[module]):
        there = room_of(imported)
        assert there == here or LEVEL[there] < LEVEL[here], f"{module} imports {imported}, which is not below it"


def test_no_import_circles() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, "circle: " + " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for imported in sorted(IMPORTS.get(module, ())):
                visit(imported, (*path, module))
            done.add(module)

    for module in IMPORTS:
        visit(module, ())


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=module_of)
def test_packages_hold_names_and_no_logic(path: Path) -> None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        # an ast.Expr is the docstring, or the one call that registers DenseDepth with transformers
        is_name = isinstance(node, (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign))
        assert is_name, f"{path}: line {node.lineno} is logic; move it into a module of its own"


def test_most_files_are_small() -> None:
    lengths = sorted(len(p.read_text(encoding="utf-8").splitlines()) for p in FILES if p.name != "__init__.py")
    fitting = [n for n in lengths if 60 <= n <= 250]
    assert len(fitting) >= 0.75 * len(lengths)
    assert lengths[-1] <= 350
