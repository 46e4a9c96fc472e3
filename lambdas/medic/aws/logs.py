"""Reads logs: a build step's log from its presigned URL, and an app's SSR log from CloudWatch Logs."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from medic.aws.errors import AbsentError, AwsRejectedError, DeniedError, RetryableError, ThrottledError, translated
from medic.aws.rate import OutOfTimeError
from medic.evidence import Absent, Item, Partial, Present, RuntimeLine, RuntimePage, Unreadable
from medic.unpack import CutError, NotGzipError, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import FilteredLogEventTypeDef, FilterLogEventsRequestTypeDef

    from medic.aws.rate import RateLimiter
    from medic.evidence import TimeSpan

_CHUNK_BYTES = 256 * 1024
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")
_BUILD_LOG = "the build log"
"""Stands for the URL in errors, because the URL is a credential."""
_EXPIRED = frozenset({400, 401, 403})
"""HTTP statuses that mean the presigned URL is no longer valid."""

CALLS_A_SECOND = 5
"""FilterLogEvents' quota of an account in most regions. https://docs.aws.amazon.com/general/latest/gr/cwl_region.html"""
MAX_MESSAGE_LENGTH = 16 * 1024
"""Characters that are kept of one event. No AWS error message is longer, but a hostile visitor's event may be 1 MB."""
_MAX_LINES = 10_000
"""`RuntimeLogs.lines` reads no further page after this many events, because a flood of the same error adds nothing."""
_INVALID = "InvalidParameterException"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class LogUnavailableError(Exception):
    """The log can't be read. The message says why and never holds the URL, which is a credential."""


class LogExpiredError(LogUnavailableError):
    """The presigned URL is no longer valid. GetJob creates a new one."""


class StaleTokenError(Exception):
    """The page token has expired (tokens are valid for a day). Read the rest of the span without it."""


