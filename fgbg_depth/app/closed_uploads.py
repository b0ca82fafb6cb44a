"""Close the routes by which gradio accepts files, unless the page takes files, and limit the size of all requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]  # of ASGI, as are the names below
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_FILES = ("/upload", "/process_recording")  # gradio's routes that store what they receive on the disk
_FILES_OR_JSON = "/component_server"
MAX_BODY_BYTES = 20_000_000  # of a request; a picture of the tab Try it has 16 MB at most, as base64
_NO_FILES = b"This app takes no files.\n"
_TOO_LARGE = f"The request has more than {MAX_BODY_BYTES / 1e6:.0f} MB, the most that is allowed.\n".encode()


class ClosedUploads:
    """ASGI middleware: answers 403 to every request that would upload a file, before its body is read."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and is_upload(scope["path"], _content_type(scope)):
            await _refuse(send, 403, _NO_FILES)
            return
        await self.app(scope, receive, send)


class LimitedBodies:
    """ASGI middleware: answers 413 to every request whose body has more than `MAX_BODY_BYTES`.

    The header content-length decides before the body is read. A body without that header is counted as it arrives; it
    is kept until it is complete, and given to the app only then, because an answer cannot be taken back.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self.app(scope, receive, send)
            return
        length = _header(scope, b"content-length")
        if length:
            if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
                await _refuse(send, 413, _TOO_LARGE)
            else:
                await self.app(scope, receive, send)
            return
        messages, size = [], 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > MAX_BODY_BYTES:
                await _refuse(send, 413, _TOO_LARGE)
                return
            if not message.get("more_body"):
                break

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, again, send)


async def _refuse(send: Send, status: int, text: bytes) -> None:
    headers = [
        (b"content-type", b"text/plain"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


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
    return _header(scope, b"content-type").lower()


def _header(scope: Message, name: bytes) -> str:
    return str(dict(scope["headers"]).get(name, b"").decode("latin-1"))
