"""Publishes alerts to the stack's SNS topic, as text for e-mail and as a custom notification for Amazon Q Developer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from medic.alerts.delivery import DeliveryError
from medic.alerts.plain_text import brief_lines, detail_parts, labelled, title
from medic.alerts.wording import subject_line
from medic.aws.errors import AwsError, translated
from medic.records import replace
from medic.text import visible

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from medic.alerts.model import Alert

# Text for e-mail and every other plain subscriber.
_MAX_SUBJECT = 94
"""SNS rejects a subject with more than 100 characters, and any that is not ASCII. Three "…" may become "...".
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
_MAX_CHARACTERS = 100_000
"""A character of a log rarely takes more than two bytes."""
_MAX_BYTES = 240_000
"""SNS accepts 256 KiB a message."""
_MAX_BYTES_IN_JSON = 60_000
"""For a text inside JSON, which takes up to three bytes for each byte of a non-ASCII character."""
_ASCII = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-"})

# The custom notification for Amazon Q Developer; limits in characters.
_MAX_TITLE = 250
_MAX_DESCRIPTION = 5000
_MAX_STEP = 350
_MAX_STEPS = 5
_MAX_KEYWORD = 75
_MARKUP = re.compile(r"(?<!\w)[_*~]|[_*~](?!\w)|`|\](?=\()|@(?=here|channel|everyone)")
_ESCAPED_LENGTHS = {"&": 5, "<": 4, ">": 4, **dict.fromkeys("_*~`]@", 2)}
"""The longest form of a character after escaping; every other character stays one."""


class SnsTopic:
    """The topic. With `amazon_q`, e-mail gets the text and all other protocols get the custom notification."""

    name = "sns"
    routes: tuple[str | None, ...] = (None,)

    def __init__(self, client: Callable[[], SNSClient], topic_arn: str, *, amazon_q: bool = False) -> None:
        self._client, self._topic_arn, self._amazon_q = client, topic_arn, amazon_q

    def send(self, alert: Alert, thread: str | None) -> str | None:  # noqa: ARG002 - e-mail has no threads
        """Publish the alert. Kind and incident are message attributes, so that subscriptions can filter on them."""
        message: Any = {"Message": render_text(alert)}
        if self._amazon_q:
            # https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
            text = _truncated(message["Message"], _MAX_BYTES_IN_JSON)
            by_protocol = json.dumps({"default": amazon_q_notification(alert), "email": text})
            message = {"Message": by_protocol, "MessageStructure": "json"}
        try:
            with translated("sns:Publish"):
                self._client().publish(
                    TopicArn=self._topic_arn,
                    Subject=subject(alert),
                    MessageAttributes={
                        "kind": {"DataType": "String", "StringValue": alert.kind},
                        "incident": {"DataType": "String", "StringValue": alert.incident_id},
                    },
                    **message,
                )
        except AwsError as error:
            raise DeliveryError(f"SNS did not accept the alert: {error}") from error
        return None


def subject(alert: Alert) -> str:
    """A subject line: printable ASCII, at most 100 characters. The names are cut, not the state."""
    ascii_parts = (text.translate(_ASCII) for text in (alert.app, alert.branch, alert.what))
    app, branch, what = ("".join(c if " " <= c <= "~" else "?" for c in text) for text in ascii_parts)
    return subject_line(replace(alert, app=app, branch=branch, what=what), _MAX_SUBJECT).translate(_ASCII)


def render_text(alert: Alert) -> str:
    """The whole alert as text: the brief, then the detail. SNS shows links as URLs."""
    links = (labelled(link) for link in alert.links)
    detail = (line for part in detail_parts(alert) for line in ("", *part))
    lines = (title(alert), *map(labelled, brief_lines(alert)), *links, *detail)
    return _truncated(visible("\n".join(lines)))


def _truncated(text: str, most_bytes: int = _MAX_BYTES) -> str:
    """The start of the text, as much as fits into one SNS message."""
    encoded = text[:_MAX_CHARACTERS].encode()
    return text[:_MAX_CHARACTERS] if len(encoded) <= most_bytes else encoded[:most_bytes].decode(errors="ignore")


def amazon_q_notification(alert: Alert) -> str:
    """The brief as a custom notification of Amazon Q Developer. Alerts of one incident share a thread."""
    lines = brief_lines(alert, approve_by_command=False)
    content = {
        "textType": "client-markdown",
        "title": _escaped(title(alert), _MAX_TITLE),
        "description": _escaped("\n".join(map(labelled, lines)), _MAX_DESCRIPTION),
        "nextSteps": list(islice(_steps(alert), _MAX_STEPS)),
        "keywords": ["amplify-medic", alert.kind.value, _escaped(alert.incident_id, _MAX_KEYWORD)],
    }
    metadata = {
        "threadId": alert.incident_id,
        "summary": _escaped(alert.what, _MAX_TITLE),
        "eventType": alert.kind.value,
    }
    return json.dumps({"version": "1.0", "source": "custom", "content": content, "metadata": metadata})


def _steps(alert: Alert) -> Iterator[str]:
    """What to do next. URLs are not escaped: the bot builds them from ids, and escaping would break them."""
    if alert.approval is not None:
        yield f"To approve: {alert.approval.command}"
    for link in alert.links:
        yield f"{_escaped(link.name, _MAX_STEP)}: {link.text}"


def _escaped(text: str, limit: int) -> str:
    """The text for the chat's markdown, without mentions, links and formatting, at most `limit` characters long.

    Entities disable mentions such as `<!channel>`. A zero-width space after each markup character disables that.
    """
    room = limit
    kept = []
    for character in visible(text):
        room -= _ESCAPED_LENGTHS.get(character, 1)
        if room < 1:
            kept.append("…")
            break
        kept.append(character)
    entities = "".join(kept).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub("\\g<0>\u200b", entities)
