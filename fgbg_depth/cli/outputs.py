"""Commands that read a finished output: `verify` and `push`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import Any

from fgbg_depth.cli.parser import count
from fgbg_depth.cli.progress import rows_bar


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
    parser.add_argument(
        "--space-follows",
        metavar="REVISION",
        help="tag or branch that the Space shows (default: --tag, without it the branch)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.set_defaults(run=_push)


def _verify(options: argparse.Namespace) -> int:
    from fgbg_depth.verify.check import verify

    with rows_bar() as on_rows:
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


def _push(options: argparse.Namespace) -> int:
    """Push the dataset, set its tag, and publish the Space: three steps that can fail one by one."""
    from fgbg_depth.errors import FgBgError, UsageError

    if options.space_follows and not options.space:
        raise UsageError("--space-follows needs --space USER/NAME.")
    result: dict[str, Any] = {}  # for --json
    failed: dict[str, str] = {}  # step -> message
    try:
        _push_steps(options, result, failed)
    except FgBgError as e:
        failed["dataset"] = str(e)
        raise
    finally:
        if options.json:
            print(json.dumps(result | {"failed": failed}))
    for step, message in failed.items():
        print(f"HubError ({step}): {message}", file=sys.stderr)
    return 1 if failed else 0


def _push_steps(options: argparse.Namespace, result: dict[str, Any], failed: dict[str, str]) -> None:
    """The steps of `push`.

    Args:
        result: filled with the reports of dataset and Space.
        failed: filled with the messages of the steps after the dataset that failed.
    Raises:
        FgBgError: the dataset was not pushed.
    """
    from fgbg_depth.errors import FgBgError
    from fgbg_depth.hub.push import push
    from fgbg_depth.hub.report import IncompletePushError
    from fgbg_depth.hub.space import check_space, publish_space

    shown = options.space_follows or options.tag or options.revision
    if options.space:
        check_space(options.space, options.repo_id, options.space_follows, ask_hub=not options.dry_run)
    try:
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
    except IncompletePushError as e:
        report, failed["tag"] = e.report, str(e)
    result |= dataclasses.asdict(report)
    say = _print_nothing if options.json else print
    say(report)
    if not options.space:
        return
    if options.dry_run:
        say(f"The Space {options.space} would be published after the dataset; it would show revision {shown}.")
        return
    if failed and shown == options.tag:
        failed["space"] = f"the Space {options.space} was not published, because it would show tag {shown}."
        return
    try:
        space = publish_space(options.space, options.repo_id, revision=shown, private=options.private)
    except FgBgError as e:
        failed["space"] = f"the dataset is published, but not the Space {options.space}: {e}"
        return
    result["space"] = dataclasses.asdict(space)
    say(space)


def _print_nothing(text: object) -> None:
    pass
