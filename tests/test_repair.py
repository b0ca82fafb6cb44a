"""Following what `verify` says repairs the output, for each kind of damage; the printed commands are run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import tree

from fgbg_depth.builder import pipeline
from fgbg_depth.builder.damage import NOTES
from fgbg_depth.cli.main import main
from fgbg_depth.errors import FgBgError, OutputError
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import measure
from fgbg_depth.verify.check import verify


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    """A copy of a finished output, which may be changed; its path has to be quoted."""
    shutil.copytree(built, tmp_path / "my set")
    return tmp_path / "my set"


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "default_workers", lambda recipe, device: 1)


def first_file(out: Path, folder: str) -> Path:
    return sorted((out / folder).iterdir())[0]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def flip_footer(path: Path) -> None:
    """Flip a bit of parquet's own footer or index, which the hashes in our record do not cover."""
    storage, whole = Storage(path.parent.parent), path.read_bytes()
    for place in range(len(whole) - 40, 0, -7):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(data)
        try:
            measure(storage, f"data/{path.name}")
        except FgBgError:
            continue
        if b"parquet-cpp-arrow" not in whole[place - 40 : place + 40]:
            return
    raise AssertionError("every flipped bit was found")


def edit_statistics(out: Path, change: Callable[[dict[str, Any]], object]) -> None:
    statistics = json.loads((out / "statistics.json").read_text())
    change(statistics)
    (out / "statistics.json").write_text(json.dumps(statistics))


def rename_prepared(out: Path, kind: str) -> None:
    """Give the file of a config another name, here and in statistics.json."""
    path = first_file(out, kind)
    path.rename(path.with_name(f"train-{'a' * 16}.parquet"))
    change = lambda s: s["files"].update({f"{kind}/train-{'a' * 16}.parquet": s["files"].pop(f"{kind}/{path.name}")})  # noqa: E731
    edit_statistics(out, change)


def list_another_shard(out: Path) -> None:
    """Rename a shard to that of another recipe, here and in statistics.json."""
    name = f"data/{first_file(out, 'data').name}"
    other = f"{name[:-32]}{'0' * 24}.parquet"
    (out / name).rename(out / other)
    edit_statistics(out, lambda s: s["shards"].update({other: s["shards"].pop(name)}))


def drop_shard(out: Path) -> None:
    """Remove a shard, here and from statistics.json."""
    name = f"data/{first_file(out, 'data').name}"
    (out / name).unlink()
    edit_statistics(out, lambda s: s["shards"].pop(name))


def replace_text(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a changed shard": lambda out: flip(first_file(out, "data")),
    "a changed background file": lambda out: flip(first_file(out, "bg")),
    "a changed cut-out file": lambda out: flip(first_file(out, "fg")),
    "a changed preview": lambda out: flip(first_file(out, "preview")),
    "a missing shard": lambda out: first_file(out, "data").unlink(),
    "missing backgrounds": lambda out: first_file(out, "bg").unlink(),
    "a missing preview": lambda out: first_file(out, "preview").unlink(),
    "a stray file": lambda out: (out / "data/notes.txt").write_text("x"),
    "backgrounds under another name": lambda out: rename_prepared(out, "bg"),
    "cut-outs under another name": lambda out: rename_prepared(out, "fg"),
    "a shard under another name": list_another_shard,
    "a shard that is not listed": drop_shard,
    "a wrong mean": lambda out: edit_statistics(out, lambda s: s["kinds"]["fg_bg"].update(mean=[0.1, 0.2, 0.3])),
    "a missing key": lambda out: edit_statistics(out, lambda s: s.pop("rows")),
    "no statistics": lambda out: (out / "statistics.json").unlink(),
    "statistics that are not JSON": lambda out: (out / "statistics.json").write_text("{"),
    "no card": lambda out: (out / "README.md").unlink(),
    "a card without YAML": lambda out: (out / "README.md").write_text("\n"),
    "a card with other splits": lambda out: replace_text(out / "README.md", "num_examples: 96", "num_examples: 95"),
    "no croissant.json": lambda out: (out / "croissant.json").unlink(),
    "a croissant.json that is not JSON": lambda out: (out / "croissant.json").write_text("{"),
    "a croissant.json of other columns": lambda out: replace_text(out / "croissant.json", "default/flip", "default/f"),
    "a croissant.json of another licence": lambda out: replace_text(
        out / "croissant.json", '"license": "', '"license": "not '
    ),
    "no fiftyone.yml": lambda out: (out / "fiftyone.yml").unlink(),
    "a fiftyone.yml without masks": lambda out: replace_text(out / "fiftyone.yml", ": fg_bg_mask", ": other"),
    "a missing picture": lambda out: (out / "assets/contact_sheet.webp").unlink(),
    "a changed picture": lambda out: flip(out / "assets/heat_map.png"),
    "a truncated shard": lambda out: first_file(out, "data").write_bytes(first_file(out, "data").read_bytes()[:-10]),
    "an empty shard": lambda out: first_file(out, "data").write_bytes(b""),
    "a shard with another footer": lambda out: flip_footer(first_file(out, "data")),
    "statistics with another recipe": lambda out: edit_statistics(out, lambda s: s["recipe"].update(seed=5)),
    "a shard of another recipe": lambda out: shutil.copy(
        first_file(out, "data"), out / f"data/train-x-{'0' * 24}.parquet"
    ),
    "no recipe": lambda out: (out / "recipe.yaml").unlink(),
    "another recipe": lambda out: replace_text(out / "recipe.yaml", "seed: 0", "seed: 5"),
    "a broken recipe": lambda out: (out / "recipe.yaml").write_text("size: [\n"),
}


