"""Everything checks and causes look at: the evidence, what the log showed, and the verdicts on the app's two roles."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from medic.diagnosis.model import Cause, Check, CheckResult, Rank
from medic.diagnosis.roles import SETTLED_AFTER
from medic.evidence import Absent, Present
from medic.knowledge import title_of
from medic.labels import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from medic.diagnosis.model import Proposal, RoleVerdict
    from medic.evidence import App, Branch, Evidence, Item, Job, Role, RolePolicies, Step
    from medic.labels import Label, Phase
    from medic.logscan.model import Denial, Finding, LogReading


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a ranking looks at."""

    facts: Facts
    checks: Mapping[str, Check]

    def cause(
        self,
        cause_id: str,
        rank: Rank,
        reason: str,
        *shown_by: str,
        excluded_by: tuple[str, ...] = (),
        proposal: Proposal | None = None,
    ) -> Cause:
        """A cause with the checks that bear on it.

        Args:
            cause_id: the id of its knowledge-base entry.
            rank: how far it is established.
            reason: lower case, no full stop: it ends a sentence.
            shown_by: checks whose failure speaks for it, and whose passing speaks against it.
            excluded_by: checks whose passing leaves it as what remains, and whose failure explains things without it.
            proposal: the statement that would remove it.
        """
        direct, inverse = self._results(shown_by), self._results(excluded_by)
        return Cause(
            id=cause_id,
            title=title_of(cause_id),
            rank=rank,
            reason=reason,
            supporting=(*direct[CheckResult.FAIL], *inverse[CheckResult.PASS]),
            against=(*direct[CheckResult.PASS], *inverse[CheckResult.FAIL]),
            unseen=(*direct[CheckResult.UNKNOWN], *inverse[CheckResult.UNKNOWN]),
            proposal=proposal,
        )

    def _results(self, names: tuple[str, ...]) -> dict[CheckResult, tuple[str, ...]]:
        made = [self.checks[name] for name in names if name in self.checks]
        return {result: tuple(check.id for check in made if check.result is result) for result in CheckResult}


def reason_of(verdict: RoleVerdict, otherwise: str) -> str:
    """The first sentence of what is known of a role, to stand within another: no full stop, capitals in names only."""
    if not verdict.explanation:
        return otherwise
    sentence = verdict.explanation[0].removesuffix(".")
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence


