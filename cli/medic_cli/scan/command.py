"""The `medic scan` command: check every app and branch of an account, read-only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from medic.arns import APP_ID, RoleArn
from medic.settings import Settings
from medic_cli import completion
from medic_cli.files import write_text
from medic_cli.options import examples, fail_on_option, json_option, output_file
from medic_cli.output import print_json
from medic_cli.sarif import sarif_log
from medic_cli.scan.model import FailOn, exit_code
from medic_cli.scan.opted_in import OptInTerms, read_settings, settings_file, terms_of_stacks
from medic_cli.scan.output import print_scan, scan_as_json, scan_result
from medic_cli.scan.page import scan_page

if TYPE_CHECKING:
    from pathlib import Path

_EXAMPLES = examples(
    "medic scan",
    "medic scan --region eu-central-1 --region us-east-1 --html scan.html",
    "medic scan --app d1a2b3c4d5e6f7 --json",
    "In CI, exit with 1 on a warning or an error:",
    "medic scan --fail-on warning",
)


def _apps(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not APP_ID.fullmatch(value):
            raise click.BadParameter(f"{value!r} is not the id of an Amplify app, such as d1a2b3c4d5e6f7.")
    return tuple(dict.fromkeys(values))


def _role(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and RoleArn.parse(value) is None:
        raise click.BadParameter(f"{value!r} is not a role ARN such as arn:aws:iam::111122223333:role/name.")
    return value


@click.command("scan", epilog=_EXAMPLES)
@click.option("--region", "regions", multiple=True, metavar="REGION", envvar="AWS_REGION",
              shell_complete=completion.regions,
              help="An AWS region; repeat for more. Default: the environment's region.")  # fmt: skip
@click.option("--app", "apps", multiple=True, metavar="APP", callback=_apps, shell_complete=completion.apps,
              help="Scan only this app; repeat for more.")  # fmt: skip
@click.option("--profile", metavar="NAME", help="The AWS profile. Default: the environment's profile.")
@click.option("--settings", type=click.Path(), metavar="FILE",
              help="The deployed settings, to check opted-in branches: a cdk.json, or only its amplify-medic object. "
                   "Default: cdk.json in this directory, if there is one.")  # fmt: skip
@click.option("--default-role", metavar="ARN", callback=_role,
              help="The compute role that the deployed stack created, to check it too.")  # fmt: skip
@click.option("--stack", metavar="NAME",
              help="Read settings and default role from the stack with this name in each region.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(min=0.1, max=1000), default=10, show_default=True, metavar="N",
              help="Calls a second to Amplify, in each region.")  # fmt: skip
@click.option("--iam-rate", type=click.FloatRange(min=0.1, max=1000), default=10, show_default=True, metavar="N",
              help="Calls a second to IAM.")  # fmt: skip
@output_file("--html", "Also write the report as one self-contained HTML page.")
@output_file("--sarif", "Also write the findings as SARIF 2.1.0, for code scanning.")
@fail_on_option
@json_option
def command(  # noqa: PLR0913 - one an option
    *,
    regions: tuple[str, ...],
    apps: tuple[str, ...],
    profile: str | None,
    settings: str | None,
    stack: str | None,
    default_role: str | None,
    rate: float,
    iam_rate: float,
    html: Path | None,
    sarif: Path | None,
    fail_on: str,
    as_json: bool,
) -> None:
    """Check every app and branch for what will fail or is dangerous: roles, keys, previews, opted-in branches.

    Uses your credentials and changes nothing. It calls amplify:ListApps and ListBranches (GetApp with --app),
    iam:GetRole and ListRoles, and reads a role's policies if they matter. If a permission is missing, the result is
    marked partial and names it. Ctrl-C ends the scan with the results so far.

    Exits with 0 if all is fine, 1 on findings (see --fail-on), 2 on wrong usage, 3 if something could not be checked.
    """
    if stack and (settings or default_role):
        raise click.UsageError("--stack can't be combined with --settings or --default-role: the stack gives both.")
    path = settings_file(settings)
    known = read_settings(path) if path else None
    if settings and known is None:
        raise click.BadParameter(f"{path} contains no amplify-medic settings.", param_hint="--settings")

    # Imported here because help and usage errors need no boto3.
    from medic_cli.aws import region_of, session  # noqa: PLC0415
    from medic_cli.scan.scanner import ScanOptions, run  # noqa: PLC0415

    aws = session(profile, next(iter(regions), None))
    regions = tuple(dict.fromkeys(regions)) or (region_of(aws),)
    if stack:
        options = ScanOptions(terms_of_stacks(stack, profile, regions), apps, f"the stack {stack}")
    else:
        terms = OptInTerms(known or Settings(), default_role)
        options = ScanOptions(dict.fromkeys(regions, terms), apps, path if known else None)
    scan = run(aws, options, rate=rate, iam_rate=iam_rate)
    if html is not None:
        write_text(html, scan_page(scan))
    if sarif is not None:
        write_text(sarif, sarif_log(map(scan_result, scan.findings)))
    if as_json:
        print_json(scan_as_json(scan))
    else:
        print_scan(scan)
    sys.exit(exit_code(scan.findings, FailOn(fail_on), partial=scan.partial))
