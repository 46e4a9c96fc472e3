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
    """The page a request asks for, and the members that link to the next one.

    Args:
        items: The whole list.
        asked: The request, with `nextToken` and `maxResults` if sent; a `maxResults` of 0 is none.
        size: The most that a page holds.

    Raises:
        BadRequestException: The token is none of ours.
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
