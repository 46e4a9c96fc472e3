"""An alert contains everything that its reader needs to act, and every channel accepts any content."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.alerts.model import Alert, AlertFix, AlertKind, Approval, NamedText, Section, redacted
from medic.alerts.slack import render_slack
from medic.alerts.sns import amazon_q_notification, render_text
from medic.codec import to_text
from medic.events import Scope
from tests.gallery.samples import denied, sample
from tests.unit.alerts.test_slack import HOSTILE, alert, assert_slack_accepts, details
from tests.unit.diagnosis.diagnosing import COMPUTE_ROLE

IN_EVERY_REPORT = {
    "app": "shop (d1a2b3c4d5e6f7)",
    "branch": "main",
    "commit and message": "3d81f9d6fe Add checkout (#214)",
    "platform and framework": "WEB_COMPUTE, Next.js - SSR",
    "account and region": "111122223333 / eu-central-1",
    "which role": "the compute role (used by SSR code at runtime)",
    "the most likely cause and its rank": "Likely cause: Neither branch nor app has a compute role",
    "a check that fails": "✗ fail: no compute role is set",
    "a check that passes": "✓ pass: the platform is WEB_COMPUTE",
    "the log": "CredentialsProviderError: Could not load credentials from any providers",
    "the answer of a guardrail": "✓ role_paired",
    "the fix on the command line": "aws amplify update-branch --app-id d1a2b3c4d5e6f7 --branch-name main",
    "the fix in CDK": "new amplify.CfnBranch(",
    "the fix in Terraform": 'resource "aws_amplify_app"',
    "the console": "https://eu-central-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5e6f7",
    "the runtime log": "log-group/$252Faws$252Famplify$252Fd1a2b3c4d5e6f7",
    "the role's page": "iam/home#/roles/details/compute",
    "the opt-in tag": "the branch's tag amplify-medic:auto-fix says",
}
IN_ONE = {
    AlertKind.PROPOSED: {
        "what is proposed": f"Proposed, and waiting for approval: set this branch's compute role to {COMPUTE_ROLE}",
        "how to approve": "medic approve ",
        "what to expect": "What to expect: Credentials now load at SSR runtime",
        "what would revert it": "Infrastructure as code will revert this unless the branch says so too",
    },
    AlertKind.APPLIED: {
        "what was done": f"Done: set this branch's compute role to {COMPUTE_ROLE}",
        "the previous role": "Before: no role was set",
        "the rebuild": "Rebuild: job 7 is retried next",
        "what would revert it": "Infrastructure as code will revert this unless the branch says so too",
    },
    AlertKind.REFUSED: {
        "the refused change and the rule": "by the rule not_admin: the AWS-managed policy Administrator",
        "the rule's own answer": "✗ not_admin",
    },
}


def shown_in_slack(of: Alert) -> str:
    """Every text of the message and the address of every link."""
    words: list[str] = []
    todo: list[Any] = [render_slack(of)["blocks"]]
    while todo:
        part = todo.pop(0)
        if isinstance(part, list):
            todo = [*part, *todo]
        elif isinstance(part, dict):
            words += [text for name in ("text", "url") if isinstance(text := part.get(name), str)]
            todo = [*(value for value in part.values() if isinstance(value, (list, dict))), *todo]
    return " ".join(words).replace(":  ", ": ")


@pytest.mark.parametrize("kind", IN_ONE)
@pytest.mark.parametrize("show", [render_text, shown_in_slack], ids=["e-mail", "Slack"])
def test_a_report_contains_every_required_part(kind: AlertKind, show: Any) -> None:
    of = sample(kind)
    shown = show(of)
    wanted = {**IN_EVERY_REPORT, **IN_ONE[kind], "incident": of.incident_id}
    assert [name for name, words in wanted.items() if words not in shown] == []


def test_the_summary_comes_first() -> None:
    text = render_text(sample(AlertKind.PROPOSED))
    order = ("It concerns", "Likely cause", "What to expect", "To approve", "Status", "Links", "Checks", "Guardrails")
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert len(text[: text.index("Links")]) < 1200


def test_an_access_denied_line_of_an_ssr_log_grants_nothing() -> None:
    shown = render_text(denied())
    assert "dynamodb:GetItem" in shown
    assert "put-role-policy" not in shown, "a visitor may have written the line"


def test_a_secret_in_any_text_is_redacted() -> None:
    secret = "q7Zk2Vx9Lm4Tn8WcYr6Us1"
    text = f"password={secret}"
    of = alert(
        text,
        effect=text,
        rules=(text,),
        sections=(Section("Heading", (text,)), *details((text,))),
        fixes=(AlertFix("Title", (NamedText("AWS CLI", text),)),),
        channel=text,
        log_lines="the log scan redacts these",
        event={"causes": [{"title": text}], "app": {"name": text}, "findings": [{"excerpt": "and these"}]},
    )
    assert secret in to_text(of)
    assert secret not in to_text(redacted(of))


# --- any text


def everything(text: str) -> Alert:
    """An alert whose every part is this text."""
    approval = Approval("0a1b2c3d4e5f", "ab" * 32, Scope("aws", "1" * 12, "eu-central-1", "d1", text), 2**31)
    sections = (Section(text, (text,) * 40), Section("", ()), *details((text,) * 12))
    return alert(text, effect=text, approval=approval, rules=(text,) * 20, sections=sections, channel=text)


@pytest.mark.parametrize("buttons", [True, False])
@settings(max_examples=50)
@given(text=st.text(max_size=200) | st.sampled_from([HOSTILE, HOSTILE * 3, "&<>" * 3000, "\u2028" * 99, "😀" * 5000]))
def test_slack_accepts_any_text_in_any_part(buttons: bool, text: str) -> None:  # noqa: FBT001
    payload: Any = render_slack(everything(text), buttons=buttons, note=text)
    assert_slack_accepts(payload)
    for block in payload["blocks"]:
        if block["type"] == "actions":
            assert all(0 < len(button["value"]) <= 2000 for button in block["elements"])


@given(st.text(max_size=200) | st.sampled_from([HOSTILE, HOSTILE * 3, "&<>" * 3000, "*_~`" * 900]))
def test_amazon_q_accepts_any_text_and_no_text_becomes_a_mention(text: str) -> None:
    notification = json.loads(amazon_q_notification(everything(text)))
    content = notification["content"]
    assert len(content["title"]) <= 250
    assert len(content["description"]) <= 8000
    assert "<" not in content["title"] + content["description"]
    assert "@channel" not in content["description"]


@settings(max_examples=50)
@given(st.text(max_size=300) | st.sampled_from([HOSTILE, "😀" * 5000]))
def test_sns_accepts_any_text(text: str) -> None:
    shown = render_text(everything(text))
    assert 0 < len(shown.encode()) <= 256 * 1024
    assert all(c in "\n\t" or c.isprintable() for c in shown)