_STATIC_KEYS = frozenset({"access key id", "secret access key", "session token"})
UNDEFINED_CREDENTIALS = "sdk_v3_credential_object_invalid"
"""The signature of credentials that the code itself passes, with nothing in them: no role helps."""
_LOGGING_ROLE = "AmplifySSRLogging"
"""The beginning of the names Amplify gives to the role that writes SSR logs: AmplifySSRLoggingRole-<uuid>."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a diagnosis rests on."""

    evidence: Evidence
    reading: LogReading
    phase: Phase
    service: RoleVerdict | None
    """The app's service role; None if none is set, or if the app was not read."""
    compute: RoleVerdict | None
    """The branch's compute role, else the app's; None if neither is set, or if they were not read."""

    @property
    def label(self) -> Label:
        """What the log shows."""
        return self.reading.label

    @property
    def finding(self) -> Finding | None:
        """The finding that bears the label."""
        return self.reading.findings[0] if self.reading.findings else None

    @property
    def signature(self) -> str:
        """Its signature; empty without a finding."""
        return self.finding.signature if self.finding else ""

    @property
    def denial(self) -> Denial | None:
        """Its denial, if it is one."""
        return self.finding.denial if self.finding else None

    @property
    def identity(self) -> Identity:
        """Whose credentials it is about."""
        return self.finding.identity if self.finding else Identity.UNKNOWN

    @property
    def app(self) -> App | None:
        """The app, if it was read."""
        return self.evidence.app.value if isinstance(self.evidence.app, Present) else None

    @property
    def branch(self) -> Branch | None:
        """The branch, if it was read."""
        return self.evidence.branch.value if isinstance(self.evidence.branch, Present) else None

    @property
    def job(self) -> Job | None:
        """The job, if it was read."""
        return self.evidence.job.value if isinstance(self.evidence.job, Present) else None

    @property
    def deployed_by_hand(self) -> bool:
        """True if no repository had a part in it."""
        by_job = self.job is not None and self.job.type == "MANUAL"
        return by_job or (self.app is not None and self.app.repository is None)

    @property
    def static_keys(self) -> tuple[str, ...]:
        """Names of the environment variables whose values look like AWS credentials."""
        variables = [each for owner in (self.app, self.branch) if owner for each in owner.environment]
        return tuple(dict.fromkeys(each.name for each in variables if each.looks_like in _STATIC_KEYS))

    @property
    def failed_step_lasted(self) -> timedelta | None:
        """How long the failed step ran, if its times are known."""
        step: Step | None = self.job.failed_step if self.job else None
        if step is None or step.started_at is None or step.ended_at is None:
            return None
        return step.ended_at - step.started_at

    @property
    def compute_role_level(self) -> str:
        """Where the effective compute role is set, in words."""
        if self.branch is not None and self.branch.compute_role_arn:
            return "set on the branch"
        return "set on the app and inherited by the branch"

    def acted(self, identity: Identity) -> bool:
        """True if the log holds a refused call of this identity, so that Amplify did assume its role."""
        return any(found.denial is not None and found.identity is identity for found in self.reading.findings)

    @property
    def granted_to(self) -> str | None:
        """ARN of another role whose own policies allow what the caller was denied."""
        action = self.denial.action if self.denial else None
        if action is None:
            return None
        read = ((arn, item.value) for arn, item in self.evidence.policies.items() if isinstance(item, Present))
        return next((arn for arn, policies in read if _allow(policies, action)), None)

    def role(self, verdict: RoleVerdict | None) -> Role | None:
        """The role of a verdict, if it was read."""
        item = self.evidence.roles.get(verdict.arn) if verdict else None
        return item.value if isinstance(item, Present) else None

    def foreign(self, verdict: RoleVerdict) -> bool:
        """True if the role belongs to another account than the app."""
        return f":{self.evidence.account}:" not in verdict.arn

    def age_at_start(self, verdict: RoleVerdict | None) -> timedelta | None:
        """How old the role was when the job started; negative if it was made after that, None if not known."""
        role = self.role(verdict)
        if role is None or self.job is None or self.job.started_at is None:
            return None
        return self.job.started_at - role.created_at

    def was_young(self, verdict: RoleVerdict | None) -> bool:
        """True if IAM may not have told every service of the role when the job asked for it, or is still telling."""
        age = self.age_at_start(verdict)
        return age < SETTLED_AFTER if age is not None else verdict is not None and not verdict.settled


def _allow(policies: RolePolicies, action: str) -> bool:
    """True if a statement of these documents allows an action, whatever else it asks for."""
    for document in policies.documents:
        statements = document.get("Statement", [])
        for statement in statements if isinstance(statements, list) else [statements]:
            if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
                continue
            named = statement.get("Action", [])
            patterns = named if isinstance(named, list) else [named]
            if any(fnmatchcase(action.lower(), str(pattern).lower()) for pattern in patterns):
                return True
    return False


def why_not_read(item: Item[App] | Item[Branch]) -> str | None:
    """Why something is not known; None if it was read."""
    match item:
        case Present():
            return None
        case Absent(why):
            return why
        case _:
            return item.reason


def is_logging_role(name: str | None) -> bool:
    """True for the name of a role that Amplify makes for SSR logs. The name tells nothing of how the role is used."""
    return name is not None and name.startswith(_LOGGING_ROLE)


def in_words(span: timedelta) -> str:
    """A span of time for people."""
    seconds = int(span.total_seconds())
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"