@pytest.mark.parametrize("case", DAMAGE)
@pytest.mark.slow
def test_following_the_advice_repairs_the_output(
    built: Path, out: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    DAMAGE[case](out)
    assert main(["verify", str(out), "--full"]) == 1
    printed = capsys.readouterr().out
    follow(printed)
    again = capsys.readouterr().err
    if "only this shard is built" in printed:
        assert "Built 1 of 10 shards." in again
    elif "only missing shards" not in printed:
        assert "Built" not in again
    assert main(["verify", str(out), "--full"]) == 0
    assert tree(out) == tree(built)


def follow(printed: str) -> None:
    """Do what `verify` printed."""
    output = shlex.split(re.search(r"build --output (.*)", printed)[1])[0]
    for line in printed.splitlines():
        if "Delete it" in line:
            (Path(output) / line.split(": ")[0]).unlink()
    command = re.search(r"(?:to build again|Finish it): .*?(build --output .*)$", printed, re.M)
    assert command and main(shlex.split(command[1])) == 0


def test_several_kinds_of_damage_at_once(built: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong recipe.yaml and wrong statistics: the recipe is kept, although both files are written again."""
    for case in ("another recipe", "a wrong mean", "a changed preview", "a changed picture"):
        DAMAGE[case](out)
    shards = sorted((out / "data").iterdir())
    flip(shards[0])
    shards[1].write_bytes(b"")
    assert main(["verify", str(out)]) == 1
    follow(capsys.readouterr().out)
    assert main(["verify", str(out), "--full"]) == 0
    assert tree(out) == tree(built)


def test_a_damaged_footer_without_statistics(built: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A build records the hash of the damaged file; only writing its rows again shows the damage."""
    flip_footer(first_file(out, "data"))
    (out / "statistics.json").unlink()
    assert main(["build", "--output", str(out)]) == 0
    assert main(["verify", str(out)]) == 0
    capsys.readouterr()
    assert main(["verify", str(out), "--full"]) == 1
    printed = capsys.readouterr().out
    assert "parquet's footer or index in it is not the one of its rows" in printed
    follow(printed)
    assert main(["verify", str(out), "--full"]) == 0
    assert tree(out) == tree(built)


def test_a_note_is_kept_until_the_output_is_repaired(built: Path, out: Path) -> None:
    shard = first_file(out, "data")
    flip(shard)
    assert not verify(out).ok and (out / NOTES).exists()
    shutil.copy(built / "data" / shard.name, shard)
    assert verify(out).ok and not (out / NOTES).exists()


def test_an_output_that_cannot_be_written_to(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Storage, name: str, content: object) -> None:
        raise OutputError(f"{name}: cannot write (Read-only file system).")

    flip(first_file(out, "data"))
    monkeypatch.setattr(Storage, "write", refuse)
    report = verify(out)
    assert len(report.problems) == 1 and "could not be noted for the next build" in report.notes[0]
