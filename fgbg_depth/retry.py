"""Talking to the Hub over a bad line: which failures pass, how long to wait, how long to listen."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx2
import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import are_progress_bars_disabled as bars_are_off
from huggingface_hub.utils import close_session, disable_progress_bars, enable_progress_bars

logger = logging.getLogger("fgbg_depth.hub.push")
T = TypeVar("T")

CLIENT_ERRORS = (OSError, ValueError, RuntimeError, httpx2.HTTPError)

_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}


@dataclass(frozen=True)
class Patience:
    """How hard to try.

    Args:
        tries: times that a request is sent before giving up; the client's own tries come on top.
        first_wait_s: wait before the second try; it doubles from try to try.
        longest_wait_s: no wait is longer; a Hub that asks for more (Retry-After) ends the push.
        timeout_s: how long a connection may be silent. The client by itself would wait for ever.
    """

    tries: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 300.0
    timeout_s: float = 120.0


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from; the client wraps an upload's failure into a RuntimeError."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error, or None. Xet's library has it only in its words."""
    for cause in causes(error):
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            return int(cause.response.status_code)
        if found := re.search(r"HTTP status (?:client|server) error \((\d{3})", str(cause)):
            return int(found[1])
    return None


def is_transient(error: BaseException) -> bool:
    """Whether the same request may go well in a moment."""
    status = status_of(error)
    if status is not None:
        return status in _PASSING_STATUS
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes(error)):
        return False
    return any(
        isinstance(cause, httpx2.TransportError | ConnectionError | TimeoutError)
        and not isinstance(cause, httpx2.UnsupportedProtocol)
        for cause in causes(error)
    )


def asked_wait_s(error: BaseException) -> float | None:
    """Seconds that the Hub asks to wait (Retry-After, as a number or a date), or None."""
    for cause in causes(error):
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            value = cause.response.headers.get("Retry-After", "").strip()
            if value.isdigit():
                return float(value)
            try:
                return max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
            except (TypeError, ValueError):
                return None
    return None


def wait_after(error: BaseException, try_index: int, patience: Patience, what: str) -> None:
    """Sleep before the next try; raises `error` when there is none left, or the Hub asks for too long."""
    wait_s = patience.first_wait_s * 2**try_index
    asked_s = asked_wait_s(error)
    if try_index + 1 >= patience.tries or (asked_s or 0) > patience.longest_wait_s:
        raise error
    wait_s = min(max(wait_s, asked_s or 0), patience.longest_wait_s)
    reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
    logger.warning("%s: %s; trying again in %.1f s (%d/%d)", what, reason, wait_s, try_index + 2, patience.tries)
    time.sleep(wait_s)


def retrying(call: Callable[[], T], what: str, patience: Patience) -> T:
    """`call()`, again after every failure that passes. Only for requests that may safely be sent twice."""
    for try_index in range(patience.tries):
        try:
            return call()
        except Exception as e:
            if not is_transient(e):
                raise
            wait_after(e, try_index, patience, what)
    raise AssertionError("wait_after raises at the last try")


@contextmanager
def client(patience: Patience, bars: bool = False) -> Iterator[None]:
    """The Hub client with a time limit on silence, and without its own progress bars.

    The client has no setting for either that holds for one call, so its factory is swapped and put back.
    """
    from huggingface_hub.utils import _http

    factory = getattr(_http, "_GLOBAL_CLIENT_FACTORY", _http.default_client_factory)

    def with_timeout() -> httpx2.Client:
        session = factory()
        session.timeout = httpx2.Timeout(patience.timeout_s, connect=min(patience.timeout_s, 20.0))
        return session

    had_bars = not bars_are_off()
    huggingface_hub.set_client_factory(with_timeout)
    if not bars:
        disable_progress_bars()
    try:
        yield
    finally:
        huggingface_hub.set_client_factory(factory)
        close_session()
        if had_bars and not bars:
            enable_progress_bars()
