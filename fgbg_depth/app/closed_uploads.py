"""Close the routes by which gradio accepts files from visitors, unless the page has a component that takes files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]  # of ASGI, as are the names below
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_FILES = ("/upload", "/process_recording")  # gradio's routes that store what they receive on the disk
_FILES_OR_JSON = "/component_server"
_ANSWER = b"This app takes no files.\n"


class ClosedUploads:
    """ASGI middleware: answers 403 to every request that would upload a file, before its body is read."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not is_upload(scope["path"], _content_type(scope)):
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(_ANSWER)).encode())]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": _ANSWER})


def is_upload(path: str, content_type: str) -> bool:
    """Whether a POST request to `path` uploads a file.

    Args:
        content_type: its header, lower case; "" if it has none.
    """
    route = path.rstrip("/")
    if route.endswith(_FILES_OR_JSON):
        return not content_type.startswith("application/json")
    return route.endswith(_FILES)


def _content_type(scope: Message) -> str:
    return str(dict(scope["headers"]).get(b"content-type", b"").decode("latin-1").lower())
