"""Arguments and the server. What keeps visitors out of the machine is here: see `LOCKED`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fgbg_depth.paths import last_output

if TYPE_CHECKING:
    import gradio as gr

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

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


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the exit status."""
    parser = argparse.ArgumentParser(
        prog="app.py", description="Look around in a dataset: samples, depth in 3-D, statistics, sources, card."
    )
    parser.add_argument(
        "dataset", nargs="?", help="an output folder, or user/name on the Hub (default: the one built last)"
    )
    parser.add_argument(
        "--revision", default=os.environ.get("FGBG_REVISION"), help="a version, branch or commit on the Hub"
    )
    parser.add_argument("--host", default=None, help="address to listen on (default: 127.0.0.1; on a Space its own)")
    parser.add_argument("--port", type=int, default=None, help="default: the first free one from 7860")
    args = parser.parse_args(argv)
    source = args.dataset or os.environ.get("FGBG_DATASET") or last_output() or default_folder()
    serve(source, args.revision, args.host, args.port)
    return 0


def default_folder() -> str | None:
    """Where a build writes if it is not told."""
    return "fgbg-dataset" if os.path.isdir("fgbg-dataset") else None


def serve(source: str | None, revision: str | None, host: str | None, port: int | None, **options: Any) -> gr.Blocks:
    """Start the server for one dataset. No visitor can name another."""
    from fgbg_depth.app.endpoints import add_endpoints  # here, because gradio takes seconds to import
    from fgbg_depth.app.opened import Opened
    from fgbg_depth.app.page import build_page
    from fgbg_depth.app.theme import css, theme

    opened = Opened(source, revision)
    demo = build_page(opened)
    with demo:
        add_endpoints(opened)
    demo.queue(default_concurrency_limit=8, max_size=200)
    demo.launch(
        server_name=host,
        server_port=port,
        theme=theme(),
        css=css(),
        footer_links=["api"],
        **LOCKED,
        **options,
    )
    return demo
