"""Serves build logs at presigned URLs, on a small HTTP server in this process."""

from __future__ import annotations

import hashlib
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from tests.fakes.http_server import start, stop

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from tests.fakes.amplify.timing import Time

_PIECE = 64 * 1024
_EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
_MISSING = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


@dataclass(frozen=True, slots=True)
class _Link:
    key: str
    until: datetime


@dataclass
class Manners:
    """How the server answers. S3 honours a Range header."""

    ranges: Literal["honoured", "ignored", "refused"] = "honoured"
    signed_headers: str = "host"
    """X-Amz-SignedHeaders of the URLs."""
    etag: bool = True
    cut_after: int | None = None
    """Bytes of a body after which the connection breaks."""
    pause: float = 0.0
    """Seconds before each piece of a body."""
    before_range: Callable[[], None] = lambda: None
    """Called before a request with a Range header is answered."""


class LogServer:
    """A log store with URLs that work without credentials until they expire. The first URL starts the server.

    Attributes:
        manners: how it answers.
        answered: the status of each answer, and how many bytes of the body were sent.
    """

    def __init__(self, time: Time) -> None:
        self._time = time
        self._bodies: dict[str, tuple[bytes, str | None]] = {}
        self._links: dict[str, _Link] = {}
        self._server: ThreadingHTTPServer | None = None
        self.manners = Manners()
        self.answered: list[tuple[int, int]] = []

    def put(self, key: str, body: bytes, encoding: str | None) -> None:
        self._bodies[key] = (body, encoding)

    def url(self, key: str, lifetime: timedelta) -> str:
        """A new URL of the log."""
        path = f"/{secrets.token_hex(8)}/log.txt"
        self._links[path] = _Link(key, self._time.now() + lifetime)
        seconds, signed = int(lifetime.total_seconds()), f"X-Amz-SignedHeaders={self.manners.signed_headers}"
        return f"{self.origin}{path}?X-Amz-Expires={seconds}&{signed}&X-Amz-Signature={secrets.token_hex(32)}"

    def expire_all(self) -> None:
        """Make every URL returned so far answer 403."""
        self._links.clear()

    @property
    def origin(self) -> str:
        """The server's origin, `http://127.0.0.1:port`."""
        if self._server is None:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
            start(self._server)
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop the server if it runs, without waiting until it has stopped."""
        if self._server is not None:
            stop(self._server)
            self._server = None

    def _answer(self, path: str) -> tuple[int, bytes, str | None]:
        """Status, body and Content-Encoding."""
        link = self._links.get(path)
        if link is None or self._time.now() >= link.until:
            return 403, _EXPIRED, None
        return (200, *self._bodies[link.key]) if link.key in self._bodies else (404, _MISSING, None)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                manners, asked = store.manners, self.headers.get("Range")
                if asked:
                    manners.before_range()
                status, body, encoding = store._answer(urlsplit(self.path).path)
                headers = {}
                if status == 200 and manners.etag:
                    headers["ETag"] = etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
                    if asked and manners.ranges == "refused":
                        status, body = 416, b"<Error><Code>InvalidRange</Code></Error>"
                    elif asked and manners.ranges == "honoured" and self.headers.get("If-Range", etag) == etag:
                        begin, end = map(int, asked.removeprefix("bytes=").split("-"))
                        headers["Content-Range"] = f"bytes {begin}-{end}/{len(body)}"
                        status, body = 206, body[begin : end + 1]
                headers |= {"Content-Encoding": encoding} if encoding else {}
                self.send_response(status)
                self.send_header("Content-Type", "application/xml" if status >= 400 else "binary/octet-stream")
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                store.answered.append((status, self._send(body, manners)))

            def _send(self, body: bytes, manners: Manners) -> int:
                """Send the body in pieces until the client hangs up. Returns how many bytes were sent."""
                sent, end = 0, len(body) if manners.cut_after is None else manners.cut_after
                with suppress(OSError):
                    while sent < min(end, len(body)):
                        time.sleep(manners.pause)
                        self.wfile.write(body[sent : min(sent + _PIECE, end)])
                        sent = min(sent + _PIECE, end)
                return sent

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name
                """Log nothing, because tests don't read it."""

        return Handler
