"""Batches of the remediator's queue, as Lambda passes them.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

OPERATOR_ROLE_ID = "AROAEXAMPLEOPERATOR00"
SLACK_ROLE_ID = "AROAEXAMPLESLACK00000"


def sqs_record(
    message: Mapping[str, Any] | str,
    sent_at: datetime,
    *,
    sender: str = "AIDAEVENTBRIDGE",
    receives: int = 1,
    number: int = 1,
) -> dict[str, Any]:
    """One record of a batch."""
    return {
        "messageId": f"message-{number}",
        "receiptHandle": f"receipt-{number}-{receives}",
        "body": message if isinstance(message, str) else json.dumps(message),
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(int(sent_at.timestamp() * 1000)),
            "SenderId": sender,
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def sqs_batch(message: Mapping[str, Any] | str, sent_at: datetime, **attributes: Any) -> dict[str, Any]:
    """A batch with one record."""
    return {"Records": [sqs_record(message, sent_at, **attributes)]}
