"""Arguments and the server. What keeps visitors out of the machine is here: see `LOCKED`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fgbg_depth.app.choice import choose
from fgbg_depth.app.listening import cannot_listen, check_address
from fgbg_depth.errors import AppError, FgBgError, UsageError, command, install_command, run_command

if TYPE_CHECKING:
    import gradio as gr

OWN_PACKAGES = (
    "gradio",
    "markdown_it",
    "nh3",
    "starlette",
)  # the extra `app` in pyproject.toml; the rest of the package needs none

MAX_SESSIONS = 500  # whose components gradio keeps; each takes some 10 kB, and a forgotten one loses nothing
MAX_UPLOAD_BYTES = 20 * 2**20  # where the page takes files at all; else `ClosedUploads` refuses all of them

LOCKED: dict[str, Any] = {
    "share": False,  # no tunnel
    "allowed_paths": [],  # gradio serves its own cache of made files, nothing else
    "max_file_size": MAX_UPLOAD_BYTES,
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
        "Browse a dataset in the browser: samples, depth maps in 3-D, statistics, sources and the card; try own "
        "pictures. Stop the server with Ctrl-C."
    )
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        nargs="?",
        help="folder of a dataset, or USER/NAME on the Hub (default: $FGBG_DATASET, what a Space's README.md names, or "
        "the dataset built last)",
    )
    parser.add_argument(
        "--revision",
        metavar="REVISION",
        default=os.environ.get("FGBG_REVISION"),
        help="tag, branch or commit of USER/NAME (default: $FGBG_REVISION, what a Space's README.md names, or main)",
    )
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", metavar="N", type=int, help="port to listen on (default: the first free one from 7860)"
    )
    parser.add_argument(
        "--no-try",
        action="store_true",
        help="leave out the tab Try it, where visitors compose pictures of their own (also: FGBG_NO_TRY=1)",
    )
    parser.set_defaults(run=run)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `python app.py`.

    Returns:
        The exit code: 0, 1 for an error, 2 for wrong usage.
    """
    parser = argparse.ArgumentParser(prog=command("app"))
    add_arguments(parser)
    return run_command(lambda: run(parser.parse_args(argv)))


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        OutputError, HubError: there is no such dataset, or this is a Space that names none.
        AppError: a package that the app needs is not installed, or the address or the port cannot be used.
        UsageError: the port is outside its range.
    """
    if options.port is not None and not 1 <= options.port <= 65535:
        raise UsageError(f"--port is {options.port}; allowed: a whole number from 1 to 65535.")
    if vars(options).get("no_try"):
        os.environ["FGBG_NO_TRY"] = "1"  # read by `tab_try.is_enabled`
    shown = choose(options.dataset, options.revision)
    if shown.source:
        check_dataset(shown.source, shown.revision)
    check_address(options.host, options.port)
    try:
        serve(shown.source, shown.revision, options.host, options.port)
    except ModuleNotFoundError as e:
        if e.name not in OWN_PACKAGES:
            raise
        raise AppError(
            f"The Python package {e.name} is not installed; the app needs it.\n  Install it: {install_command('app')}"
        ) from e
    return 0


def check_dataset(source: str, revision: str | None) -> None:
    """Check that there is a dataset to show, before the server starts.

    A build that is not finished passes, because the page shows the dataset as soon as it is. In a Space everything
    passes: its page says what is wrong, and shows the dataset once the Hub answers again.

    Raises:
        OutputError, HubError: there is no such dataset, or it cannot be read.
    """
    from fgbg_depth.read.opening import UnfinishedError, open_files, read_manifest

    try:
        read_manifest(open_files(source, revision))
    except UnfinishedError as e:
        print(f"{e}\n  The page shows the dataset as soon as the build is finished.", file=sys.stderr)
    except FgBgError as e:
        if "SPACE_ID" not in os.environ:  # set by the Hub
            raise
        print(f"{type(e).__name__}: {e}", file=sys.stderr)


def serve(
    source: str | None, revision: str | None, host: str | None, port: int | None, *, wait: bool = True
) -> gr.Blocks:
    """Start the server for one dataset. No visitor can name another.

    Args:
        wait: print the address, and return only when the server was stopped.
    Raises:
        AppError: the address or the port cannot be used.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read by gradio and huggingface_hub at their import
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from fgbg_depth.app.closed_uploads import ClosedUploads, LimitedBodies
    from fgbg_depth.app.endpoints import add_endpoints  # here, because gradio takes seconds to import
    from fgbg_depth.app.images import image_routes
    from fgbg_depth.app.opened import Opened
    from fgbg_depth.app.page import build_page
    from fgbg_depth.app.scene_route import SceneRoute
    from fgbg_depth.app.theme import css, theme

    opened = Opened(source, revision)
    demo = build_page(opened)
    with demo:
        add_endpoints(opened)
    # As starlette's class Middleware: class, args, kwargs.
    middleware: list[Any] = [(SceneRoute, (opened,), {})]
    if not takes_files(demo):
        middleware += [(ClosedUploads, (), {}), (LimitedBodies, (), {})]
    demo.queue(default_concurrency_limit=8, max_size=200)
    try:
        demo.launch(
            server_name=host,
            server_port=port,
            theme=theme(),
            css=css(),
            footer_links=["api"],
            quiet=True,  # gradio recommends share=True, which is locked
            prevent_thread_lock=True,
            state_session_capacity=MAX_SESSIONS,
            app_kwargs={"routes": image_routes(opened), "middleware": middleware},
            **LOCKED,
        )
    except OSError as e:
        if e.errno is not None:  # not what gradio raises when it cannot listen
            raise
        raise cannot_listen(host, port, "another program uses it", in_use=True) from e
    if wait:
        print(f"Showing {source or 'no dataset'} at {demo.local_url}  (stop with Ctrl-C)", flush=True)
        _wait(demo)
    return demo


def takes_files(demo: gr.Blocks) -> bool:
    """Whether a visitor can give a file to a component of the page."""
    import gradio as gr

    kinds = (gr.Image, gr.ImageEditor, gr.File, gr.UploadButton, gr.Gallery, gr.Audio, gr.Video, gr.Model3D)
    return any(isinstance(block, kinds) and getattr(block, "interactive", None) for block in demo.blocks.values())


def _wait(demo: gr.Blocks) -> None:
    """Return when the server was stopped by Ctrl-C."""
    try:
        while demo.is_running:
            time.sleep(0.2)
    except KeyboardInterrupt:
        demo.close(verbose=False)
        print("\nStopped.", file=sys.stderr)
