"""`medic replay-dlq`: move the messages of the dead-letter queue back to the remediator's queue."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from medic_cli.aws import explained
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.operator.output import OperatorOptions, operator_options
from medic_cli.options import change_options, examples
from medic_cli.output import confirmed, print_json, shown, terminal

if TYPE_CHECKING:
    from medic_cli.answers import ReplayAnswer

_EXAMPLES = examples("medic replay-dlq --dry-run", "medic replay-dlq --yes --json")


@click.command("replay-dlq", epilog=_EXAMPLES)
@change_options
@operator_options
def command(**options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Move every message of the dead-letter queue back to the remediator's queue, as SQS's own redrive does.

    The remediator skips what it has already handled.

    Exits with 0 if nothing was left to move, 1 if you say no, 2 on wrong usage, 3 if it could not look.
    """
    chosen = OperatorOptions(**options)
    with explained():
        bot = chosen.bot()
        waiting = bot.waiting("DeadLettersUrl")
        wanted = bool(waiting) and not chosen.dry_run and confirmed(f"Move {waiting} messages?", yes=chosen.yes)
        if wanted:
            bot.replay_dead_letters()
    if chosen.as_json:
        answer: ReplayAnswer = {"schema": 1, "waiting": waiting, "replayed": wanted}
        print_json(answer)
    else:
        done = "SQS is moving them to the remediator's queue." if wanted else "Nothing was moved."
        terminal().print(shown(f"Dead letters: {waiting}. {done}", "bold"))
    sys.exit(0 if wanted or not waiting or chosen.dry_run else SOMETHING_WRONG)
