"""`medic diagnose`: diagnose a build or the SSR runtime, from AWS or from files. Read-only."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from medic.knowledge.entry import Dialect
from medic.labels import Phase
from medic_cli.diagnose.offline import diagnose_offline, read_event
from medic_cli.diagnose.output import DIALECT_CHOICES, answer_of, print_report
from medic_cli.options import app_argument, aws_options, branch_argument, examples, json_option, since
from medic_cli.output import print_json

_EXAMPLES = examples(
    "medic diagnose d1a2b3c4d5e6f7 main",
    "medic diagnose d1a2b3c4d5e6f7 main --job 42 --dialect terraform",
    "Also show what the bot would do:",
    "medic diagnose d1a2b3c4d5e6f7 main --stack AmplifyMedic",
    "Diagnose the SSR runtime instead of a build:",
    "medic diagnose d1a2b3c4d5e6f7 main --since 1h",
    "Without any AWS call:",
    "medic diagnose --event event.json --log build.log",
)


@click.command("diagnose", epilog=_EXAMPLES)
@app_argument(required=False)
@branch_argument(required=False)
@click.option("--job", metavar="N", help="The job to diagnose. Default: the newest that failed.")
@click.option("--event", "event_file", type=click.Path(), metavar="FILE",
              help="Diagnose the event in this file, as EventBridge delivered it, without any AWS call.")  # fmt: skip
@click.option("--log", "log_file", type=click.Path(allow_dash=True), metavar="FILE",
              help="Read this log instead of the job's; - reads standard input.")  # fmt: skip
@click.option("--phase", type=click.Choice([phase.value for phase in Phase]),
              help="The phase that printed the log. Default: the failed step of the job, or build.")  # fmt: skip
@click.option(
    "--since",
    "earliest",
    metavar="TIME",
    callback=since,
    help="Diagnose the app's SSR log in CloudWatch since then, instead of a build: 1h (ago), or 2026-02-20.",
)
@click.option("--dialect", type=click.Choice(DIALECT_CHOICES), default=Dialect.CONSOLE.value, show_default=True,
              help="Format of the fixes.")  # fmt: skip
@click.option("--stack", metavar="NAME",
              help="Also show what the bot would do, with the settings of this deployed stack.")  # fmt: skip
@click.option("--log-url-origin", "origins", multiple=True, metavar="ORIGIN",
              help="Also accept logs from this origin, such as http://127.0.0.1:4566 (for an emulator).")  # fmt: skip
@aws_options
@json_option
def command(  # noqa: PLR0913 - click passes options by name
    *,
    app: str | None,
    branch: str | None,
    job: str | None,
    event_file: str | None,
    log_file: str | None,
    phase: str | None,
    earliest: datetime | None,
    dialect: str,
    stack: str | None,
    origins: tuple[str, ...],
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Diagnose a build or, with --since, the SSR runtime: what is proven, what is only likely, and the exact fix.

    Reads app, branch, job, log and roles with your credentials, and changes nothing. With --event it makes no AWS
    call. It fetches logs from AWS hosts only.

    Exits with 0 if the log shows no IAM failure, 1 if it does, 2 on wrong usage, 3 if it could not look.
    """
    log_phase = Phase(phase) if phase else None
    alias = ""
    if event_file is not None:
        for name, value in (("APP", app), ("--job", job), ("--stack", stack), ("--since", earliest)):
            if value is not None:
                raise click.UsageError(
                    f"--event already names the app, branch and job, and makes no AWS call: leave {name} out."
                )
        report = diagnose_offline(read_event(event_file), log_file, log_phase, datetime.now(UTC))
    else:
        if app is None or branch is None:
            raise click.UsageError("Give APP and BRANCH, or --event FILE.")
        if earliest is not None and (job or log_file or phase):
            raise click.UsageError("--since reads the SSR log: leave --job, --log and --phase out.")
        # An offline diagnosis does not import boto3.
        from medic_cli.aws import DeployedStack, account_alias, explained, session  # noqa: PLC0415
        from medic_cli.diagnose.run import DiagnosisGateways, diagnose_job, diagnose_runtime  # noqa: PLC0415

        aws = session(profile, region)
        with explained():
            deployed = DeployedStack(aws, stack) if stack else None
            gateways = DiagnosisGateways(aws, origins, deployed)
            if earliest is not None:
                report = diagnose_runtime(gateways, app, branch, earliest)
            else:
                report = diagnose_job(gateways, app, branch, job_id=job, log_file=log_file, log_phase=log_phase)
            alias = "" if as_json else account_alias(aws)
    if as_json:
        print_json(answer_of(report))
    else:
        print_report(report, dialect, alias)
    sys.exit(report.exit_code)
