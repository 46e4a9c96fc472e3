"""How the command line says that it could not look."""

from __future__ import annotations

import click

COULD_NOT_LOOK = 3
SOMETHING_WRONG = 1


class CouldNotLookError(click.ClickException):
    """Credentials, permission, network or file stood in the way: no answer was reached either way."""

    exit_code = COULD_NOT_LOOK


class NotDoneError(click.ClickException):
    """What was asked for can't be done, and that is known without asking further."""

    exit_code = SOMETHING_WRONG
