"""The settings' part on Slack: where alerts go, and who may approve from there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medic.settings_reader import Reader

_SECRET = re.compile(r"(?!https?:|xox[a-z]-)[\w/+=.@:-]{1,2048}")
_A_SECRET = "the name or ARN of a Secrets Manager secret (put the URL or token into the secret)"  # noqa: S105 - words
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CHANNEL = re.compile(r"#?[\w.-]{1,80}")
_A_CHANNEL = "a Slack channel's id, such as C0123456789, or #name"
_APP_ID = re.compile(r"A[A-Z0-9]{2,20}")
_APPROVER = re.compile(r"[TE][A-Z0-9]{2,20}/[UW][A-Z0-9]{2,20}")


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """One place alerts go to: an incoming webhook, or a channel that the bot writes to. One of the two is set."""

    webhook_secret: str | None = None
    """The name or ARN of the secret that holds the webhook's URL."""
    channel: str | None = None
    """The channel's id, or its #name."""


@dataclass(frozen=True, slots=True)
class Slack:
    """Where alerts go, and who may approve from there. Secrets by the name or ARN of a Secrets Manager secret alone."""

    default: SlackChannel | None = None
    bot_token_secret: str | None = None
    """Holds the bot token with which channels are written to."""
    channels: Mapping[str, SlackChannel] = field(default_factory=dict)
    """Further places, by the name that the tag `amplify-medic:channel` gives them."""
    signing_secret: str | None = None
    """Holds the Slack app's signing secret."""
    app_id: str | None = None
    approvers: tuple[str, ...] = ()
    """Who may approve, as TEAM/USER."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that sending alerts reads."""
        places = (self.default, *self.channels.values())
        hooks = (place.webhook_secret for place in places if place is not None)
        return tuple(dict.fromkeys(secret for secret in (self.bot_token_secret, *hooks) if secret))

    @property
    def takes_approvals(self) -> bool:
        """True if clicks on a button are listened to."""
        return self.signing_secret is not None


def read_slack(reader: Reader) -> Slack:
    """The settings below `slack`; the reader keeps what is wrong with them."""
    slack = Slack(
        default=_place(reader),
        bot_token_secret=reader.text("bot_token_secret", _SECRET, _A_SECRET, hidden=True),
        channels=_channels(reader),
        signing_secret=reader.text("signing_secret", _SECRET, _A_SECRET, hidden=True),
        app_id=reader.text("app_id", _APP_ID, "a Slack app's id, such as A0123456789"),
        approvers=reader.texts("approvers", _APPROVER, "TEAM/USER, such as T0123456789/U0123456789"),
    )
    _check_together(slack, reader)
    reader.finish()
    return slack


def _place(reader: Reader) -> SlackChannel | None:
    webhook = reader.text("webhook_secret", _SECRET, _A_SECRET, hidden=True)
    channel = reader.text("channel", _CHANNEL, _A_CHANNEL)
    if webhook and channel:
        reader.wrong("channel", "is one place and webhook_secret another: set one of the two")
    return SlackChannel(webhook, channel) if webhook or channel else None


def _channels(reader: Reader) -> dict[str, SlackChannel]:
    """Name → place; a text in the place of an object is the webhook's secret."""
    channels = {}
    for name, given in reader.mapping("channels").items():
        key = f"channels[{name}]"
        if not _NAME.fullmatch(name):
            reader.wrong(key, "has a name that can't be a tag value of letters, digits, _ . -")
        below = reader.below(key, {"webhook_secret": given} if isinstance(given, str) else given)
        place = _place(below)
        below.finish()
        if place is None:
            reader.wrong(key, "needs a webhook_secret or a channel")
        else:
            channels[name] = place
    return channels


def _check_together(slack: Slack, reader: Reader) -> None:
    """What only makes sense with something else."""
    places = [place for place in (slack.default, *slack.channels.values()) if place is not None]
    if any(place.channel for place in places) and slack.bot_token_secret is None:
        reader.wrong("bot_token_secret", "is missing: without it the bot can't write to a channel")
    if slack.bot_token_secret and not any(place.channel for place in places):
        reader.wrong("channel", "is missing: a bot token alone doesn't say where to write")
    if slack.channels and slack.default is None:
        reader.wrong("channels", "needs a default beside it (webhook_secret or channel), for branches that name none")
    approving = (slack.signing_secret, slack.app_id, slack.approvers)
    if any(approving) and not all(approving):
        reader.wrong("signing_secret, app_id and approvers", "belong together: approval needs all three")
    if slack.signing_secret and slack.bot_token_secret is None:
        reader.wrong("signing_secret", "needs bot_token_secret: only a message of the Slack app has buttons")
