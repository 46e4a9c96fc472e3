"""`medic fix`: have the bot diagnose a branch's failure anew and do what comes out, as if it were approved."""

from __future__ import annotations

from typing import Any

import click

from medic.incidents.requests import RequestKind
from medic_cli.aws_session import explained
from medic_cli.operator.asking import Chosen, ask, request_options
from medic_cli.operator.telling import line
from medic_cli.options import app_argument, branch_argument, examples

_EXAMPLES = examples("medic fix d1a2b3c4d5e6f7 main", "medic fix d1a2b3c4d5e6f7 main --dry-run")


@click.command("fix", epilog=_EXAMPLES)
@app_argument()
@branch_argument()
@request_options
def command(*, app: str, branch: str, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Have the bot diagnose the branch's latest failure anew, and do what comes out as if you had approved it.

    The branch must still be opted in, and every guardrail is asked.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    chosen = Chosen(**options)
    with explained():
        desk = chosen.desk()
        latest = [line(found) for found in desk.history(app, branch)][-1:] or ["The bot knows no incident here."]
        request = desk.request(RequestKind.FIX, desk.operator.scope(app, branch))
        ask(desk, request, latest, chosen)
