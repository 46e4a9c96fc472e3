"""One CloudFormation template for many accounts and regions: `make template BUCKET_PREFIX=… [ORG_ID=o-…]`.

It needs no CDK bootstrap. Lambda takes code only from a bucket of its own region, so the template names the bucket
`PREFIX-REGION` of the region that it is deployed to. Upload the zip that is beside the template to each of them.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import App, CfnCondition, CfnParameter, CliCredentialsStackSynthesizer, Environment, Fn, Token

from infra.bundle import ROOT, PackagingError
from infra.stack import AmplifyMedicStack
from infra.synthesis import STACK_NAME, documented_context, settings_of
from medic.records import replace
from medic.settings import OVERRIDABLE, OVERRIDES_VARIABLE
from medic.settings_reader import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET = ROOT / ".build" / "template"
TEMPLATE = "amplify-medic.template.json"
FOLDER = "amplify-medic/"
"""The folder of the zip in each bucket."""
_PREFIX = re.compile(r"[a-z0-9][a-z0-9-]{1,45}[a-z0-9]")
"""A bucket's name has at most 63 characters, of which -ap-southeast-1 takes 15. No dots, which break TLS.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_ORGANISATION = re.compile(r"o-[a-z0-9]{10,32}")
_TIME_STAMP = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can hold. The same sources always give the same zip."""
_BOUNDARY, _HAS_BOUNDARY, _SETTINGS = "PermissionsBoundaryName", "HasPermissionsBoundary", "Settings"


def write_template(prefix: str, target: Path, context: Mapping[str, object] | None = None) -> tuple[Path, ...]:
    """Write the template and the zip of the functions' code. Returns their paths; the template is the first.

    Args:
        prefix: the start of each bucket's name.
        target: a folder. What it held is deleted.
        context: CDK context besides the one in cdk.json, such as other settings.

    Raises:
        SettingsError: names every mistake in the settings.
        PackagingError: the Lambda's dependencies are missing or stale, or the prefix can't be one.
        RuntimeError: cdk-nag has a finding that no one acknowledged with a reason.
    """
    if not _PREFIX.fullmatch(prefix):
        wanted = "3 to 47 lower-case letters, digits and hyphens"
        raise PackagingError(f"BUCKET_PREFIX must be {wanted}, because -REGION is appended to it, not {prefix!r}.")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        app = App(context={**documented_context(), **(context or {})}, outdir=folder, analytics_reporting=False)
        _compose(app, prefix)
        app.synth()
        manifest = json.loads(Path(folder, f"{STACK_NAME}.assets.json").read_text(encoding="utf-8"))
        template = Path(folder, f"{STACK_NAME}.template.json").read_text(encoding="utf-8")
        written = [target / TEMPLATE]
        written[0].write_text(template, encoding="utf-8")
        for asset in manifest["files"].values():
            if asset["source"]["packaging"] == "zip":
                (destination,) = asset["destinations"].values()
                written.append(target / destination["objectKey"].removeprefix(FOLDER))
                _zip(Path(folder, asset["source"]["path"]), written[-1])
    return tuple(written)


def _compose(app: App, prefix: str) -> None:
    """Add the stack to the app, with parameters for what differs between accounts."""
    settings, raw = settings_of(app, None)
    boundary = settings.permissions_boundary
    arn = Fn.sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${" + _BOUNDARY + "}")
    if boundary is None:
        boundary = Token.as_string(Fn.condition_if(_HAS_BOUNDARY, arn, {"Ref": "AWS::NoValue"}))
    bucket = f"{prefix}-${{AWS::Region}}"
    stack = AmplifyMedicStack(
        app,
        STACK_NAME,
        replace(settings, permissions_boundary=boundary),
        raw,
        Environment(),
        CliCredentialsStackSynthesizer(file_assets_bucket_name=bucket, bucket_prefix=FOLDER),
    )
    if settings.permissions_boundary is None:
        name = CfnParameter(
            stack,
            _BOUNDARY,
            default="",
            allowed_pattern=r"[\w+=,.@/-]*",
            description="The name, with its path, of a policy in each account that bounds every role of the stack",
        )
        has_boundary = Fn.condition_not(Fn.condition_equals(name.value_as_string, ""))
        CfnCondition(stack, _HAS_BOUNDARY, expression=has_boundary)
    overrides = CfnParameter(
        stack,
        _SETTINGS,
        default="{}",
        allowed_pattern=r"\{[\s\S]*\}",
        max_length=500,
        description=f"JSON that overrides {', '.join(sorted(OVERRIDABLE))} of the template. The mode only lower",
    )
    functions = [stack.remediator.function, stack.watcher.function]
    if stack.slack is not None:
        functions.append(stack.slack.function)
    for function in functions:
        function.add_environment(OVERRIDES_VARIABLE, overrides.value_as_string)


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _TIME_STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def bucket_policy(prefix: str, organisation: str) -> dict[str, Any]:
    """Lets every account of the organisation read the code. Replace REGION in it."""
    bucket = f"arn:aws:s3:::{prefix}-REGION"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TheOrganisationReadsTheCode",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"{bucket}/{FOLDER}*",
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": organisation}},
            },
            {
                "Sid": "OnlyOverTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket, f"{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def main(arguments: list[str]) -> None:
    """Write the template, and print what each region's bucket needs."""
    parser = argparse.ArgumentParser(prog="python -m infra.template", description="Write a template for StackSets.")
    parser.add_argument("--bucket-prefix", required=True, help="the code is read from the bucket PREFIX-REGION")
    parser.add_argument("--organisation", default="", help="the organisation's id, o-…, for the bucket policy")
    given = parser.parse_args(arguments)
    organisation = given.organisation or "o-ORGANISATION"
    if given.organisation and not _ORGANISATION.fullmatch(given.organisation):
        raise PackagingError(f"ORG_ID must be an organisation's id, such as o-a1b2c3d4e5, not {given.organisation!r}.")
    template, *code = write_template(given.bucket_prefix, TARGET)
    policy = json.dumps(bucket_policy(given.bucket_prefix, organisation), indent=2)
    uploads = "".join(f"  {path} to s3://{given.bucket_prefix}-REGION/{FOLDER}\n" for path in code)
    sys.stdout.write(
        f"The template is {template}.\nFor each REGION, upload\n{uploads}and give the bucket this policy:\n{policy}\n"
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (SettingsError, PackagingError) as error:
        sys.exit(str(error))
