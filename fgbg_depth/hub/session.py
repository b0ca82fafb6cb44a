"""The Hub client during a push: it sends each request once, with a time limit, and the bytes that it sends are counted.

The client repeats failed requests by itself, and so does Xet's library. Both retries are switched off, because
`fgbg_depth.retry` repeats whole calls: that also asks the Hub for new storage addresses, keeps one limit, and prints
one line for each retry.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from huggingface_hub import get_session
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
    hf_raise_for_status,
)

from fgbg_depth.retry import TEMPORARY_STATUS, RetryPolicy

# What the client would retry; it does not retry their base class TransportError.
_CLIENT_RETRIES = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
_lock = threading.RLock()  # the session and Xet's settings are those of the process
_XET_RETRIES = "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS"  # read by Xet's library


class Traffic:
    """Counts the bytes that the client sends: bodies of requests, and what Xet's library uploads.

    Failed requests do not count.
    """

    def __init__(self) -> None:
        self._bodies: list[tuple[str, int]] = []  # method, bytes; a list, because the client sends from several threads

    @property
    def sent_bytes(self) -> int:
        """Bytes sent so far."""
        return sum(size for _, size in self._bodies)

    @property
    def num_stored(self) -> int:
        """How many files, parts of large files or groups of files a storage has accepted."""
        return sum(method == "PUT" for method, _ in self._bodies)

    def add(self, method: str, num_bytes: int) -> None:
        """Count a request that succeeded."""
        self._bodies.append((method, num_bytes))


class _XetUpload:
    """One upload of a group of files by Xet's library, whose bytes are counted."""

    def __init__(self, upload: Any, traffic: Traffic) -> None:
        self._upload, self._traffic = upload, traffic

    def __getattr__(self, name: str) -> Any:
        return getattr(self._upload, name)

    def __enter__(self) -> _XetUpload:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._upload.abort()
            return
        metrics = self._upload.wait_to_finish().dedup_metrics
        self._traffic.add("PUT", metrics.total_bytes_uploaded)


class _XetSession:
    """A session of Xet's library whose uploads are counted."""

    def __init__(self, session: Any, traffic: Traffic) -> None:
        self._session, self._traffic = session, traffic

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def new_upload_commit(self, **options: Any) -> _XetUpload:
        return _XetUpload(self._session.new_upload_commit(**options), self._traffic)


@contextmanager
def single_tries(policy: RetryPolicy, show_bars: bool = False) -> Iterator[Traffic]:
    """Make the Hub client of this process send each request once, with the time limit of `policy`.

    The client's session is changed, not replaced, so that a user's own session (proxies, certificates) is kept. At the
    end it is as it was before. A push in another thread waits until then.

    Args:
        show_bars: show the client's progress bars if stderr is a terminal.
    Yields:
        A count of the bytes that are sent meanwhile.
    """
    with _lock:
        yield from _single_tries(policy, show_bars)


def _single_tries(policy: RetryPolicy, show_bars: bool) -> Iterator[Traffic]:
    session, traffic, had_bars = get_session(), Traffic(), not are_progress_bars_disabled()
    timeout, send = session.timeout, session.send

    def send_once(request: httpx2.Request, **options: Any) -> httpx2.Response:
        try:
            response = send(request, **options)
        except _CLIENT_RETRIES as e:
            raise httpx2.TransportError(str(e) or type(e).__name__, request=request) from e
        if response.status_code in TEMPORARY_STATUS:
            response.read()
            hf_raise_for_status(response)
        if response.is_success:
            traffic.add(request.method, int(request.headers.get("Content-Length", 0)))
        return response

    if not (show_bars and sys.stderr is not None and sys.stderr.isatty()):  # some of the client's bars do not check
        disable_progress_bars()
    session.timeout = httpx2.Timeout(policy.timeout_s, connect=min(policy.timeout_s, 20.0))
    session.send = send_once  # type: ignore[method-assign]  # the client has no setting for its retries
    try:
        with _xet_sessions(traffic):
            yield traffic
    finally:
        session.send, session.timeout = send, timeout  # type: ignore[method-assign]
        if had_bars:
            enable_progress_bars()


@contextmanager
def _xet_sessions(traffic: Traffic) -> Iterator[None]:
    """Let the client upload through a Xet session of this push, which does not retry.

    The client has no setting for its session, and the library reads its settings when a session starts.
    """
    from huggingface_hub.utils import _xet

    if not hasattr(_xet, "XetSessionHolder"):
        yield  # another version of the client: the retries of Xet stay, and its bytes are not counted
        return
    holder: Any = _xet.XetSessionHolder()
    originals = _xet.get_xet_session, _xet.abort_xet_session
    previous = os.environ.get(_XET_RETRIES)
    os.environ[_XET_RETRIES] = previous or "0"
    _xet.get_xet_session = lambda: _XetSession(holder.get(), traffic)
    _xet.abort_xet_session = holder.sigint_abort
    try:
        yield
    finally:
        _xet.get_xet_session, _xet.abort_xet_session = originals
        if previous is None:
            del os.environ[_XET_RETRIES]
