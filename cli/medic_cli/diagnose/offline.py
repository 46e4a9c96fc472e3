"""A diagnosis from files: AWS is not asked, and the AWS SDK is not imported."""

from __future__ import annotations

import re
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from medic.diagnosis.diagnose import diagnose
from medic.events import DeploymentEvent, DeploymentStatus, MalformedEventError, Scope, parse_deployment_event
from medic.evidence import (
    Absent,
    App,
    Branch,
    BuildLog,
    Evidence,
    Item,
    Job,
    Present,
    Role,
    Unreadable,
)
from medic.labels import Label, Phase
from medic.logscan.scan import scan
from medic_cli.diagnose.output import DiagnosisReport
from medic_cli.files import chunks, opened, read_json_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from medic.logscan.model import LogReading


NOT_READ = Absent("it was not asked for")


def evidence_of(  # noqa: PLR0913 - one an item
    scope: Scope,
    read_at: datetime,
    *,
    app: Item[App],
    branch: Item[Branch],
    job: Item[Job] = NOT_READ,
    log: Item[BuildLog] = NOT_READ,
    roles: Mapping[str, Item[Role]] = MappingProxyType({}),
) -> Evidence:
    """The evidence under a scope, with every item as it is known."""
    return Evidence(
        partition=scope.partition,
        account=scope.account,
        region=scope.region,
        app_id=scope.app_id,
        branch_name=scope.branch,
        read_at=read_at,
        app=app,
        branch=branch,
        job=job,
        log=log,
        roles=roles,
    )


_MOST_BYTES_OF_AN_EVENT = 1 << 20


_PARTITION = re.compile(r"arn:(aws[a-z-]*):")


_NOT_ASKED = Unreadable("AWS was not asked: the diagnosis was made from files")


def read_event(path: str) -> DeploymentEvent:
    """The event in a file, as EventBridge delivered it.

    Raises:
        CouldNotLookError: the file can't be read.
        click.BadParameter: it holds no such event.
    """
    body = read_json_file(path, _MOST_BYTES_OF_AN_EVENT)
    if not isinstance(body, dict):
        raise click.BadParameter(f"{path} holds no event: it is {type(body).__name__}, not an object.")
    try:
        return parse_deployment_event(
            body, account=str(body.get("account")), region=str(body.get("region")), partition=_partition(body)
        )
    except MalformedEventError as error:
        raise click.BadParameter(f"{path} holds no “Amplify Deployment Status Change” event: {error}.") from None


def read_log_file(path: str, phase: Phase) -> tuple[Item[BuildLog], LogReading]:
    """A log in a file, read through the scanner.

    Raises:
        CouldNotLookError: the file can't be read.
    """
    with opened(path) as stream:
        reading = scan(chunks(stream, path), phase)
    return Present(BuildLog(phase.value.upper(), reading.size)), reading


def diagnose_offline(
    event: DeploymentEvent, log_file: str | None, phase: Phase | None, now: datetime
) -> DiagnosisReport:
    """What can be said from the event and the log.

    Args:
        event: what EventBridge delivered.
        log_file: the log; None if there is none.
        phase: where the log was printed; None for the build.
        now: the time to give the diagnosis.
    """
    phase = phase or Phase.BUILD
    scope = event.scope
    log, reading = (Absent("no --log was given"), None) if log_file is None else read_log_file(log_file, phase)
    evidence = evidence_of(scope, now, app=_NOT_ASKED, branch=_NOT_ASKED, job=_NOT_ASKED, log=log)
    report = partial(
        DiagnosisReport, scope, event.job_id, f"the event names it ({event.status})", offline=True, bot=None
    )
    if reading is None:
        return report(evidence=evidence, reading=None, diagnosis=None, notes=(_without_a_log(event),))
    diagnosis = None if reading.label is Label.NOT_IAM else diagnose(evidence, reading, phase)
    return report(evidence=evidence, reading=reading, diagnosis=diagnosis)


def _without_a_log(event: DeploymentEvent) -> str:
    if event.status is DeploymentStatus.FAILED:
        return (
            "The event says that the job failed, and nothing of why: give its log with --log FILE, or leave --event "
            "out to read both from AWS."
        )
    return (
        f"The event says {event.status}: a build that ends so shows no failure. An SSR log can be given with "
        "--log FILE --phase runtime."
    )


def _partition(body: Mapping[str, object]) -> str:
    resources = body.get("resources")
    first = resources[0] if isinstance(resources, list) and resources else ""
    named = _PARTITION.match(first) if isinstance(first, str) else None
    return named[1] if named else "aws"
