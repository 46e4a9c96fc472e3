"""`medic approve`: approve what the bot proposed, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from medic.aws.amplify import AmplifyReader
from medic.aws.sessions import Reader
from medic.evidence.model import Present
from medic.redaction import redact
from medic_cli.aws_session import explained
from medic_cli.failure import NotDoneError
from medic_cli.items import why
from medic_cli.operator.asking import Chosen, ask, request_options
from medic_cli.operator.telling import plan
from medic_cli.options import examples

if TYPE_CHECKING:
    from medic_cli.operator.desk import Desk, Found

_EXAMPLES = examples("medic approve 3f2a90b1c4d5", "medic approve 3f2a90b1c4d5 --yes --wait 2m")


@click.command("approve", epilog=_EXAMPLES)
@click.argument("incident")
@request_options
def command(*, incident: str, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Approve an incident's plan as the bot proposed it: shown first, good once, and for no other plan.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    chosen = Chosen(**options)
    with explained():
        desk = chosen.desk()
        found = desk.find(incident)
        if not found.incident.plan_hash or found.incident.state.closed:
            raise NotDoneError(f"Incident {incident} is {found.incident.state}: it has no plan that could be approved.")
        ask(desk, desk.approval(found), (*plan(found.incident), _standing(desk, found)), chosen)


def _standing(desk: Desk, found: Found) -> str:
    """What the plan would replace, read with the caller's own credentials: operators hold no right on Amplify."""
    scope = found.scope
    match AmplifyReader(Reader(desk.stack.session).amplify).branch(scope.app_id, scope.branch):
        case Present(branch):
            return f"The branch's compute role is {branch.compute_role_arn or 'not set'} now."
        case unknown:
            return redact(f"What stands on the branch now is not known: {why(unknown)}.")
