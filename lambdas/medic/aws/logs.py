"""Reads logs: a build step's log from its presigned URL, and an app's SSR log from CloudWatch Logs."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import urllib3
from msgspec import Struct

from medic.aws.errors import AbsentError, AwsRejectedError, DeniedError, RetryableError, ThrottledError, translated
from medic.aws.rate import OutOfTimeError, RateLimiter
from medic.evidence import Absent, Item, Partial, Present, Read, RuntimeLine, RuntimePage, TimeSpan, Unreadable
from medic.unpack import GZIP_MAGIC, CutError, Gap, NotGzipError, NotTextError, head_of, last_of, text_only, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import FilteredLogEventTypeDef, FilterLogEventsRequestTypeDef


_CHUNK_BYTES = 64 * 1024
_SHARE_OF_TAIL = 8
"""An eighth of what is read of a long log is its tail. Where it can't be asked for, that much is kept in memory."""
_FURTHEST = 16
"""How many times the limit is downloaded or unpacked to reach a log's end, so that a gzip bomb ends."""
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")
_BUILD_LOG = "the build log"
"""Stands for the URL in errors, because the URL is a credential."""
_EXPIRED = frozenset({400, 401, 403})
"""HTTP statuses that mean the presigned URL is no longer valid."""

CALLS_A_SECOND = 2
"""Of the 5 that FilterLogEvents allows an account in most regions. Others in the account need the rest.
https://docs.aws.amazon.com/general/latest/gr/cwl_region.html"""
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
        max_bytes: of a longer log, only this many bytes are given: its head and its tail.
        max_seconds: how long one log may keep the bot waiting. What the bot does between two chunks does not count.
    """

    def __init__(self, origins: Collection[str] = (), *, max_bytes: int, max_seconds: float = 20.0) -> None:
        self._origins = frozenset(origins)
        self._tail = max_bytes // _SHARE_OF_TAIL
        self._head = max_bytes - self._tail
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        # Two connections, because the tail is asked for while the head's answer is open.
        self._http = urllib3.PoolManager(retries=False, maxsize=2, timeout=urllib3.Timeout(connect=3.0, read=8.0))

    def chunks(self, url: str) -> Iterator[bytes | Gap]:
        """The log's bytes, unpacked if they are gzip, which the response headers may not say.

        Of a log that is too long, the head and the tail are given, with a Gap between them. The tail is asked for where
        the URL allows it. Otherwise the whole log is downloaded.

        Raises:
            LogExpiredError: the URL has expired.
            LogUnavailableError: the URL is not one of an AWS host, or the host refuses, or the body is no text.
            CutError: the end could not be reached within the limits, or the body breaks off, after what could be read.
            RetryableError: the host is busy or did not answer.
        """
        self.refuse_foreign(url)
        download = _Download(self._http, url, self._max_seconds)
        try:
            yield from self._both_ends(download, url)
        except NotGzipError as error:
            raise LogUnavailableError(f"the log says it is gzip and is not ({error})") from None
        except NotTextError as error:
            raise LogUnavailableError(f"the log's URL gives {error}") from None
        except urllib3.exceptions.HTTPError as error:
            raise RetryableError(
                _BUILD_LOG, type(error).__name__, "the log's host did not answer, or broke off"
            ) from None
        finally:
            download.close()

    def _both_ends(self, download: _Download, url: str) -> Iterator[bytes | Gap]:
        answer = download.get()
        _check_status(answer.status)
        raw = self._not_endless(download.body(answer))
        begin = next(raw, b"")
        text = self._not_endless(text_only(unpacked(chain([begin], raw))))
        why, read = f"the log is longer than {self._max_bytes:,} bytes", 0
        whole = _whole_of(answer, begin)
        for chunk in head_of(text, self._head):
            yield chunk
            read += len(chunk)
        if whole is not None and whole.size > self._max_bytes and _range_is_free(url):
            tail = download.tail(whole, whole.size - self._tail)
            if tail is not None:
                yield Gap(whole.size - self._tail - read, None, why)
                yield from tail
                return
        yield from last_of(text, self._tail, why)

    def refuse_foreign(self, url: str) -> None:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" in self._origins:
            return
        host = (parts.hostname or "").lower()
        own_port = parts.netloc.lower() in {host, f"{host}:443"}
        if parts.scheme != "https" or not own_port or not host.endswith(_AWS_DOMAINS):
            raise LogUnavailableError("the log's URL does not point to an AWS host over https")

    def _not_endless(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        most = left = _FURTHEST * self._max_bytes
        for chunk in chunks:
            yield chunk
            left -= len(chunk)
            if left < 0:
                raise CutError(f"its end was not reached within {most:,} bytes")


class _Whole(Struct, frozen=True):
    """The log of which a part can be asked for."""

    size: int
    etag: str


class _Download:
    """The requests for one log, which share one time limit."""

    def __init__(self, http: urllib3.PoolManager, url: str, seconds: float) -> None:
        self._http, self._url = http, url
        self._seconds = self._left = seconds
        self._answers: list[urllib3.BaseHTTPResponse] = []

    def get(self, headers: Mapping[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        begun = time.monotonic()
        answer = self._http.request(
            "GET",
            self._url,
            headers=headers,
            redirect=False,
            preload_content=False,
            decode_content=False,
            enforce_content_length=True,  # older versions of urllib3 take a body that breaks off for a whole one
        )
        self._left -= time.monotonic() - begun
        self._answers.append(answer)
        return answer

    def body(self, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        """The bytes of an answer.

        Raises:
            CutError: the time is up.
        """
        chunks = answer.stream(_CHUNK_BYTES)
        while True:
            begun = time.monotonic()
            chunk = next(chunks, None)
            self._left -= time.monotonic() - begun
            if chunk is None:
                return
            yield chunk
            if self._left < 0:
                raise CutError(f"downloading it took more than {self._seconds:g} seconds")

    def tail(self, whole: _Whole, begin: int) -> Iterator[bytes] | None:
        """The bytes of the same log from an offset to its end; None if the host gives anything else.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        try:
            answer = self.get({"Range": f"bytes={begin}-{whole.size - 1}", "If-Range": whole.etag})
        except urllib3.exceptions.HTTPError:
            return None
        asked = f"bytes {begin}-{whole.size - 1}/{whole.size}"
        same = answer.status == HTTPStatus.PARTIAL_CONTENT and answer.headers.get("Content-Range") == asked
        return self.body(answer) if same else None

    def close(self) -> None:
        for answer in self._answers:
            answer.close()


