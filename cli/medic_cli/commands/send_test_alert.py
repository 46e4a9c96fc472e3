"""`medic test-alert`: see that every alert channel works before one is needed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from medic.events import test_alert_request
from medic.redaction import redact
from medic_cli.aws import explained
from medic_cli.errors import SOMETHING_WRONG, CouldNotLookError
from medic_cli.operator.output import Chosen, operator_options
from medic_cli.options import examples
from medic_cli.output import shown, terminal

if TYPE_CHECKING:
    from medic_cli.output import JsonObject

SCHEMA = 1
_EXAMPLES = examples("medic test-alert", "medic test-alert --stack AmplifyMedic --json")


@click.command("test-alert", epilog=_EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@operator_options
def command(*, dry_run: bool, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Have the bot send a marked sample through every configured channel, and say how each did.

    Exits with 0 if every channel took it, 1 if one did not, 2 on wrong usage, 3 if the bot could not be asked.
    """
    chosen = Chosen(**options)
    with explained():
        bot = chosen.bot()
        if dry_run:
            function = bot.stack.output("RemediatorFunctionName")
            click.echo(f"{function} would be asked to send a sample through each of its channels: --dry-run.", err=True)
            return
        operator = bot.operator
        channels = _channels(bot.invoke_and_wait(test_alert_request(operator.account, operator.region)))
    if chosen.as_json:
        click.echo(json.dumps({"schema": SCHEMA, "channels": channels}, indent=2))
    else:
        _print(channels)
    sys.exit(0 if channels and all(channel["ok"] for channel in channels) else SOMETHING_WRONG)


def _channels(answer: object) -> list[JsonObject]:
    """What the remediator answers, held to its form.

    Raises:
        CouldNotLookError: it is another one.
    """
    channels = answer.get("channels") if isinstance(answer, Mapping) else None
    if not isinstance(channels, list) or not all(isinstance(channel, Mapping) for channel in channels):
        raise CouldNotLookError("The remediator answered nothing about its channels: deploy its present version.")
    return [
        {"name": str(c.get("name")), "ok": c.get("ok") is True, "detail": redact(str(c.get("detail", "")))}
        for c in channels
    ]


def _print(channels: list[JsonObject]) -> None:
    console = terminal()
    for channel in channels:
        sign, style = ("✓", "green") if channel["ok"] else ("✗", "red")
        console.print(shown(f"{sign} {channel['name']}", style), shown(str(channel["detail"])), sep="  ")
    if not channels:
        console.print(shown("No channel is configured: nobody would be told.", "bold red"))
