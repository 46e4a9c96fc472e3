"""Serves build logs at presigned URLs, on a small HTTP server in this process."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tests.fakes.amplify.timing import Time

_EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
_MISSING = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


@dataclass(frozen=True, slots=True)
class _Link:
    key: str
    until: datetime


class LogServer:
    """A log store with URLs that work without credentials until they expire. The first URL starts the server."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._bodies: dict[str, tuple[bytes, str | None]] = {}
        self._links: dict[str, _Link] = {}
        self._server: ThreadingHTTPServer | None = None

    def put(self, key: str, body: bytes, encoding: str | None) -> None:
        self._bodies[key] = (body, encoding)

    def url(self, key: str, lifetime: timedelta) -> str:
        """A new URL of the log."""
        path = f"/{secrets.token_hex(8)}/log.txt"
        self._links[path] = _Link(key, self._time.now() + lifetime)
        seconds = int(lifetime.total_seconds())
        return f"{self.origin}{path}?X-Amz-Expires={seconds}&X-Amz-Signature={secrets.token_hex(32)}"

    def expire_all(self) -> None:
        """Make every URL returned so far answer 403."""
        self._links.clear()

    @property
    def origin(self) -> str:
        """The server's origin, `http://127.0.0.1:port`."""
        if self._server is None:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop the server if it runs, without waiting until it has stopped."""
        if self._server is not None:
            threading.Thread(target=_shut_down, args=(self._server,), daemon=True).start()
            self._server = None

    def _answer(self, path: str) -> tuple[int, bytes, str | None]:
        """Status, body and Content-Encoding."""
        link = self._links.get(path)
        if link is None or self._time.now() >= link.until:
            return 403, _EXPIRED, None
        return (200, *self._bodies[link.key]) if link.key in self._bodies else (404, _MISSING, None)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body, encoding = answer(urlsplit(self.path).path)
                self.send_response(status)
                self.send_header("Content-Type", "binary/octet-stream" if status == 200 else "application/xml")
                self.send_header("Content-Length", str(len(body)))
                if encoding:
                    self.send_header("Content-Encoding", encoding)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name
                """Log nothing, because tests don't read it."""

        return Handler


def _shut_down(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()
