"""ARNs of Amplify resources in this stack's account and region: of the apps the bot is limited to, or of all.

In IAM a `*` also matches slashes, so `branches/*` covers `branches/feature/x`, raw or percent-encoded.
Formats: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amplify.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_cdk import Stack

ALL_APPS = "no app is excluded unless the setting `apps` lists the ones the bot is limited to"
"""Why an ARN of every app has to be a wildcard."""


def app_arn(stack: Stack, app_id: str) -> str:
    """One app."""
    return stack.format_arn(service="amplify", resource="apps", resource_name=app_id)


def apps_and_all_below(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    """Apps with their branches and jobs."""
    if not app_ids:
        return [app_arn(stack, "*")]
    return [app_arn(stack, name) for app_id in app_ids for name in (app_id, f"{app_id}/*")]


def branches(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    """Every branch of the apps."""
    return [app_arn(stack, f"{app_id}/branches/*") for app_id in app_ids or ("*",)]


def jobs(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    """Every job of the apps."""
    return [app_arn(stack, f"{app_id}/branches/*/jobs/*") for app_id in app_ids or ("*",)]
