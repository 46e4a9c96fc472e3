"""`medic doctor --live APP`: the part of `medic doctor` that writes. It asks first."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medic.arns import arn_parts
from medic.aws.clients import READING, require_compute_role_support
from medic.aws.errors import translated
from medic.events import RequestKind
from medic.gateways import utc_now
from medic_cli.aws import DeployedStack, explained, region_of
from medic_cli.doctor_live.app import ScratchApp
from medic_cli.doctor_live.journal import Journal
from medic_cli.doctor_live.names import BRANCHES, ROLES, Scratch
from medic_cli.doctor_live.policy import policy_for
from medic_cli.doctor_live.run import play
from medic_cli.doctor_live.web import log_reader, visit
from medic_cli.errors import SOMETHING_WRONG, CouldNotLookError, NotDoneError
from medic_cli.files import write_text
from medic_cli.operator.bot import connect_to_bot
from medic_cli.output import confirmed, print_json, print_list, styled, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boto3.session import Session

    from medic.incidents.model import Incident
    from medic_cli.doctor_live.answers import LiveAnswer
    from medic_cli.doctor_live.promises import Bot
    from medic_cli.operator.bot import BotClient

_UNDO_WAIT = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What `medic doctor --live` was asked.

    Attributes:
        app_id: The scratch app.
        stack: Name of the deployed stack.
        as_json: Whether to answer in JSON.
        yes: Whether to start without a question.
        journal: The journal's file; None for one named after the app.
        answers: The file for the answers; None for one named after the region.
    """

    app_id: str
    stack: str
    as_json: bool
    yes: bool
    journal: Path | None = None
    answers: Path | None = None


def doctor_live(session: Session, options: LiveOptions, *, policy: bool) -> None:
    """Print the IAM policy that a run needs; or run. Exits with 1 if a promise was broken or something is left.

    Raises:
        CouldNotLookError: a call failed; what was made is undone, or named in the journal.
        NotDoneError: the app is no scratch app, or the user said no.
    """
    require_compute_role_support()
    with explained():
        scratch = _scratch(session, options.app_id)
        if policy:
            print_json(policy_for(scratch))
        else:
            _run(session, scratch, options)


def _run(session: Session, scratch: Scratch, options: LiveOptions) -> None:
    """Undo what an earlier run left, then ask, play, measure and undo."""
    journal = Journal(options.journal or Path(f"medic-doctor-{options.app_id}.json"), scratch)
    app = ScratchApp(session, scratch, journal, utc_now, time.sleep)
    if journal.entries:
        _finish_earlier_run(app, options)
    app.check()
    _print_plan(app, options)
    if not confirmed("Play these failures in the scratch app?", yes=options.yes):
        raise NotDoneError("Nothing was done.")
    bot, origins = _connected(session, options)
    try:
        answer = play(app, visit, log_reader(origins), bot)
    finally:
        if journal.entries:
            click.echo(f"Still there: {', '.join(journal.entries)}. Run the command again.", err=True)
    path = options.answers or Path(f"amplify-answers-{scratch.region}.json")
    write_text(path, json.dumps(answer["measured"], indent=2) + "\n")
    _print(answer, path, as_json=options.as_json)
    if answer["not_undone"] or any(promise["outcome"] == "fail" for promise in answer["promises"]):
        sys.exit(SOMETHING_WRONG)


def _scratch(session: Session, app_id: str) -> Scratch:
    with translated("sts:GetCallerIdentity"):
        arn = session.client("sts", config=READING).get_caller_identity()["Arn"]
    partition, _, _, account, _ = arn_parts(arn)
    return Scratch(partition, account, region_of(session), app_id)


def _finish_earlier_run(app: ScratchApp, options: LiveOptions) -> None:
    """Undo what the journal names. Asks first: the file may be old."""
    click.echo(f"An earlier run left: {', '.join(app.journal.entries)}.", err=True)
    if not confirmed("Delete these now?", yes=options.yes):
        raise NotDoneError("Nothing was done.")
    failed = app.undo_all()
    if failed:
        reasons = "; ".join(f"{thing}: {error}" for thing, error in failed.items())
        raise CouldNotLookError(f"Not everything of the earlier run could be deleted: {reasons}")


def _print_plan(app: ScratchApp, options: LiveOptions) -> None:
    if options.as_json:
        return
    print_list(terminal(), f"In the app {app.scratch.app_id}, and then deleted again", _plan(app.scratch))
    terminal().print()


def _plan(scratch: Scratch) -> Iterator[str]:
    for branch in BRANCHES:
        yield f"branch {branch}, with builds that cost build minutes"
    for trust in ROLES:
        yield f"IAM role {scratch.role(trust)}, without any permission"
    yield f"queue and EventBridge rule {scratch.name}, for the app's events"
    yield "The run takes about an hour. If it is stopped, run it again: it first deletes what is left."


def _connected(session: Session, options: LiveOptions) -> tuple[Bot | None, tuple[str, ...]]:
    """The deployed bot, if there is one, and the origins of logs that its settings allow besides AWS's."""
    try:
        client = connect_to_bot(session, DeployedStack(session, options.stack))
    except CouldNotLookError as error:
        click.echo(f"The bot's promises are not checked: {error.format_message()}", err=True)
        return None, ()
    return _DeployedBot(client, options.app_id), tuple(client.stack.runtime.settings.log_url_origins)


@dataclass(frozen=True, slots=True)
class _DeployedBot:
    client: BotClient
    app_id: str

    def incident(self, branch: str) -> Incident | None:
        found = [each.incident for each in self.client.history(self.app_id, branch)]
        return found[-1] if found else None

    def undo(self, branch: str) -> str:
        incident = self.incident(branch)
        request = self.client.request(
            RequestKind.UNDO, self.client.scope(self.app_id, branch), incident.id if incident else ""
        )
        return self.client.send(request, _UNDO_WAIT).text or "the bot did not answer"


def _print(answer: LiveAnswer, path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    console = terminal()
    promises = (f"{each['outcome']}: {each['promise']} ({each['evidence']})" for each in answer["promises"])
    print_list(console, "The bot", promises)
    answers = answer["measured"]["answers"].items()
    print_list(console, "Amplify", (f"{question}: {value or 'could not tell'}" for question, value in answers))
    print_list(console, "Not undone", (f"{thing}: {why}" for thing, why in answer["not_undone"].items()))
    console.print()
    console.print(styled(f"The answers are in {path}, without ids. Please send it: docs/doctor-app/README.md", "bold"))
