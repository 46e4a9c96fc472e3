"""The errors of the Amplify API, as its service model names them.

Source: https://docs.aws.amazon.com/amplify/latest/APIReference/API_Operations.html
"""

# ruff: noqa: N818 - the classes are named as the errors are on the wire
from __future__ import annotations

from typing import ClassVar


class AmplifyError(Exception):
    """An error response with its error code, HTTP status and message."""

    status: ClassVar[int] = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """The error code, which is the name of the class."""
        return type(self).__name__


class BadRequestException(AmplifyError):
    """The service refuses the request."""


class AccessDeniedException(AmplifyError):
    """IAM denies the action to the caller."""

    status = 403


class NotFoundException(AmplifyError):
    """The app, branch or job does not exist."""

    status = 404


class ResourceNotFoundException(AmplifyError):
    """The tag operations raise this instead of NotFoundException."""

    status = 404


class LimitExceededException(AmplifyError):
    """Too many jobs are running."""

    status = 429


class ThrottlingException(AmplifyError):
    """Too many requests. A common error of all AWS services, which is not in the service model."""

    status = 429


class InternalFailureException(AmplifyError):
    """The service failed."""

    status = 500


class DependentServiceFailureException(AmplifyError):
    """A service that Amplify uses failed."""

    status = 503


class NoAnswerError(Exception):
    """The caller never gets an answer. Each adapter translates this to its transport.

    Attributes:
        took_effect: Whether the call took effect before the answer was lost.
    """

    def __init__(self, operation: str, *, took_effect: bool) -> None:
        super().__init__(f"{operation}: no answer, {'after' if took_effect else 'before'} taking effect")
        self.took_effect = took_effect
