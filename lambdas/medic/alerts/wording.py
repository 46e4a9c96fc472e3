"""The words of an alert, the same in every channel: the table of its kinds, and how labels, ranks and actions read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from medic.actions.outcome import ChangeResult
from medic.alerts.model import Alert, AlertKind, Button
from medic.diagnosis.model import CheckResult, Rank
from medic.knowledge.entry import Dialect
from medic.labels import ActionKind, Label, RoleKind

if TYPE_CHECKING:
    from medic.events import Scope


class AlertStyle(NamedTuple):
    subject: str
    """The state at the start of an e-mail's subject."""
    sign: str
    word: str
    """The state in words, beside the sign."""
    buttons: tuple[Button, ...] = ()
    calls: bool = False
    """True if somebody has to act. A reply then shows in the channel too, because nobody rereads a finished thread."""


_MUTE, _CHANGED = (Button.MUTE,), (Button.UNDO, Button.MUTE)
ALERT_STYLES = {
    AlertKind.OPEN: AlertStyle("FAILING", "🔴", "Failing", _MUTE),
    AlertKind.AWAITING_APPROVAL: AlertStyle(
        "APPROVAL NEEDED", "🟠", "Approval needed", (Button.APPROVE, Button.DISMISS, Button.MUTE), calls=True
    ),
    AlertKind.APPLYING: AlertStyle("FAILING", "🟡", "Failing, fix postponed", _MUTE),
    AlertKind.APPLIED: AlertStyle("CHANGED", "🟡", "Changed", _CHANGED),
    AlertKind.REBUILDING: AlertStyle("CHANGED", "🟡", "Changed, rebuilding", _CHANGED),
    AlertKind.RESOLVED: AlertStyle("RECOVERED", "🟢", "Recovered"),
    AlertKind.NOT_HELPED: AlertStyle("FAILING", "🔴", "Still failing", _CHANGED, calls=True),
    AlertKind.OUTCOME_UNKNOWN: AlertStyle("CHECK IT", "⚪", "Outcome unknown", calls=True),
    AlertKind.EXPIRED: AlertStyle("CLOSED", "⚪", "Closed"),
    AlertKind.REFUSED: AlertStyle("FAILING", "🔴", "Failing, fix refused", _MUTE, calls=True),
    AlertKind.NOT_CONFIRMED: AlertStyle("NOT CONFIRMED", "🟡", "Not confirmed", _MUTE),
    AlertKind.UNDONE: AlertStyle("UNDONE", "🔵", "Undone"),
    AlertKind.NOT_UNDONE: AlertStyle("NOT UNDONE", "🔴", "Not undone", calls=True),
    AlertKind.UNDIAGNOSED: AlertStyle("UNDIAGNOSED", "⚫", "Undiagnosed", _MUTE),
    AlertKind.BUILD_FAILED: AlertStyle("BUILD FAILED", "🔴", "Build failed"),
    AlertKind.BUILDS_FAILING: AlertStyle("BUILDS FAILING", "🔴", "Builds failing"),
    AlertKind.MUTED: AlertStyle("MUTED", "🔕", "Muted"),
    AlertKind.STORM: AlertStyle("STORM", "⛔", "Storm"),
    AlertKind.STORM_OVER: AlertStyle("STORM OVER", "🟢", "Storm over"),
    AlertKind.TEST: AlertStyle("TEST", "🔔", "Test"),
}
"""Every state of an incident, and what else an alert reports."""

HEADLINES = {
    Label.SERVICE_ROLE_UNASSUMABLE: "build failed, “Unable to assume specified IAM Role”",
    Label.COMPUTE_ROLE_UNASSUMABLE: "Amplify refused the compute role",
    Label.CREDENTIALS_MISSING_BUILD: "build had no usable AWS credentials",
    Label.CREDENTIALS_MISSING_RUNTIME: "SSR code had no AWS credentials",
    Label.ACCESS_DENIED_IDENTITY: "access denied, a permission is missing",
    Label.ACCESS_DENIED_BOUNDARY: "access denied by a permissions boundary",
    Label.ACCESS_DENIED_SCP: "access denied by a service control policy",
    Label.PASS_ROLE_DENIED: "iam:PassRole denied",
    Label.ACCESS_DENIED_OTHER: "access denied",
    Label.EXPIRED_OR_INVALID_TOKEN: "AWS credentials expired or invalid",
}
ROLES = {
    RoleKind.SERVICE: "the service role (build time)",
    RoleKind.COMPUTE: "the compute role (SSR runtime)",
    RoleKind.NONE: "neither of Amplify's two roles",
}
ROLE_OF_ACTION = {ActionKind.ATTACH_COMPUTE: "compute role", ActionKind.REPAIR_SERVICE: "service role"}
RESULTS = {
    ChangeResult.MOVED: "no change, because the branch changed meanwhile",
    ChangeResult.THIRD_ROLE: "stopped, because someone else set another role",
    ChangeResult.CAPPED: "no change, because a cap is reached",
    ChangeResult.REFUSED: "no change, because AWS refused it",
    ChangeResult.DEFERRED: "postponed",
}
"""How a change ended that was not applied."""
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

