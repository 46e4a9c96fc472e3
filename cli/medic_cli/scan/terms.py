"""The settings that opted-in branches are judged by: the deployed stacks', or those of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from medic.settings import CONTEXT_KEY, Settings, SettingsError
from medic_cli.files import read_json_file
from medic_cli.scan.changes import Terms

_DEFAULT = "cdk.json"
_MOST_BYTES = 1 << 20


def terms_of_stacks(name: str, profile: str | None, regions: tuple[str, ...]) -> Mapping[str, Terms]:
    """The terms of the stack of this name, in each region.

    Raises:
        CouldNotLookError: a region has no such stack, or it can't be read.
    """
    # Settings from a file do without boto3.
    from medic_cli.aws_session import explained, session  # noqa: PLC0415
    from medic_cli.stack import DeployedStack  # noqa: PLC0415

    with explained():
        runtimes = {region: DeployedStack(session(profile, region), name).runtime for region in regions}
    return {region: Terms(runtime.settings, runtime.default_role_arn) for region, runtime in runtimes.items()}


def settings_file(given: str | None) -> str | None:
    """The file to read: the one given, else the cdk.json of this directory; None if there is neither."""
    return given or (_DEFAULT if Path(_DEFAULT).is_file() else None)


def read_settings(path: str) -> Settings | None:
    """The settings in a file; None if it is a CDK app's that has none.

    Raises:
        CouldNotLookError: the file can't be read, or is no JSON.
        click.UsageError: it holds something else than settings, or settings with mistakes.
    """
    document = read_json_file(path, _MOST_BYTES)
    if not isinstance(document, Mapping):
        raise click.UsageError(f"{path} must hold a JSON object.")
    context = document.get("context", document)
    raw = context.get(CONTEXT_KEY) if isinstance(context, Mapping) else None
    if raw is None and "app" in document:
        return None
    try:
        return Settings.parse(document if raw is None else raw)
    except SettingsError as error:
        raise click.UsageError(f"{path}: {error}") from None
