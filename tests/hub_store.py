"""The data of the loopback Hub: repositories, commits, branches, tags, pull requests, and blobs on disk."""

import base64
import hashlib
import itertools
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

GIT_ATTRIBUTES = b"".join(
    b"%s filter=lfs diff=lfs merge=lfs -text\n" % kind for kind in (b"*.parquet", b"*.png", b"*.webp")
)
LFS_SUFFIXES = (".parquet", ".png", ".webp")


class HubRefusalError(Exception):
    """The Hub refuses a request. From `code`, sent as X-Error-Code, the client chooses an exception class."""

    def __init__(self, status: int, message: str, code: str = "", **extra: str):
        super().__init__(message)
        self.status, self.message, self.code, self.extra = status, message, code, extra


@dataclass(frozen=True)
class Entry:
    """One file of a commit. `sha256` is None for regular files."""

    size: int
    oid: str
    sha256: str | None = None

    @property
    def blob(self) -> str:
        return self.sha256 or self.oid


@dataclass
class Commit:
    oid: str
    parent: str | None
    title: str
    description: str
    files: dict[str, Entry]
    author: str


@dataclass
class Repo:
    kind: str
    id: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pull_requests: dict[int, str] = field(default_factory=dict)
    closed_pull_requests: set[int] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)

    def resolve(self, revision: str) -> Commit:
        """The commit that a branch, a tag, a pull request's ref or a full commit id names."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        oid = self.branches.get(name) or self.tags.get(name)
        if revision.startswith("refs/pr/"):
            oid = self.pull_requests.get(int(revision.removeprefix("refs/pr/")))
        commit = self.commits.get(oid or revision)
        if commit is None:
            raise HubRefusalError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def history(self, revision: str) -> list[Commit]:
        """Commits from `revision` back to the first."""
        found: list[Commit] = []
        commit: Commit | None = self.resolve(revision)
        while commit is not None:
            found.append(commit)
            commit = self.commits.get(commit.parent or "")
        return found


class HubStore:
    """All repositories, with the permissions of the real Hub. Blobs are files under `root`."""

    def __init__(self, root: Path):
        self.root = root
        (root / "blobs").mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.repos: dict[tuple[str, str], Repo] = {}
        self.xet_hashes: dict[str, str] | None = None  # with Xet: sha256 -> hash in Xet's storage
        self.sizes: dict[str, int] = {}  # of all LFS objects that a commit named, by sha256
        self.xet_over_http = False
        self.xorbs: dict[str, int] = {}  # blocks of chunks that Xet sent over HTTP: name -> bytes
        self._counter = itertools.count()

    def blob_path(self, name: str) -> Path:
        return self.root / "blobs" / name

    def write_blob(self, data: bytes) -> Entry:
        """Store a regular file under git's name for it: SHA-1 of "blob <size>\\0<content>"."""
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        unique = self.root / f"{oid}.{next(self._counter)}.tmp"
        unique.write_bytes(data)
        os.replace(unique, self.blob_path(oid))
        return Entry(len(data), oid)

    def lfs_entry(self, sha256: str, size: int | None) -> Entry:
        if size is None and sha256 not in self.sizes:
            raise HubRefusalError(400, f"LFS pointer pointed to a file that does not exist: {sha256}")
        size = self.sizes[sha256] if size is None else size
        self.sizes[sha256] = size
        if self.xet_hashes is None and not self.blob_path(sha256).is_file():
            raise HubRefusalError(400, f"LFS pointer pointed to a file that does not exist: {sha256}")
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
        return Entry(size, hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest(), sha256)

    def create(self, kind: str, repo_id: str, private: bool, author: str) -> Repo:
        with self.lock:
            if (kind, repo_id) in self.repos:
                raise HubRefusalError(409, f"You already created this {kind} repo", url=f"/{kind}s/{repo_id}")
            repo = self.repos[kind, repo_id] = Repo(kind, repo_id, private)
            files = {".gitattributes": self.write_blob(GIT_ATTRIBUTES)}
            repo.branches["main"] = self._new_commit(repo, None, "initial commit", "", files, author).oid
            return repo

    def _new_commit(self, repo, parent, title, description, files, author) -> Commit:
        oid = hashlib.sha1(f"{repo.id}{parent}{title}{next(self._counter)}".encode()).hexdigest()
        repo.commits[oid] = Commit(oid, parent, title, description, files, author)
        return repo.commits[oid]

    def commit(self, repo: Repo, revision: str, lines: list[dict], author: str, as_pull_request: bool):
        """Apply one ndjson payload as one commit; returns (commit, number of the pull request or None)."""
        with self.lock:
            if not as_pull_request and revision not in repo.branches:
                raise HubRefusalError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
            head = repo.resolve(revision)
            header = next(line["value"] for line in lines if line["key"] == "header")
            parent = header.get("parentCommit")
            if parent and not as_pull_request and parent != head.oid:
                raise HubRefusalError(412, "A commit has happened since. Please refresh and try again.")
            base = repo.resolve(parent) if parent and as_pull_request else head
            files = dict(base.files)
            for line in lines:
                _apply(self, files, line["key"], line["value"])
            commit = self._new_commit(repo, base.oid, header["summary"], header.get("description", ""), files, author)
            if not as_pull_request:
                repo.branches[revision] = commit.oid
                return commit, None
            number = len(repo.pull_requests) + 1
            repo.pull_requests[number] = commit.oid
            return commit, number


def _apply(store: HubStore, files: dict[str, Entry], key: str, value: dict) -> None:
    """One line of a commit's payload, applied to `files` in place."""
    if key == "file":
        files[value["path"]] = store.write_blob(base64.b64decode(value["content"]))
    elif key == "lfsFile":
        files[value["path"]] = store.lfs_entry(value["oid"], value.get("size"))  # a copy states no size
    elif key == "deletedFile":
        if value["path"] not in files:
            raise HubRefusalError(404, "A file with this name doesn't exist", "EntryNotFound")
        del files[value["path"]]
    elif key != "header":
        raise HubRefusalError(400, f"unknown operation {key}")
