"""Pushes to a Hub on loopback: one commit for each version, only missing files are uploaded, others' files stay."""

import json
from pathlib import Path

import pytest
from hub_client import NAME, edit_on_hub, files_of, local_files, repo_of, send, use_hub
from hub_outputs import build_again, grow, make_output, make_sources
from hub_server import HubServer

from fgbg_depth.card.notes import NOTES_BEGIN, NOTES_END, extract_notes
from fgbg_depth.errors import HubError, UsageError

pytest_plugins = ["hub_fixtures"]


def test_first_push_is_one_commit_with_everything_and_the_tag(hub: HubServer, work: Path):
    report = send(work / "out", tag="v1.0.0")
    repo = repo_of(hub)
    assert [commit.title for commit in repo.history("main")] == [repo.resolve("main").title, "initial commit"]
    assert repo.tags == {"v1.0.0": report.commit} and repo.branches == {"main": report.commit}
    pushed = files_of(hub)
    del pushed[".gitattributes"]
    assert pushed == local_files(work / "out")
    assert report.version == "v1.0.0" and set(report.added) == set(pushed)
    assert not repo.private


def test_second_push_of_the_same_output_makes_no_commit_and_uploads_nothing(hub: HubServer, work: Path):
    first = send(work / "out", tag="v1.0.0")
    sent = len(hub.log)
    for options in ({"tag": "v1.0.0"}, {}):
        again = send(work / "out", **options)
        assert again.commit is None and not again.has_changes and again.version == "v1.0.0"
    assert repo_of(hub).branches["main"] == first.commit
    assert not [line for line in hub.log[sent:] if line[0] in ("PUT", "POST")]


def test_build_without_changes_keeps_the_version(hub: HubServer, tmp_path: Path):
    output = make_output(tmp_path / "fresh", 4)
    send(output, tag="v1.0.0")
    (output / "README.md").unlink()  # so that the build writes card and statistics again
    make_output(tmp_path / "fresh", 4)
    assert json.loads((output / "statistics.json").read_text())["version"] == "v1.0.0"
    assert send(output).commit is None


