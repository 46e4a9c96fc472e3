"""Deep links into the AWS console, in every partition."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from medic.events import Scope

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def app_url(scope: Scope) -> str:
    """The app's page."""
    return f"https://{_regional(scope)}/amplify/apps/{quote(scope.app_id, safe='')}"


def job_url(scope: Scope, job_id: str) -> str:
    """The deployment's page, with its log."""
    branch = quote(scope.branch, safe="")
    return f"{app_url(scope)}/branches/{branch}/deployments/{quote(job_id, safe='')}"


def role_url(scope: Scope, role_arn: str) -> str:
    """The role's page in IAM."""
    name = quote(role_arn.rsplit("/", 1)[-1], safe="")
    return f"https://{_regional(scope)}/iam/home#/roles/details/{name}"


def _regional(scope: Scope) -> str:
    return f"{quote(scope.region, safe='')}.{_CONSOLES.get(scope.partition, _CONSOLES['aws'])}"
