"""`medic pause`, `resume` and `replay-dlq`: what passes messages from the queues to the remediator."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from medic_cli.aws import explained
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.operator.output import OperatorOptions, operator_options
from medic_cli.options import change_options, examples
from medic_cli.output import confirmed, print_json, styled, terminal

if TYPE_CHECKING:
    from medic_cli.answers import PauseAnswer, ReplayAnswer

_PAUSE_EXAMPLES = examples("medic pause", "Only count the messages that wait:", "medic pause --dry-run")
_RESUME_EXAMPLES = examples("medic resume --yes")


@click.command("pause", epilog=_PAUSE_EXAMPLES)
@change_options
@operator_options
def pause_command(**options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Stop the bot: it handles no message until `medic resume`. Messages wait in the queue, for 14 days at most.

    A run that has begun goes on to its end.

    Exits with 0 if it is paused, 1 if you say no, 2 on wrong usage, 3 if it could not look.
    """
    _switch(OperatorOptions(**options), on=False)


@click.command("resume", epilog=_RESUME_EXAMPLES)
@change_options
@operator_options
def resume_command(**options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Let the bot handle messages again, beginning with those that wait.

    Exits with 0 if it is resumed, 1 if you say no, 2 on wrong usage, 3 if it could not look.
    """
    _switch(OperatorOptions(**options), on=True)


def _switch(chosen: OperatorOptions, *, on: bool) -> None:
    verb = "Resume" if on else "Pause"
    with explained():
        bot = chosen.bot()
        waiting, state = bot.waiting("QueueUrl"), bot.delivery()
        right = state.startswith("Enabl" if on else "Disabl")
        wanted = not (right or chosen.dry_run) and confirmed(
            f"{verb} {bot.stack.name}? {waiting} messages wait.", yes=chosen.yes
        )
        if wanted:
            state = bot.set_delivery(on=on)
    if chosen.as_json:
        answer: PauseAnswer = {"schema": 1, "state": state, "changed": wanted, "waiting": waiting}
        print_json(answer)
    else:
        terminal().print(styled(f"Delivery is {state}. {waiting} messages wait in the queue.", "bold"))
    sys.exit(0 if wanted or right or chosen.dry_run else SOMETHING_WRONG)


_REPLAY_EXAMPLES = examples("medic replay-dlq --dry-run", "medic replay-dlq --yes --json")


@click.command("replay-dlq", epilog=_REPLAY_EXAMPLES)
@change_options
@operator_options
def replay_command(**options: Any) -> None:  # noqa: ANN401 - click passes options by name
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
        terminal().print(styled(f"Dead letters: {waiting}. {done}", "bold"))
    sys.exit(0 if wanted or not waiting or chosen.dry_run else SOMETHING_WRONG)
