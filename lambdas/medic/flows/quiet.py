"""Rules of time for runtime findings: a log goes on showing the same, and only its silence says that it is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medic.incidents.state import State
from medic.plan.decide import Occasion, contradicted

if TYPE_CHECKING:
    from medic.flows.trouble import Trouble
    from medic.incidents.incident import Incident
    from medic.incidents.record import BranchRecord

QUIET = timedelta(hours=1)
"""How long no such line may have come, with requests served meanwhile, for a failure to count as over."""
TAKES_EFFECT_WITHIN = timedelta(minutes=2)
"""How long after a change running functions may still show what was wrong before it."""
MOST_A_DAY = 3
"""How often the same failure of a branch opens a new incident within a day; what flickers is told no more often."""
_WAITING = frozenset({State.OPEN, State.APPLIED})
"""What is proposed waits as long as an approval is good for."""
_DAY = timedelta(days=1)


def settling(incident: Incident, now: datetime) -> Incident:
    """A runtime incident is looked at again after a quiet hour; every line starts that hour anew."""
    if incident.occasion != Occasion.RUNTIME or incident.state not in _WAITING:
        return incident
    return incident.due_again_at(now + QUIET, now)


def told_enough(record: BranchRecord, trouble: Trouble, now: datetime) -> bool:
    """True if no new incident is to be opened today for what was seen before and is closed.

    A line that AWS's state speaks against, and one that comes after a change that did not help, is worth a word a day.
    """
    lately = [i for i in record.incidents if (i.role_kind, i.label) == trouble.kind and now - i.opened_at < _DAY]
    doubtful = contradicted(trouble.diagnosis) or any(i.state is State.NOT_HELPED for i in lately)
    return len(lately) >= (1 if doubtful else MOST_A_DAY)
