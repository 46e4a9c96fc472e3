"""A step's log, streamed from its presigned URL: https to AWS hosts only, no redirects, bounded in time and bytes."""

from __future__ import annotations

import time
import zlib
from collections.abc import Collection, Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3

from medic.aws.errors import RetryableError

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
