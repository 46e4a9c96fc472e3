"""Putting the stack into an app; and synthesising it in memory, for the page of permissions and for tests."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import App, Environment, Validations
from aws_cdk.cx_api import SynthesisMessageLevel
from cdk_nag import AwsSolutionsChecks

from infra.stack import AmplifyMedicProps, AmplifyMedicStack
from medic.settings import CONTEXT_KEY, SETTINGS_VARIABLE, Settings, SettingsError, merge, refuse_emulator_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.iam import Template

_MOST_BYTES = 3_000
"""Lambda allows 4 KB of environment variables altogether; the rest are names and ARNs.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """Settings, and the object they were read from."""

    settings: Settings
    raw: object


def read_settings(documented: object, given: object, account: str | None) -> GivenSettings:
    """Lay what the deployer gives over what cdk.json holds, and check it.

    Args:
        documented: the object in cdk.json. `cdk -c` puts its value in the place of the whole key, so the app reads
            the file itself.
        given: what the context holds: that same object, or the JSON text of `-c amplify-medic='{…}'`.
        account: the account that is deployed to, if it is known.

    Raises:
        SettingsError: naming every mistake.
    """
    raw = merge(documented, _parse(given))
    settings = Settings.parse(raw)
    refuse_emulator_settings(settings, account)
    size = len(json.dumps(raw, separators=(",", ":")).encode())
    if size > _MOST_BYTES:
        raise SettingsError(
            [f"they take {size} bytes of the functions' environment ({SETTINGS_VARIABLE}); {_MOST_BYTES} are the most"]
        )
    return GivenSettings(settings, raw)


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


STACK_NAME = "AmplifyMedic"
_CDK_JSON = Path(__file__).resolve().parent.parent / "cdk.json"
_NO_BUNDLING: Mapping[str, object] = {"aws:cdk:bundling-stacks": []}


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What came out."""

    template: Template
    warnings: tuple[str, ...]


def compose(app: App, environ: Mapping[str, str]) -> AmplifyMedicStack:
    """Put the stack into the app.

    Args:
        app: holds the context.
        environ: the CDK CLI says in CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION where the credentials lead, if there are
            any. Without them the stack is made for any account and region.

    Raises:
        SettingsError: naming every mistake in the settings.
        PackagingError: the Lambda's dependencies are missing or stale.
    """
    account, region = environ.get("CDK_DEFAULT_ACCOUNT"), environ.get("CDK_DEFAULT_REGION")
    given = read_settings(_documented_context().get(CONTEXT_KEY), app.node.try_get_context(CONTEXT_KEY), account)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    props = AmplifyMedicProps(given.settings, given.raw, Environment(account=account, region=region))
    return AmplifyMedicStack(app, STACK_NAME, props)


def synthesise(settings: object, environ: Mapping[str, str] | None = None) -> Synthesis:
    """Synthesise without bundling, as `cdk synth` would with these settings.

    Raises:
        SettingsError: naming every mistake in the settings.
        RuntimeError: cdk-nag found something that nobody gave a reason for.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = {**_documented_context(), CONTEXT_KEY: settings, **_NO_BUNDLING}
        app = App(context=context, outdir=folder)
        compose(app, environ or {})
        stack = app.synth().get_stack_by_name(STACK_NAME)
        warnings = [str(m.entry.data) for m in stack.messages if m.level is SynthesisMessageLevel.WARNING]
        return Synthesis(stack.template, tuple(warnings))


def _documented_context() -> dict[str, object]:
    context: dict[str, object] = json.loads(_CDK_JSON.read_text())["context"]
    return context
