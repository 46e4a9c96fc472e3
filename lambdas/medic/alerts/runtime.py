"""What is said of an SSR log after the first alert: it fell silent, it goes on, or there is none to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.console import app_url
from medic.alerts.model import Alert, AlertKind, Fact, Link
from medic.redaction import redact

if TYPE_CHECKING:
    from datetime import datetime

    from medic.events import Scope
    from medic.incidents.model import Incident


def compose_quiet(scope: Scope, incident: Incident) -> Alert:
    """The alert that a runtime failure is over."""
    summary = [
        "For an hour no such line came, while requests were served.",
        *(f"The compute role {change.role_arn} was set before." for change in incident.applied),
        *(() if incident.applied else ("The bot changed nothing here.",)),
    ]
    return _alert(scope, incident, AlertKind.RESOLVED, "SSR runtime recovered", tuple(summary))


def compose_no_traffic(scope: Scope, incident: Incident) -> Alert:
    """The alert that nothing can be said yet, because nobody visits the site."""
    summary = (
        "No such line came for an hour after the change, but no request was served either: that proves nothing.",
        "Call a page of the site that uses AWS. The log is looked at again every hour.",
    )
    return _alert(scope, incident, AlertKind.DEFERRED, "quiet, but without traffic", summary)


def compose_still_logged(scope: Scope, incident: Incident, seen_at: datetime) -> Alert:
    """The alert that a change did not help: the log shows the same after it."""
    rebuilt = incident.rebuilt_at is not None
    summary = (
        f"The SSR log shows the same error at {seen_at:%Y-%m-%d %H:%M:%S} UTC, after the change"
        + (" and its rebuild." if rebuilt else "."),
        *(f"Changed before: {c.role_arn} in the place of {c.previous_arn or 'no role'}." for c in incident.applied),
        "If the code passes credentials of its own, even undefined ones, they override the role."
        if rebuilt
        else "A first compute role may take effect with the next deployment only: redeploy to be sure.",
        "Nothing more is tried without somebody's approval.",
    )
    return _alert(scope, incident, AlertKind.NOT_HELPED, "the change did not help", summary)


def compose_log_missing(scope: Scope, incident: Incident) -> Alert:
    """The alert that an app has no SSR log: failures at runtime can't be seen, by anybody."""
    summary = (
        f"There is no log group /aws/amplify/{scope.app_id}, a day after it was first looked for.",
        "Amplify writes SSR logs only with a logging role (Hosting, Monitoring in the console); or nobody visited yet.",
        "Until there is one, credential failures at SSR runtime can't be seen. This is said once.",
    )
    return _alert(scope, incident, AlertKind.DIAGNOSIS, "no SSR log to look at", summary)


def _alert(scope: Scope, incident: Incident, kind: AlertKind, what: str, summary: tuple[str, ...]) -> Alert:
    return Alert(
        kind=kind,
        incident_id=incident.id,
        title=redact(f"{incident.app_name} / {scope.branch}: {what}"),
        summary=tuple(map(redact, summary)),
        facts=(
            Fact("App", redact(f"{incident.app_name} ({scope.app_id})")),
            Fact("Branch", redact(scope.branch)),
            Fact("Account", f"{scope.account} / {scope.region}"),
        ),
        links=(Link("App", app_url(scope)),),
        channel=incident.channel,
    )
