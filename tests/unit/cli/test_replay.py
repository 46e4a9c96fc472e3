"""The event in a message of a dead-letter queue."""

from __future__ import annotations

import json

import pytest

from medic_cli.operator.bot import session_name
from medic_cli.operator.replay import UnknownFormatError, describe, event_in

EVENT = {
    "source": "aws.amplify",
    "detail-type": "Amplify Deployment Status Change",
    "time": "2026-02-20T12:00:00Z",
    "detail": {"appId": "d1a2b3c4d5e6f7", "branchName": "main", "jobId": "4", "jobStatus": "FAILED"},
}


def test_an_undelivered_event_is_the_message_itself() -> None:
    assert event_in(json.dumps(EVENT)) == EVENT


def test_the_record_of_a_failed_run_contains_the_event() -> None:
    record = {"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": EVENT}
    assert event_in(json.dumps(record)) == EVENT


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("nonsense", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it is list, not an object"),
        ("{}", "neither an event nor"),
        ('{"requestContext": {}, "requestPayload": "x"}', "neither an event nor"),
        ('{"requestContext": {}, "requestPayload": {"Records": []}}', "neither an event nor"),
        ('{"detail-type": 4}', "neither an event nor"),
    ],
)
def test_anything_else_is_unknown_and_nothing_of_it_is_repeated(body: str, why: str) -> None:
    with pytest.raises(UnknownFormatError, match=why):
        event_in(body)


def test_an_event_is_described_in_a_few_words_and_without_secrets() -> None:
    detail = {**EVENT["detail"], "branchName": "AKIAIOSFODNN7EXAMPLE", "secret": "x" * 1000}  # type: ignore[dict-item]
    text = describe({**EVENT, "detail": detail})
    assert text.startswith("Amplify Deployment Status Change d1a2b3c4d5e6f7")
    assert "AKIAIOSFODNN7EXAMPLE" not in text
    assert len(text) < 300
    assert describe({"detail-type": "Wake Up"}) == "Wake Up"


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::111122223333:user/ada", "medic-user-ada"),
        ("arn:aws:sts::111122223333:assumed-role/Admin/ada@example.com", "medic-assumed-role-Admin-ada@example.com"),
        ("arn:aws:iam::111122223333:user/team:web/ada", "medic-user-team-web-ada"),
        (f"arn:aws:iam::111122223333:user/{'x' * 100}", f"medic-{'x' * 58}"),
    ],
)
def test_a_session_name_shows_the_caller(arn: str, name: str) -> None:
    assert session_name(arn) == name
    assert len(name) <= 64