def test_new_background_uploads_only_new_files(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    before, sent = local_files(work / "out"), hub.uploaded_bytes()
    grow(work)
    planned = send(work / "out", tag="v1.1.0", dry_run=True)
    report = send(work / "out", tag="v1.1.0")
    assert (planned.added, planned.deleted) == (report.added, report.deleted)
    new_shards = [path for path in report.added if path.startswith("data/")]
    assert len(new_shards) == 1 and not [path for path in report.replaced if path.startswith("data/")]
    assert report.deleted == []  # prepared sources and preview have files for each background
    parquet = sum(size for path, size in report.added.items())
    rest = sum(report.replaced.values())
    assert parquet + rest == report.upload_bytes
    assert report.upload_bytes <= hub.uploaded_bytes() - sent < 1.1 * report.upload_bytes + 60_000  # base64, ids
    assert {k: v for k, v in files_of(hub, "v1.0.0").items() if k != ".gitattributes"} == before
    assert not set(report.deleted) & set(files_of(hub))


def test_renamed_file_is_not_uploaded_again(hub: HubServer, work: Path):
    send(work / "out")
    output = work / "out"
    statistics = json.loads((output / "statistics.json").read_text())
    old_name = next(iter(statistics["shards"]))
    new_name = old_name.replace("train-", "test_unseen_bg-")
    statistics["shards"][new_name] = statistics["shards"].pop(old_name)
    (output / old_name).rename(output / new_name)
    (output / "statistics.json").write_text(json.dumps(statistics))
    sent = hub.uploaded_bytes()
    report = send(output)
    assert new_name in report.added and old_name in report.deleted
    described = len((output / "croissant.json").read_bytes()) * 4 / 3  # in base64
    assert hub.uploaded_bytes() - sent - described < 90_000  # the card and the statistics


def test_files_of_others_stay(hub: HubServer, work: Path):
    send(work / "out")
    edit_on_hub(hub, "docs/paper.pdf", b"theirs")
    edit_on_hub(hub, "data/extra.parquet", b"theirs too")
    grow(work)
    report = send(work / "out")
    assert files_of(hub)["docs/paper.pdf"] == b"theirs" and files_of(hub)["data/extra.parquet"] == b"theirs too"
    assert any("data/extra.parquet" in warning for warning in report.warnings)


def test_notes_written_on_the_hub_are_kept(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    card = files_of(hub)["README.md"].decode()
    edited = card.replace(NOTES_BEGIN, f"{NOTES_BEGIN}\nAsk **Ann** about scene 3.\n\n- äöü")
    edit_on_hub(hub, "README.md", edited.encode())
    grow(work)
    send(work / "out", tag="v1.1.0")
    new = files_of(hub)["README.md"].decode()
    assert extract_notes(new) == "Ask **Ann** about scene 3.\n\n- äöü"
    assert NOTES_END in new
    assert extract_notes((work / "out" / "README.md").read_text(encoding="utf-8")) == extract_notes(new)


def test_notes_are_kept_without_their_closing_comment(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    card = files_of(hub)["README.md"].decode()
    edited = card.replace(NOTES_BEGIN, f"{NOTES_BEGIN}\nWritten on the Hub.").replace(NOTES_END, "")
    edit_on_hub(hub, "README.md", edited.encode())
    report = send(work / "out")
    new = files_of(hub)["README.md"].decode()
    assert extract_notes(new) == "Written on the Hub." and NOTES_END in new
    assert any(NOTES_END in warning for warning in report.warnings)
    assert extract_notes((work / "out" / "README.md").read_text(encoding="utf-8")) == extract_notes(new)
    assert not send(work / "out").warnings


def test_card_that_existed_before_the_first_push_becomes_the_notes(hub: HubServer, work: Path):
    hub.store.create("dataset", NAME, False, "alice")
    edit_on_hub(hub, "README.md", b"---\nlicense: mit\n---\n# Coming soon\n\nOur *dataset*.\n")
    send(work / "out")
    assert extract_notes(files_of(hub)["README.md"].decode()) == "# Coming soon\n\nOur *dataset*."


def test_history_lists_changes(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    grow(work)
    send(work / "out")  # without a tag
    make_sources(work, 6)
    (work / "bg" / "scene_000.png").unlink()
    build_again(work, placements=3)
    send(work / "out", tag="v2.0.0")
    statistics = json.loads(files_of(hub)["statistics.json"])
    assert statistics["version"] == "v2.0.0"
    newest, oldest = statistics["history"]
    assert (newest["version"], oldest["version"]) == ("v2.0.0", "v1.0.0")
    assert newest["bg_added"] == ["scene_004.png", "scene_005.png"] and newest["bg_removed"] == ["scene_000.png"]
    assert "placements: 2 -> 3" in newest["recipe_changes"]
    assert (oldest["rows"], newest["rows"]) == (32, 60) and newest["depth_model"] is None
    card = files_of(hub)["README.md"].decode()
    assert "v2.0.0" in card and "v1.0.0" in card


def test_dry_run_changes_nothing_and_needs_no_token(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_TOKEN")
    before = local_files(work / "out")
    report = send(work / "out", tag="v1.0.0", dry_run=True)
    assert hub.store.repos == {} and report.commit is None and local_files(work / "out") == before
    assert report.upload_bytes == sum(report.added.values()) and "would make one commit" in str(report)
    assert not [line for line in hub.log if line[0] in ("PUT", "POST")]


def test_new_branch_starts_from_main_and_leaves_main_unchanged(hub: HubServer, work: Path):
    first = send(work / "out", tag="v1.0.0")
    grow(work)
    sent = hub.uploaded_bytes()
    report = send(work / "out", revision="next/step", tag="v2-rc1")
    repo = repo_of(hub)
    assert repo.branches == {"main": first.commit, "next/step": report.commit}
    assert repo.commits[report.commit].parent == first.commit and repo.tags["v2-rc1"] == report.commit
    assert hub.uploaded_bytes() - sent < 1.1 * report.upload_bytes + 60_000
    assert report.url.endswith("/tree/next/step")


def test_pull_request_leaves_the_branch_unchanged(hub: HubServer, work: Path):
    first = send(work / "out")
    grow(work)
    report = send(work / "out", create_pr=True)
    repo = repo_of(hub)
    assert repo.branches == {"main": first.commit} and repo.pull_requests == {1: report.commit}
    assert report.pr_url.endswith("/discussions/1") and len(files_of(hub, "refs/pr/1")) == len(files_of(hub)) + 3
    again = send(work / "out", create_pr=True)
    assert (again.commit, again.pr_url) == (report.commit, report.pr_url) and len(repo.pull_requests) == 1
    with pytest.raises(UsageError, match="--tag and --pr"):
        send(work / "out", create_pr=True, tag="v2")


def test_pull_request_needs_no_write_access(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    send(work / "out")
    monkeypatch.setenv("HF_TOKEN", "bob-write")
    grow(work)
    assert send(work / "out", create_pr=True).pr_url


def test_private_applies_only_to_new_repositories(hub: HubServer, work: Path):
    send(work / "out", private=True)
    assert repo_of(hub).private
    send(work / "out", private=True)
    send(work / "out", "alice/open")
    with pytest.raises(HubError, match=r"is public.*\n.*hf repos settings alice/open --type dataset --private"):
        send(work / "out", "alice/open", private=True)


@pytest.mark.slow
def test_large_files_are_uploaded_in_parts(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch):
    with HubServer(tmp_path / "parts", multipart_above=20_000) as hub:
        use_hub(monkeypatch, hub, tmp_path / "home2")
        send(work / "out")
        assert [path for _, path, _ in hub.log if "/part/" in path]
        pushed = files_of(hub)
        assert {name: pushed[name] for name in local_files(work / "out")} == local_files(work / "out")


def test_incomplete_output_is_refused(hub: HubServer, work: Path):
    shard = next((work / "out" / "data").iterdir())
    shard.unlink()
    with pytest.raises(HubError, match=shard.name):
        send(work / "out")
    (work / "out" / "statistics.json").unlink()
    with pytest.raises(HubError, match=r"is not finished.*\n  Finish it: .*build --output "):
        send(work / "out")
    with pytest.raises(HubError, match=r"There is no folder .*nowhere.\n  Check the spelling"):
        send(work / "nowhere")
    with pytest.raises(HubError, match=r"bg has no statistics.json, so it is not a dataset of fgbg-depth.\n  Give the"):
        send(work / "bg")
    with pytest.raises(HubError, match="is a file, not a dataset"):
        send(work / "out" / "recipe.yaml")
    assert hub.store.repos == {}


def test_damaged_output_is_refused(hub: HubServer, work: Path):
    pytest.importorskip("fgbg_depth.verify.check")
    shard = next((work / "out" / "data").iterdir())
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    with pytest.raises(HubError, match=r"failed verification, so nothing was uploaded.*\n.*builder.py verify"):
        send(work / "out", verified=False)
    assert hub.log == []


def test_file_that_changes_during_the_push_is_not_published(hub: HubServer, work: Path):
    shard = next((work / "out" / "data").iterdir())
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(data)
    with pytest.raises(HubError, match="sha256"):
        send(work / "out")
    assert [commit.title for commit in repo_of(hub).history("main")] == ["initial commit"]


def test_output_passes_verify_after_the_push(hub: HubServer, work: Path):
    from fgbg_depth.verify.check import verify

    send(work / "out", tag="v1.0.0", verified=False)
    assert verify(work / "out").problems == ()
    assert send(work / "out", tag="v1.0.0", verified=False).commit is None
