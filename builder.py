"""Make, check and publish fgbg-depth datasets.

    python builder.py build --backgrounds DIR --foregrounds DIR --output DIR
    python builder.py --help

From Python: `from builder import FgBgDepth`, a `datasets` builder with the recipe's fields as arguments.
"""

from fgbg_depth.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())

from fgbg_depth.builder.dataset import FgBgDepth

__all__ = ["FgBgDepth"]
