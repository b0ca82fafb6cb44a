"""Browse a dataset in the browser.

    python app.py                   # the dataset built last
    python app.py fgbg-dataset      # a folder
    python app.py user/name         # a dataset on the Hub

`fgbg-depth app` does the same. `push --space` publishes this file as the Space's app; there the variable FGBG_DATASET
names the dataset, and FGBG_REVISION its version.
"""

from __future__ import annotations

import sys

from fgbg_depth.app.launch import main

if __name__ == "__main__":
    sys.exit(main())