_SOURCES = {
    "admin_policy": "iam:ListAttachedRolePolicies",
    "build_duration": "amplify:GetJob",
    "caller": "the denial's text",
    "caller_boundary": "iam:GetRole",
    **dict.fromkeys(
        ("caller_policies", "caller_denied"), "iam:ListRolePolicies, ListAttachedRolePolicies and GetPolicyVersion"
    ),
    "changed_since_success": "what was read after that job, and now",
    "line_confirmed": "amplify:GetBranch and iam:GetRole",
    "platform": "amplify:GetApp",
    "repository_cloned": "the build log",
    "repository_connection": "no API shows it; the console does",
    "resource_control_policies": "organizations:DescribePolicy in the management account shows them",
    "static_keys": "the values' form in amplify:GetApp and GetBranch",
}
_SOURCES_BY_END = {
    "_set": "amplify:GetApp and GetBranch",
    "_account": "the role's ARN",
    "_exists": "iam:GetRole",
    "_trust": "iam:GetRole",
    "_age": "iam:GetRole and amplify:GetJob",
    "_boundary": "iam:GetRole",
}
"""For the checks that both roles have."""
_SHORTEST_NAMES = 24
"""Characters that app and branch keep in a headline, however long the rest is."""


def headline(alert: Alert, limit: int) -> str:
    """The first line of a message: sign, state, app and branch, what happened."""
    style = ALERT_STYLES[alert.kind]
    return _titled(f"{style.sign} {style.word} · ", " / ", alert, limit)


def subject_line(alert: Alert, limit: int) -> str:
    """The subject of an e-mail: state, app and branch, what happened."""
    return _titled(f"[{ALERT_STYLES[alert.kind].subject}] ", "/", alert, limit)


def _titled(state: str, separator: str, alert: Alert, limit: int) -> str:
    """The names are cut first, because state and event are worth more."""
    if not alert.app:
        return shortened(f"{state}{alert.what}", limit)
    room = max(limit - len(state) - len(alert.what) - 2, _SHORTEST_NAMES)
    names = alert.app
    if alert.branch != "*":
        half = (room - len(separator)) // 2
        app = cut_in_the_middle(alert.app, max(half, room - len(separator) - len(alert.branch)))
        names = f"{app}{separator}{cut_in_the_middle(alert.branch, room - len(separator) - len(app))}"
    return shortened(f"{state}{cut_in_the_middle(names, room)}: {alert.what}", limit)


def cut_in_the_middle(name: str, limit: int) -> str:
    """Both ends stay, because either may identify it."""
    if len(name) <= limit:
        return name
    half = (limit - 1) // 2
    return f"{name[: limit - 1 - half]}…{name[len(name) - half :]}"


def identity_line(alert: Alert) -> str:
    """The last line of the brief: job, commit, account, region and incident."""
    incident = "" if alert.kind is AlertKind.TEST else f"incident {alert.incident_id}"
    return " · ".join(filter(None, (alert.identity, alert.place, incident)))


def place(scope: Scope, alias: str = "") -> str:
    """Account and region, with the account's alias if it is known."""
    return f"account {f'{alias} ({scope.account})' if alias else scope.account} / {scope.region}"


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def capitalized(clause: str) -> str:
    """The clause with its first letter in upper case and the rest unchanged, unlike `str.capitalize`."""
    return f"{clause[:1].upper()}{clause[1:]}"


def source_of(check_id: str) -> str:
    """The call or text that a check rests on, or that would decide it, in brackets."""
    ends = (source for end, source in _SOURCES_BY_END.items() if check_id.endswith(end))
    source = _SOURCES.get(check_id) or next(ends, "")
    return f" ({source})" if source else ""
