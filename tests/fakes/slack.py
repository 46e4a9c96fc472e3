"""A fake Slack with incoming webhooks and the Web API, on a small HTTP server in this process.

Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and
https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

from tests.fakes.http_server import start, stop

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Post:
    """A received request.

    Attributes:
        path: `/api/<method>` for the Web API, anything else for a webhook.
        headers: Its headers, names in lower case.
        body: The message.
    """

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Failure:
    status: int
    retry_after: int | None
    code: str = ""
    """Slack's error code for a message that it understood but refuses."""
    page: str = ""
    """The body of an answer that is not Slack's."""


@dataclass(slots=True)
class FakeSlack:
    """Listens while its context is active.

    Attributes:
        posts: The accepted requests, in order.
        refused: The requests that were answered with an error, in order.
    """

    posts: list[Post] = field(default_factory=list)
    refused: list[Post] = field(default_factory=list)
    _failures: deque[_Failure | None] = field(default_factory=deque)
    _server: ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        start(self._server)
        return self

    def __exit__(self, *exc_info: object) -> None:
        stop(self._server)

    @property
    def url(self) -> str:
        """The server's origin. The base URL of the Web API is `<url>/api/`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/services/T0INVENTED/B0INVENTED/invented"

    def fail(self, status: int = 500, *, times: int = 1, retry_after: int | None = None) -> None:
        """Answer the next requests with an HTTP error. With 429, `retry_after` is the number of seconds to wait."""
        self._failures.extend([_Failure(status, retry_after)] * times)

    def shown(self) -> dict[str, Mapping[str, Any]]:
        """The present content of each message that is not a reply, by its timestamp."""
        messages: dict[str, Mapping[str, Any]] = {}
        for number, post in enumerate(self.posts, start=1):
            if post.path.endswith("/chat.update"):
                messages[post.body["ts"]] = post.body
            elif "thread_ts" not in post.body:
                messages[f"1700000000.{number:06d}"] = post.body
        return messages

    def answer(self, status: int, page: str) -> None:
        """Answer the next request like something that is not Slack, such as a proxy."""
        self._failures.append(_Failure(status, None, page=page))

    def accept(self) -> None:
        """Accept the next request, before the failures that are ordered after this call."""
        self._failures.append(None)

    def recover(self) -> None:
        """Accept every further request."""
        self._failures.clear()

    def refuse(self, code: str, *, times: int = 1) -> None:
        """Refuse the next messages with one of Slack's error codes, such as `invalid_blocks`."""
        self._failures.extend([_Failure(400, None, code)] * times)

    def take(self, post: Post) -> tuple[int, dict[str, str], bytes]:
        """Answer a request: status, headers and body."""
        failure = self._failures.popleft() if self._failures else None
        if failure is not None:
            self.refused.append(post)
            if failure.code:
                return _refusal(failure, post)
            if failure.page:
                return failure.status, {"Content-Type": "text/html"}, failure.page.encode()
            wait = {} if failure.retry_after is None else {"Retry-After": str(failure.retry_after)}
            return failure.status, wait, b"ratelimited" if failure.status == 429 else b"error"
        self.posts.append(post)
        if not post.path.startswith("/api/"):
            return 200, {"Content-Type": "text/html"}, b"ok"
        edited = post.body.get("ts") if post.path.endswith("/chat.update") else None
        timestamp = edited or f"1700000000.{len(self.posts):06d}"
        sent = {"ok": True, "channel": post.body.get("channel", ""), "ts": timestamp}
        return 200, {"Content-Type": "application/json"}, json.dumps(sent).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self.take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                is_json = self.headers.get_content_type() == "application/json"
                parsed = json.loads(body) if is_json else dict(parse_qsl(body))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer_headers, answer = take(Post(self.path, headers, parsed))
                self.send_response(status)
                for name, value in {**answer_headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name
                """Log nothing, because tests don't read it."""

        return Handler


def _refusal(failure: _Failure, post: Post) -> tuple[int, dict[str, str], bytes]:
    """The Web API refuses with status 200 and the error code in JSON. A webhook refuses with the error code as text."""
    if post.path.startswith("/api/"):
        return 200, {"Content-Type": "application/json"}, json.dumps({"ok": False, "error": failure.code}).encode()
    return failure.status, {"Content-Type": "text/html"}, failure.code.encode()
