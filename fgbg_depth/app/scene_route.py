"""The route of the 3-D tab's files: `/scene/VERSION/SPLIT/INDEX.scene`, and `.glb` for download. Browsers cache them.

Files over HTTP instead of base64 in the page: a third fewer bytes, and the page's memory does not grow with each row.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from fgbg_depth.app import scene_file
from fgbg_depth.app.closed_uploads import Application, Message, Receive, Send
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.scene_glb import scene_glb
from fgbg_depth.errors import FgBgError
from fgbg_depth.read.reader import DatasetReader, StoredRow

_PATH = re.compile(
    r"/scene/(?P<version>[0-9a-f]{16})/(?P<split>[a-z_]{1,40})/(?P<index>[0-9]{1,12})\.(?P<type>scene|glb)"
)
_CACHED = b"private, max-age=604800, immutable"  # the version is in the path, so a file never changes


@dataclass(frozen=True)
class Answer:
    """Status, headers without the length, and body of a response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class SceneRoute:
    """ASGI middleware: answers GET requests of the route, and passes all others on."""

    def __init__(self, app: Application, opened: Opened) -> None:
        self.app, self._opened = app, opened

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))
        found = _PATH.fullmatch(path) if scope["type"] == "http" and scope["method"] == "GET" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        answer = await asyncio.to_thread(_answer, self._opened, found, query)
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def file_path(browser: DatasetReader, row: StoredRow, file_type: str = "scene") -> str:
    """The path of a row's file, below the root of the page.

    Args:
        file_type: "scene" or "glb".
    """
    return f"scene/{browser.digest}/{row.split}/{row.index}.{file_type}"


def _answer(opened: Opened, found: re.Match[str], query: dict[str, list[str]]) -> Answer:
    try:
        browser = opened()
        if browser.digest != found["version"]:
            return _failed(404, "The dataset was built again. Reload the page.")
        row = browser.row(found["split"], int(found["index"]), scene_file.image_columns(browser))
        if found["type"] == "glb":
            body = scene_glb(browser, row, float(query.get("fov", ["60"])[0]))
            return Answer(200, _headers(b"model/gltf-binary"), body)
        body = gzip.compress(scene_file.scene_file(browser, row), 1, mtime=0)
        return Answer(200, [*_headers(b"application/octet-stream"), (b"content-encoding", b"gzip")], body)
    except (FgBgError, ValueError) as e:
        return _failed(404, str(e))


def _headers(content_type: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type),
        (b"cache-control", _CACHED),
        (b"x-content-type-options", b"nosniff"),
    ]


def _failed(status: int, message: str) -> Answer:
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
    ]
    return Answer(status, headers, message.encode())
