"""The IAM policy for `medic doctor --live`: it allows what the doctor does in one scratch app, and nothing elsewhere.

Which actions know which conditions: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amplify.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic_cli.doctor_live.names import (
    APP_TAG,
    APP_TAG_VALUE,
    BRANCH_TAG,
    BRANCH_TAG_VALUE,
    BRANCHES,
    FOLDER,
    ROLES,
    Scratch,
)

if TYPE_CHECKING:
    from medic_cli.output import JsonObject

_SERVICE = "amplify.amazonaws.com"


def policy_for(scratch: Scratch) -> JsonObject:
    """The policy that names this app everywhere, and tags wherever the action knows them."""
    # Whether IAM sees a slash in a branch's name as %2F is not documented for every call.
    branches = [
        f"{scratch.app_arn}/branches/{name}" for name in (*BRANCHES, *(b.replace("/", "%2F") for b in BRANCHES))
    ]
    roles = [scratch.role_arn(trust) for trust in ROLES]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow("App", ["amplify:GetApp", "amplify:ListBranches"], [scratch.app_arn], _tag(APP_TAG, APP_TAG_VALUE)),
            _allow(
                "CreateBranches",
                ["amplify:CreateBranch", "amplify:TagResource"],
                [scratch.app_arn, *branches],
                {"StringEquals": {f"aws:RequestTag/{BRANCH_TAG}": BRANCH_TAG_VALUE}},
            ),
            _allow(
                "Branches",
                ["amplify:UpdateBranch", "amplify:DeleteBranch", "amplify:ListJobs"],
                branches,
                _tag(BRANCH_TAG, BRANCH_TAG_VALUE),
            ),
            # Jobs know no tag condition, so only the ARN limits these.
            _allow(
                "Jobs", ["amplify:StartJob", "amplify:GetJob"], [f"{scratch.app_arn}/branches/{FOLDER[:-1]}*/jobs/*"]
            ),
            _allow(
                "CreateRoles",
                ["iam:CreateRole", "iam:TagRole"],
                roles,
                {"StringEquals": {f"aws:RequestTag/{APP_TAG}": scratch.app_id}},
            ),
            _allow("Roles", ["iam:GetRole", "iam:DeleteRole"], roles),
            _allow("PassRoles", ["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": _SERVICE}}),
            _allow("RuntimeLog", ["logs:FilterLogEvents"], [scratch.log_group_arn, f"{scratch.log_group_arn}:*"]),
            _allow(
                "Events",
                ["events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:DeleteRule"],
                [scratch.rule_arn],
            ),
            _allow(
                "Queue",
                ["sqs:CreateQueue", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:DeleteQueue"],
                [scratch.queue_arn],
            ),
        ],
    }


def _allow(sid: str, actions: list[str], resources: list[str], condition: JsonObject | None = None) -> JsonObject:
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


def _tag(key: str, value: str) -> JsonObject:
    return {"StringEquals": {f"aws:ResourceTag/{key}": value}}
