"""Versions on the Hub: a push undoes no version that its output is not based on, and names new versions correctly."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from hub_client import edit_on_hub, files_of, local_files, repo_of, send
from hub_faults import Fault
from hub_outputs import build_again, grow, make_output, make_sources
from hub_server import HubServer

from fgbg_depth.cli.main import main
from fgbg_depth.errors import HubError
from fgbg_depth.hub.history import next_free_version
from fgbg_depth.hub.target import check_tag
from fgbg_depth.manifest import Manifest, Version
from fgbg_depth.storage.files import Storage

pytest_plugins = ["hub_fixtures"]
COMMIT = "POST .*/commit/"


def copy_of(work: Path, name: str) -> Path:
    """A copy of the sources and the output, as a colleague would have it; returns its folder."""
    folder = work.parent / name
    (folder / "bg").mkdir(parents=True)
    for path in sorted((work / "bg").iterdir())[:4]:
        shutil.copy(path, folder / "bg")
    shutil.copytree(work / "fg", folder / "fg")
    shutil.copytree(work / "out", folder / "out")
    return folder


def add_background(work: Path, folder: Path, number: int) -> Path:
    """Build `folder/out` again with one more background."""
    shutil.copy(work / "fg" / f"thing_{number}.png", folder / "bg" / f"new_{number}.png")
    return build_again(folder)


def refusal(output: Path, **options: object) -> str:
    with pytest.raises(HubError) as caught:
        send(output, **options)
    return str(caught.value)


@pytest.fixture
def two(hub: HubServer, work: Path) -> tuple[Path, Path]:
    """Two colleagues with v1.0.0; the second has pushed v1.1.0, with one more background."""
    send(work / "out", tag="v1.0.0")
    ann, bo = copy_of(work, "ann"), copy_of(work, "bo")
    add_background(work, bo, 0)
    send(bo / "out", tag="v1.1.0")
    return ann, bo


def test_newer_version_is_not_replaced_in_silence(hub: HubServer, work: Path, two: tuple[Path, Path]):
    ann, _ = two
    add_background(work, ann, 1)
    head, sent = repo_of(hub).branches["main"], len(hub.log)
    for dry_run in (True, False):
        message = refusal(ann / "out", tag="v1.2.0", dry_run=dry_run)
        assert "has moved on from the version that" in message and "nothing was uploaded" in message
        assert re.search(rf"On the Hub: v1.1.0 of \d+-\d+-\d+, commit {head[:8]} by alice \(\"v1.1.0: ", message)
        assert "is based on v1.0.0 of" in message and "--replace-newer" in message
        assert "would remove 8 rows (1 file: data/train-new_0" in message and "remove 1 source (new_0.png)" in message
        assert "build --from alice/scenes" in message and "same command" not in message
    assert repo_of(hub).branches["main"] == head
    assert not [line for line in hub.log[sent:] if line[0] in ("PUT", "POST")]
    report = send(ann / "out", tag="v1.2.0", replace_newer=True)
    assert any("new_0" in path for path in report.deleted)
    assert "new_0" not in json.dumps(json.loads(files_of(hub)["statistics.json"])["shards"])


def test_unchanged_older_version_does_not_replace_a_newer_one(hub: HubServer, two: tuple[Path, Path]):
    assert "would remove 8 rows" in refusal(two[0] / "out")


@pytest.mark.slow
def test_removed_rows_are_not_brought_back(hub: HubServer, work: Path, two: tuple[Path, Path]):
    ann, bo = two
    add_background(work, ann, 0)
    assert send(ann / "out", tag="v1.1.0").commit is None  # the same as the version of the colleague
    (bo / "bg" / "scene_001.png").unlink()
    build_again(bo)
    send(bo / "out", tag="v2.0.0")
    add_background(work, ann, 1)
    message = refusal(ann / "out")
    assert "bring back 1 removed file (data/train-scene_001" in message and "remove" in message


def test_changed_recipe_is_not_changed_back(hub: HubServer, work: Path, two: tuple[Path, Path]):
    ann, bo = two
    build_again(bo, license="mit")
    send(bo / "out")
    add_background(work, ann, 0)
    message = refusal(ann / "out")
    assert "change the recipe back (license: mit -> cc-by-4.0)" in message
    assert "On the Hub: a version without a tag of" in message


@pytest.mark.slow
def test_nothing_is_refused_where_nothing_is_undone(hub: HubServer, work: Path, two: tuple[Path, Path]):
    """An edited card and files of others are no newer version, and neither is one whose rows the output has."""
    ann, bo = two
    edit_on_hub(hub, "docs/paper.pdf", b"theirs")
    edit_on_hub(hub, "README.md", files_of(hub)["README.md"] + b"\nWords at the end.\n")
    add_background(work, bo, 1)
    send(bo / "out", tag="v1.2.0")
    add_background(work, ann, 0)
    add_background(work, ann, 1)
    assert send(ann / "out").commit is None
    assert files_of(hub)["docs/paper.pdf"] == b"theirs"


def test_build_without_a_history_does_not_remove_rows(hub: HubServer, work: Path):
    grow(work)
    send(work / "out")
    fresh = make_output(work.parent / "fresh", 3)
    message = refusal(fresh)
    assert "has a version that" in message and "is not based on" in message and "was built without it" in message
    assert "remove 2 sources (scene_003.png, scene_004.png)" in message
    send(fresh, replace_newer=True)
    make_output(work.parent / "fresh", 5)
    send(fresh)


def test_base_version_that_the_branch_does_not_have_any_more(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    ann = copy_of(work, "ann")
    repo = repo_of(hub)
    del repo.tags["v1.0.0"]
    repo.commits[repo.branches["main"]].description = ""  # as if the history was squashed
    grow(work)
    send(work / "out")
    assert "would remove 8 rows" in refusal(ann / "out")


@pytest.mark.slow
def test_branch_that_is_behind_takes_the_newer_version(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    build_again(work, placements=3)
    made = send(work / "out", tag="v2-rc1", revision="next")
    report = send(work / "out", tag="v2")
    assert made.commit != report.commit and len(report.deleted) >= 4
    (work / "bg" / "scene_001.png").unlink()
    build_again(work, placements=3)
    send(work / "out", tag="v3")


def test_version_that_was_rolled_back_is_not_brought_back(hub: HubServer, work: Path):
    first = send(work / "out", tag="v1.0.0")
    grow(work)
    send(work / "out", tag="v1.1.0")
    repo = repo_of(hub)
    header = {"key": "header", "value": {"summary": "back to v1.0.0", "description": "fgbg-depth push 0"}}
    back = hub.store.commit(repo, "main", [header], "bob", False)[0]
    back.files.clear()
    back.files.update(repo.commits[first.commit].files)
    make_sources(work, 6)
    build_again(work)
    message = refusal(work / "out")
    assert "bring back 1 removed file (data/train-scene_004" in message and 'by bob ("back to v1.0.0")' in message


def test_version_published_during_a_push_is_named_and_kept(hub: HubServer, work: Path):
    """The advice was to run the same command again, which would have removed the other version's rows."""
    send(work / "out", tag="v1.0.0")
    ann, bo = copy_of(work, "ann"), copy_of(work, "bo")
    add_background(work, ann, 1)
    add_background(work, bo, 0)
    repo, theirs = repo_of(hub), str(send(bo / "out", tag="v1.1.0", revision="side").commit)

    def interfere(line: str) -> None:
        if "/commit/" in line:
            repo.branches["main"] = theirs

    hub.faults.chance = interfere
    message = refusal(ann / "out", tag="v1.2.0")
    assert "On the Hub: v1.1.0" in message and f"commit {theirs[:8]} by alice" in message
    assert "same command" not in message and "--replace-newer" in message
    assert repo.branches["main"] == theirs


