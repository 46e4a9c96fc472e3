"""Slack accepts an alert with any content and shows its text unchanged."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medic.alerts.model import Alert, AlertFix, AlertKind, NamedText, Section
from medic.alerts.slack import render_slack
from medic.alerts.sns import render_text, subject

HOSTILE = (
    "<!channel> <@U123> <https://evil.example|Amplify console> ```` *bold* _it_ ~no~ & \u202eoverride\u202c "
    "zero\u200bwidth \x00\x07 😀👨‍👩‍👧 " + "b" * 10_000
)


def details(items: tuple[str, ...]) -> tuple[Section, ...]:
    return tuple(Section(heading, items, detail=True) for heading in ("What the bot did", "Causes", "Checks"))


def alert(text: str = "plain", **changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "kind": AlertKind.DIAGNOSIS,
        "incident_id": "abc123",
        "title": text,
        "summary": (text, text),
        "facts": (NamedText("Branch", text),) * 9,
        "sections": details((text,) * 12),
        "log_lines": f"{text}\n{text}",
        "fixes": (AlertFix(text, (NamedText("cli", text), NamedText("cdk", text))),) * 3,
        "links": (NamedText(text, "https://console.aws.amazon.com/"),) * 4,
        **changes,
    }
    return Alert(**fields)


def parts(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Every element of every block, down to the smallest."""
    found, todo = [], list(payload["blocks"])
    while todo:
        part = todo.pop()
        found.append(part)
        todo += [inner for inner in part.get("elements", []) if isinstance(inner, dict)]
    return found


def assert_slack_accepts(payload: dict[str, Any]) -> None:
    assert 0 < len(payload["blocks"]) <= 50
    assert len(json.dumps(payload["blocks"], ensure_ascii=False)) < 16_000
    assert payload["text"].strip()
    for part in parts(payload):
        if part["type"] == "header":
            assert 0 < len(part["text"]["text"]) <= 150
        if part["type"] in ("text", "link"):
            assert 0 < len(part["text"]) <= 3000
        assert part["type"] != "mrkdwn", "nothing from outside may be parsed"


def test_slack_accepts_a_hostile_alert_of_any_size() -> None:
    assert_slack_accepts(render_slack(alert(HOSTILE)))


def test_the_fallback_text_contains_no_mention_or_link() -> None:
    fallback = str(render_slack(alert(HOSTILE))["text"])
    assert "<" not in fallback
    assert "&lt;!channel&gt;" in fallback


def test_invisible_and_direction_changing_characters_are_left_out() -> None:
    shown = json.dumps(render_slack(alert(HOSTILE)), ensure_ascii=False)
    assert not any(character in shown for character in "\u202e\u202c\u200b\x00\x07")


def test_title_and_summary_come_first() -> None:
    blocks: Any = render_slack(alert(title="shop / main: build stopped", summary=("It concerns the service role.",)))[
        "blocks"
    ]
    assert blocks[0]["text"]["text"] == "🔴 shop / main: build stopped"
    assert "It concerns the service role." in json.dumps(blocks[1])


def test_the_longest_alert_still_names_its_incident() -> None:
    assert "abc123" in json.dumps(render_slack(alert(HOSTILE)))


def test_an_arn_is_shown_unchanged_so_that_it_can_be_copied() -> None:
    arn = "arn:aws:iam::111122223333:role/my_app_role"
    assert arn in json.dumps(render_slack(alert(sections=(Section("What the bot did", (arn,)),))))


@given(st.text(max_size=400))
def test_sns_accepts_every_subject(text: str) -> None:
    line = subject(alert(text))
    assert len(line) <= 100
    assert line.isascii()
    assert "\n" not in line


def test_an_email_contains_every_part() -> None:
    text = render_text(
        alert(sections=details(("set, and read back", "Likely: the connection")), log_lines="[ERROR]: !!! x")
    )
    for part in ("set, and read back", "Likely: the connection", "[ERROR]: !!! x", "Incident abc123"):
        assert part in text
