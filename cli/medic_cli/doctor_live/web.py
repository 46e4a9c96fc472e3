"""What the live doctor reads over HTTPS: its own page, and the first bytes of a build log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

import urllib3

from medic.aws.errors import RetryableError
from medic.aws.logs import BuildLogSource

if TYPE_CHECKING:
    from collections.abc import Collection

_NO_CREDENTIALS = ("CredentialsProviderError", "Could not load credentials")
_MAX_BYTES = 4096
_NOT_THERE = (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN)


class PageAnswer(StrEnum):
    """What the page of docs/doctor-app found when it asked STS who it is."""

    ROLE = "a role"
    NO_ROLE = "no credentials"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class LogHead:
    """The beginning of a stored build log."""

    start: bytes
    encoding: str | None
    """Its Content-Encoding."""

    @property
    def form(self) -> str:
        """`plain`, `gzip`, or `gzip_encoded` if the header says so too."""
        if not self.start.startswith(b"\x1f\x8b"):
            return "plain"
        return "gzip_encoded" if self.encoding == "gzip" else "gzip"


Visit: TypeAlias = Callable[[str], PageAnswer]
"""Opens the page of a branch, given its address."""
ReadLog: TypeAlias = Callable[[str], LogHead | None]
"""Reads the beginning of a log, given its presigned URL; None if the log is not there."""


def visit(url: str) -> PageAnswer:
    """Open the page once.

    Raises:
        RetryableError: its host did not answer.
    """
    status, body, _ = _get("the page", url)
    return answer_of(status, body)


def answer_of(status: int, body: bytes) -> PageAnswer:
    if status == HTTPStatus.OK:
        return PageAnswer.ROLE
    no_role = any(words in body.decode("utf-8", "replace") for words in _NO_CREDENTIALS)
    return PageAnswer.NO_ROLE if no_role else PageAnswer.OTHER


def log_reader(origins: Collection[str]) -> ReadLog:
    """A reader of logs on AWS's hosts, or on one of these origins.

    The reader raises RetryableError if the host did not answer, LogUnavailableError if it is no host of AWS.
    """
    hosts = BuildLogSource(origins, max_bytes=1)

    def read(url: str) -> LogHead | None:
        hosts.refuse_foreign(url)
        status, body, encoding = _get("the build log", url)
        return None if status in _NOT_THERE else LogHead(body, encoding)

    return read


def _get(what: str, url: str) -> tuple[int, bytes, str | None]:
    """Status, beginning of the body as it was sent, and Content-Encoding. Follows no redirect."""
    try:
        with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5.0, read=35.0)) as http:
            answer = http.request("GET", url, preload_content=False, redirect=False, decode_content=False)
            body = answer.read(_MAX_BYTES, decode_content=False)
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise RetryableError(what, type(error).__name__, "its host did not answer") from None
    return answer.status, body, answer.headers.get("Content-Encoding")
