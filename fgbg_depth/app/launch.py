"""Arguments and the server. What keeps visitors out of the machine is here: see `LOCKED`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fgbg_depth.errors import AppError, FgBgError, UsageError, command, install_command
from fgbg_depth.paths import last_output

if TYPE_CHECKING:
    import gradio as gr

OWN_PACKAGES = ("gradio", "markdown_it", "nh3")  # the extra `app` in pyproject.toml; the rest of the package needs none

LOCKED: dict[str, Any] = {
    "share": False,  # no tunnel
    "allowed_paths": [],  # gradio serves its own cache of made files, nothing else
    "max_file_size": 1024,  # nothing is ever uploaded; gradio's upload route stays shut for files
    "enable_monitoring": False,
    "show_error": False,  # a traceback's text may hold paths
    "ssr_mode": False,
    "mcp_server": False,
    "pwa": False,
    "run_history": False,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python app.py` and `fgbg-depth app`, which are the same."""
    parser.description = (
        "Browse a dataset in the browser: samples, depth maps in 3-D, statistics, sources and the card. "
        "Stop the server with Ctrl-C."
    )
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        nargs="?",
        help="folder of a dataset, or USER/NAME on the Hub (default: $FGBG_DATASET, or the dataset built last)",
    )
    parser.add_argument(
        "--revision",
        metavar="REVISION",
        default=os.environ.get("FGBG_REVISION"),
        help="tag, branch or commit of USER/NAME (default: $FGBG_REVISION, or main)",
    )
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", metavar="N", type=int, help="port to listen on (default: the first free one from 7860)"
    )
    parser.set_defaults(run=run)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `python app.py`.

    Returns:
        The exit code: 0, 1 for an error, 2 for wrong usage.
    """
    parser = argparse.ArgumentParser(prog=command("app"))
    add_arguments(parser)
    options = parser.parse_args(argv)
    try:
        return run(options)
    except FgBgError as e:
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return e.exit_code


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        AppError: a package that the app needs is not installed, or the address or the port cannot be used.
        UsageError: the port is outside its range.
    """
    if options.port is not None and not 1 <= options.port <= 65535:
        raise UsageError(f"--port is {options.port}; allowed: a whole number from 1 to 65535.")
    source = options.dataset or os.environ.get("FGBG_DATASET") or last_output() or default_folder()
    try:
        serve(source, options.revision, options.host, options.port)
    except ModuleNotFoundError as e:
        if e.name not in OWN_PACKAGES:
            raise
        raise AppError(
            f"The Python package {e.name} is not installed; the app needs it.\n  Install it: {install_command('app')}"
        ) from e
    return 0


def default_folder() -> str | None:
    """The folder that `build` writes to by default, if it exists here."""
    return "fgbg-dataset" if os.path.isdir("fgbg-dataset") else None


def serve(source: str | None, revision: str | None, host: str | None, port: int | None, **options: Any) -> gr.Blocks:
    """Start the server for one dataset. No visitor can name another.

    Raises:
        AppError: the address or the port cannot be used.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read by gradio and huggingface_hub at their import
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from fgbg_depth.app.endpoints import add_endpoints  # here, because gradio takes seconds to import
    from fgbg_depth.app.opened import Opened
    from fgbg_depth.app.page import build_page
    from fgbg_depth.app.theme import css, theme

    opened = Opened(source, revision)
    demo = build_page(opened)
    with demo:
        add_endpoints(opened)
    demo.queue(default_concurrency_limit=8, max_size=200)
    try:
        demo.launch(
            server_name=host,
            server_port=port,
            theme=theme(),
            css=css(),
            footer_links=["api"],
            **LOCKED,
            **options,
        )
    except OSError as e:
        if e.errno is not None:  # not what gradio raises when it cannot listen
            raise
        at = f"port {port}" if port else "any port from 7860 to 7959"
        raise AppError(
            f"The app cannot listen on {host or '127.0.0.1'}, {at}: another program uses it, or the address is not of "
            "this computer.\n  Choose another --port, or leave --port and --host out."
        ) from e
    return demo
