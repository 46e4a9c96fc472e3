"""`medic mute`: hear nothing of an app or a branch for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from medic.events import ALL
from medic.incidents.requests import RequestKind
from medic_cli.aws_session import explained
from medic_cli.operator.asking import Chosen, ask, request_options
from medic_cli.options import AppAndBranch, examples
from medic_cli.times import length_of_time

_LONGEST = timedelta(days=30)
_EXAMPLES = examples(
    "medic mute d1a2b3c4d5e6f7 --for 2h",
    "medic mute d1a2b3c4d5e6f7/main --for 1d --yes",
    "medic mute d1a2b3c4d5e6f7/main --off",
)


@click.command("mute", epilog=_EXAMPLES)
@click.argument("target", metavar="APP[/BRANCH]")
@click.option("--for", "length", metavar="TIME", callback=length_of_time(_LONGEST),
              help="For how long: 30m, 2h, 7d; 30 days at most.")  # fmt: skip
@click.option("--off", is_flag=True, help="Hear of it again.")
@request_options
def command(*, target: str, length: timedelta | None, off: bool, **options: Any) -> None:  # noqa: ANN401
    """Hear nothing of an app, or of one branch, for a while. What can't be told is not done either.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    if (length is None) is not off:
        raise click.UsageError("Give --for TIME, or --off.")
    named = AppAndBranch.parse(target if "/" in target else f"{target}/{ALL}")
    if named is None:
        raise click.BadParameter(f"{target!r} is neither APP nor APP/BRANCH.", param_hint="APP[/BRANCH]")
    chosen = Chosen(**options)
    with explained():
        desk = chosen.desk()
        request = desk.request(RequestKind.MUTE, desk.operator.scope(named.app_id, named.branch))
        if length is not None:
            request = replace(request, until=request.asked_at + length)
        what = f"Until {request.until:%Y-%m-%d %H:%M} UTC." if request.until else "It is heard of again."
        ask(desk, request, [what], chosen)
