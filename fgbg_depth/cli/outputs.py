"""Commands that read a finished output: `verify` and `push`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fgbg_depth.cli.parser import count


def add_verify(commands: Any) -> None:
    """Add the subcommand `verify`."""
    parser = commands.add_parser(
        "verify",
        help="check that an output is complete and correct",
        description="Check that an output is complete and correct: every file has its hash, the statistics add up, the "
        "columns of every row agree with recipe and sources, and a sample of the rows, composed again, has the same "
        "bytes. Exits with 1 if there is a problem. Which files are wrong is noted in the output, so that the next "
        "build writes them again.",
    )
    parser.add_argument("output", metavar="OUTPUT", help="folder or URL that `build` wrote")
    parser.add_argument("--full", action="store_true", help="compose every row again and count every pixel; slow")
    parser.add_argument(
        "--labels", type=count, default=0, metavar="N", help="predict N depth maps again and compare (default: 0)"
    )
    parser.add_argument(
        "--device", default="auto", help="device of the depth model: auto, cpu, cuda, cuda:1, mps (default: auto)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.set_defaults(run=_verify)


def add_push(commands: Any) -> None:
    """Add the subcommand `push`."""
    parser = commands.add_parser(
        "push",
        help="publish an output on the Hugging Face Hub as one version",
        description="Publish an output on the Hugging Face Hub. Only files that the Hub does not have are uploaded, "
        "and one commit makes the new version visible. Log in first: hf auth login.",
    )
    parser.add_argument("output", metavar="OUTPUT", help="folder that `build` wrote")
    parser.add_argument("repo_id", metavar="REPO_ID", help="dataset repository, USER/NAME; created if missing")
    parser.add_argument(
        "--revision", default="main", metavar="BRANCH", help="branch; created if missing (default: main)"
    )
    parser.add_argument("--tag", metavar="TAG", help="name of this version, such as v1.1.0; users load it by this name")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument(
        "--message", metavar="TEXT", help="what is new: title of the commit, and text in the card's changelog"
    )
    parser.add_argument(
        "--pr", action="store_true", help="open a pull request instead of changing the branch; needs no write access"
    )
    parser.add_argument(
        "--overwrite-card",
        action="store_true",
        help="where the card was edited on the Hub and this push changes the same text, write the text of this push",
    )
    parser.add_argument(
        "--replace-newer",
        action="store_true",
        help="replace a version on the Hub that this output is not based on, although rows of it are removed",
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be added, replaced and deleted")
    parser.add_argument("--space", metavar="USER/NAME", help="also publish the browsing app as this Space")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.set_defaults(run=_push)


def _verify(options: argparse.Namespace) -> int:
    from fgbg_depth.verify.check import verify

    with _rows_bar() as on_rows:
        report = verify(
            options.output, full=options.full, labels=options.labels, device=options.device, progress=on_rows
        )
    if options.json:
        print(json.dumps(dataclasses.asdict(report)))
    else:
        for line in [*report.problems, *(f"note: {note}" for note in report.notes)]:
            print(line)
        print(report.summary())
    return 1 if report.problems else 0


@contextmanager
def _rows_bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr; yields a function that takes (rows done, rows in all)."""
    from tqdm import tqdm

    with tqdm(unit=" rows", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _push(options: argparse.Namespace) -> int:
    from fgbg_depth.hub.push import push

    if options.space:
        from fgbg_depth.hub.space import check_space

        check_space(options.space, options.repo_id)
    report = push(
        options.output,
        options.repo_id,
        revision=options.revision,
        tag=options.tag,
        private=options.private,
        message=options.message,
        create_pr=options.pr,
        overwrite_card=options.overwrite_card,
        replace_newer=options.replace_newer,
        dry_run=options.dry_run,
    )
    if not options.json:
        print(report, flush=True)
    space = None
    if options.space and not options.dry_run:
        from fgbg_depth.hub.space import publish_space

        space = publish_space(options.space, options.repo_id, private=options.private)
        if not options.json:
            print(space)
    elif options.space and not options.json:
        print(f"The Space {options.space} would be published after the dataset.")
    if options.json:
        values = dataclasses.asdict(report)
        print(json.dumps(values | {"space": dataclasses.asdict(space)} if space else values))
    return 0
