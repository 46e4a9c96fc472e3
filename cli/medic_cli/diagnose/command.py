"""`medic diagnose`: why a build failed, from AWS or from files. Read-only."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from medic.knowledge.entry import Dialect
from medic.labels import Phase
from medic_cli.diagnose.offline import diagnose_offline, read_event
from medic_cli.diagnose.output import DIALECT_CHOICES, answer_of, print_report
from medic_cli.options import app_argument, aws_options, branch_argument, examples, json_option, since

if TYPE_CHECKING:
    from medic_cli.diagnose.output import DiagnosisReport

_EXAMPLES = examples(
    "medic diagnose d1a2b3c4d5e6f7 main",
    "medic diagnose d1a2b3c4d5e6f7 main --job 42 --dialect terraform",
    "medic diagnose d1a2b3c4d5e6f7 main --stack AmplifyMedic      # and what the bot would do",
    "medic diagnose d1a2b3c4d5e6f7 main --since 1h                # the SSR runtime, in place of a build",
    "medic diagnose --event event.json --log build.log            # offline",
)


@dataclass(frozen=True, slots=True)
class _DiagnoseChoices:
    """The command line, as click hands it over."""

    app: str | None
    branch: str | None
    job: str | None
    event_file: str | None
    log_file: str | None
    phase: str | None
    earliest: datetime | None
    dialect: str
    stack: str | None
    origins: tuple[str, ...]
    profile: str | None
    region: str | None
    as_json: bool

    @property
    def where(self) -> Phase | None:
        return Phase(self.phase) if self.phase else None


@click.command("diagnose", epilog=_EXAMPLES)
@app_argument(required=False)
@branch_argument(required=False)
@click.option("--job", metavar="N", help="The job to look at; by default the newest that failed.")
@click.option("--event", "event_file", type=click.Path(), metavar="FILE",
              help="Diagnose the event in a file, as EventBridge delivered it, without asking AWS.")  # fmt: skip
@click.option("--log", "log_file", type=click.Path(allow_dash=True), metavar="FILE",
              help="A log to read in the place of the job's; - reads standard input.")  # fmt: skip
@click.option("--phase", type=click.Choice([phase.value for phase in Phase]),
              help="Where the log was printed; by default what the job says, or build.")  # fmt: skip
@click.option(
    "--since",
    "earliest",
    metavar="TIME",
    callback=since,
    help="Look at the app's SSR log in CloudWatch from then on, in place of a build: 1h (ago), or 2026-02-20.",
)
@click.option("--dialect", type=click.Choice(DIALECT_CHOICES), default=Dialect.CONSOLE.value, show_default=True,
              help="How to write the fixes down.")  # fmt: skip
@click.option("--stack", metavar="NAME",
              help="Also say what the bot would do under the settings of this deployed stack.")  # fmt: skip
@click.option("--log-url-origin", "origins", multiple=True, metavar="ORIGIN",
              help="Trust this origin for logs too, such as http://127.0.0.1:4566: for an emulator.")  # fmt: skip
@aws_options
@json_option
def command(**options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Say why a build (with --since, the SSR runtime) failed: what is proven, what is only likely, and the exact fix.

    Reads app, branch, job, log and roles with your credentials, and changes nothing. With --event it asks AWS nothing
    at all. A log is fetched from AWS hosts only.

    Exits with 0 if the log shows no IAM failure, 1 if it does, 2 on wrong usage, 3 if it could not look.
    """
    chosen = _DiagnoseChoices(**options)
    report = _offline(chosen) if chosen.event_file is not None else _live(chosen)
    if chosen.as_json:
        click.echo(json.dumps(answer_of(report), indent=2))
    else:
        print_report(report, chosen.dialect)
    sys.exit(report.exit_code)


def _offline(chosen: _DiagnoseChoices) -> DiagnosisReport:
    names_or_asks = (
        ("APP", chosen.app),
        ("--job", chosen.job),
        ("--stack", chosen.stack),
        ("--since", chosen.earliest),
    )
    for name, value in names_or_asks:
        if value is not None:
            raise click.UsageError(f"--event names app, branch and job itself, and asks AWS nothing: leave {name} out.")
    event = read_event(chosen.event_file or "")
    return diagnose_offline(event, chosen.log_file, chosen.where, datetime.now(UTC))


def _live(chosen: _DiagnoseChoices) -> DiagnosisReport:
    # An offline diagnosis does without boto3.
    from medic_cli.aws import DeployedStack, explained, session  # noqa: PLC0415
    from medic_cli.diagnose.run import (  # noqa: PLC0415
        DiagnoseOptions,
        Gateways,
        LiveDiagnosis,
        RuntimeDiagnosis,
    )

    if chosen.app is None or chosen.branch is None:
        raise click.UsageError("Give APP and BRANCH, or --event FILE.")
    if chosen.earliest is not None and (chosen.job or chosen.log_file or chosen.phase):
        raise click.UsageError("--since reads the SSR log: leave --job, --log and --phase out.")
    aws = session(chosen.profile, chosen.region)
    stack = DeployedStack(aws, chosen.stack) if chosen.stack else None
    with explained():
        gateways = Gateways(aws, lambda: datetime.now(UTC), chosen.origins, stack)
        if chosen.earliest is not None:
            return RuntimeDiagnosis(gateways).make(chosen.app, chosen.branch, chosen.earliest)
        return LiveDiagnosis(gateways).make(
            DiagnoseOptions(chosen.app, chosen.branch, chosen.job, chosen.log_file, chosen.where)
        )
