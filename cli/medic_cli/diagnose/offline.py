"""A diagnosis from files. It makes no AWS call and does not import the AWS SDK."""

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
    Read,
    Role,
    Unreadable,
    build_log,
)
from medic.labels import Label, Phase
from medic.logscan.scan import scan
from medic_cli.diagnose.output import DiagnosisReport
from medic_cli.files import opened, read_json_file, text_chunks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from medic.logscan.model import LogReading

_MAX_EVENT_BYTES = 1 << 20
_PARTITION = re.compile(r"arn:(aws[a-z-]*):")
_NOT_READ = Absent("it was not read")
_OFFLINE = Unreadable("AWS was not called: this diagnosis is made from files")


def read_event(path: str) -> DeploymentEvent:
    """The deployment event in a file, as EventBridge delivered it.

    Raises:
        CouldNotLookError: the file can't be read.
        click.BadParameter: it does not contain a deployment event.
    """
    body = read_json_file(path, _MAX_EVENT_BYTES)
    if not isinstance(body, dict):
        raise click.BadParameter(f"{path} contains no event: it is {type(body).__name__}, not an object.")
    try:
        return parse_deployment_event(
            body, account=str(body.get("account")), region=str(body.get("region")), partition=_partition(body)
        )
    except MalformedEventError as error:
        raise click.BadParameter(f"{path} contains no “Amplify Deployment Status Change” event: {error}.") from None


def read_log_file(path: str, phase: Phase) -> tuple[Read[BuildLog], LogReading]:
    """Scan a log file.

    Raises:
        CouldNotLookError: the file can't be read.
    """
    with opened(path) as stream:
        reading = scan(text_chunks(stream, path), phase)
    return build_log(phase.value.upper(), reading.size, reading.unread), reading


def diagnose_offline(
    event: DeploymentEvent, log_file: str | None, phase: Phase | None, now: datetime
) -> DiagnosisReport:
    """Diagnose an event and its log.

    Args:
        event: what EventBridge delivered.
        log_file: the path of the log; None if there is none.
        phase: the phase that printed the log; None means build.
        now: the time of the diagnosis.
    """
    phase = phase or Phase.BUILD
    scope = event.scope
    log, reading = (Absent("no --log was given"), None) if log_file is None else read_log_file(log_file, phase)
    evidence = evidence_of(scope, now, app=_OFFLINE, branch=_OFFLINE, job=_OFFLINE, log=log)
    report = partial(
        DiagnosisReport, scope, event.job_id, f"named by the event ({event.status})", offline=True, bot=None
    )
    if reading is None:
        return report(evidence=evidence, reading=None, diagnosis=None, notes=(_why_no_diagnosis(event),))
    diagnosis = None if reading.label in {None, Label.NOT_IAM} else diagnose(evidence, reading, phase)
    return report(evidence=evidence, reading=reading, diagnosis=diagnosis)


def _why_no_diagnosis(event: DeploymentEvent) -> str:
    if event.status is DeploymentStatus.FAILED:
        return (
            "The event says that the job failed, but not why: give its log with --log FILE, or leave out --event to "
            "read both from AWS."
        )
    return (
        f"The event's status is {event.status}, which shows no failure. To diagnose the SSR runtime, give its log: "
        "--log FILE --phase runtime."
    )


def _partition(body: Mapping[str, object]) -> str:
    resources = body.get("resources")
    first = resources[0] if isinstance(resources, list) and resources else ""
    named = _PARTITION.match(first) if isinstance(first, str) else None
    return named[1] if named else "aws"


def evidence_of(  # noqa: PLR0913 - one an item
    scope: Scope,
    read_at: datetime,
    *,
    app: Item[App],
    branch: Item[Branch],
    job: Item[Job] = _NOT_READ,
    log: Read[BuildLog] = _NOT_READ,
    roles: Mapping[str, Item[Role]] = MappingProxyType({}),
) -> Evidence:
    """Evidence without role candidates. An item that is not given counts as not read."""
    return Evidence(scope, read_at=read_at, app=app, branch=branch, job=job, log=log, roles=roles)
