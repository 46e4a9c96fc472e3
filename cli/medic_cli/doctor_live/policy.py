"""The IAM policy for `medic doctor --live`: it allows what the doctor does in one scratch app, and nothing elsewhere.

Which actions know which conditions: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amplify.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic_cli.doctor_live.names import APP_TAG, APP_TAG_VALUE, BRANCH_TAG, BRANCH_TAG_VALUE, BRANCHES, FOLDER, ROLES

if TYPE_CHECKING:
    from medic_cli.doctor_live.names import Scratch
    from medic_cli.output import JsonObject


def policy_for(scratch: Scratch) -> JsonObject:
    """The policy that names this app everywhere, and tags wherever the action knows them."""
    app, log = scratch.app_arn, scratch.log_group_arn
    # Whether IAM sees a slash in a branch's name as %2F is not documented for every call.
    branches = [f"{app}/branches/{form}" for name in BRANCHES for form in (name, name.replace("/", "%2F"))]
    roles = [scratch.role_arn(trust) for trust in ROLES]
    branch = {BRANCH_TAG: BRANCH_TAG_VALUE}
    queue = ("CreateQueue", "GetQueueUrl", "ReceiveMessage", "DeleteMessage", "DeleteQueue")
    statements: tuple[tuple[str, str, tuple[str, ...], list[str], dict[str, str]], ...] = (
        ("App", "amplify", ("GetApp", "ListBranches"), [app], _keys("Resource", {APP_TAG: APP_TAG_VALUE})),
        ("CreateBranches", "amplify", ("CreateBranch", "TagResource"), [app, *branches], _keys("Request", branch)),
        ("Branches", "amplify", ("UpdateBranch", "DeleteBranch", "ListJobs"), branches, _keys("Resource", branch)),
        # Jobs know no tag condition, so only the ARN limits these.
        ("Jobs", "amplify", ("StartJob", "GetJob"), [f"{app}/branches/{FOLDER[:-1]}*/jobs/*"], {}),
        ("CreateRoles", "iam", ("CreateRole", "TagRole"), roles, _keys("Request", {APP_TAG: scratch.app_id})),
        ("Roles", "iam", ("GetRole", "DeleteRole"), roles, {}),
        ("PassRoles", "iam", ("PassRole",), roles, {"iam:PassedToService": "amplify.amazonaws.com"}),
        ("RuntimeLog", "logs", ("FilterLogEvents",), [log, f"{log}:*"], {}),
        ("Events", "events", ("PutRule", "PutTargets", "RemoveTargets", "DeleteRule"), [scratch.rule_arn], {}),
        ("Queue", "sqs", queue, [scratch.queue_arn], {}),
    )
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": sid,
                "Effect": "Allow",
                "Action": [f"{service}:{action}" for action in actions],
                "Resource": resources,
                **({"Condition": {"StringEquals": equal}} if equal else {}),
            }
            for sid, service, actions, resources, equal in statements
        ],
    }


def _keys(whose: str, tags: dict[str, str]) -> dict[str, str]:
    return {f"aws:{whose}Tag/{key}": value for key, value in tags.items()}
