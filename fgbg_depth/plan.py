"""From recipe and sources to shards, and what decides that one is finished: the file exists that its digests name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.recipe import Recipe
from fgbg_depth.rng import json_digest
from fgbg_depth.schema import FORMAT, GROUND, NO_LABELS, SPLITS, ShardName, slug, split_of
from fgbg_depth.sources.load import Source, Sources

_MAX_BITS = 32  # of a cut-out's digest that are used to divide cut-outs into groups


@dataclass(frozen=True)
class Shard:
    """One background with some cut-outs of one split: the unit of building, resuming, uploading and rebuilding."""

    split: str
    bg: str
    fgs: tuple[str, ...]
    rows: int
    compose_digest: str  # 16 hex digits; determines fg_bg and fg_bg_mask
    label_digest: str  # 8 hex digits; determines the depth labels
    group: str = ""  # label of the group of cut-outs, if those of one split fill several shards

    @property
    def name(self) -> ShardName:
        return ShardName(self.split, slug(self.bg), self.group, self.compose_digest, self.label_digest)

    @property
    def path(self) -> str:
        """The path below the output."""
        return self.name.path


@dataclass(frozen=True)
class Plan:
    """Everything that a build makes."""

    recipe: Recipe
    sources: Sources
    spec: DepthSpec | None
    shards: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        return sum(s.rows for s in self.shards)

    @property
    def depth_key(self) -> str:
        """Decides the depth of the bare backgrounds; "" without depth."""
        return spec_digest(self.spec) if self.spec else ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds of depth labels of every row, of `schema.LABELS`; empty without depth."""
        return self.recipe.labels

    @property
    def extras(self) -> tuple[str, ...]:
        """What rows and sources have besides the columns of every dataset, of `schema.EXTRAS`."""
        return (*self.recipe.extras, *self.sources.classes.extras)

    def split_rows(self) -> dict[str, int]:
        """Rows of each split, in the order of `schema.SPLITS`; splits without rows are left out."""
        counts = {split: sum(s.rows for s in self.shards if s.split == split) for split in SPLITS}
        return {split: n for split, n in counts.items() if n}


def make_plan(recipe: Recipe, sources: Sources, spec: DepthSpec | None) -> Plan:
    """Divide all rows into shards. Composes nothing."""
    labels, choices = label_digest(spec, recipe.labels), recipe.pixel_choices()
    if GROUND in recipe.extras and spec is not None:  # the depth of the backgrounds says where cut-outs stand
        choices["ground_of"] = spec_digest(spec)
    if classes := sources.classes.extras:  # columns that all shards have; the classes are part of `content_digest`
        choices["classes"] = list(classes)
    groups = []  # the same for all backgrounds, so that the digests of thousands of cut-outs are computed once
    for fg_held_out in (False, True):
        cutouts = [fg for fg in sources.cutouts if fg.held_out == fg_held_out]
        for label, group in _groups(cutouts, recipe):
            names = tuple(fg.name for fg in group)
            groups.append((fg_held_out, label, names, [fg.content_digest for fg in group]))
    shards = tuple(
        Shard(
            split=split_of(bg.held_out, fg_held_out),
            bg=bg.name,
            fgs=names,
            rows=len(names) * recipe.rows_per_pair,
            compose_digest=json_digest([FORMAT, choices, bg.content_digest, digests])[:16],
            label_digest=labels,
            group=label,
        )
        for bg in sources.backgrounds
        for fg_held_out, label, names, digests in groups
    )
    return Plan(recipe, sources, spec, shards)


def label_digest(spec: DepthSpec | None, labels: Sequence[str]) -> str:
    """8 hex digits that determine the depth labels of a shard.

    Args:
        labels: the kinds of labels that every row has, of `schema.LABELS`.
    """
    return NO_LABELS if spec is None else json_digest([spec_digest(spec), list(labels)])[:8]


def spec_digest(spec: DepthSpec) -> str:
    """Hex digits of all that a model predicts. Its licence is part of a DepthSpec, but not of the digest."""
    return json_digest(spec.to_dict() | {"license": ""})


def _groups(cutouts: list[Source], recipe: Recipe) -> Iterator[tuple[str, list[Source]]]:
    """Cut-outs in groups of at most `shard_rows` rows, each with a label ("" when there is only one).

    A group that is too large is halved by the next bit of its cut-outs' digests. So one more cut-out changes or halves
    one group only, and the shards of all other groups keep their bytes.
    """
    limit = max(1, recipe.shard_rows // recipe.rows_per_pair)

    def halved(group: list[Source], bits: str) -> Iterator[tuple[str, list[Source]]]:
        if len(group) <= limit or len(bits) == _MAX_BITS:  # copies of one file have equal digests
            yield f"p{bits}" if bits else "", group
            return
        for bit in "01":
            half = [fg for fg in group if f"{int(fg.digest[:8], 16):032b}"[len(bits)] == bit]
            if half:
                yield from halved(half, bits + bit)

    if cutouts:
        yield from halved(cutouts, "")
