"""A local AWS endpoint for calls that moto does not support. The test decides every response.

Clients find it through `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_<SERVICE>`. An error has the format of the call's
protocol: XML if the request was a form, otherwise JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from tests.fakes.http_server import start, stop

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def service(self) -> str:
        """The service that the call was signed for."""
        return self._credential[1]

    @property
    def access_key(self) -> str:
        """The access key that signed the call."""
        return self._credential[0]

    @property
    def form(self) -> dict[str, str]:
        """The fields of the form. Empty if the body is JSON."""
        if "x-www-form-urlencoded" not in self.headers.get("content-type", ""):
            return {}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def _credential(self) -> tuple[str, str]:
        found = _CREDENTIAL.search(self.headers.get("authorization", ""))
        return (found[1], found[2]) if found else ("", "")


@dataclass(frozen=True, slots=True)
class Reply:
    body: str
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Answering = Callable[[Call], Reply]


def error(call: Call, code: str, message: str, status: int = 400) -> Reply:
    """An error response in the protocol of the call."""
    if call.form:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            "<RequestId>r</RequestId></ErrorResponse>"
        )
        return Reply(body, status, "text/xml")
    return Reply(json.dumps({"__type": code, "message": message}), status, headers={"x-amzn-errortype": code})


@dataclass(slots=True)
class FakeEndpoint:
    """Listens while its context is active.

    Attributes:
        answer: Returns the response to a call.
        calls: The received calls, in order.
    """

    answer: Answering
    calls: list[Call] = field(default_factory=list)
    _server: ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        start(self._server)
        return self

    def __exit__(self, *exc_info: object) -> None:
        stop(self._server)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


def _handler(endpoint: FakeEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.command, unquote(self.path), headers, body)
            endpoint.calls.append(call)
            reply = endpoint.answer(call)
            text = reply.body.encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Handler
