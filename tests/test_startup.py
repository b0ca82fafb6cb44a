"""`--help` and `import fgbg_depth` are quick because nothing heavy is imported before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch", "transformers", "datasets", "pyarrow", "pandas", "PIL", "matplotlib", "gradio", "huggingface_hub", "httpx",
    "ray", "fsspec", "h5py", "isal", "jinja2", "tqdm", "pydantic",
)  # fmt: skip
RUN = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__") if sys.argv[0] != "-" else __import__("fgbg_depth")
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
        ("builder.py", "recipe"),
        ("app.py", "--help"),
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_nothing_heavy_is_imported(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN % (HEAVY,), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "imported:"
