"""A Hub on loopback that real clients (huggingface_hub, datasets; without Xet) use over HTTP.

    with HubServer(tmp_path) as hub:
        hub.faults.add(Fault("503", on="POST .*/commit/"))
        HfApi(endpoint=hub.url, token="alice-write").create_repo("alice/scenes", repo_type="dataset")

It has repositories of type dataset and space with branches, tags and pull requests; LFS uploads (in one or several
parts), commits that name their parent, downloads with ranges, paginated trees, tokens and permissions. Blobs are kept
on disk, so memory stays small. The server runs in the test's process, so tests can kill clients.
"""

import hashlib
import itertools
import json
import re
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from hub_faults import Fault, Faults
from hub_routes import ROUTES
from hub_store import HubRefusalError, HubStore
from hub_xet import XET_ROUTES

CHUNK = 1 << 20
TOKENS = {  # token: (user, role)
    "alice-write": ("alice", "write"),
    "alice-read": ("alice", "read"),
    "bob-write": ("bob", "write"),
}


class HubServer:
    """The server. Tests use `url`, `store`, `faults`, `log`, a list of (method, path, bytes), and `downloads`."""

    def __init__(self, root: Path, page_size: int = 50, multipart_above: int = 1 << 40):
        self.store = HubStore(Path(root))
        self.faults = Faults()
        self.tokens = dict(TOKENS)
        self.page_size, self.multipart_above = page_size, multipart_above
        self.storage_limit: int | None = None
        self.log: list[tuple[str, str, int]] = []
        self.downloads: list[tuple[str, int]] = []  # (path in the repository or URL, bytes) of each file that was sent
        self.counter = itertools.count()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "HubServer":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def use_xet(self, over_http: bool = False) -> Path:
        """Offer Xet. Its real library stores the chunks in the returned folder, or sends them to this server."""
        self.store.xet_hashes = {}
        self.store.xet_over_http = over_http
        return self.store.root / "cas"

    def uploaded_bytes(self) -> int:
        """Bytes of file content received so far: LFS, Xet over HTTP and regular together."""
        parts = ("/storage/", "/commit/", "/cas/v1/xorbs/", "/cas/v1/shards")
        return sum(size for method, path, size in self.log if any(part in path for part in parts))

    def forget_content(self) -> None:
        """Delete all blobs, to free the disk in runs with gigabytes."""
        for path in (self.store.root / "blobs").iterdir():
            path.unlink()

    def stored_bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.store.root / "blobs").iterdir())


class _Handler(BaseHTTPRequestHandler):
    """One connection: HTTP and faults. `hub_routes` has the functions for the URLs."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise each answer waits 40 ms for the client's acknowledgement of its head
    timeout = 60
    hub: HubServer

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        self.query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        self._body_left = int(self.headers.get("Content-Length") or 0)
        line = f"{self.command} {parts.path}"
        self.hub.log.append((self.command, parts.path, self._body_left))
        fault = self.hub.faults.take(line)
        self._lose_response = fault is not None and fault.kind == "lost"
        self._delay_s = fault.stall_s if fault is not None and fault.kind == "late" else 0.0
        try:
            if fault is not None and fault.kind not in ("lost", "late"):
                self._fail(fault)
                return
            self._route(parts.path)
        except HubRefusalError as refusal:
            self._refuse(refusal)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    def _route(self, path: str) -> None:
        for method, pattern, function in ROUTES + XET_ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method:
                function(self.hub, self, **{k: unquote(v or "") for k, v in match.groupdict().items()})
                return
        raise HubRefusalError(404, f"no such page: {self.command} {path}", "EntryNotFound")

    def _fail(self, fault: Fault) -> None:
        if fault.kind == "reset":
            self._cut()
        elif fault.kind == "stall":
            time.sleep(fault.stall_s)
            self._cut()
        else:
            self.send_json({"error": fault.message}, int(fault.kind), fault.headers)

    def _cut(self) -> None:
        """Close the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.connection.close()

    def _refuse(self, refusal: HubRefusalError) -> None:
        headers = {"X-Error-Message": refusal.message}
        if refusal.code:
            headers["X-Error-Code"] = refusal.code
        self.send_json({"error": refusal.message, **refusal.extra}, refusal.status, headers)

    # Used by the routes

    @property
    def user(self) -> tuple[str, str] | None:
        """(name, role) of the token, or None without a token."""
        header = self.headers.get("Authorization", "")
        if not header:
            return None
        if header.removeprefix("Bearer ") not in self.hub.tokens:
            raise HubRefusalError(401, "Invalid credentials in Authorization header")
        return self.hub.tokens[header.removeprefix("Bearer ")]

    def read_body(self) -> bytes:
        data = self.rfile.read(self._body_left)
        self._body_left = 0
        return data

    def read_json(self) -> dict:
        return json.loads(self.read_body() or b"{}")

    def save_body(self, target: Path) -> str:
        """Stream the body into `target`, which is renamed when it is complete; returns its SHA-256."""
        unique = target.with_name(f"{target.name}.{next(self.hub.counter)}.tmp")
        digest = hashlib.sha256()
        with open(unique, "wb") as file:
            while self._body_left > 0:
                chunk = self.rfile.read(min(CHUNK, self._body_left))
                if not chunk:
                    unique.unlink()
                    raise ConnectionResetError("the client went away")
                self._body_left -= len(chunk)
                digest.update(chunk)
                file.write(chunk)
        unique.replace(target)
        return digest.hexdigest()

    def send_json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self._start(status, {"Content-Type": "application/json", **(headers or {})}, len(data))
        if self.command != "HEAD" and not self.close_connection:
            self.wfile.write(data)

    def send_file(self, path: Path, headers: dict[str, str]) -> None:
        """Send the file, or the requested range of it."""
        size = path.stat().st_size
        start, stop, status = 0, size, 200
        requested = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if requested:
            first, last = requested.groups()
            start = int(first) if first else max(size - int(last), 0)
            stop = min(int(last) + 1, size) if first and last else size
            if start >= size:
                raise HubRefusalError(416, "Range Not Satisfiable")
            status, headers = 206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        self._start(status, {**headers, "Accept-Ranges": "bytes"}, stop - start)
        if self.command == "HEAD" or self.close_connection:
            return
        self.hub.downloads.append((unquote(urlsplit(self.path).path).split("/resolve/")[-1], stop - start))
        with open(path, "rb") as file:
            file.seek(start)
            for offset in range(start, stop, CHUNK):
                self.wfile.write(file.read(min(CHUNK, stop - offset)))

    def _start(self, status: int, headers: dict[str, str], length: int) -> None:
        """Send the status line and the headers, or apply a fault that drops or delays the response."""
        while self._body_left > 0:  # the rest of the body would be read as the next request
            self._body_left -= len(self.rfile.read(min(CHUNK, self._body_left)) or b" " * self._body_left)
        if self._lose_response:
            self._cut()
            return
        time.sleep(self._delay_s)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()
