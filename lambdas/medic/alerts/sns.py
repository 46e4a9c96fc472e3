"""Publishes alerts to the stack's SNS topic, as text for e-mail and as a custom notification for Amazon Q Developer."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from medic.alerts.delivery import DeliveryError
from medic.alerts.wording import title_with_emoji
from medic.aws.errors import AwsError, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_sns import SNSClient

    from medic.alerts.model import Alert

# Text for e-mail and every other plain subscriber.
_MAX_SUBJECT = 100
"""SNS rejects longer subjects, and any that is not ASCII. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
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
    """A subject line: printable ASCII, at most 100 characters."""
    line = "".join(c if " " <= c <= "~" else "?" for c in alert.title.translate(_ASCII))
    if len(line) > _MAX_SUBJECT:
        line = f"{line[: _MAX_SUBJECT - 3]}..."
    return line.strip() or "Amplify Medic"


def render_text(alert: Alert) -> str:
    """The whole alert as text, without control and bidirectional characters."""
    return _truncated("".join(c for c in "\n".join(_text_lines(alert)) if c in "\n\t" or c.isprintable()))


def _truncated(text: str, most_bytes: int = _MAX_BYTES) -> str:
    """The start of the text, as much as fits into one SNS message."""
    encoded = text[:_MAX_CHARACTERS].encode()
    return text[:_MAX_CHARACTERS] if len(encoded) <= most_bytes else encoded[:most_bytes].decode(errors="ignore")


def _text_lines(alert: Alert) -> Iterator[str]:
    yield title_with_emoji(alert)
    yield ""
    yield from alert.summary
    if alert.effect:
        yield from ("", f"What to expect: {alert.effect}")
    if alert.approval is not None:
        yield from ("", "To approve:", f"    {alert.approval.command}")
    yield ""
    width = max((len(fact.name) for fact in alert.facts), default=0)
    yield from (f"{fact.name:<{width}}  {fact.text}" for fact in alert.facts)
    yield f"Incident {alert.incident_id}"
    yield from _section("Links", tuple(f"{link.name}: {link.text}" for link in alert.links))
    for section in alert.sections:
        yield from _section(section.heading, section.items)
    if alert.log_lines:
        yield from ("", "From the log", *(f"    {line}" for line in alert.log_lines.splitlines()))
    for fix in alert.fixes:
        yield from ("", f"Fix: {fix.title}")
        if fix.url:
            yield f"    {fix.url}"
        for snippet in fix.snippets:
            yield f"  {snippet.name}"
            yield from (f"    {line}" for line in snippet.text.splitlines())
    yield from _section("Guardrails", alert.rules)


def _section(heading: str, items: tuple[str, ...]) -> Iterator[str]:
    if items:
        yield from ("", heading, *(f"  - {item}" for item in items))


def amazon_q_notification(alert: Alert) -> str:
    """The alert as a custom notification of Amazon Q Developer. Alerts of one incident share a thread."""
    content = {
        "textType": "client-markdown",
        "title": _escaped(title_with_emoji(alert), _MAX_TITLE),
        "description": _escaped("\n".join(_description(alert)), _MAX_DESCRIPTION),
        "nextSteps": list(islice(_steps(alert), _MAX_STEPS)),
        "keywords": ["amplify-medic", alert.kind.value, _escaped(alert.incident_id, _MAX_KEYWORD)],
    }
    metadata = {
        "threadId": alert.incident_id,
        "summary": _escaped(alert.title, _MAX_TITLE),
        "eventType": alert.kind.value,
    }
    return json.dumps({"version": "1.0", "source": "custom", "content": content, "metadata": metadata})


def _description(alert: Alert) -> Iterator[str]:
    yield from alert.summary
    if alert.effect:
        yield f"What to expect: {alert.effect}"
    yield ""
    yield from (f"{fact.name}: {fact.text}" for fact in alert.facts)
    for section in alert.sections:
        if not section.detail:
            yield from ("", section.heading, *section.items)
    if alert.log_lines:
        yield from ("", "From the log:", alert.log_lines)


def _steps(alert: Alert) -> Iterator[str]:
    """What to do next. URLs are not escaped: the bot builds them from ids, and escaping would break them."""
    if alert.approval is not None:
        yield f"To approve: {alert.approval.command}"
    for fix in alert.fixes:
        yield f"{_escaped(fix.title, _MAX_STEP)} {fix.url}".strip()
    for link in alert.links:
        yield f"{_escaped(link.name, _MAX_STEP)}: {link.text}"


def _escaped(text: str, limit: int) -> str:
    """The text for the chat's markdown, without mentions, links and formatting, at most `limit` characters long.

    Entities disable mentions such as `<!channel>`. A zero-width space after each markup character disables that.
    """
    room = limit
    kept = []
    for character in text:
        if character != "\n" and not character.isprintable():
            continue
        room -= _ESCAPED_LENGTHS.get(character, 1)
        if room < 1:
            kept.append("…")
            break
        kept.append(character)
    entities = "".join(kept).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub("\\g<0>\u200b", entities)
