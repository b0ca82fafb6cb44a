"""The command line: everything has help, every choice is an option, errors are messages."""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import tiny
from PIL import Image
from tiny import SIZE, tree

from fgbg_depth.cli.main import main, parser
from fgbg_depth.cli.recipe_options import recipe_from, shown_value
from fgbg_depth.errors import RecipeError
from fgbg_depth.recipe import HINTS, OPTIONS, Recipe, demo_recipe, load_recipe

ROOT = Path(__file__).parent.parent


def commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    action = next(a for a in top._actions if isinstance(a, argparse._SubParsersAction))
    assert {a.dest for a in action._choices_actions} == set(action.choices), "a command without help"
    assert all(a.help for a in action._choices_actions)
    return action.choices


def options_of(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (a for a in command._actions if a.dest != "help")


def test_every_command_and_option_has_help() -> None:
    found = commands(parser())
    assert {"build", "check-sources", "verify", "push", "recipe", "convert-weights"} <= found.keys()
    for name, command in found.items():
        assert command.description and len(command.description) > 30, name
        for option in options_of(command):
            assert option.help and len(option.help) > 5, f"{name} {option.dest}"
        assert name in command.format_help()


def test_every_recipe_field_is_an_option_of_build() -> None:
    flags = {flag for option in options_of(commands(parser())["build"]) for flag in option.option_strings}
    text = " ".join(commands(parser())["build"].format_help().split())
    for field in dataclasses.fields(Recipe):
        assert "--" + field.name.replace("_", "-") in flags, field.name
        assert " ".join(OPTIONS[field.name].help.split()[:3]) in text


OPTION_VALUES = {
    "size": (["--size", "96"], 96),
    "mirror": (["--no-mirror"], False),
    "ground_band": (["--ground-band", "0.5", "0.75"], (0.5, 0.75)),
    "depth_range": (["--depth-range", "0", "2"], (0.0, 2.0)),
    "depth_bits": (["--depth-bits", "8"], 8),
    "placement_mode": (["--placement-mode", "ground"], "ground"),
    "seed": (["--seed", "7"], 7),
    "holdout": (["--holdout", "0.25"], 0.25),
    "exclude": (["--exclude", "a.jpg", "old/*"], ("a.jpg", "old/*")),
    "skip_bad": (["--skip-bad"], True),
    "license": (["--license", "mit"], "mit"),
}


def test_an_option_works_under_its_old_name() -> None:
    recipe = recipe_from(parser().parse_args(["build", "--backgrounds", "x", "--placement", "ground"]))
    assert recipe.placement_mode == "ground"


@pytest.mark.parametrize("name", OPTION_VALUES)
def test_options_reach_the_recipe(name: str, tmp_path: Path) -> None:
    words, value = OPTION_VALUES[name]
    recipe = recipe_from(parser().parse_args(["build", "--backgrounds", "x", *words]))
    assert getattr(recipe, name) == value
    assert recipe.replace(**{name: getattr(Recipe(), name)}) == Recipe(backgrounds="x")
    path = tmp_path / "r.yaml"  # an option changes the file's choice and leaves the others
    path.write_text(Recipe(name="mine", placements=3).to_yaml())
    recipe = recipe_from(parser().parse_args(["build", "--recipe", str(path), *words]))
    assert getattr(recipe, name) == value and (recipe.name, recipe.placements) == ("mine", 3)


def build_words(sources: Path, out: Path, *more: str) -> list[str]:
    words = ["build", "--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg"), "--output", str(out)]
    return [*words, "--size", str(SIZE), "--placements", "1", "--depth-model", "none", "--workers", "1", *more]


@pytest.mark.slow
def test_build_then_again_then_verify(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(build_words(sources, tmp_path / "out")) == 0
    printed = capsys.readouterr()
    assert "50 rows" in printed.out and "verify" in printed.out and "push" in printed.out
    assert printed.err.startswith("recipe: ")
    assert main(build_words(sources, tmp_path / "out", "--json")) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["rows"] == 50 and result["changed"] is False
    assert main(["build", "--recipe", str(tmp_path / "out" / "recipe.yaml"), "--output", str(tmp_path / "again")]) == 0
    assert tree(tmp_path / "again") == tree(tmp_path / "out")
    assert main(["verify", str(tmp_path / "out")]) == 0
    shard = next((tmp_path / "out" / "data").iterdir())
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "out")]) == 1
    assert shard.name in capsys.readouterr().out


