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


def role_url(scope: Scope, role_arn: str, tab: str = "") -> str:
    """The role's page in IAM.

    Args:
        scope: where; the partition has a console of its own.
        role_arn: the role's ARN, or its name.
        tab: `permissions` or `trust_relationships`; nothing for the page as it opens.
    """
    name = quote(role_arn.rsplit("/", 1)[-1], safe="")
    return f"https://{_regional(scope)}/iam/home#/roles/details/{name}{f'?section={tab}' if tab else ''}"


def log_group_url(scope: Scope) -> str:
    """The log group of the app's SSR runtime in CloudWatch, whose console escapes twice, and writes `$` for `%`."""
    group = quote(quote(f"/aws/amplify/{scope.app_id}", safe=""), safe="").replace("%", "$")
    region = quote(scope.region, safe="")
    return f"https://{_regional(scope)}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"


def _regional(scope: Scope) -> str:
    return f"{quote(scope.region, safe='')}.{_CONSOLES.get(scope.partition, _CONSOLES['aws'])}"
