"""The clients that a click is handled with. The signing secret is read each time: it may be rotated at any time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medic.approvals.approve import Desk
from medic.aws.errors import translated
from medic.aws.sessions import Reader
from medic.events import Scope, wake_up
from medic.incidents.requests import RequestsTable

if TYPE_CHECKING:
    from boto3.session import Session

    from medic.settings import SlackRuntime
    from medic.telemetry import Telemetry

_SECONDS = 2
"""Slack waits three seconds for the whole request."""


def desk(runtime: SlackRuntime, session: Session, telemetry: Telemetry) -> Desk:
    """Everything wired to AWS and Slack."""
    reader = Reader(session)

    def signing_secret() -> str:
        with translated("secretsmanager:GetSecretValue"):
            return reader.secrets.get_secret_value(SecretId=runtime.slack.signing_secret or "")["SecretString"].strip()

    def wake(scope: Scope, request_id: str) -> None:
        with translated("lambda:InvokeFunction"):
            message = json.dumps(wake_up(scope, request_id)).encode()
            reader.functions.invoke(FunctionName=runtime.remediator_function, InvocationType="Event", Payload=message)

    return Desk(
        runtime=runtime,
        signing_secret=signing_secret,
        requests=RequestsTable(reader.dynamodb, runtime.table, _now),
        wake=wake,
        answer=_answer,
        telemetry=telemetry,
        clock=_now,
    )


def _answer(url: str, message: dict[str, object]) -> None:
    """Post a message to the address that Slack gave with a click.

    Raises:
        OSError: Slack could not be reached.
    """
    from slack_sdk.webhook import WebhookClient  # noqa: PLC0415 - a refused click never gets here

    WebhookClient(url, timeout=_SECONDS).send_dict(message)


def _now() -> datetime:
    return datetime.now(UTC)
