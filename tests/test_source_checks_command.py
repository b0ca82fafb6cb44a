"""Checks of whole folders of sources: the report, the command, and the recipe fields that leave files out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image
from source_faults import SCRIPT, bundled

from fgbg_depth.card.findings_sheet import SheetEntry, findings_sheet
from fgbg_depth.cli.main import main
from fgbg_depth.errors import RecipeError, SourceError
from fgbg_depth.recipe import OPTIONS, Recipe
from fgbg_depth.sources.checks import CHECKS
from fgbg_depth.sources.checks.finding import CERTAIN
from fgbg_depth.sources.checks.folders import check_sources
from fgbg_depth.sources.folder import is_contact_sheet
from fgbg_depth.sources.load import load_sources


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Clean sources with one fault of each kind in `bg` and `fg`."""
    for name in ("garden", "lake", "snow"):
        tiny.save(np.asarray(bundled(f"backgrounds/{name}.jpg")), tmp_path / "bg" / f"{name}.png")
    for name in ("cat", "dog"):
        tiny.save(np.asarray(SCRIPT.cutout(name)), tmp_path / "fg" / f"{name}.png")
    tiny.save(np.asarray(SCRIPT.PICTURES["copy"][1]()[0]), tmp_path / "bg" / "old" / "lake2.png")
    tiny.save(np.asarray(SCRIPT.PICTURES["empty"][1]()[0]), tmp_path / "bg" / "zero.png")
    boxed = SCRIPT.on_color(SCRIPT.cutout("dog"), (255, 255, 255)).convert("RGBA")
    boxed.putpixel((0, 0), (255, 255, 255, 254))  # alpha that is not 255 everywhere: a build takes it for a cut-out
    boxed.save(tmp_path / "fg" / "boxed.png")
    return tmp_path


def recipe_of(sources: Path, **changes: object) -> Recipe:
    values = {"backgrounds": str(sources / "bg"), "foregrounds": str(sources / "fg"), "depth_model": "none"}
    return Recipe(**(values | changes))  # type: ignore[arg-type]


def test_folders_are_checked_in_order_with_copies_and_unreadable_files(sources: Path) -> None:
    (sources / "bg" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    report = check_sources(recipe_of(sources), pictures=2)
    assert [(entry.file, entry.findings[0].check) for entry in report.files] == [
        ("broken.jpg", "unreadable"),
        ("old/lake2.png", "copy"),
        ("zero.png", "empty"),
        ("boxed.png", "surround"),
    ]
    assert "looks like lake.png" in report.files[1].findings[0].detail
    assert report.counts == {"unreadable": 1, "empty": 1, "surround": 1, "copy": 1}
    assert [entry.picture is not None for entry in report.files] == [False, True, False, False]


def test_the_same_file_twice_is_certain(sources: Path) -> None:
    (sources / "bg" / "z.png").write_bytes((sources / "bg" / "snow.png").read_bytes())
    [finding] = next(entry for entry in check_sources(recipe_of(sources)).files if entry.file == "z.png").findings
    assert finding.certainty == 1 and finding.detail == "the same file as snow.png"


@pytest.mark.parametrize(("name", "field", "value"), [("frame", "trim_frames", True), ("halo", "defringe", "auto")])
def test_a_fault_that_the_recipe_cures_is_no_finding(sources: Path, name: str, field: str, value: object) -> None:
    if field not in OPTIONS:
        pytest.skip(f"recipes have no {field}")
    kind, make = SCRIPT.PICTURES[name]
    tiny.save(np.asarray(make()[0]), sources / ("bg" if kind == "backgrounds" else "fg") / "faulty.png")
    for recipe, expected in ((recipe_of(sources), 1), (recipe_of(sources, **{field: value}), 0)):
        assert check_sources(recipe).counts.get(name, 0) == expected


def test_threads_do_not_change_the_report(sources: Path) -> None:
    assert check_sources(recipe_of(sources), workers=1) == check_sources(recipe_of(sources), workers=4)


def test_the_command_prints_findings_and_exits_with_1(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = sources / "findings.png"
    words = ["check-sources", "--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg")]
    assert main([*words, "--sheet", str(sheet)]) == 1
    printed = capsys.readouterr().out
    assert "zero.png" in printed and "empty (95%)" in printed and "4 background" not in printed
    assert "Findings in 3 files of 5 backgrounds and 3 cut-outs:" in printed and "What to do:" in printed
    assert is_contact_sheet(sheet) and Image.open(sheet).width == 1256
    assert main([*words, "--json"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert values["checked"] == {"backgrounds": 5, "foregrounds": 3} and values["sheet"] is None
    assert values["files"][0]["findings"][0].keys() == {"check", "certainty", "detail", "advice"}
    assert main([*words, "--exclude", "zero.png", "old/*", "foregrounds:boxed.png", "--sheet", str(sheet)]) == 0
    assert "Nothing found in 3 backgrounds and 2 cut-outs." in capsys.readouterr().out


def test_the_command_checks_one_folder_alone(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-sources", "--foregrounds", str(sources / "fg"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["checked"] == {"foregrounds": 3}


def test_the_command_says_which_files_it_ignored(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sources / "fg" / "notes.txt").write_text("cats")
    assert main(["check-sources", "--foregrounds", str(sources / "fg")]) == 1
    assert "ignored: 1 .txt in fg" in capsys.readouterr().err


def test_the_command_checks_the_sources_of_a_recipe(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = sources / "mine.yaml"
    file.write_text("backgrounds: bg\nforegrounds: fg\nexclude: [zero.png, boxed.png, lake2.png]\n")
    assert main(["check-sources", "--recipe", str(file)]) == 0
    assert "3 backgrounds and 2 cut-outs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sheet", "no/such/folder/a.png"], "existing folder"),
        (["--sheet", "a.jpg"], "ends in .png"),
        (["--workers", "0"], "from 1 to 1024"),
    ],
)
def test_wrong_usage_of_the_command(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-sources", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_command_names_what_exclude_does_not_find(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check-sources", "--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg")]
    assert main([*words, "--exclude", "zero.pgn"]) == 1
    assert "zero.pgn (did you mean zero.png?)" in capsys.readouterr().err


