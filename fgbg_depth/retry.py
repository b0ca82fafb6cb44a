"""Requests to the Hub over an unreliable network: which failures are temporary, how often and when to retry.

Every call of the Hub client goes through `send` or `request`. They turn the client's errors into `RequestError`, so
that only a failed request is explained as the Hub's fault. An error in this project's own code is raised unchanged.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ParamSpec, TypeVar

import httpx2
import huggingface_hub
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RevisionResolutionError,
)
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from fgbg_depth.errors import HubError

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

# what the client, httpx and Xet raise; the client wraps a failed upload into a RuntimeError
_CLIENT_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    httpx2.HTTPError,
    RevisionResolutionError,
    EntryNotFoundError,
)
_TEMPORARY_STATUS = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}


@dataclass(frozen=True)
class RetryPolicy:
    """How often to send a request, and how long to wait.

    Args:
        tries: how often a request is sent before it fails; the client's own retries come on top.
        first_wait_s: wait before the second try; it doubles from try to try.
        longest_wait_s: upper limit of each wait. If the Hub asks for a longer one (Retry-After), the request fails.
        timeout_s: how long a connection may be silent. The client by itself has no limit.
    """

    tries: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 300.0
    timeout_s: float = 120.0

    def wait_s(self, try_index: int) -> float:
        """Seconds to wait after the try with this index, counted from 0."""
        return min(self.first_wait_s * 2.0**try_index, self.longest_wait_s)


class RequestError(HubError):
    """A call of the Hub client failed. `error` is what the client raised; `step` says what the call was for."""

    def __init__(self, step: str, error: Exception) -> None:
        super().__init__(f"{step} failed: {first_line(error)}")
        self.step, self.error = step, error

    @property
    def status(self) -> int | None:
        """The HTTP status of the response, or None if there was no response."""
        return status_of(self.error)

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return is_temporary(self.error)


def send(step: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of the Hub client once.

    Args:
        step: what the call is for, such as "listing the files"; it appears in messages.
        function: of the client, not of this project: all its errors are explained as the Hub's.
    Raises:
        RequestError: the call failed.
    """
    try:
        return function(*args, **kwargs)
    except _CLIENT_ERRORS as e:
        raise RequestError(step, e) from e


def request(policy: RetryPolicy, step: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of the Hub client; repeat the call after temporary failures.

    Use it only for requests that have the same effect when they are sent twice. See `send` for the arguments.

    Raises:
        RequestError: the last try failed, or the failure is not temporary.
    """
    for try_index in range(policy.tries):
        try:
            return send(step, function, *args, **kwargs)
        except RequestError as e:
            if not e.is_temporary:
                raise
            wait_before_retry(e, try_index, policy)
    raise AssertionError("wait_before_retry raises after the last try")


def wait_before_retry(error: RequestError, try_index: int, policy: RetryPolicy) -> None:
    """Sleep until the next try.

    Raises:
        RequestError: `error`, if this was the last try or the Hub asks for a longer wait than the policy allows.
    """
    requested_s = requested_wait_s(error) or 0.0
    if try_index + 1 >= policy.tries or requested_s > policy.longest_wait_s:
        raise error
    wait_s = max(policy.wait_s(try_index), requested_s)
    numbers = (wait_s, try_index + 2, policy.tries)
    logger.warning("%s failed: %s; retrying in %.1f s (%d/%d)", error.step, first_line(error.error)[:160], *numbers)
    time.sleep(wait_s)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and the errors that caused it, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error, or None. Xet's library states it only in the error's text."""
    for cause in causes(error):
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            return int(cause.response.status_code)
        if found := re.search(r"HTTP status (?:client|server) error \((\d{3})", str(cause)):
            return int(found[1])
    return None


def is_temporary(error: BaseException) -> bool:
    """Whether the same request may succeed later: a busy server or a broken connection."""
    status = status_of(error)
    if status is not None:
        return status in _TEMPORARY_STATUS
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes(error)):
        return False
    return any(
        isinstance(cause, httpx2.TransportError | ConnectionError | TimeoutError)
        and not isinstance(cause, httpx2.UnsupportedProtocol)
        for cause in causes(error)
    )


def requested_wait_s(error: BaseException) -> float | None:
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


def first_line(error: BaseException) -> str:
    """The first line of an error's text; the name of its class if it has no text."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@contextmanager
def client_settings(policy: RetryPolicy) -> Iterator[None]:
    """Give the Hub client a time limit for silent connections, and switch off its progress bars.

    The client has no setting for one call, so this replaces its factory for HTTP clients and restores it at the end.
    """
    from huggingface_hub.utils import _http

    factory = getattr(_http, "_GLOBAL_CLIENT_FACTORY", _http.default_client_factory)

    def with_timeout() -> httpx2.Client:
        session = factory()
        session.timeout = httpx2.Timeout(policy.timeout_s, connect=min(policy.timeout_s, 20.0))
        return session

    had_bars = not are_progress_bars_disabled()
    huggingface_hub.set_client_factory(with_timeout)
    disable_progress_bars()
    try:
        yield
    finally:
        huggingface_hub.set_client_factory(factory)
        huggingface_hub.close_session()
        if had_bars:
            enable_progress_bars()
