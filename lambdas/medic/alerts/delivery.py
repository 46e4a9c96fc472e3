"""Delivers an alert to every channel. A failing channel stops no other; receipts record who accepted the alert."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from medic.records import replace

if TYPE_CHECKING:
    from medic.alerts.model import Alert
    from medic.codec import Json


class DeliveryError(Exception):
    """A channel did not accept an alert. The message names the channel and the reason, never a webhook URL or token."""

    thread: str | None = None
    """What `send` would have returned, if a part of the alert was accepted. A retry passes it on."""


class Channel(Protocol):
    @property
    def name(self) -> str:
        """The channel's name in receipts and logs."""
        ...

    @property
    def routes(self) -> tuple[str | None, ...]:
        """The values of `Alert.channel` that a test alert must try; None is the default channel."""
        ...

    def send(self, alert: Alert, thread: str | None) -> str | None:
        """Deliver the alert. An exception other than DeliveryError is a fault, and its message may hold a secret.

        Returns the thread for later alerts of the incident, or None if the channel has no threads. The last alert's
        thread comes in; None for the first alert. A new thread goes out if that one is gone.
        """
        ...


class Delivery(Struct, frozen=True):
    receipts: tuple[str, ...]
    """`alert_key/channel` for each channel that accepted it now."""
    failures: tuple[str, ...]
    """`channel: reason` for each channel that did not accept it."""
    lacking: tuple[str, ...]
    """The names of the channels that did not accept it."""
    threads: Mapping[str, str] = field(default_factory=dict)
    """Channel → thread, including threads known before. The caller stores them with the incident."""


def deliver(
    alert: Alert,
    channels: Collection[Channel],
    already: Collection[str],
    alert_key: str,
    threads: Mapping[str, str] | None = None,
) -> Delivery:
    """Send an alert to every channel that has no receipt for it. A failing channel stops no other.

    Receipts (`already`) and threads come from earlier alerts of the incident. The key identifies this one among them,
    for example `report:7` or `resolved:8`.
    """
    receipts, failures, known = [], {}, dict(threads or {})
    for channel in channels:
        receipt = f"{alert_key}/{channel.name}"
        if receipt in already:
            continue
        try:
            thread = _send(alert, channel, known.get(channel.name))
        except DeliveryError as error:
            failures[channel.name] = f"{channel.name}: {error}"
            if error.thread is not None:
                known[channel.name] = error.thread
            continue
        receipts.append(receipt)
        if thread is not None:
            known[channel.name] = thread
    return Delivery(tuple(receipts), tuple(failures.values()), tuple(failures), known)


def send_test_alert(alert: Alert, channels: Collection[Channel]) -> Iterator[Json]:
    """Send a test alert through every route of every channel, without receipts or threads.

    Yields the name of each route (the channel's, or `channel/route` if it is not the default), whether it accepted the
    alert (`ok`), and a detail.
    """
    for channel in channels:
        for route in channel.routes:
            name = channel.name if route is None else f"{channel.name}/{route}"
            try:
                _send(replace(alert, channel=route), channel, None)
            except DeliveryError as error:
                yield {"name": name, "ok": False, "detail": str(error)}
            else:
                yield {"name": name, "ok": True, "detail": "accepted"}


def _send(alert: Alert, channel: Channel, thread: str | None) -> str | None:
    """Send an alert to one channel. A DeliveryError names an unexpected error by its type and place only."""
    try:
        return channel.send(alert, thread)
    except DeliveryError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of one channel must not silence the others
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{PurePath(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place is not None else "?"
        raise DeliveryError(f"unexpected {type(error).__name__} at {where}") from None
