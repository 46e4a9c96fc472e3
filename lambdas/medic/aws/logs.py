"""The SSR runtime's log of an app: the log group `/aws/amplify/<appId>`, read with FilterLogEvents and never written.

Pages hold up to 10,000 events or 1 MB, in the order of the events' times, and may be empty although more follow.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import time
import zlib
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from medic.aws.errors import AbsentError, AwsRejectedError, DeniedError, RetryableError, ThrottledError, translated
from medic.aws.rate import OutOfTimeError
from medic.evidence import Absent, Item, Present, RuntimeLine, RuntimePage, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import FilteredLogEventTypeDef, FilterLogEventsRequestTypeDef

    from medic.aws.rate import SharedRate
    from medic.evidence import TimeSpan

_CHUNK = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")
_EXPIRED = frozenset({400, 401, 403})


class LogUnavailableError(Exception):
    """The log can't be read; the message says why and never holds the URL."""


class LogExpiredError(LogUnavailableError):
    """The presigned URL is no longer valid; GetJob gives a fresh one."""


class BuildLogSource:
    """Fetches logs.

    Args:
        origins: further origins (`scheme://host:port`) that are trusted, for an emulator.
        most_bytes: the cap on bytes, both as sent and after decompression.
        most_seconds: the cap on time for one log.
    """

    def __init__(self, origins: Collection[str] = (), *, most_bytes: int, most_seconds: float = 20.0) -> None:
        self._origins = frozenset(origins)
        self._most_bytes = most_bytes
        self._most_seconds = most_seconds
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=3.0, read=8.0))

    def chunks(self, url: str) -> Iterator[bytes]:
        """The log's bytes, decompressed where they are gzip, cut off at the cap.

        The body may be gzip without saying so: the magic bytes decide.

        Raises:
            LogExpiredError: the URL has expired.
            LogUnavailableError: the host is not AWS's, or it refuses.
            RetryableError: the host is busy or did not answer; a later try may read it.
        """
        self._refuse_foreign(url)
        deadline = time.monotonic() + self._most_seconds
        try:
            response = self._http.request("GET", url, redirect=False, preload_content=False, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise _try_again(type(error).__name__, "the log's host did not answer") from None
        try:
            _refuse_bad_answer(response.status)
            yield from self._bounded(_decompressed(response.stream(_CHUNK), self._most_bytes), deadline)
        except urllib3.exceptions.HTTPError as error:
            raise _try_again(type(error).__name__, "the log broke off while it was read") from None
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

    def _bounded(self, chunks: Iterator[bytes], deadline: float) -> Iterator[bytes]:
        left = self._most_bytes
        for chunk in chunks:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0 or time.monotonic() > deadline:
                return


def _try_again(code: str, what: str) -> RetryableError:
    # Never the URL: it is a credential.
    return RetryableError("the build log", code, what)


def _refuse_bad_answer(status: int) -> None:
    if status in _EXPIRED:
        raise LogExpiredError(f"the log's URL is no longer valid (HTTP {status})")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _try_again(f"HTTP {status}", "the log's host is busy")
    if status != HTTPStatus.OK:
        raise LogUnavailableError(f"the log's host answered HTTP {status}")


def _decompressed(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    first = next(chunks, b"")
    if not first.startswith(_GZIP_MAGIC):
        yield first
        yield from chunks
        return
    yield from _gunzipped(first, chunks, most)


def _gunzipped(first: bytes, chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Decompress in pieces of at most a chunk, so that a small body can't swell memory."""
    inflater = zlib.decompressobj(wbits=31)
    received = 0
    pending: bytes | None = first
    while pending is not None and received <= most:
        received += len(pending)
        try:
            yield inflater.decompress(pending, _CHUNK)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, _CHUNK)
        except zlib.error as error:
            raise LogUnavailableError(f"the log says it is gzip and is not ({error})") from None
        pending = next(chunks, None)


CALLS_A_SECOND = 5
"""FilterLogEvents' quota of an account in most regions. https://docs.aws.amazon.com/general/latest/gr/cwl_region.html"""
LONGEST_MESSAGE = 16 * 1024
"""Characters of one event that are kept: no message of AWS is longer, and hostile ones may be a megabyte."""
MOST_LINES = 10_000
"""About as many events are read at once, a page more or less: in a flood the first ones say it all."""
_INVALID = "InvalidParameterException"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class StaleTokenError(Exception):
    """The token is no longer good (they expire after a day): read on from the last time that was seen."""


def log_group(app_id: str) -> str:
    """The log group of an app's SSR functions. It is there only once Amplify was given a role to write it with."""
    return f"/aws/amplify/{app_id}"


def milliseconds(time: datetime) -> int:
    """A time as CloudWatch Logs writes it."""
    return (time - _EPOCH) // _MILLISECOND


def time_at(milliseconds: int) -> datetime:
    """The time that CloudWatch Logs wrote."""
    return _EPOCH + milliseconds * _MILLISECOND


class RuntimeLogs:
    """FilterLogEvents on apps' SSR logs, at a rate shared by everybody who holds it.

    Args:
        client: makes no attempts of its own beyond the first: every call takes its turn here.
        rate: when the next call may be made, and until when any may.
    """

    def __init__(self, client: Callable[[], CloudWatchLogsClient], rate: SharedRate) -> None:
        self._client = client
        self._rate = rate

    def page(self, app_id: str, span: TimeSpan, pattern: str, token: str = "") -> Item[RuntimePage]:
        """One page of the events of a span that match a filter pattern.

        Args:
            app_id: the app.
            span: the same for every page of one reading.
            pattern: the filter pattern.
            token: the page before's, or empty for the first.

        Returns:
            The page; absent where there is no log group; unreadable where this role may not read it.

        Raises:
            OutOfTimeError: no call may be made any more.
            StaleTokenError: the token is no longer good.
            RetryableError: CloudWatch Logs could not be reached.
        """
        return self._read(app_id, {**_asked(app_id, span, token), "filterPattern": pattern})

    def lines(self, app_id: str, span: TimeSpan, pattern: str, most_pages: int) -> Item[tuple[RuntimeLine, ...]]:
        """The events of a span that match a filter pattern, as far as pages, lines and time allow.

        Raises:
            RetryableError: CloudWatch Logs could not be reached.
        """
        lines: list[RuntimeLine] = []
        token = ""
        for _ in range(most_pages):
            try:
                answer = self.page(app_id, span, pattern, token)
            except OutOfTimeError:
                break
            if not isinstance(answer, Present):
                return answer
            lines += answer.value.lines
            token = answer.value.token
            if not token or len(lines) >= MOST_LINES:
                break
        return Present(tuple(lines))

    def _read(self, app_id: str, asked: FilterLogEventsRequestTypeDef) -> Item[RuntimePage]:
        while True:
            self._rate.wait_for_turn()
            try:
                with translated("logs:FilterLogEvents"):
                    answer = self._client().filter_log_events(**asked)
            except AbsentError:
                return Absent(f"there is no log group {log_group(app_id)}")
            except DeniedError as error:
                return Unreadable(str(error))
            except ThrottledError:
                self._rate.slow_down()
            except AwsRejectedError as error:
                if error.code == _INVALID and "nextToken" in asked:
                    raise StaleTokenError from error
                raise
            else:
                return Present(RuntimePage(tuple(map(_line, answer["events"])), answer.get("nextToken", "")))


def _asked(app_id: str, span: TimeSpan, token: str) -> FilterLogEventsRequestTypeDef:
    asked: FilterLogEventsRequestTypeDef = {
        "logGroupName": log_group(app_id),
        "startTime": milliseconds(span.start),
        "endTime": milliseconds(span.end),
    }
    return {**asked, "nextToken": token} if token else asked


def _line(raw: FilteredLogEventTypeDef) -> RuntimeLine:
    return RuntimeLine(
        event_id=raw["eventId"],
        at=time_at(raw["timestamp"]),
        stream=raw["logStreamName"],
        message=raw["message"][:LONGEST_MESSAGE],
    )
