"""The `medic preflight` command: check what is about to be deployed. Offline."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from medic.arns import APP_ID
from medic.trust.request import ACCOUNT_ID
from medic_cli.errors import CouldNotLookError
from medic_cli.files import write_text
from medic_cli.options import examples, fail_on_option, json_option, output_file
from medic_cli.output import print_json
from medic_cli.preflight import template, terraform
from medic_cli.preflight.documents import read_document
from medic_cli.preflight.findings import Preflight, preflight
from medic_cli.preflight.intrinsics import Library, Template
from medic_cli.preflight.model import Planned
from medic_cli.preflight.output import placed_result, preflight_as_json, print_preflight
from medic_cli.preflight.template import Deployment
from medic_cli.sarif import sarif_log
from medic_cli.scan.model import FailOn, exit_code

_EXAMPLES = examples(
    "medic preflight template.yaml --parameter Stage=prod --region eu-central-1",
    "cdk synth && medic preflight cdk.out",
    "terraform show -json plan.out | medic preflight -",
    "In CI:",
    "medic preflight cdk.out --fail-on warning --sarif preflight.sarif",
)


def _pairs(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, equals, given = value.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{value!r} must be NAME=VALUE.")
        pairs[name] = given
    return pairs


def _app_ids(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    app_ids = _pairs(ctx, param, values)
    for app_id in app_ids.values():
        if not APP_ID.fullmatch(app_id):
            raise click.BadParameter(f"{app_id!r} is not the id of an Amplify app, such as d1a2b3c4d5e6f7.")
    return app_ids


def _account(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not ACCOUNT_ID.fullmatch(value):
        raise click.BadParameter(f"{value!r} must be the 12 digits of an AWS account.")
    return value


@click.command("preflight", epilog=_EXAMPLES)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True,
                type=click.Path(exists=True, allow_dash=True))  # fmt: skip
@click.option("--account", metavar="ID", callback=_account, help="The account that it will be deployed to.")
@click.option("--region", metavar="REGION", help="The region that it will be deployed to.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", callback=_pairs,
              help="A parameter of the template; repeat for more. Defaults in the template are not taken.")  # fmt: skip
@click.option("--app-id", "app_ids", multiple=True, metavar="LOGICAL_ID=APP_ID", callback=_app_ids,
              help="The id of an app of the template that exists already; repeat for more.")  # fmt: skip
@output_file("--sarif", "Also write the findings as SARIF 2.1.0, for code scanning.")
@fail_on_option
@json_option
def command(  # noqa: PLR0913 - one an option
    *,
    paths: tuple[str, ...],
    account: str | None,
    region: str | None,
    parameters: dict[str, str],
    app_ids: dict[str, str],
    sarif: Path | None,
    fail_on: str,
    as_json: bool,
) -> None:
    """Check what is about to be deployed for what will fail: roles, trust policies, keys, previews.

    PATH is a CloudFormation template (JSON or YAML), a cdk.out folder, or a Terraform plan as `terraform show -json`
    prints it; - is standard input. Give several to resolve exports between them. It works offline. The findings are
    those of medic scan. What the files do not tell is listed as unknown, and never guessed.

    Exits with 0 if all is fine, 1 on findings (see --fail-on), 2 on wrong usage, 3 if a file could not be read.
    """
    result = _check(paths, Deployment(account, region, parameters, app_ids))
    if sarif is not None:
        write_text(sarif, sarif_log(map(placed_result, result.findings)))
    if as_json:
        print_json(preflight_as_json(result))
    else:
        print_preflight(result)
    findings = (each.finding for each in result.findings)
    sys.exit(exit_code(findings, FailOn(fail_on), partial=result.partial))


def _check(paths: tuple[str, ...], deployment: Deployment) -> Preflight:
    planned, templates = Planned(), list[Template]()
    library = Library()
    for path in paths:
        if path != "-" and Path(path).is_dir():
            found, gaps = template.read_assembly(Path(path), deployment, library)
            templates += found
            planned += Planned(gaps=tuple(gaps))
            continue
        content = read_document(path)
        if template.is_template(content.value):
            templates.append(deployment.open(content, library))
        elif terraform.is_plan(content.value):
            planned += terraform.planned(content, deployment)
        else:
            raise CouldNotLookError(
                f"{path} is no CloudFormation template (with Resources), and no plan of `terraform show -json`."
            )
    # Read only now, when every export is known.
    for each in templates:
        planned += template.planned(each)
    return preflight(planned, datetime.now(UTC))
