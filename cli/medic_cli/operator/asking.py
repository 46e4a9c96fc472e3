"""What the commands that ask the bot have in common: their options, and asking from the question to the answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from medic_cli.asking import agreed
from medic_cli.aws_session import session
from medic_cli.console import print_list, shown, terminal
from medic_cli.failure import SOMETHING_WRONG
from medic_cli.operator.credentials import become_operator
from medic_cli.operator.desk import Desk, exit_code_of
from medic_cli.options import aws_options, change_options, json_option
from medic_cli.stack import DeployedStack, stack_option
from medic_cli.times import length_of_time

if TYPE_CHECKING:
    from medic.incidents.requests import Request
    from medic_cli.json_types import JsonObject
    from medic_cli.operator.desk import Answer

F = TypeVar("F", bound=Callable[..., object])

SCHEMA = 1
_LONGEST_WAIT = timedelta(minutes=15)


def operator_options(command: F) -> F:
    """`--stack`, `--profile`, `--region`, `--json`."""
    return stack_option(aws_options(json_option(command)))


def request_options(command: F) -> F:
    """The same, with `--dry-run`, `--yes` and `--wait`."""
    command = click.option(
        "--wait",
        metavar="TIME",
        default="60s",
        show_default=True,
        callback=length_of_time(_LONGEST_WAIT),
        help="How long to wait for the bot's answer.",
    )(operator_options(command))
    return change_options(command)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The options of a command that asks the bot, as click hands them over."""

    stack: str
    profile: str | None
    region: str | None
    as_json: bool
    dry_run: bool = False
    yes: bool = False
    wait: timedelta = timedelta()

    def desk(self) -> Desk:
        """The bot's desk, under the stack's operator role.

        Raises:
            CouldNotLookError: no stack, no credentials, or no right to become its operator.
        """
        aws = session(self.profile, self.region)
        stack = DeployedStack(aws, self.stack)
        return Desk(become_operator(aws, stack), stack, lambda: datetime.now(UTC))


def ask(desk: Desk, request: Request, about: Iterable[str], chosen: Chosen) -> NoReturn:
    """Show what would be asked for, ask for it if somebody agrees, and tell the answer.

    Exits with 0 if it was done, 1 if it was refused or nobody agreed, 3 if no answer came in time.

    Raises:
        AwsError: the bot could not be asked.
    """
    if not chosen.as_json:
        print_list(terminal(), f"{request.kind} {request.scope}", (*about, f"Asked for by {request.who}."))
        terminal().print()
    if chosen.dry_run:
        _tell(request, None, chosen, "Nothing was asked for: --dry-run.")
        sys.exit(0)
    if not agreed("Ask the bot for this?", yes=chosen.yes):
        _tell(request, None, chosen, "Nothing was asked for.")
        sys.exit(SOMETHING_WRONG)
    answer = desk.ask(request, chosen.wait)
    _tell(request, answer, chosen, answer.text or _NOT_YET)
    sys.exit(exit_code_of(answer))


_NOT_YET = "The bot has not answered yet; it will, also without you: medic history shows what became of it."


def _tell(request: Request, answer: Answer | None, chosen: Chosen, said: str) -> None:
    if chosen.as_json:
        click.echo(json.dumps(_as_json(request, answer), indent=2))
    else:
        style = "bold red" if answer is not None and answer.refused else "bold"
        terminal().print(shown(said, style))


def _as_json(request: Request, answer: Answer | None) -> JsonObject:
    scope = request.scope
    return {
        "schema": SCHEMA,
        "kind": request.kind.value,
        "account": scope.account,
        "region": scope.region,
        "app": scope.app_id,
        "branch": scope.branch,
        "incident": request.incident_id or None,
        "until": request.until.isoformat(timespec="seconds") if request.until else None,
        "who": request.who,
        "request": request.id if answer else None,
        "answer": answer.text if answer else None,
        "refused": answer.refused if answer else False,
    }
