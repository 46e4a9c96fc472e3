"""The exit codes of `medic`, and the errors that end a command with one of them."""

from __future__ import annotations

import click

from medic.text import visible

SOMETHING_WRONG = 1
COULD_NOT_LOOK = 3


class _MedicError(click.ClickException):
    """Its message may quote AWS, a file or an event, so only visible characters are kept."""

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class CouldNotLookError(_MedicError):
    """Credentials, permission, network or file prevented an answer."""

    exit_code = COULD_NOT_LOOK


class NotDoneError(_MedicError):
    """What the user asked for is impossible, and that is known without a request to the bot."""

    exit_code = SOMETHING_WRONG
