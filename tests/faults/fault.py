"""How a call can fail. The simulation uses this without moto, which takes seconds to import."""

from __future__ import annotations

from enum import StrEnum

THROTTLED = {
    "events": ("ThrottlingException", 400),
    "logs": ("ThrottlingException", 400),
    "sqs": ("RequestThrottled", 400),
    "amplify": ("ThrottlingException", 429),
    "cloudtrail": ("ThrottlingException", 400),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "iam": ("Throttling", 400),
    "secretsmanager": ("ThrottlingException", 400),
    "sns": ("Throttled", 429),
    "sts": ("Throttling", 400),
}
"""Service → its code and status."""
FAILED = {
    "events": ("InternalException", 500),
    "logs": ("ServiceUnavailableException", 500),
    "sqs": ("InternalError", 500),
    "amplify": ("InternalFailureException", 500),
    "cloudtrail": ("InternalFailure", 500),
    "dynamodb": ("InternalServerError", 500),
    "iam": ("ServiceFailure", 500),
    "secretsmanager": ("InternalServiceError", 500),
    "sns": ("InternalError", 500),
    "sts": ("InternalFailure", 500),
}


class Killed(BaseException):
    """The process died. Nothing in the bot may catch this."""


class Fault(StrEnum):
    """How a call fails. Unless noted, every attempt of its client fails."""

    THROTTLE = "throttle"
    SERVER_ERROR = "server_error"
    TIMEOUT_BEFORE = "timeout_before_effect"
    TIMEOUT_AFTER = "timeout_after_effect"
    ANSWER_LOST = "first_answer_lost"
    """The first attempt took effect and its answer was lost. The client's second attempt is answered."""
    DEATH = "death"
    """The call took effect, and the process died before it read the answer."""


NO_EFFECT = (Fault.THROTTLE, Fault.SERVER_ERROR, Fault.TIMEOUT_BEFORE)
AFTER_EFFECT = (Fault.TIMEOUT_AFTER, Fault.ANSWER_LOST)
