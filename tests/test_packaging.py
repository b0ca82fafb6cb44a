"""The wheel has all that the commands need outside a checkout, and the declared dependencies are the real ones."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fgbg_depth import __version__
from fgbg_depth.errors import HubError
from fgbg_depth.hub import space_files
from fgbg_depth.hub.space import check_space

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROJECT_FILES = ("app.py", "dataset_card.md", "space/README.md")
# where an import differs from the name of its package
PACKAGE_OF = {"PIL": "pillow", "yaml": "pyyaml", "cv2": "opencv-python-headless", "markdown_it": "markdown-it-py"}
# a part of the package whose imports are an extra's, by the start of the module's path
EXTRA_OF = {
    "app/": "app",
    "engine/ray.py": "ray",
    "sources/decode.py": "heif",
    "render/poisson.py": "blend",
    "sources/instances/": "coco",
    "sources/cutouts/": "cutouts",
    "export/": "export",
}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    line = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel; its dependencies come from the environment of the tests."""
    folder = tmp_path_factory.mktemp("site")
    line = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--target",
        str(folder),
        str(wheel),
    ]
    subprocess.run(line, check=True, capture_output=True, timeout=120)
    return folder


def run_installed(site: Path, cwd: Path, *line: str) -> subprocess.CompletedProcess[str]:
    """Run a command outside the checkout with the installed package; `fgbg-depth` is on PATH."""
    path = os.pathsep.join([str(site / "bin"), os.environ.get("PATH", "")])
    environment = os.environ | {"PYTHONPATH": str(site), "PATH": path}
    return subprocess.run(list(line), cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_the_wheel_has_every_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        for name in PROJECT_FILES:
            assert archive.read(f"fgbg_depth/data/project/{name}") == (ROOT / name).read_bytes()
        metadata_files = {name.split(".dist-info/")[1] for name in archive.namelist() if ".dist-info/" in name}
    in_checkout = {p.relative_to(ROOT).as_posix() for p in (ROOT / "fgbg_depth").rglob("*") if p.is_file()}
    in_checkout = {name for name in in_checkout if not re.search(r"__pycache__|\.pyc$|\.DS_Store$", name)}
    assert names == in_checkout | {f"fgbg_depth/data/project/{name}" for name in PROJECT_FILES}
    assert {"fgbg_depth/py.typed", "fgbg_depth/__init__.pyi"} <= names
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE"} <= metadata_files


def test_the_installed_command(site: Path, tmp_path: Path) -> None:
    shown = run_installed(site, tmp_path, "fgbg-depth", "--version")
    assert shown.stdout == f"fgbg-depth {__version__}\n", shown.stderr
    assert run_installed(site, tmp_path, sys.executable, "-m", "fgbg_depth", "--version").stdout == shown.stdout
    described = run_installed(site, tmp_path, "fgbg-depth", "--help").stdout
    assert described.startswith("usage: fgbg-depth [-h]") and "fgbg-depth app\n" in described
    assert "builder.py" not in described and "app.py" not in described
    assert run_installed(site, tmp_path, "fgbg-depth", "app", "--help").stdout.startswith("usage: fgbg-depth app [-h]")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_build_outside_the_checkout(site: Path, sources: Path, tmp_path: Path) -> None:
    where = ["--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg"), "--output", "out"]
    small = ["--size", "32", "--placements", "1", "--depth-model", "none", "--workers", "1"]
    built = run_installed(site, tmp_path, "fgbg-depth", "build", *where, *small)
    assert built.returncode == 0, built.stderr
    assert "fgbg-depth verify out" in built.stdout and "builder.py" not in built.stdout + built.stderr
    verified = run_installed(site, tmp_path, "fgbg-depth", "verify", "out")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert (tmp_path / "out" / "README.md").stat().st_size > 2000


