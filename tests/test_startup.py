"""`--help` and `import fgbg_depth` are quick because nothing heavy is imported before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch", "transformers", "datasets", "pyarrow", "pandas", "PIL", "matplotlib", "gradio", "huggingface_hub", "httpx",
    "ray", "fsspec", "h5py", "jinja2", "tqdm", "pydantic", "markdown_it", "nh3", "rembg", "onnxruntime", "pymatting",
    "scipy", "numba",
)  # fmt: skip
RUN = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    if sys.argv[0] == "-":
        import fgbg_depth
    elif sys.argv[0] == "-m":
        sys.argv.pop(0)
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as e:
    assert not e.code, e.code
print("imported:", *(set(sys.modules) & set(%r)))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("-",),
        ("builder.py", "--help"),
        ("builder.py", "build", "--help"),
        ("builder.py", "verify", "--help"),
        ("builder.py", "push", "--help"),
        ("builder.py", "cutouts", "--help"),
        ("builder.py", "recipe"),
        ("builder.py", "app", "--help"),
        ("builder.py", "--version"),
        ("app.py", "--help"),
        ("-m", "fgbg_depth", "--help"),
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_nothing_heavy_is_imported(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN % (HEAVY,), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "imported:"


@pytest.mark.slow
def test_a_build_with_nothing_to_do_imports_no_torch(tmp_path: Path) -> None:
    """The model's files are compared by their digest; torch and transformers take 4 s to import."""
    arguments = ("builder.py", "build", "--output", str(tmp_path / "out"), "--size", "32", "--placements", "1")
    command = [sys.executable, "-c", RUN % (("torch", "transformers"),), *arguments]
    for imported in ("imported: torch transformers", "imported:"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert sorted(done.stdout.splitlines()[-1].split()) == sorted(imported.split())
    assert "Nothing to do" in done.stderr
