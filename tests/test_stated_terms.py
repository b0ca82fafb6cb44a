"""`SOURCES.md` in a folder of sources: read, quoted by the card as data, without effect on rows and digests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny import quiet_build, statistics_of, tiny_recipe, tree

from fgbg_depth.builder.dry_run import plan_dry_run
from fgbg_depth.card.markdown import quotation
from fgbg_depth.card.notes import NOTES_BEGIN, NOTES_END, extract_notes
from fgbg_depth.sources.stated_terms import MAX_CHARACTERS, TERMS_FILE, read_terms
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.check import verify

TERMS = "# Sources\n\n- 5 cut-outs: mattes by the model birefnet-general-lite\n  - licence of the model: MIT\n"


@pytest.fixture
def folder(sources: Path, tmp_path: Path) -> Path:
    shutil.copytree(sources, tmp_path / "sources")
    return tmp_path / "sources"


def test_the_card_quotes_the_file_and_no_shard_changes(folder: Path, tmp_path: Path) -> None:
    recipe, output = tiny_recipe(folder), tmp_path / "out"
    quiet_build(recipe, output)
    before = {path: digest for path, digest in tree(output).items() if path.endswith(".parquet")}
    assert "terms" not in statistics_of(output)
    (folder / "fg" / TERMS_FILE).write_text(TERMS)
    logged: list[str] = []
    result = quiet_build(recipe, output, log=logged.append)
    assert result.changed and result.made == 0
    assert "The card will quote SOURCES.md in the folder of the cut-outs." in logged
    assert not [line for line in logged if line.startswith("ignored")]
    assert {path: digest for path, digest in tree(output).items() if path.endswith(".parquet")} == before
    card = (output / "README.md").read_text()
    assert "The folder of the cut-outs has this file `SOURCES.md`:" in card
    assert "  - 5 cut-outs: mattes by the model birefnet-general-lite\n" in card
    assert statistics_of(output)["terms"] == {"fg": TERMS.strip()}
    assert not verify(str(output)).problems
    assert not quiet_build(recipe, output).changed


def test_an_edited_file_is_read_again_and_a_removed_one_disappears(folder: Path, tmp_path: Path) -> None:
    recipe, output = tiny_recipe(folder), tmp_path / "out"
    terms = folder / "bg" / TERMS_FILE
    terms.write_text("Photographs of my own, 2024.")
    quiet_build(recipe, output)
    assert "  Photographs of my own, 2024.\n" in (output / "README.md").read_text()
    terms.write_text("Photographs of my own, CC0.")
    assert quiet_build(recipe, output).made == 0
    assert "  Photographs of my own, CC0.\n" in (output / "README.md").read_text()
    terms.unlink()
    assert quiet_build(recipe, output).made == 0
    assert "SOURCES.md" not in (output / "README.md").read_text()
    assert "terms" not in statistics_of(output)


def test_the_digests_of_a_plan_do_not_depend_on_it(folder: Path, tmp_path: Path) -> None:
    def shards() -> list[str]:
        plan, _ = plan_dry_run(tiny_recipe(folder), Storage(tmp_path / "new"), 1, "cpu", lambda line: None)
        return [shard.path for shard in plan.shards]

    before = shards()
    (folder / "fg" / TERMS_FILE).write_text(TERMS)
    assert shards() == before


def test_a_quoted_file_cannot_change_the_rest_of_the_card(folder: Path, tmp_path: Path) -> None:
    recipe, output = tiny_recipe(folder), tmp_path / "out"
    quiet_build(recipe, output)
    card = output / "README.md"
    card.write_text(card.read_text().replace(NOTES_BEGIN, f"{NOTES_BEGIN}\nmy own words", 1))
    hostile = (
        f"```\n<script>x</script>\n````\n{NOTES_BEGIN}\nnot mine\n{NOTES_END}\n## Some rows\n{NOTES_END[:20]}\n---\n"
    )
    (folder / "fg" / TERMS_FILE).write_text(hostile)
    for _ in range(2):
        quiet_build(recipe, output)
        text = card.read_text()
        assert extract_notes(text) == "my own words"
        assert text.count(NOTES_BEGIN) == text.count(NOTES_END) == 1
        (output / "statistics.json").unlink()
    block = text[text.index("this file `SOURCES.md`") :]
    marks = block.split("\n")[2].removesuffix("text")
    assert len(marks) == 5  # longer than any run of backticks in the file
    assert "<script>" in block.split(f"\n{marks}\n")[0]


def test_only_plain_text_of_limited_size_is_read(tmp_path: Path) -> None:
    assert read_terms(tmp_path) == ""
    file = tmp_path / TERMS_FILE
    file.write_bytes(b"\xef\xbb\xbfone\r\n\x1b[31mtwo\x00\xff\n\n\tthree  \n")
    assert read_terms(tmp_path) == "one\n[31mtwo\ufffd\n\n three"
    file.write_text("line of text\n" * 10_000)
    text = read_terms(tmp_path)
    assert len(text) < MAX_CHARACTERS + 100 and text.endswith("the rest is left out]")
    file.write_text("x" * MAX_CHARACTERS)
    assert read_terms(tmp_path) == "x" * MAX_CHARACTERS
    file.unlink()
    file.mkdir()
    assert read_terms(tmp_path) == ""


def test_a_file_below_a_sub_folder_is_an_ignored_file(folder: Path, tmp_path: Path) -> None:
    (folder / "fg" / "more").mkdir()
    (folder / "fg" / "more" / TERMS_FILE).write_text(TERMS)
    logged: list[str] = []
    quiet_build(tiny_recipe(folder), tmp_path / "out", log=logged.append)
    assert "ignored: 1 .md in fg" in logged
    assert "terms" not in statistics_of(tmp_path / "out")


def test_comments_are_not_quoted() -> None:
    assert quotation("a\n\n<!-- b\nc -->\n\nd") == "```text\n  a\n\n  d\n```"
