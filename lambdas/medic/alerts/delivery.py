"""Sending alerts: every channel on its own, what was delivered recorded, what failed raised for another try."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from medic.alerts.model import Alert


class DeliveryError(Exception):
    """A channel did not take an alert; the message says which and why, never the webhook's URL or a token."""


class Channel(Protocol):
    """Something that takes alerts."""

    @property
    def name(self) -> str:
        """The channel's name in receipts and logs."""
        ...

    @property
    def routes(self) -> tuple[str | None, ...]:
        """The named channels behind it, None for the default one: what a test of every channel goes through."""
        ...

    def send(self, alert: Alert, thread: str | None) -> str | None:
        """Deliver the alert.

        Args:
            alert: what to send.
            thread: what the first alert of the incident came back with; None for the first one.

        Returns:
            The thread that later alerts of the incident go into, or None where there are no threads.

        Raises:
            DeliveryError: the channel did not take it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one alert on every channel."""

    receipts: tuple[str, ...]
    """`occasion/channel` of each that took it now."""
    failures: tuple[str, ...]
    lacking: tuple[str, ...]
    """The names of the channels that did not take it."""
    threads: Mapping[str, str] = field(default_factory=dict)
    """Channel → thread, those known before among them: to be kept on the incident."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the test alert on one channel."""

    name: str
    """The channel's name; `slack/web` for a named one behind it."""
    ok: bool
    detail: str


def deliver(
    alert: Alert,
    channels: Collection[Channel],
    already: Collection[str],
    alert_key: str,
    threads: Mapping[str, str] | None = None,
) -> Delivery:
    """Send an alert on every channel that has not had it yet; one channel failing never stops another.

    Args:
        alert: what to send.
        channels: where to.
        already: receipts of earlier tries.
        alert_key: what tells this alert from others of the same incident: `report:7`, `resolved:8`.
        threads: channel → thread, as earlier alerts of the same incident came back with them.
    """
    receipts, failures, lacking, known = [], [], [], dict(threads or {})
    for channel in channels:
        receipt = f"{alert_key}/{channel.name}"
        if receipt in already:
            continue
        try:
            thread = channel.send(alert, known.get(channel.name))
        except DeliveryError as error:
            failures.append(f"{channel.name}: {error}")
            lacking.append(channel.name)
            continue
        receipts.append(receipt)
        if thread is not None:
            known.setdefault(channel.name, thread)
    return Delivery(tuple(receipts), tuple(failures), tuple(lacking), known)


def try_out(alert: Alert, channels: Collection[Channel]) -> Iterator[Trial]:
    """Send a test alert through every channel, the named ones too, and say of each what became of it.

    Args:
        alert: the sample, see `compose_test`.
        channels: where to.
    """
    for channel in channels:
        for route in channel.routes:
            name = channel.name if route is None else f"{channel.name}/{route}"
            try:
                channel.send(replace(alert, channel=route), None)
            except DeliveryError as error:
                yield Trial(name, ok=False, detail=str(error))
            else:
                yield Trial(name, ok=True, detail="taken")