def test_commit_during_a_push_is_named(hub: HubServer, work: Path):
    send(work / "out")
    grow(work)
    theirs: list[str] = []

    def interfere(line: str) -> None:
        if "/commit/" in line and not theirs:
            theirs.append(edit_on_hub(hub, "theirs.txt", b"theirs"))

    hub.faults.chance = interfere
    message = refusal(work / "out")
    assert f'during this push: commit {theirs[0][:8]} by bob ("edit theirs.txt").' in message
    assert "Run the same command again: it starts" in message
    send(work / "out")


def test_412_without_a_new_commit_is_repeated(hub: HubServer, work: Path):
    send(work / "out")
    grow(work)
    hub.faults.add(Fault("412", COMMIT, times=2, message="Please refresh"))
    assert send(work / "out").commit == repo_of(hub).branches["main"]


def test_412_without_a_new_commit_does_not_blame_anybody(hub: HubServer, work: Path):
    first = send(work / "out")
    grow(work)
    hub.faults.add(Fault("412", COMMIT, times=100, message="Please refresh"))
    message = refusal(work / "out")
    assert "refused the commit to datasets/alice/scenes (412): Please refresh" in message
    assert f"still commit {first.commit[:8]} by alice" in message and "somebody else" not in message
    assert "Nothing was committed" in message and "->" not in message


@pytest.mark.parametrize(
    "tag", ["main", "HEAD", "v1/", "v1.lock", "v.lock/a", "v1..2", "v1.", "a//b", "a/.b", "f" * 40]
)
def test_names_of_tags_that_break_later_pushes_are_refused(hub: HubServer, work: Path, tag: str):
    assert f"--tag {tag!r}" in refusal(work / "out", tag=tag) and hub.log == []


