"""Each row of `guardrails.md` as a change to a situation in which every guardrail allows both actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from medic.evidence import Absent, Item, Present, Role, RolePolicies, Unreadable
from tests.unit.diagnosis.diagnosing import ACCOUNT, APP_ID
from tests.unit.plan.aws_managed import attached
from tests.unit.plan.situation import CANDIDATE, CURRENT, REPAIR, Situation, in_state, role

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
ANOTHER_ACCOUNT = "arn:aws:iam::999999999999:role/app/{}"
ANOTHER_PARTITION = f"arn:aws-cn:iam::{ACCOUNT}:role/app/{{}}"
SERVICE_LINKED = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/amplify.amazonaws.com/{{}}"

Change = Callable[[Situation], object]


def _app(**changes: Any) -> Change:
    return lambda it: it.set_app(**changes)


def _branch(**changes: Any) -> Change:
    return lambda it: it.set_branch(**changes)


def _set(**changes: Any) -> Change:
    def change(it: Situation) -> None:
        for name, value in changes.items():
            setattr(it, name, value)

    return change


def _settings(**changes: Any) -> Change:
    return lambda it: it.settings.update(changes)


def _both(*changes: Change) -> Change:
    def change(it: Situation) -> None:
        for each in changes:
            each(it)

    return change


def _paired(state: str) -> Change:
    """Put both paired roles into another state."""
    return lambda it: it.roles.update({arn: in_state(arn, state) for arn in (CANDIDATE, REPAIR)})


def _paired_elsewhere(arn: str, *, known: bool = True) -> Change:
    """Give both paired roles other ARNs. Roles that are not known cannot be read from here."""

    def change(it: Situation) -> None:
        compute, service = arn.format("candidate"), arn.format("repair")
        it.pair(compute_roles={compute: [APP_ID]}, service_roles={service: [APP_ID]})
        unknown: Item[Role] = Unreadable("the role belongs to another account")
        it.roles.update({each: role(each) if known else unknown for each in (compute, service)})

    return change


def _boundary(boundary: str | None) -> Change:
    def change(it: Situation) -> None:
        it.settings["required_permissions_boundary"] = BOUNDARY
        it.roles.update({arn: role(arn, permissions_boundary=boundary) for arn in (CANDIDATE, REPAIR)})

    return change


def _current(state: str) -> Change:
    def change(it: Situation) -> None:
        it.set_branch(compute_role_arn=CURRENT)
        it.roles[CURRENT] = in_state(CURRENT, state)

    return change


def _allows(action: str) -> Change:
    """A policy that is not AWS-managed. The reader returns inline and customer-managed policies in the same form."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return _set(policies=Present(RolePolicies((), ({"Version": "2012-10-17", "Statement": [statement]},))))


def _has(policy: str) -> Change:
    return _set(policies=Present(attached(policy)))


def _customer_managed(it: Situation) -> None:
    document = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    it.policies = Present(RolePolicies((f"arn:aws:iam::{ACCOUNT}:policy/harmless",), (document,)))


def _two_paired(it: Situation) -> None:
    it.pair(
        compute_roles={CANDIDATE: [APP_ID], CURRENT: [APP_ID]},
        service_roles={REPAIR: [APP_ID], REPAIR.replace("/app/", "/other/"): [APP_ID]},
    )


def _unpaired_name(it: Situation) -> None:
    it.tag("compute-role", "AdministratorRole")
    it.tag_app("AdministratorRole")


def _paired_with_another_branch(it: Situation) -> None:
    it.pair(compute_roles={CANDIDATE: [f"{APP_ID}/next"]}, service_roles={REPAIR: [f"{APP_ID}/next"]})
    it.settings["default_role"] = {"apps": ["d0other"]}


def _no_role_paired(it: Situation) -> None:
    it.settings = {"default_role": {"apps": ["d0other"]}}


def _paired_with_this_branch(it: Situation) -> None:
    it.pair(compute_roles={CANDIDATE: [f"{APP_ID}/main"]}, service_roles={REPAIR: [f"{APP_ID}/main"]})


_MATCHING = _app(auto_branch_creation=True, auto_branch_patterns=("ma*",))

BUILDS_ONLY = frozenset({"the job ended 31 minutes ago", "a newer job has succeeded"})
"""A failure at runtime that is not fresh is proposed, and no build says anything about it."""
OVERRULED = frozenset(
    {
        "the job ended 31 minutes ago",
        "AWS does not say when it happened",
        "it happened 25 hours ago",
        "it will happen in six minutes",
        "the same change did not help before",
        "an incident of the branch can't be read",
    }
)
"""What an approval overrules."""

