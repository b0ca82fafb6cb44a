"""Build, check and publish datasets.

    python builder.py build --backgrounds DIR --foregrounds DIR --output DIR
    python builder.py --help

`fgbg-depth` is the same command of an installed package. From Python: `from builder import FgBgDepth`, a `datasets`
builder whose arguments are the fields of the recipe.
"""

from fgbg_depth.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())

from fgbg_depth.builder.dataset import FgBgDepth  # imports datasets, which takes seconds: not for the command

__all__ = ["FgBgDepth"]
