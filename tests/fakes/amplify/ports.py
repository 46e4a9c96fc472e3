"""What the fake needs from the cloud around it; an adapter backs each port with its emulator's own service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role, as far as Amplify is concerned.

    Attributes:
        arn: Its ARN, path included.
        trust: Its trust policy.
        created: When it was made.
        policies: Its permissions, inline and attached.
    """

    arn: str
    trust: Mapping[str, Any]
    created: datetime
    policies: tuple[Mapping[str, Any], ...] = ()


class Roles(Protocol):
    """The account's IAM roles."""

    def get(self, arn: str) -> Role | None:
        """The role with this ARN, or None if the account has none."""
        ...


class Events(Protocol):
    """The account's default event bus."""

    def put(self, event: Mapping[str, Any]) -> None:
        """Takes a whole event body, `source` aws.amplify included."""
        ...


class Logs(Protocol):
    """The account's CloudWatch Logs."""

    def put(self, group: str, stream: str, at: datetime, message: str) -> None:
        """Writes one log event, making group and stream where they are missing."""
        ...


class LogStore(Protocol):
    """Where build logs lie."""

    def put(self, key: str, body: bytes, encoding: str | None) -> None:
        """Stores a log; `encoding` is its Content-Encoding."""
        ...

    def url(self, key: str, lifetime: timedelta) -> str:
        """A presigned URL of that log: anybody may read it until `lifetime` is over, then it answers 403."""
        ...

    def expire_all(self) -> None:
        """Makes every URL given so far answer 403."""
        ...


class InMemoryEvents:
    """A bus that keeps what it gets."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    def put(self, event: Mapping[str, Any]) -> None:
        """Keeps the event."""
        self.sent.append(event)
