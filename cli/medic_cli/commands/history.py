"""`medic history`: what happened, what the bot changed, and why. Read-only."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from medic_cli.aws_session import explained
from medic_cli.console import shown, terminal
from medic_cli.operator.asking import Chosen, operator_options
from medic_cli.operator.telling import SCHEMA, as_json, line
from medic_cli.options import app_argument, branch_argument, examples
from medic_cli.times import since

_EXAMPLES = examples(
    "medic history",
    "medic history d1a2b3c4d5e6f7 main --since 7d",
    "medic history --json | jq '.incidents[] | select(.changes != [])'",
)


@click.command("history", epilog=_EXAMPLES)
@app_argument(required=False)
@branch_argument(required=False)
@click.option("--since", "earliest", metavar="TIME", callback=since,
              help="Only what happened since then: 7d (ago), or 2026-02-20.")  # fmt: skip
@operator_options
def command(*, app: str | None, branch: str | None, earliest: datetime | None, **options: Any) -> None:  # noqa: ANN401
    """List the incidents, the newest last: when, where, what, what changed from what to what, why, and who approved.

    Exits with 0, 2 on wrong usage, 3 if it could not look.
    """
    chosen = Chosen(**options)
    with explained():
        found = [
            each
            for each in chosen.desk().history(app, branch)
            if earliest is None or each.incident.updated_at >= earliest
        ]
    if chosen.as_json:
        click.echo(json.dumps({"schema": SCHEMA, "incidents": [as_json(each) for each in found]}, indent=2))
        return
    console = terminal()
    for each in found:
        console.print(shown(line(each)), soft_wrap=True)
    if not found:
        console.print(shown("The bot remembers no incident here.", "dim"))
