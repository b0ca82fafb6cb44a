"""The command that publishes an output: `push`."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any


def add_commands(commands: Any) -> None:
    push = commands.add_parser(
        "push",
        help="publish an output on the Hugging Face Hub as one atomic version",
        description="Publish an output on the Hugging Face Hub. Only what the Hub lacks travels, and one commit makes "
        "the new version visible, or nothing. Log in first: hf auth login.",
    )
    push.add_argument("output", metavar="OUTPUT", help="folder that `build` made")
    push.add_argument("repo_id", metavar="REPO_ID", help="dataset repository, USER/NAME; created when missing")
    push.add_argument(
        "--revision", default="main", metavar="BRANCH", help="branch (default: main); created when missing"
    )
    push.add_argument("--tag", metavar="TAG", help="name this version, such as v1.1.0; people load it by that name")
    push.add_argument("--private", action="store_true", help="create the repository private")
    push.add_argument("--message", metavar="TEXT", help="commit message (default: what changed)")
    push.add_argument("--create-pr", action="store_true", help="open a pull request instead of changing the branch")
    push.add_argument("--dry-run", action="store_true", help="show what would be added, replaced and deleted")
    push.add_argument("--space", metavar="USER/NAME", help="also publish the browsing app as this Space")
    push.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    push.set_defaults(run=_push)


def _push(options: argparse.Namespace) -> int:
    from fgbg_depth.hub.push import push

    report = push(
        options.output,
        options.repo_id,
        revision=options.revision,
        tag=options.tag,
        private=options.private,
        message=options.message,
        create_pr=options.create_pr,
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
    if options.json:
        values = dataclasses.asdict(report)
        print(json.dumps(values | {"space": dataclasses.asdict(space)} if space else values))
    return 0
