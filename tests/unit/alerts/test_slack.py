"""Slack accepts an alert with any content and shows its text unchanged. The brief stays brief."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.alerts.model import Alert, AlertKind, ButtonTarget, NamedText, Section
from medic.alerts.plain_text import brief_lines, labelled, title
from medic.alerts.slack import render_brief, render_detail, render_for_webhook
from medic.alerts.sns import amazon_q_notification, render_text, subject
from medic.events import Scope
from medic.records import replace
from tests.gallery.samples import denied, every_kind, hostile

HOSTILE = (
    "<!channel> <@U123> <https://evil.example|Amplify console> ```` *bold* _it_ ~no~ & \u202eoverride\u202c "
    "zero\u200bwidth \x00\x07 😀👨‍👩‍👧 " + "b" * 10_000
)
EVERY = (*every_kind(), denied(), hostile())
IDS = [*(f"{number}-{alert.kind}" for number, alert in enumerate(every_kind())), "denied", "hostile"]
ANY_TEXT = st.text(max_size=200) | st.sampled_from(
    [HOSTILE, HOSTILE * 3, "&<>" * 3000, "\u2028" * 99, "😀" * 5000, "*_~`" * 900]
)


def everything(text: str, **changes: Any) -> Alert:
    """An alert whose every part is this text."""
    fields: dict[str, Any] = {
        "kind": AlertKind.AWAITING_APPROVAL,
        "incident_id": "abc123",
        "at": 1,
        "app": text,
        "branch": text,
        "what": text,
        "brief": (NamedText("Likely cause", text), NamedText("Next step", text), NamedText("Bot", text)),
        "identity": f"Job 7 · {text[:61]}",
        "place": f"account {text[:78]} / eu-central-1",
        "links": (NamedText(text, "https://console.aws.amazon.com/"),) * 3,
        "approval": ButtonTarget("0a1b2c3d4e5f", "ab" * 32, Scope("aws", "1" * 12, "eu-central-1", "d1", text), 2**31),
        "sections": (Section(text, (text,) * 40, (NamedText("AWS CLI", text), NamedText("CDK", text))),) * 4,
        "log_lines": f"{text}\n{text}",
        "reference": (NamedText("Service role", text),) * 6,
        "channel": text,
        **changes,
    }
    return Alert(**fields)


def parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Every element of every block, down to the smallest, in order."""
    found, todo = [], list(message["blocks"])
    while todo:
        part = todo.pop(0)
        found.append(part)
        todo = [*(inner for inner in part.get("elements", []) if isinstance(inner, dict)), *todo]
    return found


def shown_text(message: dict[str, Any]) -> str:
    """What a reader sees of the blocks, without the addresses of links."""
    heads = [block["text"]["text"] for block in message["blocks"] if block["type"] == "header"]
    texts = [part["text"] for part in parts(message) if part["type"] in ("text", "link")]
    return "\n".join((*heads, "".join(texts)))


def assert_slack_accepts(message: dict[str, Any]) -> None:
    assert 0 < len(message["blocks"]) <= 50
    assert len(json.dumps(message["blocks"], ensure_ascii=False)) < 16_000
    assert message["text"].strip()
    for part in parts(message):
        if part["type"] == "header":
            assert 0 < len(part["text"]["text"]) <= 150
        if part["type"] in ("text", "link"):
            assert 0 < len(part["text"]) <= 3000
        if part["type"] == "button":
            assert 0 < len(part["value"]) <= 2000
        assert part["type"] != "mrkdwn", "nothing from outside may be parsed"
    for attachment in message.get("attachments", []):
        assert 0 < len(attachment["text"]) < 8000
        assert attachment["mrkdwn_in"] == []
        assert "<" not in attachment["text"]


# --- the brief


@pytest.mark.parametrize("buttons", [True, False])
@pytest.mark.parametrize("alert", [*EVERY, everything(HOSTILE)], ids=[*IDS, "everything"])
def test_the_brief_fits_one_phone_screen(alert: Alert, buttons: bool) -> None:  # noqa: FBT001
    message = render_brief(alert, buttons=buttons, note="This is here because the settings know no channel “web”.")
    text = shown_text(message).strip()
    assert len(message["blocks"]) <= 6
    assert len(text.splitlines()) + (message["blocks"][-1]["type"] == "actions") <= 10
    assert len(text) <= 900


@pytest.mark.parametrize("alert", EVERY, ids=IDS)
def test_every_channel_begins_with_the_same_brief(alert: Alert) -> None:
    first = [title(alert), *map(labelled, brief_lines(alert))]
    assert render_text(alert).splitlines()[: len(first)] == first
    assert shown_text(render_brief(alert)).startswith("\n".join(first))
    assert shown_text(render_brief(alert)).split()[1] in amazon_q_notification(alert)


@settings(max_examples=50)
@given(ANY_TEXT)
def test_the_brief_keeps_every_line_whatever_the_texts_are(text: str) -> None:
    alert = everything(text)
    lines = brief_lines(alert, note=text or "-")
    assert [line.name for line in lines] == ["Likely cause", "Next step", "Bot", "To approve", "Note", ""]
    assert "abc123" in lines[-1].text
    assert len(title(alert)) + sum(len(labelled(line)) + 1 for line in lines) <= 900


