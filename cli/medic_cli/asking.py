"""What changes something is shown first, and done only when somebody says yes."""

from __future__ import annotations

import click


def agreed(question: str, *, yes: bool) -> bool:
    """True if the change may be made.

    The question goes to standard error, so that an answer in JSON stays clean. Without a terminal nobody can answer:
    that counts as no.
    """
    if yes:
        return True
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo("", err=True)
        return False
