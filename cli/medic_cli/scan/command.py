"""The `medic scan` command: check every app and branch of an account, read-only."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medic.arns import RoleArn
from medic.settings import Settings
from medic_cli.errors import CouldNotLookError
from medic_cli.options import examples, json_option
from medic_cli.output import print_json
from medic_cli.scan.model import FailOn, exit_code
from medic_cli.scan.opted_in import OptInTerms, read_settings, settings_file, terms_of_stacks
from medic_cli.scan.output import print_scan, scan_as_json
from medic_cli.scan.page import scan_page

if TYPE_CHECKING:
    from medic_cli.scan.model import Scan

_APP = re.compile(r"d[a-z0-9]{1,19}")
_EXAMPLES = examples(
    "medic scan",
    "medic scan --region eu-central-1 --region us-east-1 --html scan.html",
    "medic scan --app d1a2b3c4d5e6f7 --json",
    "medic scan --fail-on warning        # in CI: exits with 1 on a warning or an error",
)


def _apps(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _APP.fullmatch(value):
            raise click.BadParameter(f"{value!r} is not the id of an Amplify app, such as d1a2b3c4d5e6f7.")
    return tuple(dict.fromkeys(values))


def _role(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and RoleArn.parse(value) is None:
        raise click.BadParameter(f"{value!r} is not a role ARN such as arn:aws:iam::111122223333:role/name.")
    return value


def _writable(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    """Checked before the scan, because a scan takes a while."""
    if value is not None and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no directory {value.absolute().parent}.")
    return value


@dataclass(frozen=True, slots=True)
class _Arguments:
    """The parsed command line."""

    regions: tuple[str, ...]
    apps: tuple[str, ...]
    profile: str | None
    settings: str | None
    stack: str | None
    default_role: str | None
    rate: float
    iam_rate: float
    html: Path | None
    fail_on: str
    as_json: bool


@click.command("scan", epilog=_EXAMPLES)
@click.option("--region", "regions", multiple=True, metavar="REGION", envvar="AWS_REGION",
              help="An AWS region; repeat for more. Default: the environment's region.")  # fmt: skip
@click.option("--app", "apps", multiple=True, metavar="APP", callback=_apps,
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
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", callback=_writable,
              help="Also write the report as one self-contained HTML page.")  # fmt: skip
@click.option("--fail-on", type=click.Choice([each.value for each in FailOn]), default=FailOn.ERROR.value,
              show_default=True, help="Exit with 1 on findings of this severity or worse.")  # fmt: skip
@json_option
def command(**options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Check every app and branch for what will fail or is dangerous: roles, keys, previews, opted-in branches.

    Uses your credentials and changes nothing. It calls amplify:ListApps and ListBranches (GetApp with --app),
    iam:GetRole and ListRoles, and reads a role's policies if they matter. If a permission is missing, the result is
    marked partial and names it. Ctrl-C ends the scan with the results so far.

    Exits with 0 if all is fine, 1 on findings (see --fail-on), 2 on wrong usage, 3 if something could not be checked.
    """
    arguments = _Arguments(**options)
    if arguments.stack and (arguments.settings or arguments.default_role):
        raise click.UsageError("--stack can't be combined with --settings or --default-role: the stack gives both.")
    scan = _run_scan(arguments)
    if arguments.html is not None:
        _write_page(scan, arguments.html)
    if arguments.as_json:
        print_json(scan_as_json(scan))
    else:
        print_scan(scan)
    sys.exit(exit_code(scan, FailOn(arguments.fail_on)))


def _run_scan(arguments: _Arguments) -> Scan:
    # Imported here because help and usage errors need no boto3.
    from medic_cli.aws import region_of, session  # noqa: PLC0415
    from medic_cli.scan.scanner import ScanOptions, run  # noqa: PLC0415

    path = settings_file(arguments.settings)
    settings = read_settings(path) if path else None
    if arguments.settings and settings is None:
        raise click.BadParameter(f"{path} contains no amplify-medic settings.", param_hint="--settings")
    aws = session(arguments.profile, next(iter(arguments.regions), None))
    regions = tuple(dict.fromkeys(arguments.regions)) or (region_of(aws),)
    if arguments.stack:
        options = ScanOptions(
            terms_of_stacks(arguments.stack, arguments.profile, regions), arguments.apps, f"the stack {arguments.stack}"
        )
    else:
        terms = OptInTerms(settings or Settings(), arguments.default_role)
        options = ScanOptions(dict.fromkeys(regions, terms), arguments.apps, path if settings else None)
    return run(aws, options, rate=arguments.rate, iam_rate=arguments.iam_rate)


def _write_page(scan: Scan, path: Path) -> None:
    try:
        path.write_text(scan_page(scan), encoding="utf-8")
    except OSError as error:
        raise CouldNotLookError(f"{path} can't be written: {error.strerror}.") from None