def _whole_of(answer: urllib3.BaseHTTPResponse, begin: bytes) -> _Whole | None:
    """None if a part of the log can't be asked for: it is packed, or the answer lacks its size or its strong ETag."""
    size, etag = answer.headers.get("Content-Length", ""), answer.headers.get("ETag", "")
    packed = begin.startswith(GZIP_MAGIC) or answer.headers.get("Content-Encoding", "identity") != "identity"
    return _Whole(int(size), etag) if size.isdecimal() and etag.startswith('"') and not packed else None


def _range_is_free(url: str) -> bool:
    """True if the URL's signature stays valid with a Range header.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    signed = parse_qs(urlsplit(url).query).get("X-Amz-SignedHeaders", ["range"])
    return all("range" not in headers.lower().split(";") for headers in signed)


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
                    lines = tuple(map(_line, response["events"]))
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
                return Present(RuntimePage(lines, response.get("nextToken", "")))

    def lines(self, app_id: str, span: TimeSpan, pattern: str, max_pages: int) -> Read[tuple[RuntimeLine, ...]]:
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
            match page:
                case Present(value):
                    lines += value.lines
                    token = value.token
                case Absent(reason) | Unreadable(reason):
                    return Partial(tuple(lines), reason) if lines else page
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
        message=raw["message"],
        late=(raw["ingestionTime"] - raw["timestamp"]) * _MILLISECOND,
    )
