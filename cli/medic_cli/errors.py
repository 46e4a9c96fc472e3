"""How the command line says that it could not look."""

from __future__ import annotations

import click

from medic_cli.output import visible

COULD_NOT_LOOK = 3
SOMETHING_WRONG = 1


class _MedicError(click.ClickException):
    """Its message may repeat what AWS, a file or an event says: it is shown letter by letter."""

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class CouldNotLookError(_MedicError):
    """Credentials, permission, network or file stood in the way: no answer was reached either way."""

    exit_code = COULD_NOT_LOOK


class NotDoneError(_MedicError):
    """What was asked for can't be done, and that is known without asking further."""

    exit_code = SOMETHING_WRONG
