"""`medic replay-dlq`: hand the remediator again what could not be handled."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from medic_cli.asking import agreed
from medic_cli.aws_session import explained
from medic_cli.console import shown, terminal
from medic_cli.failure import SOMETHING_WRONG
from medic_cli.operator.asking import Chosen, operator_options
from medic_cli.operator.replay import KeptQueue, Replayer
from medic_cli.options import change_options, examples

if TYPE_CHECKING:
    from medic_cli.operator.replay import Handled

SCHEMA = 1
_EXAMPLES = examples(
    "medic replay-dlq --dry-run",
    "medic replay-dlq --queue failed-runs --max 10",
    "medic replay-dlq --yes --json",
)


@click.command("replay-dlq", epilog=_EXAMPLES)
@click.option("--queue", type=click.Choice([queue.value for queue in KeptQueue]), help="Only this queue.")
@click.option("--max", "most", type=click.IntRange(1, 10_000), default=100, show_default=True,
              help="The most messages of a queue to replay.")  # fmt: skip
@change_options
@operator_options
def command(*, queue: str | None, most: int, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Hand the remediator again what it never received, or failed on; what was handled already is known and done once.

    A message is deleted once Lambda has taken it. One of an unknown shape is left and named.

    Exits with 0 if nothing had to be left, 1 if something was or you say no, 2 on wrong usage, 3 if it could not look.
    """
    chosen = Chosen(**options)
    queues = [KeptQueue(queue)] if queue else list(KeptQueue)
    with explained():
        replayer = Replayer(chosen.desk())
        waiting = {each: replayer.waiting(each) for each in queues}
        said = ", ".join(f"{number} in {each}" for each, number in waiting.items())
        wanted = chosen.dry_run or not any(waiting.values()) or agreed(f"Replay {said}?", yes=chosen.yes)
        handled = [h for each in queues for h in replayer.replay(each, most, dry_run=chosen.dry_run)] if wanted else []
    if chosen.as_json:
        waited = {each.value: number for each, number in waiting.items()}
        answer = {"schema": SCHEMA, "waiting": waited, "messages": [each.as_json() for each in handled]}
        click.echo(json.dumps(answer, indent=2))
    else:
        _print(handled, said)
    left = [each for each in handled if not each.replayed]
    sys.exit(SOMETHING_WRONG if not wanted or (left and not chosen.dry_run) else 0)


def _print(handled: list[Handled], waiting: str) -> None:
    console = terminal()
    console.print(shown(f"Waiting: {waiting}.", "dim"))
    for each in handled:
        sign, style = ("✓ replayed", "green") if each.replayed else ("– left", "yellow")
        console.print(shown(f"{sign}  {each.queue} {each.id}  {each.what}  {each.why}".rstrip(), style))
