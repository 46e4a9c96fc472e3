"""`medic uninstall --check`: list what still uses the default compute role, which stays when the stack is deleted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from medic.gateways import Gateways
from medic_cli.aws import DeployedStack, explained, region_of, session, stack_option
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.options import aws_options, examples, json_option
from medic_cli.output import print_json, print_list, styled, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.aws.amplify import AmplifyReader
    from medic_cli.answers import RoleUserJson, UninstallAnswer

_EXAMPLES = examples(
    "medic uninstall --check",
    "After cdk destroy:",
    "medic uninstall --check --role arn:aws:iam::111122223333:role/amplify-medic/ROLE",
)


@click.command("uninstall", epilog=_EXAMPLES)
@click.option("--check", is_flag=True, help="List the apps and branches that use the default compute role.")
@click.option("--role", metavar="ARN", help="The role, if the stack is deleted already. Default: the stack's output.")
@stack_option
@aws_options
@json_option
def command(*, check: bool, role: str | None, stack: str, as_json: bool, **aws: Any) -> None:  # noqa: ANN401 - click's
    """List what still uses the stack's default compute role. It changes nothing: `npx cdk destroy` uninstalls.

    `cdk destroy` keeps the role, because the code of these branches could do nothing in AWS without it.

    Exits with 0 if nothing uses the role, 1 if something does, 2 on wrong usage, 3 if it could not look.
    """
    if not check:
        raise click.UsageError("`npx cdk destroy` uninstalls; this command only looks: add --check.")
    with explained():
        own = session(**aws)
        role_arn = role or DeployedStack(own, stack).output("DefaultComputeRoleArn")
        users = list(_users(Gateways(own).amplify, role_arn))
        where = region_of(own)
    if as_json:
        answer: UninstallAnswer = {"schema": 1, "region": where, "role": role_arn, "used_by": users}
        print_json(answer)
    else:
        _print(role_arn, where, users)
    sys.exit(SOMETHING_WRONG if users else 0)


def _users(amplify: AmplifyReader, role_arn: str) -> Iterator[RoleUserJson]:
    for app in amplify.apps():
        if app.compute_role_arn == role_arn:
            yield {"app": app.id, "app_name": app.name, "branch": None}
        for branch in amplify.branches(app.id):
            if branch.compute_role_arn == role_arn:
                yield {"app": app.id, "app_name": app.name, "branch": branch.name}


def _print(role_arn: str, region: str, users: list[RoleUserJson]) -> None:
    console = terminal()
    if not users:
        console.print(styled(f"Nothing in {region} uses {role_arn}.", "green"))
        return
    lines = (f"{user['app_name']} ({user['app']}) / {user['branch'] or 'every branch'}" for user in users)
    print_list(console, f"These use {role_arn}, which `cdk destroy` keeps for them:", lines)
