"""The words of an alert: how each kind, label, role, rank, result, action and dialect is called in every channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from medic.actions.outcome import ChangeResult
from medic.alerts.model import AlertKind
from medic.diagnosis.model import CheckResult, Rank
from medic.knowledge.entry import Dialect
from medic.labels import ActionKind, Label, RoleKind

if TYPE_CHECKING:
    from medic.alerts.model import Alert


class AlertStyle(NamedTuple):
    emoji: str
    status: str
    """The value of the alert's field "Status"."""


ALERT_STYLES = {
    AlertKind.DIAGNOSIS: AlertStyle("🔴", "Failing. Nothing was changed."),
    AlertKind.UNDIAGNOSED: AlertStyle("🔴", "Failing. The bot could not find out why."),
    AlertKind.PROPOSED: AlertStyle("🟠", "Failing. A change waits for approval."),
    AlertKind.APPLIED: AlertStyle("🟡", "Changed. What comes of it will be said here."),
    AlertKind.REFUSED: AlertStyle("🔴", "Failing. A change was refused."),
    AlertKind.DEFERRED: AlertStyle("🟡", "Failing. A change is put off, and tried again by itself."),
    AlertKind.RESOLVED: AlertStyle("🟢", "Recovered."),
    AlertKind.QUIET: AlertStyle("🟢", "Quiet: the error is not seen any more."),
    AlertKind.NOT_HELPED: AlertStyle("🔴", "Still failing after a change."),
    AlertKind.NOT_CONFIRMED: AlertStyle("🟡", "Not confirmed."),
    AlertKind.OUTCOME_UNKNOWN: AlertStyle("⚪", "Outcome unknown: look at it yourself."),
    AlertKind.EXPIRED: AlertStyle("⚪", "Closed: nothing more was heard of it."),
    AlertKind.UNDONE: AlertStyle("🔵", "A change was taken back."),
    AlertKind.STORM: AlertStyle("⛔", "Storm: nothing more is changed by itself."),
    AlertKind.STORM_OVER: AlertStyle("🟢", "Storm over."),
    AlertKind.TEST: AlertStyle("🔔", "Test: nothing is wrong."),
}

HEADLINES = {
    Label.SERVICE_ROLE_UNASSUMABLE: "build stopped: “Unable to assume specified IAM Role”",
    Label.COMPUTE_ROLE_UNASSUMABLE: "Amplify refused the compute role",
    Label.CREDENTIALS_MISSING_BUILD: "build ran without usable AWS credentials",
    Label.CREDENTIALS_MISSING_RUNTIME: "SSR code found no AWS credentials",
    Label.ACCESS_DENIED_IDENTITY: "access denied: a permission is missing",
    Label.ACCESS_DENIED_BOUNDARY: "access denied by a permissions boundary",
    Label.ACCESS_DENIED_SCP: "access denied by a service control policy",
    Label.PASS_ROLE_DENIED: "iam:PassRole denied",
    Label.ACCESS_DENIED_OTHER: "access denied",
    Label.EXPIRED_OR_INVALID_TOKEN: "AWS credentials expired or invalid",
}
ROLES = {
    RoleKind.SERVICE: "the service role (used while building)",
    RoleKind.COMPUTE: "the compute role (used by SSR code at runtime)",
    RoleKind.NONE: "neither of Amplify's two roles",
}
RESULTS = {
    ChangeResult.APPLIED: "Done",
    ChangeResult.MOVED: "Not done, things moved",
    ChangeResult.THIRD_ROLE: "Hands off",
    ChangeResult.CAPPED: "Not done, a cap is used up",
    ChangeResult.REFUSED: "Not done, AWS refused",
    ChangeResult.DEFERRED: "Not done yet",
}
RANKS = {
    Rank.PROVEN: "Proven",
    Rank.LIKELY: "Likely",
    Rank.POSSIBLE: "Possible",
    Rank.RULED_OUT: "Ruled out",
}
CHECKS = {CheckResult.PASS: "✓ pass", CheckResult.FAIL: "✗ fail", CheckResult.UNKNOWN: "? unknown"}
ACTIONS = {
    ActionKind.ATTACH_COMPUTE: "set this branch's compute role",
    ActionKind.REPAIR_SERVICE: "set the app's service role",
}
DIALECTS = {
    Dialect.CONSOLE: "Console",
    Dialect.CLI: "AWS CLI",
    Dialect.CDK: "CDK",
    Dialect.TERRAFORM: "Terraform",
    Dialect.CLOUDFORMATION: "CloudFormation",
}
CREDITS = {
    ActionKind.ATTACH_COMPUTE: (
        "This is not credited to the compute role {role} that was attached meanwhile: it serves the SSR runtime and "
        "has no part in a build."
    ),
    ActionKind.REPAIR_SERVICE: "The build ran after the service role was set to {role}.",
}
"""A sentence about an applied change, for the alert that a later build succeeded. `{role}` is the new role's ARN.

A compute role never changes a build, so it gets no credit for the success.
"""

_MAX_NAME = 40


def title(app: str, branch: str, headline: str) -> str:
    """The title of an alert. The branch `*` means the whole app."""
    where = _shortened(app) if branch == "*" else f"{_shortened(app)} / {_shortened(branch)}"
    return f"{where}: {headline}"


def title_with_emoji(alert: Alert) -> str:
    return f"{ALERT_STYLES[alert.kind].emoji} {alert.title}"


def _shortened(name: str) -> str:
    """The name, cut in the middle if it is too long. Both ends stay because either may identify it."""
    if len(name) <= _MAX_NAME:
        return name
    half = (_MAX_NAME - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def capitalized(clause: str) -> str:
    """The clause with its first letter in upper case and the rest unchanged, unlike `str.capitalize`."""
    return f"{clause[:1].upper()}{clause[1:]}"
