"""What one diagnosis at a terminal comes to, whether AWS was read or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.alerts.fixes import fixes_for
from medic.alerts.words import DIALECTS
from medic.diagnosis.model import Label, Rank
from medic_cli.failure import COULD_NOT_LOOK, SOMETHING_WRONG

if TYPE_CHECKING:
    from medic.diagnosis.knowledge import Dialect
    from medic.diagnosis.model import Diagnosis, LogReading
    from medic.events import Scope
    from medic.evidence.model import Evidence
    from medic.plan.model import Plan


_NAMED = {name: dialect for dialect, name in DIALECTS.items()}
"""The dialects by the names that alerts show."""


@dataclass(frozen=True, slots=True)
class WrittenFix:
    """A fix, ready to paste."""

    title: str
    texts: Mapping[Dialect, str]


@dataclass(frozen=True, slots=True)
class BotView:
    """How far the bot may go on the branch, and what it would do."""

    opt_in: str
    """What the branch's tags ask for, in words."""
    plan: Plan | None
    """None where the deployed stack's settings were not read: they pair the roles."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything there is to say."""

    scope: Scope
    job_id: str | None
    job_chosen: str
    """Why this job."""
    offline: bool
    evidence: Evidence
    reading: LogReading | None
    """None if there was nothing to read, so that nothing can be said of the failure."""
    diagnosis: Diagnosis | None
    """None if the log shows no IAM failure, or if there was nothing to read."""
    bot: BotView | None
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> Label | None:
        """What the log shows; None if there was nothing to read."""
        return self.reading.label if self.reading else None

    @property
    def fixes(self) -> tuple[WrittenFix, ...]:
        """The fixes of the likeliest causes; where nothing is likely, of those that are possible."""
        if self.diagnosis is None:
            return ()
        likely = fixes_for(self.evidence, self.diagnosis)
        fixes = likely or fixes_for(self.evidence, self.diagnosis, (Rank.POSSIBLE,))
        return tuple(WrittenFix(fix.title, {_NAMED[s.dialect]: s.text for s in fix.snippets}) for fix in fixes)

    @property
    def exit_code(self) -> int:
        """0: no IAM failure; 1: an IAM failure; 3: nothing to read."""
        if self.label is None:
            return COULD_NOT_LOOK
        return 0 if self.label is Label.NOT_IAM else SOMETHING_WRONG
