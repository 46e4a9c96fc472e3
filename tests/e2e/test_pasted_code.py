"""The CDK and CloudFormation forms of every fix: type-checked, synthesised, linted. Only `make proof` runs it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from medic.alerts.fixes import _values
from medic.alerts.wording import DIALECTS
from medic.evidence import Present
from medic.knowledge import FIXES
from medic.knowledge.entry import Dialect, filled, placeholders_in
from tests.emulator.cloud import REPOSITORY
from tests.unit.alerts.printed import every_text
from tests.unit.diagnosis.diagnosing import ACCOUNT, COMPUTE_ROLE, app, evidence, job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.proof

CDK = REPOSITORY / ".build" / "cdk" / "node_modules"
NAMES = {
    **_values(evidence(app=Present(app()), job=Present(job())), COMPUTE_ROLE),
    "caller": "dev",
    "action": "dynamodb:GetItem",
    "resource": f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/orders",
}
_CONTEXT = """\
import * as cdk from 'aws-cdk-lib';
import * as amplify from 'aws-cdk-lib/aws-amplify';
import * as codecommit from 'aws-cdk-lib/aws-codecommit';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
const app = new cdk.App();
"""
_STACK = """\
class Stack%(number)d extends cdk.Stack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const service = new iam.ServicePrincipal('amplify.amazonaws.com');
    const role = new iam.Role(this, 'Role', { assumedBy: service });
    const serviceRole = role;
    const caller = new iam.User(this, 'Caller');
    const repository = new codecommit.Repository(this, 'Repository', { repositoryName: 'shop' });
    const branch = new amplify.CfnBranch(this, 'Known', { appId: 'd1', branchName: 'known' });
%(form)s
  }
}
new Stack%(number)d(app, 'Stack%(number)d');
"""
_EXISTING = {
    "CfnBranch": "new amplify.CfnBranch(this, 'Existing', {{ appId: 'd1', branchName: 'main',\n{}\n}});",
    "CfnApp": "new amplify.CfnApp(this, 'Existing', {{ name: 'shop',\n{}\n}});",
    "CfnIdentityPool": "new cognito.CfnIdentityPool(this, 'Existing', {{\n{}\n}});",
}
_PROPERTY = re.compile(r"// (?:only if [\w ,]+, )?in your existing (\w+)\n(.+)", re.DOTALL)
_CFN_PROPERTY = re.compile(r"# (?:only if [\w ,]+, )?in your existing (AWS::\S+)\n(.+)", re.DOTALL)
_CFN_STATEMENT = re.compile(
    r"# in (AssumeRolePolicyDocument|a policy of the [\w ]+)(?:, one more element of Statement)?\n(- .+)", re.DOTALL
)
_REQUIRED = {
    "AWS::Amplify::Branch": "AppId: d1\nBranchName: main",
    "AWS::Amplify::App": "Name: shop",
    "AWS::Cognito::IdentityPool": "",
}


def forms(dialect: Dialect) -> Iterator[str]:
    """Each form of a dialect: as alerts print it, and as the knowledge base has it for every fix."""
    printed = (each.text for each in every_text() if DIALECTS[dialect] in each.dialect)
    written = (filled(fix.written_in(dialect), NAMES) for fix in FIXES.values())
    for text in dict.fromkeys((*printed, *written)):
        assert not placeholders_in(text)
        yield text


def test_every_cdk_form_is_typed_and_synthesised(tmp_path: Path) -> None:
    stacks = []
    for number, form in enumerate(forms(Dialect.CDK)):
        existing = _PROPERTY.fullmatch(form)
        text = _EXISTING[existing[1]].format(existing[2]) if existing else form
        stacks.append(_STACK % {"number": number, "form": f"{{\n{text}\n}}"})
    assert len(stacks) >= len(FIXES)
    (tmp_path / "node_modules").symlink_to(CDK)
    (tmp_path / "forms.ts").write_text(f"{_CONTEXT}{''.join(stacks)}app.synth();\n")
    strict = ["--strict", "--target", "es2022", "--module", "commonjs", "--skipLibCheck", "--types", "node"]
    _run(["node", str(CDK / "typescript" / "bin" / "tsc"), *strict, "forms.ts"], tmp_path)
    _run(["node", "forms.js"], tmp_path)


def test_every_cloudformation_form_passes_the_linter(tmp_path: Path) -> None:
    resources = ["  Repository:\n    Type: AWS::CodeCommit::Repository\n    Properties:\n      RepositoryName: shop"]
    only_comments = 0
    for number, form in enumerate(forms(Dialect.CLOUDFORMATION)):
        if resource := _cloudformation(form, f"R{number}"):
            resources.append(_indented(resource, 2))
        else:
            only_comments += 1
            assert all(line.startswith("#") for line in form.splitlines()), form
    assert len(resources) > only_comments
    template = tmp_path / "template.yaml"
    template.write_text("AWSTemplateFormatVersion: '2010-09-09'\nResources:\n" + "\n".join(resources) + "\n")
    _run([str(REPOSITORY / ".venv" / "bin" / "cfn-lint"), "--regions", "eu-central-1", "--", str(template)], tmp_path)


def _cloudformation(form: str, name: str) -> str:
    """A resource that has the form as a part. Empty if the form is a comment."""
    if existing := _CFN_PROPERTY.fullmatch(form):
        properties = f"{_REQUIRED[existing[1]]}\n{existing[2]}".strip()
        return f"{name}:\n  Type: {existing[1]}\n  Properties:\n{_indented(properties, 4)}"
    if statement := _CFN_STATEMENT.fullmatch(form):
        document = f"Version: '2012-10-17'\nStatement:\n{_indented(statement[2], 2)}"
        if statement[1] == "AssumeRolePolicyDocument":
            properties = f"AssumeRolePolicyDocument:\n{_indented(document, 2)}"
            return f"{name}:\n  Type: AWS::IAM::Role\n  Properties:\n{_indented(properties, 4)}"
        properties = f"RoleName: service\nPolicyName: {name}\nPolicyDocument:\n{_indented(document, 2)}"
        return f"{name}:\n  Type: AWS::IAM::RolePolicy\n  Properties:\n{_indented(properties, 4)}"
    own_name = re.sub(r"(Type: AWS::IAM::Role\n  Properties:\n    RoleName: ).*", rf"\g<1>{name}", form)
    return re.sub(r"\A\w+:", f"{name}:", own_name) if re.match(r"\w+:\n", form) else ""


def _indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
