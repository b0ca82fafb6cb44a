"""The report of a push, as text and as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from fgbg_depth.errors import HubError


@dataclass
class PushReport:
    """What a push did, or with `dry_run` what it would do. Paths are those in the repository."""

    repo_id: str
    revision: str
    url: str
    version: str | None = None
    commit: str | None = None  # None: the branch already held this version
    pr_url: str | None = None
    pr_existed: bool = False  # an open pull request had the same content already
    tag: str | None = None
    added: dict[str, int] = field(default_factory=dict)  # path -> bytes
    replaced: dict[str, int] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    num_unchanged: int = 0
    upload_bytes: int = 0  # content that no file on the branch had before
    sent_bytes: int = 0  # what was sent: less, if the Hub's storage had parts of it already
    kept: list[str] = field(default_factory=list)  # what the card keeps of the card on the Hub, besides the notes
    warnings: list[str] = field(default_factory=list)
    dry_run: bool = False

    @property
    def has_changes(self) -> bool:
        """Whether the branch differs from the output."""
        return bool(self.added or self.replaced or self.deleted)

    def __str__(self) -> str:
        lines = self._planned() if self.dry_run else self._done()
        if self.kept:
            lines.append(f"Kept edits of the card on the Hub: {'; '.join(self.kept)}.")
        lines += [f"warning: {warning}" for warning in self.warnings]
        if not self.dry_run and not self.pr_url:
            lines.append(f'Load it: fgbg_depth.load("{self.repo_id}", revision="{self.tag or self.revision}")')
        return "\n".join(lines)

    def _counts(self) -> str:
        counts = f"{len(self.added)} added, {len(self.replaced)} replaced, {len(self.deleted)} deleted"
        return f"{counts}, {self.num_unchanged} unchanged"

    def _planned(self) -> list[str]:
        if not self.has_changes:
            return [f"{self.url} already holds this version; a push would make no commit."]
        lines = [
            f"A push to {self.url} would make one commit: {self._counts()}; at most {_mb(self.upload_bytes)} to upload."
        ]
        lines += [f"  add      {path}  {size:,} bytes" for path, size in self.added.items()]
        lines += [f"  replace  {path}  {size:,} bytes" for path, size in self.replaced.items()]
        return lines + [f"  delete   {path}" for path in self.deleted]

    def _done(self) -> list[str]:
        tagged = f" Tag: {self.tag}." if self.tag else ""
        if self.commit is None:
            return [f"{self.url} already held this version; no commit was made.{tagged}"]
        if self.pr_existed:
            return [f"The open pull request {self.pr_url} has this content already; nothing was uploaded."]
        done = f"{self._counts()}; {_mb(self.sent_bytes)} sent."
        if self.pr_url:
            return [f"Opened {self.pr_url}: {done}"]
        return [f"Pushed to {self.url}, commit {self.commit[:8]}: {done}{tagged}"]


def _mb(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB"


class IncompletePushError(HubError):
    """The dataset is on the branch, but its tag was not set. `report` says what was done."""

    def __init__(self, message: str, report: PushReport) -> None:
        super().__init__(message)
        report.tag = None
        self.report = report
