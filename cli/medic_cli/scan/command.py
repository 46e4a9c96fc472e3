"""`medic scan`: every app and branch of an account, before anything fails. Read-only."""

from __future__ import annotations

import json
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
from medic_cli.scan.model import FailOn, exit_code
from medic_cli.scan.opted_in import OptInTerms, read_settings, settings_file, terms_of_stacks
from medic_cli.scan.output import answer_of, print_scan
from medic_cli.scan.page import page_of

if TYPE_CHECKING:
    from medic_cli.scan.model import Scan

_APP = re.compile(r"d[a-z0-9]{1,19}")
_EXAMPLES = examples(
    "medic scan",
    "medic scan --region eu-central-1 --region us-east-1 --html scan.html",
    "medic scan --app d1a2b3c4d5e6f7 --json",
    "medic scan --fail-on warning        # in CI: exits with 1 from a warning on",
)


def _apps(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _APP.fullmatch(value):
            raise click.BadParameter(f"{value!r} is not the id of an Amplify app, such as d1a2b3c4d5e6f7.")
    return tuple(dict.fromkeys(values))


def _role(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and RoleArn.parse(value) is None:
        raise click.BadParameter(f"{value!r} is not the ARN of a role, such as arn:aws:iam::111122223333:role/name.")
    return value


def _writable(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    """A scan takes a while: that its page can't be written is better known before."""
    if value is not None and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no directory {value.absolute().parent}.")
    return value


@dataclass(frozen=True, slots=True)
class _ScanChoices:
    """The command line, as click hands it over."""

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
              help="An AWS region, again for more; by default the environment's.")  # fmt: skip
@click.option("--app", "apps", multiple=True, metavar="APP", callback=_apps,
              help="Look at this app only, again for more.")  # fmt: skip
@click.option("--profile", metavar="NAME", help="The AWS profile; by default the environment's.")
@click.option("--settings", type=click.Path(), metavar="FILE",
              help="The deployed settings, for opted-in branches: a cdk.json, or the amplify-medic object alone. "
                   "By default the cdk.json here, if there is one.")  # fmt: skip
@click.option("--default-role", metavar="ARN", callback=_role,
              help="The compute role that the deployed stack made, to look at that one too.")  # fmt: skip
@click.option("--stack", metavar="NAME",
              help="Read settings and default role from the stack of this name, deployed in each region.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(min=0.1, max=1000), default=10, show_default=True, metavar="N",
              help="Calls a second to Amplify, in each region.")  # fmt: skip
@click.option("--iam-rate", type=click.FloatRange(min=0.1, max=1000), default=10, show_default=True, metavar="N",
              help="Calls a second to IAM.")  # fmt: skip
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", callback=_writable,
              help="Also write the report as one self-contained page.")  # fmt: skip
@click.option("--fail-on", type=click.Choice([each.value for each in FailOn]), default=FailOn.ERROR.value,
              show_default=True, help="From which severity on to exit with 1.")  # fmt: skip
@json_option
def command(**options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Look at every app and branch for what will fail, or is dangerous: roles, keys, previews, opted-in branches.

    Reads with your credentials and changes nothing: amplify:ListApps and ListBranches (GetApp with --app), iam:GetRole,
    ListRoles, and a role's policies where they matter. Where a permission lacks, the answer is marked partial and names
    it. Ctrl-C ends it with what is known so far.

    Exits with 0 if all is fine, 1 from a finding of --fail-on on, 2 on wrong usage, 3 if it could not look, or not at
    everything.
    """
    chosen = _ScanChoices(**options)
    if chosen.stack and (chosen.settings or chosen.default_role):
        raise click.UsageError("--stack says itself what --settings and --default-role would say.")
    scan = _scanned(chosen)
    if chosen.html is not None:
        _write_page(scan, chosen.html)
    if chosen.as_json:
        click.echo(json.dumps(answer_of(scan), indent=2))
    else:
        print_scan(scan)
    sys.exit(exit_code(scan, FailOn(chosen.fail_on)))


def _scanned(chosen: _ScanChoices) -> Scan:
    # Help and wrong usage do without boto3.
    from medic_cli.aws import region_of, session  # noqa: PLC0415
    from medic_cli.scan.scanner import ScanOptions, run  # noqa: PLC0415

    path = settings_file(chosen.settings)
    settings = read_settings(path) if path else None
    if chosen.settings and settings is None:
        raise click.BadParameter(f"{path} holds no amplify-medic settings.", param_hint="--settings")
    aws = session(chosen.profile, next(iter(chosen.regions), None))
    regions = tuple(dict.fromkeys(chosen.regions)) or (region_of(aws),)
    if chosen.stack:
        options = ScanOptions(
            terms_of_stacks(chosen.stack, chosen.profile, regions), chosen.apps, f"the stack {chosen.stack}"
        )
    else:
        terms = OptInTerms(settings or Settings(), chosen.default_role)
        options = ScanOptions(dict.fromkeys(regions, terms), chosen.apps, path if settings else None)
    return run(aws, options, rate=chosen.rate, iam_rate=chosen.iam_rate)


def _write_page(scan: Scan, path: Path) -> None:
    try:
        path.write_text(page_of(scan), encoding="utf-8")
    except OSError as error:
        raise CouldNotLookError(f"{path} can't be written: {error.strerror}.") from None
