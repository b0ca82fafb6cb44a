"""What one push has to do: which files are added, replaced and deleted, and how many bytes travel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.card.text import PICTURES, extract_notes
from fgbg_depth.errors import HubError, OutputError, command
from fgbg_depth.hub.repository import State, git_sha1
from fgbg_depth.manifest import Manifest
from fgbg_depth.storage.files import Storage


@dataclass(frozen=True)
class LocalFile:
    """A file to be on the Hub: either on disk, or text made for this push."""

    name: str
    size: int
    sha256: str
    path: Path | None = None
    text: bytes = b""

    def read(self) -> bytes:
        return self.path.read_bytes() if self.path else self.text


@dataclass
class Plan:
    """The operations of one commit. `travel_bytes` counts content that is nowhere on the branch yet."""

    added: list[LocalFile] = field(default_factory=list)
    replaced: list[LocalFile] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    num_kept: int = 0
    travel_bytes: int = 0

    @property
    def uploads(self) -> list[LocalFile]:
        return self.added + self.replaced

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.replaced or self.deleted)

    def digest(self, parent: str | None) -> str:
        """The same for the same operations on the same parent: our commit is known again by it."""
        lines = [f"{file.name} {file.sha256}" for file in self.uploads]
        lines += [f"- {name}" for name in self.deleted]
        return hashlib.sha256("\n".join([str(parent), *sorted(lines)]).encode()).hexdigest()[:32]


def read_output(folder: Path) -> tuple[Manifest, list[LocalFile]]:
    """The manifest of an output, and its files apart from the two that push writes (card, statistics).

    Sizes and hashes of parquet files are those that statistics.json states; `verify` has compared them.

    Raises:
        HubError: there is no finished build in `folder`.
    """
    try:
        manifest = Manifest.read(Storage(folder))
    except (OutputError, OSError) as e:
        raise HubError(f"{e}\n  Build it again.") from e
    if manifest is None:
        raise HubError(
            f"{folder} holds no finished dataset: there is no {schema.STATISTICS}.\n"
            f"  Build or finish it first: {command(f'build --output {folder}')}"
        )
    files = [
        LocalFile(path, entry.bytes, entry.sha256, folder / path) for path, entry in manifest.parquet_files.items()
    ]
    others = [folder / schema.RECIPE, *sorted((folder / schema.ASSETS).glob("[!.]*.png"))]
    for path in others:
        if path.is_file():
            data = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            files.append(LocalFile(name, len(data), hashlib.sha256(data).hexdigest(), path))
    missing = [file.name for file in files if file.path and not file.path.is_file()]
    if missing:
        more = f" and {len(missing) - 1} more files" if missing[1:] else ""
        recipe = folder / schema.RECIPE
        raise HubError(
            f"{folder} lacks {missing[0]}{more}.\n"
            f"  Run the build again: python builder.py build --recipe {recipe} --output {folder}"
        )
    return manifest, files


def text_file(name: str, text: str) -> LocalFile:
    data = text.encode()
    return LocalFile(name, len(data), hashlib.sha256(data).hexdigest(), None, data)


def compare(files: list[LocalFile], state: State, put_before: set[str]) -> Plan:
    """The way from what stands on the Hub to `files`.

    Args:
        put_before: files that an earlier push put there; of these, what is no longer wanted goes. All else stays.
    """
    plan = Plan()
    there = {file.sha256 for file in state.files.values()}
    for file in sorted(files, key=lambda file: file.name):
        old = state.files.get(file.name)
        if old is not None and old.holds(file.sha256, git_sha1(file.read()) if not old.sha256 else ""):
            plan.num_kept += 1
            continue
        (plan.added if old is None else plan.replaced).append(file)
        plan.travel_bytes += 0 if file.sha256 in there else file.size
    names = {file.name for file in files}
    plan.deleted = sorted(name for name in put_before if name in state.files and name not in names)
    return plan


def strays(plan: Plan, files: list[LocalFile], state: State) -> list[str]:
    """A warning, if the branch has data files of others, which `load_dataset` may take for rows."""
    ours = {file.name for file in files} | set(plan.deleted)
    found = [name for name in state.files if name.startswith(f"{schema.DATA}/") and name not in ours]
    if not found:
        return []
    return [
        f"{len(found)} files under {schema.DATA}/ on the Hub are not of this project and stay, such as {found[0]};"
        " load_dataset may read them as rows."
    ]


def put_here_before(state: State) -> set[str]:
    """Files that an earlier push of this project put on the branch."""
    if state.manifest is None:
        return set()
    return set(state.manifest.parquet_files) | {f"{schema.ASSETS}/{name}.png" for name in PICTURES}


def notes_to_keep(state: State, local_card: str) -> str:
    """What people wrote by hand: on the Hub if there is something, else in the output's own card.

    A card that somebody wrote before the first push has no marked lines; its text becomes the notes.
    """
    notes = extract_notes(state.card)
    if not notes and state.card and state.manifest is None:
        notes = _without_front_matter(state.card)
    return notes or extract_notes(local_card)


def _without_front_matter(card: str) -> str:
    lines = card.splitlines()
    if lines and lines[0].strip() == "---" and "---" in (line.strip() for line in lines[1:]):
        end = next(i for i, line in enumerate(lines[1:], 1) if line.strip() == "---")
        lines = lines[end + 1 :]
    return "\n".join(lines).strip()
