# /// script
# requires-python = ">=3.11"
# dependencies = ["fgbg-depth"]
# ///
"""Build a dataset on a rented GPU of Hugging Face Jobs, and push it: one script, run by `uv`.

    hf jobs uv run --flavor l4x1 --timeout 6h --secrets HF_TOKEN examples/hub_job.py --repo USER/NAME --tag v1.0.0 \
        --backgrounds hf://datasets/USER/rooms --foregrounds hf://datasets/USER/cutouts --depth-model LAB/MODEL

The job sees no file of your machine but this script. Sources come from the Hub, as above, or from a folder that you
mount: `-v ./inputs:/inputs`, then `--recipe /inputs/recipe.yaml`. In the same way a job runs the fgbg-depth of your
checkout: `-v .:/fgbg --with /fgbg`. A job that is stopped loses its disk. To go on where it stopped, mount a bucket and
build there: `-v hf://buckets/USER/builds:/builds`, then `--output /builds/NAME`; run the same command again.

Options that are not listed below go to `fgbg-depth build`. `--dry-run` builds and pushes nothing and needs no Hub for
sources in folders; it prints rows, bytes and time. Prices and names of machines: `hf jobs hardware`.

Source: `hf jobs uv run --help` of huggingface_hub 2.4; https://peps.python.org/pep-0723/ for the header.
"""

import argparse
import sys
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

sys.path.append(str(Path(__file__).resolve().parent.parent))  # a checkout needs no installation
from fgbg_depth.cli.main import main as fgbg_depth


def parse(argv: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """The options of this script, and those for `fgbg-depth build`."""
    parser = argparse.ArgumentParser(description="Build a dataset on a rented GPU and push it to the Hub.")
    parser.add_argument("--repo", required=True, metavar="USER/NAME", help="dataset repository; created if missing")
    parser.add_argument("--tag", help="name of the new version, such as v1.0.0")
    parser.add_argument("--private", action="store_true", help="create the repository as private")
    parser.add_argument("--recipe", metavar="FILE", help="recipe to build; options change single fields of it")
    parser.add_argument("--backgrounds", metavar="SOURCE", help="folder, or hf://datasets/USER/NAME")
    parser.add_argument("--foregrounds", metavar="SOURCE", help="folder of cut-outs, or hf://datasets/USER/NAME")
    parser.add_argument("--output", metavar="DIR", default="dataset", help="folder to build in (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="print what a build would make; build and push nothing")
    return parser.parse_known_args(argv)


def check_token() -> None:
    """Exit if the job may not push. It is known before the build, because the GPU is paid by the minute."""
    try:
        user = HfApi().whoami()
    except (HfHubHTTPError, LocalTokenNotFoundError) as e:
        sys.exit(f"The Hub accepts no token of this job, so nothing was built: {e}\n  Run it with --secrets HF_TOKEN.")
    if user.get("auth", {}).get("accessToken", {}).get("role") == "read":
        sys.exit("The token of this job can only read, so nothing was built.\n  Use a token that can write.")


def main(argv: list[str] | None = None) -> int:
    """Build, then push; returns the exit status of the step that failed, or 0."""
    options, more = parse(argv)
    build = ["build", "--output", options.output, *more]
    for name in ("recipe", "backgrounds", "foregrounds"):
        if getattr(options, name):
            build += [f"--{name}", getattr(options, name)]
    push = ["push", options.output, options.repo]
    push += ["--tag", options.tag] if options.tag else []
    push += ["--private"] if options.private else []
    if options.dry_run:
        status = fgbg_depth([*build, "--dry-run"])
        print(f"Nothing was built or pushed. After the build, the job runs: fgbg-depth {' '.join(push)}")
        return status
    check_token()
    return fgbg_depth(build) or fgbg_depth(push)


if __name__ == "__main__":  # worker processes import this file
    sys.exit(main())