def test_tag_must_not_be_a_branch_or_lie_below_another_tag(hub: HubServer, work: Path):
    send(work / "out", tag="v1/a")
    repo_of(hub).branches["next"] = repo_of(hub).branches["main"]
    sent = len(hub.log)
    assert "'next' is the name of a branch" in refusal(work / "out", tag="next")
    assert "cannot be set while there is a tag 'v1/a'" in refusal(work / "out", tag="v1")
    assert "cannot be set while there is a tag 'v1/a'" in refusal(work / "out", tag="v1/a/b", dry_run=True)
    assert "is the name of a branch" in refusal(work / "out", tag="next2", revision="next2")
    assert not [line for line in hub.log[sent:] if line[0] in ("PUT", "POST")]
    for name in ("v1.0.0", "v1", "release/2026-01", "2026.1_b"):
        check_tag(name, ["next"], ["v2/a"])


def test_taken_tag_is_refused_before_a_branch_is_created(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    build_again(work)
    sent = len(hub.log)
    assert "already names another version" in refusal(work / "out", tag="v1.0.0", revision="new")
    assert list(repo_of(hub).branches) == ["main"]
    assert not [line for line in hub.log[sent:] if line[0] in ("PUT", "POST")]


def changelog(hub: HubServer) -> str:
    card = files_of(hub)["README.md"].decode()
    return card.partition("## Changelog\n")[2].partition("\n## ")[0]


def test_changelog_has_an_entry_with_its_message_for_each_version(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0", message="First *release*.")
    grow(work)
    send(work / "out", message="One more scene.")
    (work / "bg" / "scene_000.png").unlink()
    build_again(work, placements=3)
    send(work / "out", tag="v2.0.0")
    text = changelog(hub)
    newest, oldest = text.split("### ")[1:]
    assert newest.startswith("v2.0.0, 20") and oldest.startswith("v1.0.0, 20")
    assert "One more scene." in newest and "First &#42;release&#42;." in oldest
    assert "- 48 rows (+16)" in newest and "- first version: 32 rows" in oldest
    assert "- 1 background added: <code>scene&#95;004.png</code>" in newest
    assert "- 1 background removed: <code>scene&#95;000.png</code>" in newest and "- recipe: placements: 2 -" in newest
    assert repo_of(hub).resolve("v1.0.0").title == "First *release*."
    send(work / "out", tag="v2.0.0")
    assert changelog(hub) == text


def test_message_of_a_push_without_a_tag_stays_when_the_tag_is_set(hub: HubServer, work: Path):
    send(work / "out", message="First words.")
    assert "### Without a tag, 20" in changelog(hub)
    send(work / "out", tag="v1.0.0")
    assert changelog(hub).count("###") == 1 and "First words." in changelog(hub)
    send(work / "out", tag="v1.0.1", message="Other words.")
    assert changelog(hub).count("###") == 2 and "Other words." in changelog(hub)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], "v1.0.0"),
        ([None], "v1.0.0"),
        (["v1.0.0"], "v1.1.0"),
        ([None, "v1.4.2", "v1.0.0"], "v1.5.0"),
        (["v1.0.0", "v1.1.0"], "v1.2.0"),
        (["v3"], "v4"),
        (["2.9"], "2.10"),
        (["first"], "v1.0.0"),
        (["2026-11", "v1.0.0"], "v1.1.0"),
    ],
)
def test_next_version_is_free(work: Path, tags: list[str | None], expected: str):
    manifest = Manifest.read(Storage(work / "out")).replace(history=[Version(version=tag) for tag in tags])
    assert next_free_version(manifest) == expected


def test_build_suggests_the_next_version(hub: HubServer, work: Path, capsys: pytest.CaptureFixture[str]):
    send(work / "out", tag="v1.0.0")
    assert main(["build", "--output", str(work / "out"), "--workers", "1"]) == 0
    assert re.search(r"publish:  .*push .*out USER/NAME --tag v1\.1\.0\n", capsys.readouterr().out)


def test_command_that_finishes_a_build_uses_the_outputs_own_recipe(hub: HubServer, tmp_path: Path):
    """It built the demonstration over the output."""
    out = make_output(tmp_path / "own", 3)
    built = local_files(out)
    (out / "statistics.json").unlink()
    min((out / "data").iterdir()).unlink()
    arguments = shlex.split(refusal(out).partition("Finish it: python builder.py ")[2].splitlines()[0])
    assert arguments == ["build", "--output", str(out)]
    assert main([*arguments, "--workers", "1"]) == 0
    assert local_files(out) == built