CASES: Mapping[str, Change] = {
    "the job ended 31 minutes ago": _set(age=timedelta(minutes=31)),
    "a newer job has succeeded": _set(newer_job="SUCCEED"),
    "a newer job has failed too": _set(newer_job="FAILED"),
    "AWS does not say when it happened": _set(age=None),
    "it happened 25 hours ago": _set(age=timedelta(hours=25)),
    "it will happen in six minutes": _set(age=timedelta(minutes=-6)),
    "the branch's stage is PULL_REQUEST": _branch(stage="PULL_REQUEST"),
    "the branch has a source branch": _branch(source_branch="feature"),
    "the branch has a destination branch": _branch(destination_branch="main"),
    "incidents open in too many apps at once": _set(storm=True),
    "the branch or its app is muted": _set(muted=True),
    "the same change did not help before": _set(tried_before=True),
    "an incident of the branch can't be read": _set(tried_before=None),
    "the same change did not help before, and somebody approved it": _set(tried_before=True, approved=True),
    "the branch was changed 59 minutes ago": _set(cool_down=timedelta(minutes=1)),
    "the app's service role was changed 59 minutes ago": _set(app_cool_down=timedelta(minutes=1)),
    "the platform is WEB": _app(platform="WEB"),
    "the platform is WEB_DYNAMIC": _app(platform="WEB_DYNAMIC"),
    "the branch's name holds a star": _branch(name="rel*"),
    "the branch's name holds a question mark": _branch(name="rel?"),
    "the branch's name holds a policy variable": _branch(name="a${aws:username}"),
    "the branch's name is too long for a session policy": _branch(name="機" * 255),
    "the branch's name has 60 Japanese characters": _branch(name="機能" * 30),
    "no role is paired with the app, and the default role is for others": _no_role_paired,
    "two roles are paired and no tag chooses": _both(_two_paired, _app(tags={})),
    "the tag names a role that is not paired": _unpaired_name,
    "the role is paired with another branch only": _paired_with_another_branch,
    "the app creates branches by itself and says not which": _app(auto_branch_creation=True),
    "the branch matches a pattern of the app's auto-creation": _MATCHING,
    "the branch matches a pattern, and exactly it is paired": _both(_MATCHING, _paired_with_this_branch),
    "the branch matches none of the app's patterns": _app(auto_branch_creation=True, auto_branch_patterns=("next*",)),
    "a good role stands on the branch": _current("good"),
    "a role that can't be read stands on the branch": _current("unreadable"),
    "the paired role is of another account": _paired_elsewhere(ANOTHER_ACCOUNT, known=False),
    "the paired role is of another partition": _paired_elsewhere(ANOTHER_PARTITION),
    "the paired role is service-linked": _paired_elsewhere(SERVICE_LINKED),
    "the paired role is gone": _paired("gone"),
    "the paired role can't be read": _paired("unreadable"),
    "the paired role's trust denies Amplify": _paired("refusing"),
    "the paired role's trust depends on the unknown": _paired("conditional"),
    "the paired role's trust is contested": _paired("contested"),
    "a boundary is required and the role bears none": _boundary(None),
    "a boundary is required and the role bears another": _boundary(f"{BOUNDARY}-other"),
    "a boundary is required and the role bears it": _boundary(BOUNDARY),
    "an inline policy of the role allows everything": _allows("*"),
    "an inline policy of the role allows all of IAM": _allows("iam:*"),
    "an inline policy of the role passes every role": _allows("iam:PassRole"),
    "a customer-managed policy of the role allows everything": _customer_managed,
    "the role has AdministratorAccess": _has("AdministratorAccess"),
    "the role has AdministratorAccess-Amplify": _has("AdministratorAccess-Amplify"),
    "the role has PowerUserAccess": _has("PowerUserAccess"),
    "the role has IAMFullAccess": _has("IAMFullAccess"),
    "the role's policies can't be read": _set(policies=Unreadable("denied")),
    "the role vanished before its policies were read": _set(policies=Absent("gone")),
    "the role has AdministratorAccess, and the settings permit it": _both(
        _has("AdministratorAccess"), _settings(admin_roles_allowed=[CANDIDATE, REPAIR])
    ),
}