class BuildLogSource:
    """Downloads build logs, from AWS hosts over https only and without redirects.

    Args:
        origins: further trusted origins (`scheme://host:port`), for a local emulator.
        max_bytes: the limit on bytes, both compressed and decompressed.
        max_seconds: the time limit for one log.
    """

    def __init__(self, origins: Collection[str] = (), *, max_bytes: int, max_seconds: float = 20.0) -> None:
        self._origins = frozenset(origins)
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=3.0, read=8.0))

    def chunks(self, url: str) -> Iterator[bytes]:
        """The log's bytes, unpacked if they are gzip, which the response headers may not say.

        Raises:
            LogExpiredError: the URL has expired.
            LogUnavailableError: the URL is not one of an AWS host, or the host refuses, or the body is broken.
            CutError: a limit was reached, or the body breaks off, after what could be read.
            RetryableError: the host is busy or did not answer.
        """
        self._refuse_foreign(url)
        deadline = time.monotonic() + self._max_seconds
        try:
            response = self._http.request("GET", url, redirect=False, preload_content=False, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise RetryableError(_BUILD_LOG, type(error).__name__, "the log's host did not answer") from None
        try:
            _check_status(response.status)
            raw = self._bounded(response.stream(_CHUNK_BYTES), deadline)
            yield from self._bounded(unpacked(raw), deadline)
        except NotGzipError as error:
            raise LogUnavailableError(f"the log says it is gzip and is not ({error})") from None
        except urllib3.exceptions.HTTPError as error:
            raise RetryableError(_BUILD_LOG, type(error).__name__, "the log broke off while it was read") from None
        finally:
            response.close()

    def _refuse_foreign(self, url: str) -> None:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" in self._origins:
            return
        host = (parts.hostname or "").lower()
        own_port = parts.netloc.lower() in {host, f"{host}:443"}
        if parts.scheme != "https" or not own_port or not host.endswith(_AWS_DOMAINS):
            raise LogUnavailableError("the log's URL does not point to an AWS host over https")

    def _bounded(self, chunks: Iterable[bytes], deadline: float) -> Iterator[bytes]:
        left = self._max_bytes
        for chunk in chunks:
            yield chunk[:left]
            left -= len(chunk)
            if left < 0:
                raise CutError(f"it is longer than {self._max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise CutError(f"reading it took more than {self._max_seconds:g} seconds")


def _check_status(status: int) -> None:
    if status in _EXPIRED:
        raise LogExpiredError(f"the log's URL is no longer valid (HTTP {status})")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise RetryableError(_BUILD_LOG, f"HTTP {status}", "the log's host is busy")
    if status != HTTPStatus.OK:
        raise LogUnavailableError(f"the log's host answered HTTP {status}")


def log_group(app_id: str) -> str:
    """The log group of an app's SSR functions. It exists only after Amplify was given a role that may write to it."""
    return f"/aws/amplify/{app_id}"


def milliseconds(time: datetime) -> int:
    """Milliseconds since the epoch, as CloudWatch Logs gives times."""
    return (time - _EPOCH) // _MILLISECOND


def time_at(milliseconds: int) -> datetime:
    """The inverse of `milliseconds`."""
    return _EPOCH + milliseconds * _MILLISECOND


class RuntimeLogs:
    """Reads SSR logs with FilterLogEvents, at a shared rate.

    A page holds up to 10,000 events or 1 MB, ordered by event time. A page may be empty although more pages follow.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html

    Args:
        client: returns a client without retries of its own, so that each attempt counts against the rate.
        rate: says when the next call may be made, and ends all calls at its deadline.
    """

    def __init__(self, client: Callable[[], CloudWatchLogsClient], rate: RateLimiter) -> None:
        self._client = client
        self._rate = rate

    def page(self, app_id: str, span: TimeSpan, pattern: str, token: str = "") -> Item[RuntimePage]:
        """One page of the events in a span that match a filter pattern. Throttled calls are retried.

        Args:
            app_id: the app.
            span: the time span; it must be the same for every page of one read.
            pattern: the CloudWatch Logs filter pattern.
            token: the previous page's token, or empty for the first page.

        Returns:
            The page. Absent if there is no log group; Unreadable if the role may not read it.

        Raises:
            OutOfTimeError: the rate's deadline has come.
            StaleTokenError: the token has expired.
            RetryableError: CloudWatch Logs could not be reached.
        """
        request: FilterLogEventsRequestTypeDef = {
            "logGroupName": log_group(app_id),
            "startTime": milliseconds(span.start),
            "endTime": milliseconds(span.end),
            "filterPattern": pattern,
        }
        if token:
            request["nextToken"] = token
        while True:
            self._rate.wait()
            try:
                with translated("logs:FilterLogEvents"):
                    response = self._client().filter_log_events(**request)
            except AbsentError:
                return Absent(f"there is no log group {log_group(app_id)}")
            except DeniedError as error:
                return Unreadable(str(error))
            except ThrottledError:
                self._rate.throttled()
            except AwsRejectedError as error:
                if error.code == _INVALID and token:
                    raise StaleTokenError from error
                raise
            else:
                return Present(RuntimePage(tuple(map(_line, response["events"])), response.get("nextToken", "")))

    def lines(
        self, app_id: str, span: TimeSpan, pattern: str, max_pages: int
    ) -> Item[tuple[RuntimeLine, ...]] | Partial[tuple[RuntimeLine, ...]]:
        """The events in a span that match a filter pattern, in part if a limit of pages, lines or time is reached.

        Raises:
            RetryableError: CloudWatch Logs could not be reached.
        """
        lines: list[RuntimeLine] = []
        token = ""
        for _ in range(max_pages):
            try:
                page = self.page(app_id, span, pattern, token)
            except OutOfTimeError:
                return Partial(tuple(lines), "the time was up")
            if not isinstance(page, Present):
                return page
            lines += page.value.lines
            token = page.value.token
            if not token:
                return Present(tuple(lines))
            if len(lines) >= _MAX_LINES:
                break
        return Partial(tuple(lines), f"the log has more than {max_pages} pages or {_MAX_LINES} lines")


def _line(raw: FilteredLogEventTypeDef) -> RuntimeLine:
    return RuntimeLine(
        event_id=raw["eventId"],
        at=time_at(raw["timestamp"]),
        stream=raw["logStreamName"],
        message=raw["message"][:MAX_MESSAGE_LENGTH],
    )
