"""The card on the Hub: what people wrote there is kept by a push, or the push stops before it sends anything."""

import re
from pathlib import Path

import pytest
import yaml
from hub_client import NAME, edit_on_hub, files_of, repo_of, send
from hub_outputs import build_again, grow, make_sources
from hub_server import HubServer

from fgbg_depth.card.notes import NOTES_BEGIN, NOTES_END, extract_notes
from fgbg_depth.errors import HubError
from fgbg_depth.hub.card_merge import merge_card
from fgbg_depth.hub.header_merge import merge_headers
from fgbg_depth.hub.text_merge import merge_paragraphs, paragraphs

pytest_plugins = ["hub_fixtures"]
GATING = """extra_gated_prompt: |
  You agree to cite us.

  Twice.
"""
KEYS = f"# reviewed by Ann\nlanguage:\n- no\n- en\n{GATING}doi: 10.5/abc\nviewer:\n"
TOP = "> **Under review.** Do not cite yet."
SECTION = "## Contact\n\nWrite to ann@example.org.\n\n```text\n\n# no heading\n\n```"


def card_on_hub(hub: HubServer) -> str:
    return files_of(hub)["README.md"].decode()


def header_of(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def edit_card(hub: HubServer, *changes: tuple[str, str]) -> str:
    """Replace texts of the card on the Hub, as a person does in its editor; returns the new card."""
    card = card_on_hub(hub)
    for old, new in changes:
        assert old in card
        card = card.replace(old, new, 1)
    edit_on_hub(hub, "README.md", card.encode())
    return card


def edit_everywhere(hub: HubServer) -> str:
    """Keys, a paragraph at the top, one between generated ones, and a section at the end; a hand-edited licence."""
    card = edit_card(
        hub,
        ("license: cc-by-4.0", "license: cc-by-sa-4.0"),
        ("tags:\n", f"{KEYS}tags:\n- mine\n"),
        ("# scenes\n", f"# scenes\n\n{TOP}\n"),
        ("\n## Splits\n", "\nThese columns were checked by Bo.\n\n## Splits\n"),
    )
    card += f"\n{SECTION}\n"
    edit_on_hub(hub, "README.md", card.encode())
    return card


def assert_edits_are_kept(card: str) -> None:
    header = header_of(card)
    assert header["license"] == "cc-by-sa-4.0" and header["doi"] == "10.5/abc"
    assert header["tags"][0] == "mine" and "fgbg-depth" in header["tags"]
    assert KEYS in card  # with comment, order, "no", the block of text and the key without a value
    assert card.index("# scenes") < card.index(TOP) < card.index("![Four scenes")
    assert card.index("These columns were checked") < card.index("## Splits")
    assert card.rstrip().endswith(SECTION)


def test_push_of_the_same_output_leaves_an_edited_card_as_it_is(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    edited = edit_everywhere(hub)
    report = send(work / "out")
    assert card_on_hub(hub) == edited and report.commit is None
    assert any("license" in text for text in report.kept) and "text outside the notes" in str(report)
    assert (work / "out" / "README.md").read_text(encoding="utf-8") == edited


@pytest.mark.slow
def test_edits_outside_the_notes_are_kept_by_later_pushes(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    edit_everywhere(hub)
    grow(work)
    for tag, placements in (("v1.1.0", None), ("v2.0.0", 3), ("v3.0.0", 4)):
        if placements:
            make_sources(work, 5)
            build_again(work, placements=placements)
        send(work / "out", tag=tag)
        card = card_on_hub(hub)
        assert_edits_are_kept(card)
        assert f"version {tag}" in " ".join(card.split()) and card.count(TOP) == 1
    from datasets import load_dataset_builder

    assert load_dataset_builder(NAME).info.splits["train"].num_examples == 5 * 2 * 2 * 4


def test_verify_accepts_a_config_that_somebody_added_on_the_hub(hub: HubServer, work: Path):
    send(work / "out")
    config = "- config_name: theirs\n  data_files:\n  - split: train\n    path: theirs/*.parquet\n"
    edit_card(hub, ("configs:\n", f"configs:\n{config}"))
    grow(work)
    send(work / "out", verified=False)
    configs = header_of(card_on_hub(hub))["configs"]
    assert configs[0]["config_name"] == "theirs" and len(configs) == 5
    assert send(work / "out", verified=False).commit is None


def test_text_that_cannot_be_merged_stops_the_push_before_anything_is_sent(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    edit_card(hub, ("32 pictures", "About thirty pictures"), ("# scenes\n", f"# scenes\n\n{TOP}\n"))
    edited, sent = repo_of(hub).branches["main"], len(hub.log)
    grow(work)
    for dry_run in (True, False):
        with pytest.raises(HubError) as caught:
            send(work / "out", tag="v1.1.0", dry_run=dry_run)
        message = str(caught.value)
        assert "README.md of datasets/alice/scenes was edited on the Hub" in message and "--overwrite-card" in message
        assert re.search(r"(?m)^-.*About thirty pictures", message) and re.search(r"(?m)^\+.*40 pictures", message)
        assert TOP not in message and "Nothing was uploaded" in message
    assert repo_of(hub).branches["main"] == edited
    assert not [line for line in hub.log[sent:] if line[0] in ("PUT", "POST")]
    report = send(work / "out", tag="v1.1.0", overwrite_card=True)
    card = card_on_hub(hub)
    assert "40 pictures" in card and "About thirty" not in card and TOP in card
    assert any("About thirty pictures" in warning for warning in report.warnings)


def test_key_that_both_changed_stops_the_push(hub: HubServer, work: Path):
    send(work / "out")
    edit_card(hub, ("license: cc-by-4.0", "license: cc-by-sa-4.0"))
    build_again(work, license="mit")
    with pytest.raises(HubError, match=r"(?s)key license.*-license: cc-by-sa-4.0\n\+license: mit.*--overwrite-card"):
        send(work / "out")
    send(work / "out", overwrite_card=True)
    assert header_of(card_on_hub(hub))["license"] == "mit"


def notes_in(card: str, words: str) -> str:
    before, _, rest = card.partition(NOTES_BEGIN)
    return f"{before}{NOTES_BEGIN}\n{words}\n{NOTES_END}{rest.partition(NOTES_END)[2]}"


@pytest.mark.parametrize("here", ["first", "edited here", ""])
@pytest.mark.parametrize("there", ["first", "edited there", ""])
def test_notes_that_were_edited_on_one_side_win(hub: HubServer, work: Path, here: str, there: str):
    readme = work / "out" / "README.md"
    readme.write_text(notes_in(readme.read_text(encoding="utf-8"), "first"), encoding="utf-8")
    send(work / "out")
    readme.write_text(notes_in(readme.read_text(encoding="utf-8"), here), encoding="utf-8")
    edit_on_hub(hub, "README.md", notes_in(card_on_hub(hub), there).encode())
    if here != "first" and there != "first" and here != there:
        with pytest.raises(HubError, match=r"(?s)README.md on the Hub: notes.*README.md of this push: notes"):
            send(work / "out")
        assert extract_notes(card_on_hub(hub)) == there
        assert extract_notes(readme.read_text(encoding="utf-8")) == here
        send(work / "out", overwrite_card=True)
        assert extract_notes(card_on_hub(hub)) == here
    else:
        send(work / "out")
        assert extract_notes(card_on_hub(hub)) == (there if here == "first" else here)


def test_edited_local_notes_survive_a_build_and_a_push(hub: HubServer, work: Path):
    """They were replaced by the older text of the Hub."""
    make_sources(work, 5)
    readme = work / "out" / "README.md"
    readme.write_text(notes_in(readme.read_text(encoding="utf-8"), "Old words."), encoding="utf-8")
    send(work / "out")
    readme.write_text(notes_in(readme.read_text(encoding="utf-8"), "New words."), encoding="utf-8")
    build_again(work)
    send(work / "out")
    assert extract_notes(card_on_hub(hub)) == "New words."


@pytest.mark.parametrize("build", [False, True])
def test_deleted_card_of_the_output_deletes_no_notes(hub: HubServer, work: Path, build: bool):
    make_sources(work, 5)
    readme = work / "out" / "README.md"
    readme.write_text(notes_in(readme.read_text(encoding="utf-8"), "My words."), encoding="utf-8")
    send(work / "out")
    readme.unlink()
    if build:
        build_again(work)
        assert extract_notes(readme.read_text(encoding="utf-8")) == "My words."
    send(work / "out")
    assert extract_notes(card_on_hub(hub)) == extract_notes(readme.read_text(encoding="utf-8")) == "My words."


def test_adopting_a_repository_keeps_its_front_matter(hub: HubServer, work: Path):
    hub.store.create("dataset", NAME, False, "alice")
    card = (
        f"---\nlicense: odbl\npretty_name: Our scenes\n{KEYS}tags:\n- art\nsize_categories:\n- 1K<n<10K\n"
        "configs:\n- config_name: default\n  data_files: old.csv\n---\n# Coming soon\n"
    )
    edit_on_hub(hub, "README.md", card.encode())
    for placements in (2, 3):
        build_again(work, license="All rights reserved", placements=placements)
        send(work / "out", tag=f"v{placements}")
        header = header_of(card_on_hub(hub))
        assert (header["license"], header["pretty_name"]) == ("odbl", "Our scenes") and "license_name" not in header
        assert header["tags"][:2] == ["art", "fgbg-depth"] and header["size_categories"] == ["n<1K"]
        assert header["configs"][0]["data_files"][0]["path"] == "data/train-*.parquet"
        assert KEYS in card_on_hub(hub) and extract_notes(card_on_hub(hub)) == "# Coming soon"


def test_front_matter_that_is_not_yaml_stops_the_push(hub: HubServer, work: Path):
    send(work / "out")
    edit_card(hub, ("license: cc-by-4.0", "license: [cc"))
    with pytest.raises(HubError, match=r"(?s)front matter is not valid YAML.*--overwrite-card"):
        send(work / "out")


def test_lines_of_other_keys_stay_as_they_are():
    base, local = "a: 1\ntags:\n- x\n", "a: 2\ntags:\n- x\n- y\n"
    remote = "# first\ntags: [x, mine]  # ours\na:   1\nb: {c: no}\n"
    merged, conflicts, kept = merge_headers(base, local, remote)
    assert merged == "# first\ntags:\n- x\n- mine\n- y\na: 2\nb: {c: no}\n"
    assert conflicts == [] and kept == ["tags", "b"]


def test_paragraphs():
    text = "a\nb\n\n\n```\n\nc\n```\nd\n \n~~~~\n~~~\n\n~~~~\n"
    assert paragraphs(text) == [
        "a\nb",
        "```\n\nc\n```\nd",
        "~~~~\n~~~\n\n~~~~",
    ]


@pytest.mark.parametrize(
    ("base", "local", "remote", "merged"),
    [
        ("A|B", "A|B", "new|A|B|end", "new|A|B|end"),
        ("A 1 x y|B", "A 2 x y|B", "A 1 x y|new|B", "A 2 x y|new|B"),
        ("n 4 scenes of x", "n 5 scenes of x", "n 4 places of x", "n 5 places of x"),
        ("A|B|C", "A|C", "A|B|C|D", "A|C|D"),
        ("A|B|C", "A|B|C|D", "A|C", "A|C|D"),
        ("A|B", "A|new|B", "A|new|B", "A|new|B"),
        ("n 4 rows", "n 5 rows", "n 6 rows", None),
        ("A x y z|B", "B", "A x y q|B", None),
        ("A x y z|B", "A x y q|B", "B", None),
    ],
)
def test_merge_of_paragraphs(base: str, local: str, remote: str, merged: str | None):
    texts, conflicts = merge_paragraphs(*(text.split("|") for text in (base, local, remote)))
    assert bool(conflicts) == (merged is None)
    assert "|".join(texts) == (local if merged is None else merged)


def test_card_that_was_replaced_as_a_whole_is_generated_again_with_its_text_as_notes():
    base = "---\na: 1\n---\n\n# scenes\n\ntext 1\n"
    local = f"---\na: 1\n---\n\n# scenes\n\ntext 2\n\n{NOTES_BEGIN}\nmine\n{NOTES_END}\n\n## Some rows\n"
    merged = merge_card(base, local, "---\na: 1\n---\nmine\n")
    assert merged.text == local and merged.conflicts == []
