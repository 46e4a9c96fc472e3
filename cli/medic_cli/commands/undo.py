"""`medic undo`: have the bot take back what it set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from medic.incidents.requests import RequestKind
from medic_cli.aws_session import explained
from medic_cli.failure import NotDoneError
from medic_cli.operator.asking import Chosen, ask, request_options
from medic_cli.operator.telling import line
from medic_cli.options import AppAndBranch, examples

if TYPE_CHECKING:
    from medic_cli.operator.desk import Desk, Found

_EXAMPLES = examples(
    "medic undo 3f2a90b1c4d5",
    "medic undo d1a2b3c4d5e6f7 main            # the newest change that stands there",
)


@click.command("undo", epilog=_EXAMPLES)
@click.argument("target", nargs=-1, metavar="INCIDENT | APP BRANCH")
@request_options
def command(*, target: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Have the bot put back what stood there before its change, if its change still stands.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    if len(target) not in (1, 2) or (len(target) == 2 and AppAndBranch.parse("/".join(target)) is None):  # noqa: PLR2004
        raise click.UsageError("Give an INCIDENT, or APP and BRANCH.")
    chosen = Chosen(**options)
    with explained():
        desk = chosen.desk()
        found = _changed(desk, target)
        request = desk.request(RequestKind.UNDO, found.scope, found.incident.id)
        ask(desk, request, [line(found)], chosen)


def _changed(desk: Desk, target: tuple[str, ...]) -> Found:
    """The incident that is named, or the newest of a branch whose change stands."""
    if len(target) == 1:
        return desk.find(target[0])
    applied = [found for found in desk.history(*target) if found.incident.applied]
    if not applied:
        raise NotDoneError("The bot knows of no change of its own that stands on this branch.")
    return max(applied, key=lambda found: found.incident.updated_at)
