from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.sns_inbox import SnsInbox

if TYPE_CHECKING:
    import boto3

    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto


def test_take_returns_a_notification_once(amplify: AmplifyOnMoto, session: boto3.Session) -> None:  # noqa: ARG001
    sns = session.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    alerts = SnsInbox.subscribe(sns, session.client("sqs"), topic)

    sns.publish(TopicArn=topic, Subject="Diagnosis", Message="text")

    assert [(taken["Subject"], taken["Message"]) for taken in alerts.take()] == [("Diagnosis", "text")]
    assert alerts.take() == []
    with pytest.raises(TimeoutError):
        alerts.inbox.wait_for(lambda _: True, seconds=0.01)
