"""Serves the patched emulator with Amplify. Runs on the emulator's interpreter.

Settings are the emulator's environment variables, such as BIND_HOST and GATEWAY_PORT.

Usage: launch.py ENDPOINT_URL LAMBDA_PYTHON WAIT_FACTOR
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ministack import app as emulator

from tests.emulator import amplify_plugin, patches
from tests.fakes.amplify.errors import AmplifyError
from tests.fakes.amplify.ministack_adapter import REQUEST_LINE, MinistackAmplify, signature

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

CONTROL = "/_amplify/"
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


class Gateway:
    """Wraps the emulator's ASGI application. Adds the control endpoint for tests, and keeps the raw request line."""

    def __init__(self, application: Application, amplify: MinistackAmplify) -> None:
        self._application, self._amplify = application, amplify

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            query = scope["query_string"].decode()
            if scope["path"].startswith(CONTROL):
                await _answer(send, *await self._controlled(scope["path"], query, await _body(receive)))
                return
            if signature(query) in self._amplify.expired:
                await _answer(send, 403, EXPIRED)
                return
            REQUEST_LINE.set((scope["raw_path"].decode().partition("?")[0], query))
        await self._application(scope, receive, send)

    async def _controlled(self, path: str, query: str, body: bytes) -> tuple[int, bytes]:
        """Call the method named in the path. Takes `{"args": [...], "kwargs": {...}}`, returns `{"result": ...}`."""
        asked, place = json.loads(body or b"{}"), parse_qs(query)
        control = self._amplify.control(place["account"][0], place["region"][0])
        method = getattr(control, path.removeprefix(CONTROL).lstrip("_"), None)
        if not callable(method):
            return 404, json.dumps({"error": f"No control method at {path}"}).encode()
        try:
            result = await asyncio.to_thread(method, *asked.get("args", []), **asked.get("kwargs", {}))
        except (AmplifyError, TypeError, ValueError) as error:
            return 400, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
        return 200, json.dumps({"result": result}, default=str).encode()


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _answer(send: Send, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def main(endpoint_url: str, lambda_python: str, wait_factor: str) -> None:
    """Apply the patches and serve until SIGTERM."""
    amplify = MinistackAmplify(endpoint_url)
    patches.apply_all(Path(lambda_python), float(wait_factor))
    amplify_plugin.register_amplify(amplify)
    amplify_plugin.authorize_amplify(amplify)
    emulator.app = Gateway(emulator.app, amplify)
    sys.argv = sys.argv[:1]
    emulator.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
