"""A log is downloaded only from AWS hosts, without redirects, up to a size limit."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from medic.aws.errors import RetryableError
from medic.aws.logs import _CHUNK_BYTES as CHUNK_BYTES
from medic.aws.logs import BuildLogSource, LogExpiredError, LogUnavailableError
from medic.unpack import CutError, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOG = b"2026-01-01T00:00:00.000Z [INFO]: # Cloning repository\n" * 1000
MEBIBYTE = 1024 * 1024


@contextmanager
def serving(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A server with one fixed response. Yields its origin and the list of requested paths."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def read(origin: str, max_bytes: int = 8 * MEBIBYTE) -> bytes:
    source = BuildLogSource([origin], max_bytes=max_bytes)
    parts = tuple(source.chunks(f"{origin}/log?X-Amz-Signature=secret"))
    return b"".join(part for part in parts if isinstance(part, bytes))


def read_until_cut(origin: str, max_bytes: int = 8 * MEBIBYTE) -> tuple[list[bytes | Gap], str]:
    """The chunks that could be read, and why no more."""
    parts: list[bytes | Gap] = []
    with pytest.raises(CutError) as cut:
        parts.extend(BuildLogSource([origin], max_bytes=max_bytes).chunks(f"{origin}/log"))
    return parts, str(cut.value)


@pytest.mark.parametrize("body", [LOG, gzip.compress(LOG), b""], ids=["plain", "gzip", "empty"])
def test_a_plain_or_gzip_log_is_read_unchanged(body: bytes) -> None:
    with serving(body) as (origin, _):
        assert read(origin) == (LOG if body else b"")


@pytest.mark.parametrize(("seconds", "whole"), [(10, True), (60, False)])
def test_a_slow_log_is_read_for_some_seconds(monkeypatch: pytest.MonkeyPatch, seconds: int, *, whole: bool) -> None:
    ticks = count()
    monkeypatch.setattr("medic.aws.logs.time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    body = b"x" * CHUNK_BYTES * seconds  # each chunk takes a second
    with serving(body) as (origin, _):
        if whole:
            assert read(origin, 64 * MEBIBYTE) == body
        else:
            assert "seconds" in read_until_cut(origin, 64 * MEBIBYTE)[1]


def test_a_gzip_bomb_ends_at_a_limit_and_never_fills_the_memory() -> None:
    with serving(gzip.compress(b"x" * (64 * MEBIBYTE))) as (origin, _):
        parts, why = read_until_cut(origin, max_bytes=MEBIBYTE)
    assert sum(len(part) for part in parts if isinstance(part, bytes)) <= 2 * MEBIBYTE
    assert why == "its end was not reached within 16,777,216 bytes"


def test_a_gzip_log_that_breaks_off_gives_what_arrived_and_says_so() -> None:
    whole = gzip.compress(LOG)
    with serving(whole[: len(whole) // 2]) as (origin, _):
        parts, why = read_until_cut(origin)
    assert isinstance(parts[0], bytes)
    assert LOG.startswith(parts[0][:100])
    assert "breaks off" in why


def test_a_log_of_several_gzip_members_is_read_to_its_end() -> None:
    with serving(gzip.compress(LOG) + gzip.compress(b"the end")) as (origin, _):
        assert read(origin) == LOG + b"the end"


def test_a_slow_log_ends_at_the_time_limit_and_says_so() -> None:
    with serving(LOG) as (origin, _), pytest.raises(CutError, match="more than 0 seconds"):
        list(BuildLogSource([origin], max_bytes=MEBIBYTE, max_seconds=0).chunks(f"{origin}/log"))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"PK\x03\x04" + bytes(range(256)), "binary data"),
        (gzip.compress(bytes(range(256))), "binary data"),
        (b"\n\n<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"<Error><Code>AccessDenied</Code><Message>Expired</Message></Error>", "AccessDenied: Expired"),
    ],
    ids=["zip", "gzip of binary data", "web page", "error answer"],
)
def test_what_is_no_text_is_no_log(body: bytes, what: str) -> None:
    """A failed step that is not the build has no verdict of Amplify, whose absence would show it."""
    with serving(body) as (origin, _), pytest.raises(LogUnavailableError, match=what):
        read(origin)


def test_an_invalid_gzip_body_raises_log_unavailable() -> None:
    with serving(b"\x1f\x8b" + b"nonsense" * 10) as (origin, _), pytest.raises(LogUnavailableError, match="gzip"):
        read(origin)


@pytest.mark.parametrize("status", [400, 403])
def test_an_expired_url_raises_log_expired(status: int) -> None:
    with serving(b"", status) as (origin, _), pytest.raises(LogExpiredError):
        read(origin)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_host_raises_a_retryable_error(status: int) -> None:
    with serving(b"", status) as (origin, _), pytest.raises(RetryableError):
        read(origin)


def test_redirects_are_not_followed() -> None:
    with (
        serving(LOG) as (elsewhere, asked),
        serving(b"", 302, {"Location": f"{elsewhere}/log"}) as (origin, _),
        pytest.raises(LogUnavailableError, match="302"),
    ):
        read(origin)
    assert asked == []


def test_an_error_never_contains_the_url() -> None:
    source = BuildLogSource(["http://127.0.0.1:9"], max_bytes=1000)
    with pytest.raises(RetryableError) as error:
        list(source.chunks("http://127.0.0.1:9/log?X-Amz-Signature=canary"))
    assert "canary" not in f"{error.value!r}{error.value.__cause__!r}"


@pytest.mark.parametrize(
    "url",
    [
        "http://aws-amplify-prod.s3.amazonaws.com/log",
        "https://example.com/log",
        "https://amazonaws.com.example.com/log",
        "https://evil-amazonaws.com/log",
        "https://user:pass@s3.amazonaws.com/log",
        "https://s3.amazonaws.com:8443/log",
        "https://s3.amazonaws.com@example.com/log",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://s3.amazonaws.com/log",
        "https:///log",
    ],
)
def test_a_url_that_is_not_an_aws_host_over_https_is_refused(url: str) -> None:
    with pytest.raises(LogUnavailableError, match="AWS host"):
        list(BuildLogSource(max_bytes=1000).chunks(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://aws-amplify-prod-eu-central-1-artifacts.s3.eu-central-1.amazonaws.com/log?x=1",
        "https://s3.cn-north-1.amazonaws.com.cn/bucket/log",
        "https://s3.amazonaws.com:443/log",
    ],
)
def test_aws_hosts_are_accepted(url: str) -> None:
    BuildLogSource(max_bytes=1000).refuse_foreign(url)
