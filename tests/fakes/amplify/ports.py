"""The services that the fake needs. Each adapter implements them with its emulator's own services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Role:
    """The parts of an IAM role that matter to Amplify.

    Attributes:
        arn: Its ARN, with the path.
        trust: Its trust policy.
        created: When it was created.
        policies: Its inline and attached policies.
    """

    arn: str
    trust: Mapping[str, Any]
    created: datetime
    policies: tuple[Mapping[str, Any], ...] = ()


class Roles(Protocol):
    """The account's IAM roles."""

    def get(self, arn: str) -> Role | None:
        """The role with this ARN, or None if it does not exist."""
        ...


class Events(Protocol):
    """The account's default event bus."""

    def put(self, event: Mapping[str, Any]) -> None:
        """Send a whole event body, with `source` aws.amplify."""
        ...


class Logs(Protocol):
    """The account's CloudWatch Logs."""

    def put(self, group: str, stream: str, at: datetime, message: str) -> None:
        """Write one log event. Creates a missing group or stream."""
        ...


class LogStore(Protocol):
    """The store of build logs."""

    def put(self, key: str, body: bytes, encoding: str | None) -> None:
        """Store a log. `encoding` is its Content-Encoding."""
        ...

    def url(self, key: str, lifetime: timedelta) -> str:
        """A presigned URL of the log. It needs no credentials and answers 403 after `lifetime`."""
        ...

    def expire_all(self) -> None:
        """Make every URL returned so far answer 403."""
        ...


class InMemoryEvents:
    """An event bus that keeps every event in `sent`."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    def put(self, event: Mapping[str, Any]) -> None:
        self.sent.append(event)
