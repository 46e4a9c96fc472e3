"""What the checks and causes read: the evidence, the log's findings, and the verdicts on the app's two roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from medic.arns import name_of
from medic.diagnosis.model import Cause, Check, CheckResult, Proposal, Rank, RoleVerdict
from medic.diagnosis.roles import PROPAGATION_TIME
from medic.evidence import App, Branch, Evidence, Item, Present, Role, RolePolicies, value_of
from medic.knowledge import title_of
from medic.labels import Identity, Label, Phase, Source
from medic.policies import allow_statements, texts

if TYPE_CHECKING:
    from datetime import timedelta

    from medic.logscan.model import Finding, LogReading

UNDEFINED_CREDENTIALS = "sdk_v3_credential_object_invalid"
"""The signature of a credentials object that the code passes with no values in it. No role can fix that."""
_READ_FROM_LOG = frozenset({"caller", "repository_cloned"})
"""The ids of checks that show what the log says. The other checks show AWS's state."""
CODECOMMIT_REFUSED = "codecommit_clone_refused"
"""The signature of a clone that CodeCommit refused. CodeCommit is cloned as the service role."""
CODECOMMIT_PULL = "codecommit:GitPull"
_CODECOMMIT = re.compile(
    r"[a-z]{3,5}://(?:[^@/\s]{1,100}@)?git-codecommit\.(?P<region>[a-z0-9-]{4,32})\.[a-z.]{8,32}/v1/repos/"
    r"(?P<name>[\w.-]{1,100})"
)
STATIC_KEYS = frozenset({"access key id", "secret access key", "session token"})
"""The forms that make up AWS credentials, as `EnvironmentVariable.looks_like` names them."""
_LOGGING_ROLE_PREFIX = "AmplifySSRLogging"
"""Amplify names the role that writes SSR logs AmplifySSRLoggingRole-<uuid> or AmplifySSRLoggingPolicy-<uuid>."""


def deciding_finding(reading: LogReading) -> Finding | None:
    """The finding that decides the label: the first one that the build did not survive."""
    return next((found for found in reading.findings if found.ended_build is not False), None)


def denied_role(reading: LogReading, app: App, branch: Branch | None) -> str | None:
    """The ARN of the app's own role that the deciding finding says was denied. Its policies tell whether that holds."""
    finding = deciding_finding(reading)
    if finding is None or finding.denial is None:
        refused = finding is not None and finding.signature == CODECOMMIT_REFUSED
        return app.service_role_arn if refused else None
    own = (app.service_role_arn, branch.compute_role_arn if branch else None, app.compute_role_arn)
    return next((arn for arn in own if arn and name_of(arn) == finding.denial.role_name), None)


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
        finding = deciding_finding(reading)
        self.label = finding.label if finding else Label.NOT_IAM
        self.source = finding.source if finding else Source.BUILD
        """Who printed the line that decides the label. It bounds the rank of every cause."""
        self.signature = finding.signature if finding else ""
        self.denial = finding.denial if finding else None
        self.identity = finding.identity if finding else Identity.UNKNOWN
        """Whose credentials the deciding finding is about."""

    def result(self, check_id: str) -> CheckResult | None:
        """The result of a check; None if the check does not apply."""
        return self.checks[check_id].result if check_id in self.checks else None

    @property
    def static_keys(self) -> tuple[str, ...]:
        """Names of the environment variables whose values look like AWS credentials."""
        variables = [each for owner in (self.app, self.branch) if owner for each in owner.environment]
        return tuple(dict.fromkeys(each.name for each in variables if each.looks_like in STATIC_KEYS))

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
        caller = self.callers_role.arn if self.callers_role else None
        read = ((arn, item.value) for arn, item in self.evidence.policies.items() if isinstance(item, Present))
        return next((arn for arn, policies in read if arn != caller and _allow(policies, action)), None)

    def called_as(self, identity: Identity) -> bool:
        """True if the log shows a denied call by this identity, which proves that Amplify could assume its role."""
        return any(found.denial is not None and found.identity is identity for found in self.reading.findings)

    def role(self, verdict: RoleVerdict | None) -> Role | None:
        """The role that a verdict is about, if it was read."""
        return value_of(self.evidence.roles.get(verdict.arn)) if verdict else None

    @property
    def callers_role(self) -> RoleVerdict | None:
        """The service or compute role, if it is the one that was denied."""
        denial = self.denial
        if denial is None:
            return self.service if self.signature == CODECOMMIT_REFUSED else None
        own = (verdict for verdict in (self.service, self.compute) if verdict is not None)
        named = (verdict for verdict in own if name_of(verdict.arn) == denial.role_name)
        return next(named, None) if denial.account == self.evidence.scope.account else None

    @property
    def denied_action(self) -> str | None:
        if self.denial is None:
            return CODECOMMIT_PULL if self.signature == CODECOMMIT_REFUSED else None
        return self.denial.action

    @property
    def denied_resource(self) -> str | None:
        """The ARN of the resource that was refused; None if the text names none, or one with a wildcard in it."""
        if self.denial is None:
            return self.repository_arn if self.signature == CODECOMMIT_REFUSED else None
        resource = self.denial.resource or ""
        return resource if resource.startswith("arn:") and not {"*", "?", "$"} & set(resource) else None

    @property
    def repository_arn(self) -> str | None:
        """The ARN of the app's CodeCommit repository; None if it has no such repository."""
        match = _CODECOMMIT.fullmatch((self.app.repository or "") if self.app else "")
        if match is None:
            return None
        scope = self.evidence.scope
        return f"arn:{scope.partition}:codecommit:{match['region']}:{scope.account}:{match['name']}"

    def in_other_account(self, verdict: RoleVerdict) -> bool:
        return f":{self.evidence.scope.account}:" not in verdict.arn

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
            rank: how certain it is at most; the source of the symptom may lower it.
            reason: lower case, no full stop: it ends a sentence.
            shown_by: checks whose failure supports the cause, and whose passing contradicts it.
            excluded_by: checks of other causes: if they pass, this cause remains; if they fail, it is not needed.
            proposal: the statement that would remove the cause.
        """

        def ids(if_shown: CheckResult, if_excluded: CheckResult) -> tuple[str, ...]:
            wanted = (*((id_, if_shown) for id_ in shown_by), *((id_, if_excluded) for id_ in excluded_by))
            return tuple(id_ for id_, result in wanted if self.result(id_) is result)

        failed = {id_ for id_ in shown_by if self.result(id_) is CheckResult.FAIL}
        return Cause(
            id=cause_id,
            title=title_of(cause_id),
            rank=bounded(rank, self.source, state_agrees=bool(failed - _READ_FROM_LOG)),
            reason=reason,
            supporting=ids(CheckResult.FAIL, CheckResult.PASS),
            against=ids(CheckResult.PASS, CheckResult.FAIL),
            unseen=ids(CheckResult.UNKNOWN, CheckResult.UNKNOWN),
            proposal=proposal,
        )


RANK_ORDER = tuple(Rank)
"""The most certain first."""


def bounded(rank: Rank, source: Source, *, state_agrees: bool) -> Rank:
    """The lower of a rank and the highest one that the symptom's source and AWS's state allow.

    A text alone proves nothing. Any visitor can cause a line in an SSR log, so such a line never proves a cause.
    """
    if source is Source.RUNTIME:
        most_certain = Rank.LIKELY if state_agrees else Rank.POSSIBLE
    else:
        most_certain = Rank.PROVEN if state_agrees else Rank.LIKELY
    return max(rank, most_certain, key=RANK_ORDER.index)


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