def test_a_missing_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-sources", "--backgrounds", str(tmp_path / "none")]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_the_dry_run_shows_findings_and_removes_an_old_sheet(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["build", "--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg"), "--dry-run"]
    words += ["--output", str(sources / "out"), "--depth-model", "none", "--workers", "1"]
    assert main(words) == 0
    sheet = sources / "out-findings-contact-sheet.png"
    assert is_contact_sheet(sheet) and "Findings in 3 files" in (printed := capsys.readouterr().out)
    assert f"findings       {sheet}" in printed
    assert main([*words, "--exclude", "zero.png", "lake2.png", "boxed.png", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["findings"]["files"] == [] and values["findings_sheet"] is None
    assert not sheet.exists()


def files_of(recipe: Recipe) -> list[str]:
    found = load_sources(recipe)
    return [source.file for source in (*found.backgrounds, *found.cutouts)]


def test_exclude_leaves_files_out_before_they_are_read(sources: Path) -> None:
    (sources / "bg" / "broken.jpg").write_bytes(b"broken")
    with pytest.raises(SourceError, match=r"broken\.jpg"):
        load_sources(recipe_of(sources))
    found = files_of(recipe_of(sources, exclude=["broken.jpg", "z*", "old/lake?.png"]))
    assert found == ["garden.png", "lake.png", "snow.png", "boxed.png", "cat.png", "dog.png"]


def test_excluded_sources_change_no_other_source(sources: Path) -> None:
    everything = load_sources(recipe_of(sources, holdout=0))
    fewer = load_sources(recipe_of(sources, holdout=0, exclude=["lake2.png"]))
    (sources / "bg" / "old" / "lake2.png").unlink()
    assert load_sources(recipe_of(sources, holdout=0)) == fewer
    digests = {source.name: source.content_digest for source in everything.backgrounds}
    assert all(digests[source.name] == source.content_digest for source in fewer.backgrounds)


def test_a_prefix_limits_exclude_to_one_folder(sources: Path) -> None:
    tiny.save(np.asarray(SCRIPT.cutout("cat")), sources / "fg" / "snow.png")
    found = files_of(recipe_of(sources, exclude=["foregrounds:snow.png"]))
    assert found.count("snow.png") == 1
    assert files_of(recipe_of(sources, exclude=["snow.png"])).count("snow.png") == 0


def test_exclude_with_an_unknown_name_is_an_error_that_names_it(sources: Path) -> None:
    with pytest.raises(SourceError, match=r"zero\.jpg \(did you mean zero\.png\?\)\n  foregrounds:\*\.tif\n"):
        load_sources(recipe_of(sources, exclude=["zero.jpg", "lake2.png", "foregrounds:*.tif"]))
    with pytest.raises(SourceError, match="every cut-out was left out"):
        load_sources(recipe_of(sources, exclude=["foregrounds:*"]))


@pytest.mark.parametrize("value", ["a.jpg", 3, None, [1], [""]])
def test_exclude_is_a_list_of_texts(value: object) -> None:
    with pytest.raises(RecipeError, match="exclude is"):
        Recipe(exclude=value)  # type: ignore[arg-type]


def test_skip_bad_leaves_out_certain_faults_and_says_why(sources: Path) -> None:
    found = load_sources(recipe_of(sources, skip_bad=True))
    assert dict(found.skipped).keys() == {"zero.png", "boxed.png"}
    reasons = dict(found.skipped)
    assert reasons["zero.png"] == "has a fault (empty: 100% of it is grey)"
    assert "white surround" in reasons["boxed.png"]


def test_skip_bad_changes_nothing_where_sources_are_clean(sources: Path) -> None:
    clean = recipe_of(sources, exclude=["zero.png", "boxed.png"])
    assert load_sources(clean) == load_sources(clean.replace(skip_bad=True))


def test_a_build_without_skip_bad_does_not_run_the_checks(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a check was run")

    monkeypatch.setattr("fgbg_depth.sources.load.reason_to_skip_file", fail)
    load_sources(recipe_of(sources))


def test_the_faults_that_skip_bad_acts_on_are_in_its_help() -> None:
    skipped = [check.name for check in CHECKS if check.skips]
    assert ", ".join(skipped[:-1]) + " or " + skipped[-1] in OPTIONS["skip_bad"].help
    assert 0.9 <= CERTAIN < 1


def test_a_sheet_has_a_place_for_each_file() -> None:
    entries = [SheetEntry(None, f"{i}.jpg", ("frame (90%): " + "white " * 12,)) for i in range(7)]
    one, two = findings_sheet(entries[:5]), findings_sheet(entries, num_more=3)
    assert one.width == two.width and two.height > 1.7 * one.height
    with pytest.raises(ValueError, match="at least one"):
        findings_sheet([])