def test_the_state_is_in_words_beside_its_sign() -> None:
    message: Any = render_brief(everything("x", kind=AlertKind.NOT_HELPED, app="shop", branch="main", what="it fails"))
    assert message["blocks"][0]["text"]["text"] == "🔴 Still failing · shop / main: it fails"


@given(ANY_TEXT, st.sampled_from(AlertKind))
def test_a_subject_is_ascii_and_never_loses_its_state(text: str, kind: AlertKind) -> None:
    line = subject(everything(text, kind=kind))
    assert len(line) <= 100
    assert line.isascii()
    assert line.isprintable()
    assert line.startswith("[")
    assert "] " in line


def test_a_subject_cuts_the_names_and_not_the_event() -> None:
    line = subject(everything("n" * 200, what="build 9 failed in the same way after the change"))
    assert line.startswith("[APPROVAL NEEDED] nnn")
    assert line.endswith(": build 9 failed in the same way after the change")


# --- any text in any part


@pytest.mark.parametrize("buttons", [True, False])
@settings(max_examples=50)
@given(text=ANY_TEXT)
def test_slack_accepts_any_text_in_any_part(buttons: bool, text: str) -> None:  # noqa: FBT001
    alert = everything(text)
    messages: list[Any] = [render_brief(alert, buttons=buttons, note=text), render_detail(alert)]
    for message in (*messages, render_for_webhook(alert, text)):
        assert_slack_accepts(message)


@pytest.mark.parametrize("alert", EVERY, ids=IDS)
def test_slack_accepts_every_alert(alert: Alert) -> None:
    messages: list[Any] = [render_brief(alert, buttons=True), render_for_webhook(alert, "A note.")]
    if alert.has_detail:
        messages.append(render_detail(alert))
    for message in messages:
        assert_slack_accepts(message)


def test_the_fallback_text_contains_no_mention_or_link() -> None:
    fallback = str(render_brief(everything(HOSTILE))["text"])
    assert "<" not in fallback
    assert "&lt;!channel&gt;" in fallback


def test_invisible_and_direction_changing_characters_are_left_out() -> None:
    alert = everything(HOSTILE)
    shown = json.dumps([render_brief(alert), render_detail(alert), render_for_webhook(alert)], ensure_ascii=False)
    assert not any(character in shown for character in "\u202e\u202c\u200b\x00\x07")


def test_text_to_copy_is_shown_unchanged() -> None:
    command = "aws iam get-role --role-name 'my_role' \\\n  --query \"Role.Arn\" && echo '*_~`<&>'"
    alert = everything("x", sections=(Section("Fix", snippets=(NamedText("AWS CLI", command),)),))
    assert command in shown_text(render_detail(alert))


def test_what_does_not_fit_is_left_out_at_the_end_and_said() -> None:
    alert = everything("x", sections=(Section("First", ("y" * 2000,) * 30), Section("Last", ("z",))))
    shown = shown_text(render_detail(alert))
    assert "First" in shown
    assert "Not all of it fits into one message: the e-mail has the rest." in shown
    attachments = [each["text"] for each in render_for_webhook(alert)["attachments"]]
    assert [text[:11] for text in attachments] == [
        "-- First --",
        "-- Last --\n",
        "-- Log --\n ",
        "-- Referenc",
        "Not all of ",
    ]


def test_a_branch_too_long_for_a_button_gets_the_command() -> None:
    approval = everything("b" * 3000).approval
    message = render_brief(everything("x", approval=approval), buttons=True)
    assert all(block["type"] != "actions" for block in message["blocks"])
    assert "To approve: medic approve 0a1b2c3d4e5f" in shown_text(message)


def test_buttons_take_the_place_of_the_command() -> None:
    message = render_brief(everything("x"), buttons=True)
    assert message["blocks"][-1]["type"] == "actions"
    assert "medic approve" not in shown_text(message)


def test_an_alert_without_approval_has_no_buttons() -> None:
    message = render_brief(everything("x", approval=None), buttons=True)
    assert all(block["type"] != "actions" for block in message["blocks"])


# --- the other channels


@given(ANY_TEXT)
def test_amazon_q_accepts_any_text_and_no_text_becomes_a_mention(text: str) -> None:
    notification = json.loads(amazon_q_notification(everything(text)))
    content = notification["content"]
    assert len(content["title"]) <= 250
    assert len(content["description"]) <= 8000
    assert "<" not in content["title"] + content["description"]
    assert "@channel" not in content["description"]


@settings(max_examples=50)
@given(ANY_TEXT)
def test_sns_accepts_any_text(text: str) -> None:
    shown = render_text(everything(text))
    assert 0 < len(shown.encode()) <= 256 * 1024
    assert all(c in "\n\t" or c.isprintable() for c in shown)


def test_an_email_has_the_fix_before_the_reasons() -> None:
    alert = replace(every_kind()[0], log_lines="[ERROR]: !!! x")
    text = render_text(alert)
    places = [text.index(part) for part in ("Next step", "-- Fix: ", "-- Why --", "-- Log --", "-- Reference --")]
    assert places == sorted(places)
