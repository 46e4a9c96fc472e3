"""The errors of the Amplify API, as its service model names them.

Source: https://docs.aws.amazon.com/amplify/latest/APIReference/API_Operations.html
"""

# ruff: noqa: N818 - the classes are named as the errors are on the wire
from __future__ import annotations

from typing import ClassVar


class AmplifyError(Exception):
    """An error answer: `code` and `status` are the wire's, `message` is Amplify's text."""

    status: ClassVar[int] = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """The error's name on the wire, which is the name of its class."""
        return type(self).__name__


class BadRequestException(AmplifyError):
    """A request that the service refuses."""


class AccessDeniedException(AmplifyError):
    """A caller whom IAM denies the action."""

    status = 403


class NotFoundException(AmplifyError):
    """An app, a branch or a job that does not exist."""

    status = 404


class ResourceNotFoundException(AmplifyError):
    """What the tag operations say in place of NotFoundException."""

    status = 404


class LimitExceededException(AmplifyError):
    """A quota: too many jobs run."""

    status = 429


class ThrottlingException(AmplifyError):
    """Too many requests. Not in the service model: a common error of all AWS services."""

    status = 429


class InternalFailureException(AmplifyError):
    """The service failed."""

    status = 500


class DependentServiceFailureException(AmplifyError):
    """A service that Amplify uses failed."""

    status = 503


class NoAnswerError(Exception):
    """The caller never gets an answer. An adapter turns this into what its transport does in that case.

    Attributes:
        took_effect: Whether the service did what was asked before the answer was lost.
    """

    def __init__(self, operation: str, *, took_effect: bool) -> None:
        super().__init__(f"{operation}: no answer, {'after' if took_effect else 'before'} taking effect")
        self.took_effect = took_effect
