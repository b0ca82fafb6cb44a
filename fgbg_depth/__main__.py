"""`python -m fgbg_depth ...` is the command `fgbg-depth ...`."""

from fgbg_depth.cli.main import main

if __name__ == "__main__":  # worker processes import this module under another name
    raise SystemExit(main())
