"""`medic test-alert`: check that every alert channel works before it is needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from medic.events import test_alert_request
from medic.redaction import redact
from medic_cli.aws import explained
from medic_cli.errors import SOMETHING_WRONG, CouldNotLookError
from medic_cli.operator.output import OperatorOptions, operator_options
from medic_cli.options import examples
from medic_cli.output import print_json, styled, terminal

if TYPE_CHECKING:
    from medic_cli.answers import ChannelJson, SendTestAlertAnswer

_SNS = "sns"
_NOBODY = (
    "Nobody would get an alert. Confirm the e-mail that SNS sent to each address, subscribe to the topic in the stack's"
    " output AlertTopicArn, or set a Slack channel in the settings."
)
_EXAMPLES = examples("medic test-alert", "medic test-alert --stack AmplifyMedic --json")


@click.command("test-alert", epilog=_EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@operator_options
def command(*, dry_run: bool, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Have the bot send a sample alert through every configured channel, and show which channels accepted it.

    SNS accepts an alert even if no one is subscribed. So this also counts the topic's confirmed subscriptions.

    Exits with 0 if every channel accepted it and somebody is reached, 1 if not, 2 on wrong usage, 3 if the bot could
    not be reached.
    """
    chosen = OperatorOptions(**options)
    with explained():
        bot = chosen.bot()
        if dry_run:
            function = bot.stack.output("RemediatorFunctionName")
            click.echo(f"Dry run: {function} would send a sample alert through each of its channels.", err=True)
            return
        channels = _channels(bot.invoke_and_wait(test_alert_request(bot.account, bot.region)))
        subscriptions = bot.subscriptions()
    by_topic = any(c["ok"] for c in channels if c["name"] == _SNS) and subscriptions["confirmed"] > 0
    answer: SendTestAlertAnswer = {
        "schema": 1,
        "channels": channels,
        "subscriptions": subscriptions,
        "reached": by_topic or any(c["ok"] for c in channels if c["name"] != _SNS),
    }
    if chosen.as_json:
        print_json(answer)
    else:
        _print(answer)
    sys.exit(0 if answer["reached"] and all(channel["ok"] for channel in channels) else SOMETHING_WRONG)


def _channels(answer: object) -> list[ChannelJson]:
    """The channels in the remediator's answer.

    Raises:
        CouldNotLookError: the answer does not have the expected form.
    """
    channels = answer.get("channels") if isinstance(answer, Mapping) else None
    if not isinstance(channels, list) or not all(isinstance(channel, Mapping) for channel in channels):
        raise CouldNotLookError(
            "The remediator's answer lists no channels: deploy the current version of Amplify Medic."
        )
    return [
        {"name": str(c.get("name")), "ok": c.get("ok") is True, "detail": redact(str(c.get("detail", "")))}
        for c in channels
    ]


def _print(answer: SendTestAlertAnswer) -> None:
    console, channels, subscriptions = terminal(), answer["channels"], answer["subscriptions"]
    for channel in channels:
        sign, style = ("✓", "green") if channel["ok"] else ("✗", "red")
        console.print(styled(f"{sign} {channel['name']}", style), styled(channel["detail"]), sep="  ")
    console.print(
        f"Subscriptions of the topic: {subscriptions['confirmed']} confirmed, {subscriptions['pending']} not."
    )
    if not answer["reached"]:
        console.print(styled(_NOBODY, "bold red"))
