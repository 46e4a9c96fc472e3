"""What the self-contained HTML pages share. They send no requests, and every text from outside is escaped."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources

from medic.text import visible


def asset(name: str) -> str:
    """The text of a file beside the scan's page, such as `report.css`, which styles every page."""
    return resources.files("medic_cli.scan.page").joinpath(name).read_text(encoding="utf-8")


def content_security_policy(style: str, script: str = "") -> str:
    """Allows only this style and script, by their hashes."""
    scripts = [f"script-src '{_hash(script)}'"] if script else []
    return "; ".join((
        *("default-src 'none'", f"style-src '{_hash(style)}'", *scripts),
        *("img-src data:", "base-uri 'none'", "form-action 'none'"),
    ))  # fmt: skip


def escaped(outside: str) -> str:
    """A text from outside, escaped, and without control and bidirectional characters."""
    return escape(visible(outside))


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
