"""Of a log that is longer than the limit, the head and the tail are read, however the host answers."""

from __future__ import annotations

import gzip
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medic.aws.errors import RetryableError
from medic.aws.logs import BuildLogSource
from medic.unpack import CutError, Gap
from tests.fakes.amplify.log_server import LogServer
from tests.fakes.amplify.timing import ManualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEBIBYTE = 1024 * 1024
LINE = b"2026-01-01T00:00:00.000Z [INFO]: line %07d\n"
LONG = b"".join(LINE % number for number in range(200_000))
"""8.8 MB, where 1 MiB may be read."""
HEAD = MEBIBYTE - MEBIBYTE // 8
TAIL = MEBIBYTE // 8
CHUNK = 64 * 1024


@pytest.fixture
def server() -> Iterator[LogServer]:
    store = LogServer(ManualTime())
    yield store
    store.close()


def read(store: LogServer, body: bytes = LONG, encoding: str | None = None, **limits: float) -> list[bytes | Gap]:
    store.put("log", body, encoding)
    url = store.url("log", timedelta(hours=1))
    most = int(limits.get("max_bytes", MEBIBYTE))
    source = BuildLogSource([store.origin], max_bytes=most, max_seconds=limits.get("max_seconds", 20.0))
    return list(source.chunks(url))


def ends(parts: list[bytes | Gap]) -> tuple[bytes, Gap, bytes]:
    (at,) = (index for index, part in enumerate(parts) if isinstance(part, Gap))
    gap = parts[at]
    assert isinstance(gap, Gap)
    head, tail = (b"".join(p for p in some if isinstance(p, bytes)) for some in (parts[:at], parts[at + 1 :]))
    return head, gap, tail


def until(holds: Callable[[], bool]) -> None:
    """Wait until the server has noted what it sent: its thread does so after the reader has the last byte."""
    waited_until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < waited_until
        time.sleep(0.01)


def test_the_tail_is_asked_for_and_the_middle_is_not_downloaded(server: LogServer) -> None:
    head, gap, tail = ends(read(server))

    assert (head, tail) == (LONG[:HEAD], LONG[-TAIL:])
    assert gap == Gap(len(LONG) - HEAD - TAIL, None, "the log is longer than 1,048,576 bytes")
    until(lambda: (206, TAIL) in server.answered)


def test_a_log_within_the_limit_is_read_whole_in_one_request(server: LogServer) -> None:
    body = LONG[:MEBIBYTE]
    assert b"".join(part for part in read(server, body) if isinstance(part, bytes)) == body
    until(lambda: server.answered == [(200, MEBIBYTE)])


@pytest.mark.parametrize("ranges", ["ignored", "refused"])
def test_a_host_that_gives_no_range_is_read_to_the_end(server: LogServer, ranges: str) -> None:
    server.manners.ranges = ranges  # type: ignore[assignment]
    head, gap, tail = ends(read(server))

    assert (head, tail) == (LONG[:HEAD], LONG[len(head) + gap.size :])
    assert TAIL <= len(tail) < TAIL + 2 * CHUNK
    assert gap.lines == LONG[len(head) : -len(tail)].count(b"\n")


@pytest.mark.parametrize("signed", ["host;range", "Host;Range"])
def test_a_signed_range_header_is_not_sent(server: LogServer, signed: str) -> None:
    server.manners.signed_headers = signed
    assert ends(read(server))[2].endswith(LONG[-TAIL:])
    until(lambda: server.answered == [(200, len(LONG))])


def test_a_log_without_an_etag_is_not_asked_for_in_parts(server: LogServer) -> None:
    server.manners.etag = False
    assert ends(read(server))[2].endswith(LONG[-TAIL:])
    until(lambda: server.answered == [(200, len(LONG))])


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_both_ends_of_a_packed_log_are_read(server: LogServer, encoding: str | None) -> None:
    packed = gzip.compress(LONG, 1)
    head, gap, tail = ends(read(server, packed, encoding))

    assert LONG.startswith(head)
    assert LONG.endswith(tail)
    assert len(head) + gap.size + len(tail) == len(LONG)
    until(lambda: server.answered == [(200, len(packed))])


def test_a_log_that_changes_in_between_is_read_as_it_was(server: LogServer) -> None:
    server.manners.before_range = lambda: server.put("log", b"another log" * MEBIBYTE, None)
    head, gap, tail = ends(read(server))

    assert head + b"x" * gap.size + tail == LONG[: len(head)] + b"x" * gap.size + LONG[len(head) + gap.size :]


def test_a_slow_log_is_cut_and_its_end_is_not_made_up(server: LogServer) -> None:
    server.manners.pause, server.manners.ranges = 0.02, "ignored"
    server.put("log", LONG, None)
    url = server.url("log", timedelta(hours=1))
    parts: list[bytes | Gap] = []
    with pytest.raises(CutError, match=r"more than 0\.5 seconds"):
        parts.extend(BuildLogSource([server.origin], max_bytes=MEBIBYTE, max_seconds=0.5).chunks(url))
    assert LONG.startswith(b"".join(part for part in parts if isinstance(part, bytes)))
    assert not any(isinstance(part, Gap) for part in parts)


def test_the_time_that_the_reader_takes_does_not_count(server: LogServer) -> None:
    server.put("log", LONG[: 4 * CHUNK], None)
    source = BuildLogSource([server.origin], max_bytes=MEBIBYTE, max_seconds=0.3)
    size = 0
    for part in source.chunks(server.url("log", timedelta(hours=1))):
        time.sleep(0.1)
        size += len(part) if isinstance(part, bytes) else 0
    assert size == 4 * CHUNK


@pytest.mark.parametrize("cut_after", [10_000, HEAD + CHUNK, len(LONG) - 1])
def test_a_download_that_breaks_off_is_retried(server: LogServer, cut_after: int) -> None:
    server.manners.cut_after, server.manners.ranges = cut_after, "ignored"
    with pytest.raises(RetryableError):
        read(server)


def test_a_tail_that_breaks_off_is_retried(server: LogServer) -> None:
    server.manners.before_range = lambda: setattr(server.manners, "cut_after", 1000)
    with pytest.raises(RetryableError):
        read(server)
