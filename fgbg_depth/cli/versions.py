"""Commands about the versions of a dataset: `log`, `diff` and `rollback`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from fgbg_depth.cli.parser import count
from fgbg_depth.errors import UsageError, command

if TYPE_CHECKING:
    from fgbg_depth.hub.rollback import RollbackReport

LOG = """\
List the versions of a dataset, newest first, and what each changed: rows, backgrounds and cut-outs added and removed,
fields of the recipe, the depth model, and the commit's message.

On the Hub a version is a commit with a tag; the newest commit and rollbacks are listed, too. Only the small
statistics.json of each version is read. For a folder, the history that its last push wrote is listed.

examples:
  {log} alice/scenes
      all versions of a dataset on the Hub
  {log} my-set
      those that were published from this folder
"""
DIFF = """\
Say what changed from OLD to NEW: rows by split, sources added, removed, changed, and moved between train and test,
fields of the recipe, the depth model, and how many shards are new. Only the two statistics.json are read.

OLD and NEW are folders, or datasets on the Hub: USER/NAME (the newest version) or USER/NAME@REVISION, where REVISION
is a tag, a branch or a commit. @REVISION as NEW means the same dataset as OLD.

examples:
  {diff} alice/scenes@v1.0.0 @v1.1.0
      two versions on the Hub
  {diff} alice/scenes my-set
      what a push of my-set would change
"""
ROLLBACK = """\
Make a dataset on the Hub hold an earlier version again. This is one new commit: the files are copied on the Hub, no
shard is downloaded or uploaded, and nothing is removed from the history. Later versions keep their tags, so people who
load them by tag still get them. Files that were not pushed by fgbg-depth stay as they are.

The command shows what will change and asks first. Undo it by rolling back to the later version.

example:
  {rollback} alice/scenes v1.0.0
"""


def add_log(commands: Any) -> None:
    """Add the subcommand `log`."""
    parser = _parser(commands, "log", "list the versions of a dataset and what each changed", LOG)
    parser.add_argument("dataset", metavar="DATASET", help="USER/NAME or USER/NAME@BRANCH on the Hub, or a folder")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="number of versions (default: 20)")
    parser.add_argument("--json", action="store_true", help="print the versions as JSON on stdout")
    parser.set_defaults(run=_log)


def add_diff(commands: Any) -> None:
    """Add the subcommand `diff`."""
    parser = _parser(commands, "diff", "say what changed between two versions of a dataset", DIFF)
    parser.add_argument("old", metavar="OLD", help="folder, USER/NAME or USER/NAME@REVISION")
    parser.add_argument("new", metavar="NEW", help="the same, or @REVISION of the same dataset")
    parser.add_argument("--json", action="store_true", help="print the differences as JSON on stdout")
    parser.set_defaults(run=_diff)


def add_rollback(commands: Any) -> None:
    """Add the subcommand `rollback`."""
    parser = _parser(commands, "rollback", "make a dataset on the Hub hold an earlier version again", ROLLBACK)
    parser.add_argument("repo_id", metavar="REPO_ID", help="dataset on the Hub, USER/NAME")
    parser.add_argument("version", metavar="VERSION", help="tag or commit of the version to go back to")
    parser.add_argument("--revision", default="main", metavar="BRANCH", help="branch to change (default: main)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.set_defaults(run=_rollback)


def _parser(commands: Any, name: str, short: str, description: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=short,
        description=description.format(**{name: command(name)}),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _log(options: argparse.Namespace) -> int:
    from fgbg_depth.hub.versions import list_versions

    versions = list_versions(options.dataset, options.limit)
    if options.json:
        print(json.dumps([dataclasses.asdict(version) for version in versions]))
    elif versions:
        print("\n\n".join(map(str, versions)))
    else:
        print(f"{options.dataset} has no published version.")
    return 0


def _diff(options: argparse.Namespace) -> int:
    from fgbg_depth.hub.versions import compare_versions

    found = compare_versions(options.old, options.new)
    print(json.dumps(found.to_dict()) if options.json else found)
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from fgbg_depth.hub.rollback import rollback

    asks = sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(plan: RollbackReport) -> bool:
        if options.yes:
            return True
        if not asks:
            typed = command(f"rollback {shlex.quote(options.repo_id)} {shlex.quote(options.version)} --yes")
            raise UsageError(f"{plan.plan()}\n  Nothing was changed, because nobody can be asked here. Run: {typed}")
        print(f"{plan.plan()}\nGo on? [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    report = rollback(options.repo_id, options.version, branch=options.revision, confirm=confirm)
    if options.json:
        changes = report.changes.to_dict() if report.changes else None
        print(json.dumps({**vars(report), "changes": changes}))
    elif report.commit is None and (report.copied or report.deleted):
        print("Nothing was changed.")
    else:
        print(report)
    return 0
