"""Builds the stack from the settings: for the CDK CLI, and in memory for tests and docs/permissions.md."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import App, Environment, Validations
from aws_cdk.cx_api import SynthesisMessageLevel
from cdk_nag import AwsSolutionsChecks

from infra.stack import AmplifyMedicStack
from medic.settings import SETTINGS_VARIABLE, Settings, merge, refuse_emulator_settings
from medic.settings_reader import CONTEXT_KEY, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.iam import Template

STACK_NAME = "AmplifyMedic"
_CDK_JSON = Path(__file__).resolve().parent.parent / "cdk.json"
_NO_BUNDLING: Mapping[str, object] = {"aws:cdk:bundling-stacks": []}
_CHOSEN_BY_CDK = "us-east-1"
_MAX_SETTINGS_BYTES = 3_000
"""Lambda allows 4 KB for all environment variables; the other variables are names and ARNs.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class RegionError(Exception):
    """No region is named. The message says how to name one."""


def refuse_unnamed_region(environ: Mapping[str, str], of_profile: Callable[[], str | None]) -> None:
    """Without a region, the CDK CLI takes us-east-1 and says nothing. The app gets that as CDK_DEFAULT_REGION.

    Args:
        environ: the environment that the CDK CLI gives to the app.
        of_profile: reads the region of the AWS profile; None if it has none.

    Raises:
        RegionError: the CDK CLI chose us-east-1, and nobody named it.
    """
    if environ.get("CDK_DEFAULT_REGION") != _CHOSEN_BY_CDK or environ.get("AWS_REGION"):
        return
    if not environ.get("AWS_DEFAULT_REGION") and of_profile() is None:
        raise RegionError(
            f"No region is named, so the CDK would take {_CHOSEN_BY_CDK}. Name the region of your apps, such as"
            f" `AWS_REGION=eu-central-1 npx cdk deploy` (or AWS_REGION={_CHOSEN_BY_CDK}), or set it in the profile."
        )


def compose(app: App, environ: Mapping[str, str]) -> AmplifyMedicStack:
    """Add the stack to the app.

    Args:
        app: holds the context.
        environ: if there are credentials, the CDK CLI sets CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION to theirs.
            Without these variables, the stack can be deployed to any account and region.

    Raises:
        SettingsError: names every mistake in the settings.
        PackagingError: the Lambda's dependencies are missing or stale.
    """
    account, region = environ.get("CDK_DEFAULT_ACCOUNT"), environ.get("CDK_DEFAULT_REGION")
    settings, raw = settings_of(app, account)
    environment = Environment(account=account, region=region)
    return AmplifyMedicStack(app, STACK_NAME, settings, raw, environment)


def settings_of(app: App, account: str | None) -> tuple[Settings, object]:
    """The settings in the app's context, parsed and as they were. The app gets cdk-nag's checks.

    Raises:
        SettingsError: names every mistake.
    """
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return read_settings(documented_context().get(CONTEXT_KEY), app.node.try_get_context(CONTEXT_KEY), account)


@dataclass(frozen=True, slots=True)
class Synthesis:
    template: Template
    warnings: tuple[str, ...]


def synthesise(settings: object, environ: Mapping[str, str] | None = None) -> Synthesis:
    """Do what `cdk synth` does with these settings, but without the bundle.

    Raises:
        SettingsError: names every mistake in the settings.
        RuntimeError: cdk-nag has a finding that no one acknowledged with a reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = {**documented_context(), CONTEXT_KEY: settings, **_NO_BUNDLING}
        app = App(context=context, outdir=folder)
        compose(app, environ or {})
        stack = app.synth().get_stack_by_name(STACK_NAME)
        warnings = [str(m.entry.data) for m in stack.messages if m.level is SynthesisMessageLevel.WARNING]
        return Synthesis(stack.template, tuple(warnings))


def read_settings(documented: object, given: object, account: str | None) -> tuple[Settings, object]:
    """Merge the deployer's settings over those in cdk.json, and check the result. Returns it parsed, and as it was.

    Args:
        documented: the object in cdk.json. `cdk -c` replaces the whole context key, so the app reads the file itself.
        given: the context's value: the same object, or the JSON text of `-c amplify-medic='{…}'`.
        account: the account to deploy to, if it is known.

    Raises:
        SettingsError: names every mistake.
    """
    raw = merge(documented, _parse(given))
    settings = Settings.parse(raw)
    refuse_emulator_settings(settings, account)
    size = len(json.dumps(raw, separators=(",", ":")).encode())
    if size > _MAX_SETTINGS_BYTES:
        limit = f"the functions' environment variable {SETTINGS_VARIABLE} takes at most {_MAX_SETTINGS_BYTES}"
        raise SettingsError([f"they are {size} bytes long; {limit}"])
    return settings, raw


def _parse(given: object) -> object:
    if given is None:
        return {}
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError as error:
        example = f'-c {CONTEXT_KEY}=\'{{"mode":"report"}}\''
        raise SettingsError([f"-c {CONTEXT_KEY} is not JSON ({error}); write it like {example}"]) from error


def documented_context() -> dict[str, object]:
    """The context in cdk.json."""
    context: dict[str, object] = json.loads(_CDK_JSON.read_text())["context"]
    return context
