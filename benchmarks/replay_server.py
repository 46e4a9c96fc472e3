"""Plays AWS, the log's host and Slack: one HTTPS server on the loopback interface that replays recorded answers."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import botocore.loaders
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_ORIGIN = re.compile(r"http://127\.0\.0\.1:\d+")
_HOP = ("connection", "content-length", "date", "server", "transfer-encoding")


@dataclass(frozen=True, slots=True)
class Tape:
    """One event, with every answer that the bot got while it handled the event."""

    name: str
    event: Mapping[str, Any]
    answers: tuple[Mapping[str, Any], ...]
    logs: Mapping[str, str]
    """URL → text."""
    environment: Mapping[str, str]

    @classmethod
    def read(cls, path: Path, origin: str) -> Tape:
        """Read a file of benchmarks/probes/tape.py. All recorded servers become the one at `origin`."""
        raw = json.loads(path.read_text())
        environment = {name: _ORIGIN.sub(origin, value) for name, value in raw["environment"].items()}
        answers = tuple({**answer, "body": _ORIGIN.sub(origin, answer["body"])} for answer in raw["answers"])
        logs = {_ORIGIN.sub(origin, url): text for url, text in raw["logs"].items()}
        return cls(raw["name"], raw["event"], answers, logs, environment)


class ReplayServer(ThreadingHTTPServer):
    """Serves while its context is active.

    Args:
        folder: where the certificate of its own authority is written, as `ca.pem`.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Endpoint)
        self.authority, context = _certificates(folder)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.origin = f"https://127.0.0.1:{self.server_address[1]}"
        self._answers: dict[str, deque[Mapping[str, Any]]] = defaultdict(deque)
        self._logs: Mapping[str, str] = {}
        self._clock: Callable[[], float] = time.perf_counter
        self.told: list[tuple[str, float]] = []
        """Each channel that got an alert, and the clock's value then."""
        self.unknown: list[str] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """Ignore errors: connections break when a function is killed."""

    def load(self, tape: Tape, clock: Callable[[], float]) -> None:
        """Start a tape from its beginning. `clock` is read whenever a channel gets an alert."""
        self._answers.clear()
        for answer in tape.answers:
            self._answers[answer["key"].partition(".")[2]].append(answer)
        self._logs, self._clock, self.told, self.unknown = tape.logs, clock, [], []

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        if path.startswith("/services/"):
            self.told.append(("slack", self._clock()))
            return 200, {"Content-Type": "text/plain"}, b"ok"
        if (log := self._logs.get(f"{self.origin}{path}")) is not None:
            return 200, {"Content-Type": "text/plain", "ETag": '"log"'}, log.encode()
        key = _key(method, path, headers, body)
        if key.startswith("Publish:"):
            self.told.append(("sns", self._clock()))
        if not self._answers[key]:
            self.unknown.append(f"{method} {path} ({key})")
            return 400, {}, b"{}"
        recorded = self._answers[key].popleft()
        kept = {name: value for name, value in recorded["headers"].items() if name.lower() not in _HOP}
        return recorded["status"], kept, recorded["body"].encode()


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered, so that each answer is one TCP segment
    server: ReplayServer

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, content = self.server.answer(self.command, self.path, dict(self.headers), body)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_POST = do_GET  # noqa: N815 - the base class's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """No access log."""


def _key(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """The operation, and for IAM the role: what benchmarks/recorded.py keeps after the service's name."""
    if target := headers.get("X-Amz-Target"):
        return f"{target.rpartition('.')[2]}:"
    if method == "POST" and "Action" in (form := parse_qs(body.decode())):
        return f"{form['Action'][0]}:{form.get('RoleName', [''])[0]}"
    place = urlsplit(path).path
    return next((f"{name}:" for verb, where, name in _amplify() if verb == method and where.fullmatch(place)), "")


@cache
def _amplify() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path and name of each operation of Amplify."""
    model = botocore.loaders.Loader().load_service_model("amplify", "service-2")
    return tuple(
        (raw["http"]["method"], re.compile(re.sub(r"\{\w+\}", "[^/]+", raw["http"]["requestUri"])), name)
        for name, raw in model["operations"].items()
    )


def _certificates(folder: Path) -> tuple[bytes, ssl.SSLContext]:
    """A new authority's certificate, and a context with a server certificate that it has signed.

    RSA with 2,048 bits, as AWS and Slack use.
    """
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("benchmark CA", "127.0.0.1")]
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in names]
    now = datetime.now(UTC)
    made = [
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(names[0])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=name is names[0], path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=name is names[0]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(keys[0], hashes.SHA256())
        for name, key in zip(names, keys, strict=True)
    ]
    authority, certificate = (one.public_bytes(serialization.Encoding.PEM) for one in made)
    secret = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(secret + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return authority, context


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Python's strict checks ask an authority for it."""
    others = ("content_commitment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        **dict.fromkeys(others, False),
    )
