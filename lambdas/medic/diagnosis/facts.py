"""What the checks and causes read: the evidence, the log's findings, and the verdicts on the app's two roles."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from medic.diagnosis.model import Cause, Check, CheckResult, Rank
from medic.diagnosis.roles import PROPAGATION_TIME
from medic.evidence import Present, value_of
from medic.knowledge import title_of
from medic.labels import Identity, Label
from medic.policies import allow_statements, texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from medic.diagnosis.model import Proposal, RoleVerdict
    from medic.evidence import App, Branch, Evidence, Item, Role, RolePolicies
    from medic.labels import Phase
    from medic.logscan.model import LogReading

UNDEFINED_CREDENTIALS = "sdk_v3_credential_object_invalid"
"""The signature of a credentials object that the code passes with no values in it. No role can fix that."""
_STATIC_KEYS = frozenset({"access key id", "secret access key", "session token"})
_LOGGING_ROLE_PREFIX = "AmplifySSRLogging"
"""Amplify names the role that writes SSR logs AmplifySSRLoggingRole-<uuid>."""


class Case:
    """One failure: the evidence, the log's findings, the verdicts on the app's two roles, the checks."""

    def __init__(
        self,
        evidence: Evidence,
        reading: LogReading,
        phase: Phase,
        service: RoleVerdict | None,
        compute: RoleVerdict | None,
    ) -> None:
        self.evidence = evidence
        self.reading = reading
        self.phase = phase
        self.service = service
        """The app's service role; None if none is set, or if the app was not read."""
        self.compute = compute
        """The branch's compute role, else the app's; None if neither is set, or if they were not read."""
        self.checks: Mapping[str, Check] = {}
        """By id; `diagnose` sets them before it asks for causes."""
        self.app = value_of(evidence.app)
        self.branch = value_of(evidence.branch)
        self.job = value_of(evidence.job)
        finding = reading.findings[0] if reading.findings else None  # the one that decides the label
        self.label = finding.label if finding else Label.NOT_IAM
        self.signature = finding.signature if finding else ""
        self.denial = finding.denial if finding else None
        self.identity = finding.identity if finding else Identity.UNKNOWN
        """Whose credentials the deciding finding is about."""

    @property
    def deployed_by_hand(self) -> bool:
        """True for a manual deployment, which uses no repository."""
        by_job = self.job is not None and self.job.type == "MANUAL"
        return by_job or (self.app is not None and self.app.repository is None)

    @property
    def static_keys(self) -> tuple[str, ...]:
        """Names of the environment variables whose values look like AWS credentials."""
        variables = [each for owner in (self.app, self.branch) if owner for each in owner.environment]
        return tuple(dict.fromkeys(each.name for each in variables if each.looks_like in _STATIC_KEYS))

    @property
    def failed_step_lasted(self) -> timedelta | None:
        """How long the failed step ran; None if its times are not known."""
        step = self.job.failed_step if self.job else None
        if step is None or step.started_at is None or step.ended_at is None:
            return None
        return step.ended_at - step.started_at

    @property
    def compute_role_level(self) -> str:
        """Text: where the effective compute role is set."""
        if self.branch is not None and self.branch.compute_role_arn:
            return "set on the branch"
        return "set on the app and inherited by the branch"

    @property
    def granted_to(self) -> str | None:
        """ARN of another role whose own policies allow the action that the caller was denied."""
        action = self.denial.action if self.denial else None
        if action is None:
            return None
        read = ((arn, item.value) for arn, item in self.evidence.policies.items() if isinstance(item, Present))
        return next((arn for arn, policies in read if _allow(policies, action)), None)

    def called_as(self, identity: Identity) -> bool:
        """True if the log shows a denied call by this identity, which proves that Amplify could assume its role."""
        return any(found.denial is not None and found.identity is identity for found in self.reading.findings)

    def role(self, verdict: RoleVerdict | None) -> Role | None:
        """The role that a verdict is about, if it was read."""
        return value_of(self.evidence.roles.get(verdict.arn)) if verdict else None

    def in_other_account(self, verdict: RoleVerdict) -> bool:
        return f":{self.evidence.account}:" not in verdict.arn

    def age_at_start(self, verdict: RoleVerdict | None) -> timedelta | None:
        """The role's age when the job started; negative if the role was created later, None if not known."""
        role = self.role(verdict)
        if role is None or self.job is None or self.job.started_at is None:
            return None
        return self.job.started_at - role.created_at

    def was_young(self, verdict: RoleVerdict | None) -> bool:
        """True if IAM may not have propagated the role when the job needed it, or still may not have."""
        age = self.age_at_start(verdict)
        return age < PROPAGATION_TIME if age is not None else verdict is not None and not verdict.propagated

    def cause(
        self,
        cause_id: str,
        rank: Rank,
        reason: str,
        *shown_by: str,
        excluded_by: tuple[str, ...] = (),
        proposal: Proposal | None = None,
    ) -> Cause:
        """A cause with the checks that support or contradict it.

        Args:
            cause_id: the id of its knowledge-base entry.
            rank: how certain it is.
            reason: lower case, no full stop: it ends a sentence.
            shown_by: checks whose failure supports the cause, and whose passing contradicts it.
            excluded_by: checks of other causes: if they pass, this cause remains; if they fail, it is not needed.
            proposal: the statement that would remove the cause.
        """

        def ids(if_shown: CheckResult, if_excluded: CheckResult) -> tuple[str, ...]:
            wanted = (*((id_, if_shown) for id_ in shown_by), *((id_, if_excluded) for id_ in excluded_by))
            return tuple(id_ for id_, result in wanted if id_ in self.checks and self.checks[id_].result is result)

        return Cause(
            id=cause_id,
            title=title_of(cause_id),
            rank=rank,
            reason=reason,
            supporting=ids(CheckResult.FAIL, CheckResult.PASS),
            against=ids(CheckResult.PASS, CheckResult.FAIL),
            unseen=ids(CheckResult.UNKNOWN, CheckResult.UNKNOWN),
            proposal=proposal,
        )


def _allow(policies: RolePolicies, action: str) -> bool:
    """True if any Allow statement names the action, whatever its resource and conditions."""
    return any(
        fnmatchcase(action.lower(), pattern.lower())
        for statement in allow_statements((*policies.documents, *policies.aws_managed.values()))
        for pattern in texts(statement.get("Action"))
    )


def why_not_read(item: Item[App] | Item[Branch]) -> str | None:
    """Why an app or branch is not known; None if it was read."""
    return None if isinstance(item, Present) else item.reason


def reason_of(verdict: RoleVerdict, otherwise: str) -> str:
    """The verdict's first sentence without its full stop, in lower case unless it begins with a name."""
    if not verdict.explanation:
        return otherwise
    sentence = verdict.explanation[0].removesuffix(".")
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence


def is_logging_role(name: str | None) -> bool:
    """True for the name of a role that Amplify creates for SSR logs. The role may be in use for something else."""
    return name is not None and name.startswith(_LOGGING_ROLE_PREFIX)


def in_words(span: timedelta) -> str:
    """A duration for people, such as `3 hours`."""
    seconds = int(span.total_seconds())
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"
