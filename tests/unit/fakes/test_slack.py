from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from slack_sdk import WebClient

from tests.fakes.slack import FakeSlack


def post(url: str, body: object) -> bytes:
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:  # noqa: S310
        return bytes(answer.read())


def test_a_webhook_accepts_a_message() -> None:
    with FakeSlack() as slack:
        assert post(slack.webhook_url, {"text": "hello"}) == b"ok"

    assert [posted.body for posted in slack.posts] == [{"text": "hello"}]


def test_the_web_api_accepts_a_message_from_slack_sdk() -> None:
    with FakeSlack() as slack:
        client = WebClient(token="xoxb-invented", base_url=f"{slack.url}/api/")
        answer = client.chat_postMessage(channel="C1", text="hello")

    assert answer["ok"]
    assert slack.posts[0].path == "/api/chat.postMessage"
    assert slack.posts[0].headers["authorization"] == "Bearer xoxb-invented"
    assert slack.posts[0].body["text"] == "hello"


@pytest.mark.parametrize(("status", "retry_after", "sent"), [(500, None, None), (429, 30, "30")])
def test_fail_returns_an_error_the_requested_number_of_times(
    status: int, retry_after: int | None, sent: str | None
) -> None:
    with FakeSlack() as slack:
        slack.fail(status, times=2, retry_after=retry_after)
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError) as raised:
                post(slack.webhook_url, {"text": "lost"})
            assert (raised.value.code, raised.value.headers["Retry-After"]) == (status, sent)
            raised.value.close()
        post(slack.webhook_url, {"text": "kept"})

    assert [posted.body["text"] for posted in slack.posts] == ["kept"]
    assert len(slack.refused) == 2
