"""What is said of an SSR log after the first alert: a change did not help, nobody visits, or there is no log at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.compose import News, follow_up
from medic.alerts.model import Alert, AlertKind

if TYPE_CHECKING:
    from datetime import datetime

    from medic.events import Scope
    from medic.incidents.incident import Incident


def compose_no_traffic(scope: Scope, incident: Incident) -> Alert:
    """The alert that nothing can be said yet, because nobody visits the site."""
    summary = (
        "No such line came for an hour after the change, but no request was served either: that proves nothing.",
        "Call a page of the site that uses AWS. The log is looked at again every hour.",
    )
    return follow_up(scope, incident, AlertKind.NOT_CONFIRMED, News("quiet, but without traffic", summary))


def compose_still_logged(scope: Scope, incident: Incident, seen_at: datetime) -> Alert:
    """The alert that a change did not help: the log shows the same after it."""
    rebuilt = incident.rebuilt_at is not None
    after = "the change and its rebuild" if rebuilt else "the change"
    summary = (
        f"The SSR log shows the same error at {seen_at:%Y-%m-%d %H:%M:%S} UTC, after {after}.",
        *(f"Changed before: {c.role_arn} in the place of {c.previous_arn or 'no role'}." for c in incident.applied),
        "If the code passes credentials of its own, even undefined ones, they override the role."
        if rebuilt
        else "A first compute role may take effect with the next deployment only: redeploy to be sure.",
        "Nothing more is tried without somebody's approval.",
    )
    return follow_up(scope, incident, AlertKind.NOT_HELPED, News("the change did not help", summary))


def compose_log_missing(scope: Scope, incident: Incident) -> Alert:
    """The alert that an app has no SSR log: failures at runtime can't be seen, by anybody."""
    summary = (
        f"There is no log group /aws/amplify/{scope.app_id}, a day after it was first looked for.",
        "Amplify writes SSR logs only with a logging role (Hosting, Monitoring in the console); or nobody visited yet.",
        "Until there is one, credential failures at SSR runtime can't be seen. This is said once.",
    )
    return follow_up(scope, incident, AlertKind.DIAGNOSIS, News("no SSR log to look at", summary))
