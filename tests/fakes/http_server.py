"""Runs the HTTP servers of the fakes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer


def start(server: ThreadingHTTPServer) -> None:
    """Serve on a thread of its own."""
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()


def stop(server: ThreadingHTTPServer) -> None:
    """Stop a server without waiting until it has stopped: that takes up to 50 ms, in hundreds of tests."""
    threading.Thread(target=_shut_down, args=(server,), daemon=True).start()


def _shut_down(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()
