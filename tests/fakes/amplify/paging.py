"""Pages of a list, linked by opaque tokens."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from tests.fakes.amplify.errors import BadRequestException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.amplify.state import Json

T = TypeVar("T")


def page(items: Sequence[T], asked: Json, size: int) -> tuple[Sequence[T], Json]:
    """The requested page, and the members that link to the next page.

    Args:
        items: The whole list.
        asked: The request, with `nextToken` and `maxResults` if sent. A `maxResults` of 0 counts as not sent.
        size: The maximum number of items on a page.

    Raises:
        BadRequestException: The token is not from this fake.
    """
    start = _offset(asked["nextToken"]) if asked.get("nextToken") else 0
    end = start + min(asked.get("maxResults") or size, size)
    more = {"nextToken": _token(end)} if end < len(items) else {}
    return items[start:end], more


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"offset={offset}".encode()).decode()


def _offset(token: str) -> int:
    try:
        name, _, offset = base64.urlsafe_b64decode(token).decode().partition("=")
    except (binascii.Error, UnicodeDecodeError):
        name, offset = "", ""
    if name != "offset" or not offset.isdecimal():
        raise BadRequestException("Invalid nextToken")
    return int(offset)