def test_the_space_of_an_installed_package_is_that_of_the_checkout(site: Path, tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    code = (
        "import hashlib, fgbg_depth.hub.space_files as s\n"
        "print(s.__file__)\n"
        "for name, data in sorted(s.space_files().items()): print(name, hashlib.sha256(data).hexdigest())"
    )
    installed = run_installed(site, tmp_path, sys.executable, "-c", code)
    assert installed.stdout.startswith(str(site)), installed.stderr
    checkout = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert installed.stdout.splitlines()[1:] == checkout.stdout.splitlines()[1:]
    assert {"app.py", "requirements.txt"} <= {line.split()[0] for line in installed.stdout.splitlines()}


@pytest.mark.parametrize("missing", ["markdown-it-py", "gradio"])
def test_no_space_without_the_packages_of_the_app(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package has no version to pin: the Space would start without it."""

    def version(name: str) -> str:
        if name == missing:
            raise metadata.PackageNotFoundError(name)
        return metadata.version(name)

    monkeypatch.setattr(space_files, "version", version)
    with pytest.raises(HubError, match=rf"but {missing} is not installed\.\n  Install it: .*pip install"):
        check_space("user/name", "user/name", ask_hub=False)


def imported_packages(path: Path) -> set[str]:
    """Names of the packages that a file imports from elsewhere, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    outside = names - set(sys.stdlib_module_names) - {"fgbg_depth"}
    return {canonicalize_name(PACKAGE_OF.get(name, name)) for name in outside}


def declared(extra: str | None = None) -> dict[str, Requirement]:
    lines = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


@pytest.mark.parametrize("path", sorted((ROOT / "fgbg_depth").rglob("*.py")), ids=lambda p: p.stem)
def test_every_import_is_a_declared_dependency(path: Path) -> None:
    name = path.relative_to(ROOT / "fgbg_depth").as_posix()
    extras = [extra for start, extra in EXTRA_OF.items() if name.startswith(start)]
    allowed = set(declared()) | {package for extra in extras for package in declared(extra)}
    assert imported_packages(path) <= allowed


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)(?:\[\w+\])?==([^\s#]+)", (ROOT / name).read_text(encoding="utf-8"), re.M)
    return {canonicalize_name(package): version for package, version in found}


def test_no_package_is_listed_twice() -> None:
    for package_list in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        names = [canonicalize_name(Requirement(line).name) for line in package_list]
        assert len(names) == len(set(names))
    for path in ROOT.glob("requirements*.txt"):
        found = re.findall(r"^([\w.-]+)(?:\[\w+\])?==", path.read_text(encoding="utf-8"), re.M)
        assert len(found) == len(set(found)), path.name


def test_the_pinned_versions_are_within_the_ranges() -> None:
    """The tests run with the pins; the ranges are what `pip install fgbg-depth` may choose."""
    everything = {**declared(), **declared("app")}
    assert everything.keys() <= pins("requirements.txt").keys()
    files = (
        "requirements.txt",
        "requirements-blend.txt",
        "requirements-coco.txt",
        "requirements-cutouts.txt",
        "requirements-export.txt",
        "requirements-ray.txt",
        "requirements-dev.txt",
    )
    known = {package: version for name in files for package, version in pins(name).items()}
    names = ("blend", "coco", "cutouts", "export", "ray", "s3")
    extras = {package: requirement for extra in names for package, requirement in declared(extra).items()}
    for package, requirement in {**everything, **extras}.items():
        assert requirement.specifier.contains(known[package]), f"{requirement} excludes the pinned {known[package]}"
        assert ">=" in str(requirement.specifier), f"{requirement} has no lower bound"


def test_the_same_python_versions_everywhere() -> None:
    """Classifiers, the lowest version, the tools' target, and what CI runs with."""
    prefix = "Programming Language :: Python :: 3."
    versions = [f"3.{c.removeprefix(prefix)}" for c in PROJECT["classifiers"] if c.startswith(prefix)]
    lowest = versions[0]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == versions
    assert PROJECT["requires-python"] == f">={lowest}"
    assert settings["mypy"]["python_version"] == lowest
    assert settings["ruff"]["target-version"] == f"py{lowest.replace('.', '')}"


def test_the_same_tools_everywhere() -> None:
    """pre-commit runs the ruff of requirements-dev.txt, and the wheel is built by the hatchling that is tested here."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    revisions = {repo["repo"].rsplit("/", 1)[-1]: repo.get("rev") for repo in config["repos"]}
    assert revisions["ruff-pre-commit"] == f"v{pins('requirements-dev.txt')['ruff']}"
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert build == [f"hatchling=={pins('requirements-dev.txt')['hatchling']}"]
