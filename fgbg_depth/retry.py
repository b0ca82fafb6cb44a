"""Requests to the Hub over an unreliable network: which failures are temporary, how often and when to retry.

Every call of the Hub client goes through `send` or `request`. They turn the client's errors into `RequestError`, so
that only a failed request is explained as the Hub's fault. An error in this project's own code is raised unchanged.

This is the only layer that retries during a push: `hub.session` switches off the client's own retries.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ParamSpec, TypeVar

import httpx2
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RevisionResolutionError,
)
from huggingface_hub.utils import parse_ratelimit_headers

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
_XET_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")
_XET_TOKEN_ROUTE = "/xet-write-token"  # the only address in Xet's errors that is of the Hub itself
TEMPORARY_STATUS = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}


@dataclass(frozen=True)
class RetryPolicy:
    """How often to send a request, and how long to wait.

    Args:
        tries: how often a request is sent before it fails.
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
        self.wait_limit_s: float | None = None  # the policy's longest wait, once a retry was considered

    @property
    def status(self) -> int | None:
        """The HTTP status of the response, or None if there was no response."""
        return status_of(self.error)

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return is_temporary(self.error)

    @property
    def is_from_storage(self) -> bool:
        """Whether a storage address refused the request (401 or 403), and not the Hub itself."""
        return is_storage_refusal(self.error)

    @property
    def reason(self) -> str:
        """The Hub's own text, or that of the innermost error, on one line."""
        return reason_of(self.error)


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
    requested_s, error.wait_limit_s = requested_wait_s(error.error) or 0.0, policy.longest_wait_s
    if try_index + 1 >= policy.tries or requested_s > policy.longest_wait_s:
        raise error
    wait_s = max(policy.wait_s(try_index), requested_s)
    reason = f"error {error.status}: {error.reason}" if error.status else error.reason
    numbers = (wait_s, try_index + 2, policy.tries)
    logger.warning("%s failed: %s; retrying in %.1f s (try %d of %d)", error.step, reason[:160], *numbers)
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
        if found := _XET_STATUS.search(str(cause)):
            return int(found[1])
    return None


def is_storage_refusal(error: BaseException) -> bool:
    """Whether a storage address (LFS or Xet) answered 401 or 403, as it does when the signed address has expired.

    Such a refusal says nothing about the user's token, because the client sends the token only to the Hub itself. The
    Hub gives a new address when the same call is made again.
    """
    if status_of(error) not in (401, 403):
        return False
    for cause in causes(error):
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            return "Authorization" not in cause.response.request.headers
        if _XET_STATUS.search(str(cause)):
            return _XET_TOKEN_ROUTE not in str(cause)
    return False


def is_temporary(error: BaseException) -> bool:
    """Whether the same request may succeed later: a busy server, a broken connection, an expired storage address."""
    status = status_of(error)
    if status is not None:
        return status in TEMPORARY_STATUS or is_storage_refusal(error)
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes(error)):
        return False
    return any(
        isinstance(cause, httpx2.TransportError | ConnectionError | TimeoutError)
        and not isinstance(cause, httpx2.UnsupportedProtocol)
        for cause in causes(error)
    )


def requested_wait_s(error: BaseException) -> float | None:
    """Seconds that the Hub asks to wait (Retry-After as a number or a date, or its rate limit's header), or None."""
    for cause in causes(error):
        if not isinstance(cause, HfHubHTTPError) or cause.response is None:
            continue
        headers = cause.response.headers
        limit = parse_ratelimit_headers(headers)
        if cause.response.status_code == 429 and limit is not None and limit.remaining == 0:
            return float(limit.reset_in_seconds)
        value = headers.get("Retry-After", "").strip()
        if value.isdigit():
            return float(value)
        try:
            return max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
        except (TypeError, ValueError):
            return None
    return None


def reason_of(error: BaseException) -> str:
    """The Hub's own text for a failed request, or that of the innermost error, on one line."""
    if isinstance(error, ValueError):  # what the client itself found wrong, such as invalid metadata of the card
        return _one_line(error)
    for cause in causes(error):
        if isinstance(cause, HfHubHTTPError) and cause.server_message:
            return " ".join(cause.server_message.split())
    if isinstance(error, RuntimeError) and error.__cause__ is not None and not is_temporary(error):
        return f"{_one_line(error)} ({_one_line(error.__cause__)})"  # the client wraps what an upload raised
    with_text = [cause for cause in causes(error) if str(cause).strip()]
    return _one_line(with_text[-1] if with_text and is_temporary(error) else error)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def first_line(error: BaseException) -> str:
    """The first line of an error's text; the name of its class if it has no text."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