def test_slices(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(build_words(sources, tmp_path / "out", "--shards", "1/2")) == 0
    assert f"build --output {tmp_path}/out --finish" in capsys.readouterr().out
    assert main(build_words(sources, tmp_path / "out", "--finish")) == 1
    assert "missing" in capsys.readouterr().err
    assert main(build_words(sources, tmp_path / "out", "--shards", "2/2")) == 0
    assert main(["build", "--output", str(tmp_path / "out"), "--finish"]) == 0


def test_dry_run_builds_nothing(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(build_words(sources, tmp_path / "sets" / "out", "--dry-run")) == 0
    printed = capsys.readouterr().out
    assert "50" in printed and "shards" in printed and f"{tmp_path}/sets/out-contact-sheet.png" in printed
    sheets = {"out-contact-sheet.png", "out-findings-contact-sheet.png"}  # the test's sources are tiny
    assert {p.name for p in (tmp_path / "sets").iterdir()} == sheets
    assert not list((tmp_path / "elsewhere").iterdir())
    assert main(build_words(sources, tmp_path / "out", "--dry-run", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 50


@pytest.mark.slow
def test_the_contact_sheet_never_replaces_another_file(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    mine = tmp_path / "out-contact-sheet.png"
    for content in (b"mine", tiny.encoded(Image.new("RGB", (4, 4)))):
        mine.write_bytes(content)
        for _ in range(2):  # the second run replaces the sheet of the first
            assert main(build_words(sources, tmp_path / "out", "--dry-run", "--json")) == 0
            assert json.loads(capsys.readouterr().out)["sheet"] == str(tmp_path / "out-contact-sheet-2.png")
        assert mine.read_bytes() == content
    mine.unlink()
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    assert main(build_words(sources, Path("."), "--dry-run")) == 0  # not into the output
    assert mine.exists() and not list((tmp_path / "out").iterdir())


def test_a_dry_run_refuses_what_a_build_refuses(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"mine")
    assert main(build_words(sources, tmp_path / "photos", "--dry-run")) == 1
    assert "was not made by fgbg-depth" in capsys.readouterr().err
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["holiday.jpg"]


@pytest.mark.slow
def test_a_dry_run_says_what_a_build_would_delete(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "out"
    assert main(build_words(sources, out)) == 0
    next((out / "data").iterdir()).unlink()
    before = tree(out)
    capsys.readouterr()
    assert main(["build", "--output", str(out), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "9 exist, 1 to build" in printed and "delete" not in printed
    assert main(["build", "--output", str(out), "--dry-run", "--placements", "2"]) == 0
    printed = capsys.readouterr().out
    assert "This build would delete all 9 finished shards" in printed and "placements is 2, was 1" in printed
    assert main(["build", "--output", str(out), "--dry-run", "--placements", "2", "--json"]) == 0
    deletes = json.loads(capsys.readouterr().out)["deletes"]
    assert len(deletes["shards"]) == 9 and deletes["reasons"] == ["placements is 2, was 1"]
    assert tree(out) == before


def test_recipe_prints_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["recipe"]) == 0
    (tmp_path / "r.yaml").write_text(capsys.readouterr().out)
    assert load_recipe(tmp_path / "r.yaml") == Recipe()
    assert main(["recipe", str(tmp_path / "r.yaml")]) == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["build", "--size", "5"], 2, "size is 5; allowed"),
        (["build", "--workers", "0"], 2, "--workers"),
        (["build", "--shards", "3/2"], 2, "--shards"),
        (["build", "--shards", "x"], 2, "--shards"),
        (["build", "--shards", "1/2", "--finish"], 2, "one of them"),
        (["build", "--recipe", "nowhere.yaml"], 2, "nowhere.yaml"),
        (
            ["build", "--backgrounds", "nowhere", "--foregrounds", "nowhere", "--depth-model", "none"],
            1,
            "does not exist",
        ),
        (["build", "--output", "nosuch://x", "--depth-model", "none"], 1, "driver"),
        (["verify", "nowhere"], 1, "nowhere"),
    ],
)
def test_errors_are_messages(
    words: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    printed = capsys.readouterr()
    assert says in printed.err + printed.out and "Traceback" not in printed.err


def refused(words: list[str], capsys: pytest.CaptureFixture) -> str:
    """What is printed for arguments that the parser refuses."""
    with pytest.raises(SystemExit) as e:
        main(words)
    printed = capsys.readouterr()
    assert e.value.code == 2 and not printed.out
    return printed.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["build", "--size", "224.5"], "--size: '224.5' is not a whole number (16 to 4,096 px)."),
        (["build", "--ground-band", "a", "b"], "--ground-band: 'a' is not a number (0 to 1)."),
        (["build", "--depth-bits", "x"], "--depth-bits: 'x' is not a whole number (allowed: 16, 8)."),
        (["build", "--workers", "2.5"], "--workers: '2.5' is not a whole number."),
        (["build", "--placement", "x"], "'x' is not allowed. Allowed: uniform, ground, scene."),
        (["build", "--placement-mode", "groud"], "Did you mean ground? Allowed: uniform, ground, scene."),
        (["build", "--sise", "224"], "there is no option --sise. Did you mean --size?"),
        (["build", "--sise=224"], "there is no option --sise. Did you mean --size?"),
        (["verify", "out", "--lables", "3"], "there is no option --lables. Did you mean --labels?"),
        (["app", "--prot", "5"], "there is no option --prot. Did you mean --port?"),
        (["build", "."], "unexpected argument '.'. A folder or file needs its option in front of it."),
        (["build", "--mirror", "yes"], "unexpected argument 'yes'."),
        (["biuld"], "there is no command 'biuld'. Did you mean build?"),
        (["--size", "96", "build"], "--size stands before the command"),
        (["push", "out"], "missing: REPO_ID."),
        (["verify", "out", "--labels", "-1"], "--labels: '-1' is not allowed; allowed: a whole number from 0."),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_explained_in_two_lines(words: list[str], says: str, capsys: pytest.CaptureFixture) -> None:
    said = refused(words, capsys)
    first, second, *more = said.splitlines()
    assert first.startswith("UsageError: ") and says in first and second.endswith(" --help") and not more


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture) -> None:
    assert "start here:" in refused([], capsys)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("school224", "Did you mean {recipes}/school-224.yaml?"),
        ("{recipes}/street.yaml", "Did you mean {recipes}/street-192.yaml?"),
        ("mine.yml", "Did you mean mine.yaml?"),
        ("out", "Did you mean out/recipe.yaml?"),
        ("nowhere", "There is no recipe file nowhere.\n  Write one"),
    ],
)
def test_a_mistyped_recipe_file(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("size: 32")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "recipe.yaml").write_text("size: 32")
    name, says = (text.format(recipes=ROOT / "recipes") for text in (name, says))
    for words in (["build", "--recipe", name], ["recipe", name]):
        assert main(words) == 2
        assert says in capsys.readouterr().err


def help_of(name: str) -> str:
    """The help of the option of a recipe field, as it is printed."""
    action = next(a for a in options_of(commands(parser())["build"]) if a.dest == f"recipe_{name}")
    return str(action.help).replace("%%", "%")


def read_help_value(text: str, hint: Any) -> Any:
    """The value that a help text shows, as a field's type."""
    if (text in ("not set", "empty", "none", "yes", "no") and hint is not str) or text == "empty":
        return {"not set": None, "empty": "", "none": (), "yes": True, "no": False}[text]
    if hint in (int, float):
        return 2**63 - 1 if text == "2^63 - 1" else hint(text.replace(",", ""))
    if get_origin(hint) is Literal:
        return type(get_args(hint)[0])(text)
    return text if hint is str else tuple(map(float, text.split()))


@pytest.mark.parametrize("name", OPTIONS)
def test_help_shows_the_default_that_the_recipe_has(name: str) -> None:
    shown = re.search(r"default: (.*)\)$", help_of(name))
    assert shown, help_of(name)
    assert read_help_value(shown[1], HINTS[name]) == getattr(Recipe(), name)


def is_allowed(name: str, value: Any) -> bool:
    """Whether a recipe takes this value, apart from rules that involve other fields."""
    pair = HINTS[name] not in (int, float, float | None)
    try:
        Recipe(**{name: (value, value) if pair else value})
    except RecipeError as e:
        return f"{name} is {value!r}; allowed: " not in str(e)
    return True


@pytest.mark.parametrize("name", [name for name, options in OPTIONS.items() if options.low is not None])
def test_help_shows_the_range_that_the_recipe_checks(name: str) -> None:
    shown = re.search(r"\(([\d.,]+) to ([\d.,]+|2\^63 - 1)[; ]", help_of(name))
    assert shown, help_of(name)
    number = int if HINTS[name] is int or int in get_args(HINTS[name]) else float
    low, high = (read_help_value(text, number) for text in shown.groups())
    assert is_allowed(name, low) and is_allowed(name, high)
    step = 1 if number is int else 0.001
    assert not is_allowed(name, low - step) and not is_allowed(name, high + step)


def test_help_says_what_the_demonstration_changes(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["build", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    demo, ordinary = demo_recipe(), Recipe()
    for name, options in OPTIONS.items():
        value = getattr(demo, name)
        if options.group == "composites":
            text = f"--{name.replace('_', '-')} {shown_value(value)}"
            assert (text + "," in shown or text + "." in shown) == (value != getattr(ordinary, name)), name


def test_help_says_where_files_are_kept(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert os.environ["FGBG_DEPTH_HOME"] in shown and "FGBG_DEPTH_HOME" in shown and "HF_HOME" in shown


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; sys.argv = ['builder.py', 'build', '--help']\n"
        "try:\n    import runpy; runpy.run_path('builder.py', run_name='__main__')\n"
        "except SystemExit as e:\n"
        "    heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'numpy', 'PIL'}\n"
        "    print(e.code, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] in ("0 []", "0 ['numpy']"), done.stdout[-300:] + done.stderr


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    import fgbg_depth.builder.pipeline

    def stop(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fgbg_depth.builder.pipeline, "build", stop)
    assert main(["build", "--output", str(tmp_path / "o")]) == 130
    assert "continues from there" in capsys.readouterr().err


def test_ctrl_c_of_another_command_does_not_speak_of_shards(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    import fgbg_depth.verify.check

    def stop(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fgbg_depth.verify.check, "verify", stop)
    assert main(["verify", "out"]) == 130
    assert capsys.readouterr().err == "\nStopped.\n"
