"""`medic show`: everything that the bot recorded about one incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from medic_cli.aws import explained
from medic_cli.operator.completion import incidents
from medic_cli.operator.output import OperatorOptions, incident_json, incident_lines, operator_options
from medic_cli.options import examples
from medic_cli.output import print_json, print_list, terminal

if TYPE_CHECKING:
    from medic_cli.answers import ShowAnswer

_EXAMPLES = examples("medic show 3f2a90b1c4d5", "medic show 3f2a90b1c4d5 --json | jq .incident.changes")


@click.command("show", epilog=_EXAMPLES)
@click.argument("incident", shell_complete=incidents)
@operator_options
def command(*, incident: str, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Show one incident: what failed and why, what is planned, what was changed, and who asked for it.

    Exits with 0, 2 on wrong usage, 3 if there is no such incident or it could not look.
    """
    chosen = OperatorOptions(**options)
    with explained():
        found = chosen.bot().find(incident)
    if chosen.as_json:
        answer: ShowAnswer = {"schema": 1, "incident": incident_json(found)}
        print_json(answer)
    else:
        print_list(terminal(), f"Incident {incident}", incident_lines(found))
