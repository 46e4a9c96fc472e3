"""The guardrails: named rules that must all allow a role change. A rule that can't be evaluated refuses (fails closed).

They are asked in order, cheap ones first. The first refusal ends the evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from medic.arns import RoleArn
from medic.diagnosis.model import Assumable, RoleVerdict
from medic.evidence import Absent, Item, Job, Partial, Present, Read, RolePolicies, Unreadable
from medic.labels import ActionKind, Trigger
from medic.plan.model import SSR, GuardrailAnswer
from medic.plan.power import why_powerful
from medic.plan.session import ActorScope, why_no_session

if TYPE_CHECKING:
    from medic.plan.failure import ConfirmedFailure
    from medic.plan.optin import RoleChoice
    from medic.settings import Settings

RuleAnswer: TypeAlias = tuple[bool | None, str]
"""Whether the rule allows the change, None if it could not look; and why, as a clause for the alert."""

_SERVICE_LINKED = "/aws-service-role/"
_PREVIEW_STAGE = "PULL_REQUEST"
_PLAIN_GLOB = re.compile(r"[^][(){}!|,\\]*")
"""A glob in which only `*` and `?` have a meaning. Braces, lists and negations are not read."""
_ANY_DEPTH = re.compile(r"/?\*\*/?")
"""In some dialects `**/*` and `next/**` also match a name without a slash."""
_CLOCK_SKEW = timedelta(minutes=5)
"""A failure may lie this far in the future. One further ahead has a wrong time."""
_LONGEST_PROPOSAL = timedelta(hours=24)
"""A failure at runtime that is no longer fresh causes a proposal, unless it is older than this."""


class Question(Struct, frozen=True):
    """May the bot make this change for this failure now?"""

    failure: ConfirmedFailure
    settings: Settings
    asked_at: datetime
    """Now, UTC."""
    jobs: Callable[[], Read[tuple[Job, ...]]]
    """Reads the branch's latest jobs from AWS, newest first. Called only for a failed build that is recent."""
    policies: Callable[[str], Item[RolePolicies]]
    """Reads a role's policies from AWS, by role name. Called only if every cheaper rule allows the change."""
    allowed_until: datetime | None = None
    """Until when a person's request, or the saved intent of an interrupted change, is valid. None if there is none."""
    cooling_until: datetime | None = None
    """The end of the branch's cool-down, UTC; None if there was no change."""
    app_cooling_until: datetime | None = None
    """The end of the app's cool-down, UTC. It counts for a repair, which changes every branch of the app."""
    storm: bool = False
    """True while incidents open in more apps of the region than the storm limit allows."""
    tried_before: bool | None = False
    """True if an earlier change for this failure did not help, or was undone. None if that could not be read."""
    set_before: bool = False
    """True if the bot set a compute role on this branch before. Where it is gone, it is set again only if asked for."""
    muted: bool = False
    """True while alerts on the branch or its app are muted. Then nobody would hear of a change, so none is made."""
    approved: bool = False
    """True if a person approved or requested this change."""
    change: ActionKind = ActionKind.ATTACH_COMPUTE
    """Which of the two changes it is about."""

    @property
    def choice(self) -> RoleChoice:
        attach = self.change is ActionKind.ATTACH_COMPUTE
        return self.failure.compute_choice if attach else self.failure.service_choice

    @property
    def verdict(self) -> RoleVerdict | None:
        """Whether the role to set would be usable; None if no role is chosen."""
        diagnosis = self.failure.diagnosis
        return diagnosis.candidate if self.change is ActionKind.ATTACH_COMPUTE else diagnosis.repair

    @property
    def role(self) -> RoleArn | None:
        """The ARN of the role to set; None if no role is chosen or the ARN is malformed."""
        return RoleArn.parse(self.choice.arn) if self.choice.arn else None


Guardrail: TypeAlias = Callable[[Question], RuleAnswer]
"""A function. Its name is the rule that alerts and events show."""


def ask_all(guardrails: tuple[Guardrail, ...], question: Question) -> tuple[GuardrailAnswer, ...]:
    """Every answer up to and including the first refusal. The guardrails after it are not asked."""
    answers = []
    for guardrail in guardrails:
        answers.append(GuardrailAnswer(guardrail.__name__, *guardrail(question)))
        if not answers[-1].allows:
            break
    return tuple(answers)


def first_refusal(guardrails: tuple[Guardrail, ...], question: Question) -> GuardrailAnswer | None:
    """The answer of the guardrail that refuses; None if all allow the change."""
    return next((answer for answer in ask_all(guardrails, question) if not answer.allows), None)


def fresh_until(failure: ConfirmedFailure, settings: Settings) -> datetime | None:
    """Until when a failure is fresh; None if it is not known when it happened."""
    happened_at = failure.happened_at
    return None if happened_at is None else happened_at + timedelta(minutes=settings.limits.fresh_minutes)


def needs_approval(q: Question) -> str | None:
    """Why a change may only be proposed, lower case without a full stop; None if the opt-in alone allows it."""
    if q.allowed_until is not None:
        return None
    if q.set_before and q.change is ActionKind.ATTACH_COMPUTE:
        return "the bot set a compute role here before, and somebody took it off or changed it"
    until = fresh_until(q.failure, q.settings)
    stale = q.failure.trigger is Trigger.RUNTIME and (until is None or q.asked_at > until)
    return "the failure is not fresh" if stale else None


def fresh(q: Question) -> RuleAnswer:
    allows, why = _is_recent(q)
    return _no_newer_success(q, why) if allows and q.failure.trigger is Trigger.FAILED else (allows, why)


def _is_recent(q: Question) -> RuleAnswer:
    if q.allowed_until is not None:
        return q.asked_at <= q.allowed_until, f"it was allowed until {q.allowed_until:%Y-%m-%d %H:%M} UTC"
    if q.failure.missed:
        return False, "no event came for this job, so it was found late"
    happened_at, minutes = q.failure.happened_at, q.settings.limits.fresh_minutes
    if happened_at is None:
        return False, "AWS does not say when it happened"
    age, limit, what = q.asked_at - happened_at, timedelta(minutes=minutes), "job ended"
    if q.failure.trigger is Trigger.RUNTIME:
        limit, what = _LONGEST_PROPOSAL, "newest log line was written"
    if age < -_CLOCK_SKEW:
        return False, f"by the time that AWS gives, the {what} in the future"
    ago = f"the {what} {int(age.total_seconds() // 60)} min ago (limit {minutes} min)"
    return age <= limit, f"{ago}, so somebody must approve" if needs_approval(q) else ago


def _no_newer_success(q: Question, why: str) -> RuleAnswer:
    match q.jobs():
        case Absent(reason) | Unreadable(reason) | Partial(_, reason):
            return None, f"the branch's jobs could not be read: {reason}"
        case Present(jobs):
            failed = int(q.failure.job.id)
    if not jobs or int(jobs[0].id) < failed:
        return False, f"ListJobs does not list job {failed}, so a newer one may be missing too"
    newer = next((job.id for job in jobs if job.status == "SUCCEED" and int(job.id) > failed), None)
    return (True, why) if newer is None else (False, f"job {newer} has succeeded since")


def not_a_preview(q: Question) -> RuleAnswer:
    if q.failure.branch.stage == _PREVIEW_STAGE:
        return False, "the branch's stage is PULL_REQUEST: its code is not reviewed yet and could read the role"
    if q.failure.branch.source_branch or q.failure.branch.destination_branch:
        return False, "the branch is a pull-request preview (it has a source or destination branch)"
    return True, f"stage {q.failure.branch.stage}, no pull-request preview"


def no_storm(q: Question) -> RuleAnswer:
    if q.storm:
        limits = q.settings.limits
        return False, f"a storm: more than {limits.storm_apps} apps fail within {limits.storm_minutes} min"
    return True, "no storm of incidents"


def not_muted(q: Question) -> RuleAnswer:
    if q.muted:
        return False, "the branch or its app is muted: nothing is changed that nobody would hear of"
    return True, "neither the branch nor its app is muted"


def not_tried_before(q: Question) -> RuleAnswer:
    if q.tried_before is False:
        return True, "no change was tried for this failure yet"
    unread = "an incident of this branch can't be read, so an earlier change is unknown"
    found = unread if q.tried_before is None else "a change for this very failure did not help or was undone"
    if q.approved:
        return True, f"{found}, and somebody asks for it all the same"
    return (None if q.tried_before is None else False), f"{found}: it is repeated only when somebody asks"


def cool_down(q: Question) -> RuleAnswer:
    app_until = q.app_cooling_until if q.change is ActionKind.REPAIR_SERVICE else None
    until = max(filter(None, (q.cooling_until, app_until)), default=None)
    if until is None or until <= q.asked_at:
        return True, "no change was made to this branch lately"
    return False, f"the branch was changed lately; it cools down until {until:%H:%M} UTC"


def platform(q: Question) -> RuleAnswer:
    found = q.failure.app.platform
    return found == SSR, f"platform {found}; only WEB_COMPUTE runs code with a compute role"


def branch_name(q: Question) -> RuleAnswer:
    repairs_app = q.change is ActionKind.REPAIR_SERVICE
    reason = why_no_session(ActorScope("", q.failure.scope, q.choice.arn or "", repairs_app, approved=True))
    return reason is None, reason or "the branch's name can be written into a session policy"


def role_paired(q: Question) -> RuleAnswer:
    return q.choice.arn is not None, q.choice.note


def not_auto_created(q: Question) -> RuleAnswer:
    if not q.failure.app.auto_branch_creation:
        return True, "the app creates no branches by itself"
    if q.choice.branch_paired:
        return True, "the settings pair exactly this branch with the role"
    patterns = q.failure.app.auto_branch_patterns
    # Without patterns, any branch may be one that a push created.
    if patterns and not any(_may_match(pattern, q.failure.branch.name) for pattern in patterns):
        return True, "the branch matches none of the app's auto-creation patterns"
    return False, (
        "the branch may have been created automatically by a push: pair "
        f"{q.failure.scope.app_id}/{q.failure.branch.name} with the role in the settings if it may hold it"
    )


def _may_match(pattern: str, branch: str) -> bool:
    """True unless a glob can't match in any dialect, because AWS does not say which one Amplify's patterns are in."""
    return _PLAIN_GLOB.fullmatch(pattern) is None or fnmatchcase(branch, _ANY_DEPTH.sub("*", pattern))


def usable_role_stays(q: Question) -> RuleAnswer:
    current = q.failure.diagnosis.compute
    if current is None:
        return True, "neither branch nor app has a compute role"
    if current.arn == q.choice.arn and q.failure.branch.compute_role_arn != current.arn:
        return True, "the branch inherits this very role from the app"
    if current.usable is False:
        return True, f"the present compute role can't be used ({current.assumable.value}): {current.arn}"
    state = "usable" if current.usable else f"not known to be unusable ({current.assumable.value})"
    return False, f"the present compute role is {state} and somebody set it: {current.arn}"


def same_account(q: Question) -> RuleAnswer:
    role = q.role
    if role is None:
        return False, "the role's ARN can't be read"
    account, partition = q.failure.scope.account, q.failure.scope.partition
    same = (role.account, role.partition) == (account, partition)
    return same, f"role in {role.partition}:{role.account}, app in {partition}:{account}"


def not_service_linked(q: Question) -> RuleAnswer:
    role = q.role
    linked = role is None or role.path.startswith(_SERVICE_LINKED)
    return not linked, "service-linked roles belong to their service" if linked else "not a service-linked role"


def role_exists(q: Question) -> RuleAnswer:
    item = q.failure.evidence.roles.get(q.choice.arn or "")
    match item:
        case Present():
            return True, "IAM has the role"
        case Absent(reason):
            return False, reason
        case None:
            return None, "the role was not looked up"
        case Unreadable(reason):
            return None, f"the role could not be read: {reason}"


def trust(q: Question) -> RuleAnswer:
    verdict = q.verdict
    if verdict is None:
        return False, "the role's trust was not evaluated"
    explanation = " ".join(verdict.explanation) or verdict.assumable.value
    match verdict.assumable:
        case Assumable.ALLOWED:
            return True, f"trust evaluates to allowed. {explanation}".strip()
        case Assumable.CONTESTED:
            return True, f"trust is allowed but contested: UpdateBranch will judge. {explanation}".strip()
        case _:
            return False, f"trust evaluates to {verdict.assumable.value}. {explanation}".strip()


def permissions_boundary(q: Question) -> RuleAnswer:
    required = q.settings.required_permissions_boundary
    if required is None:
        return True, "the settings require no permissions boundary"
    item = q.failure.evidence.roles.get(q.choice.arn or "")
    boundary = item.value.permissions_boundary if isinstance(item, Present) else None
    return boundary == required, f"required boundary {required}; the role has {boundary or 'none'}"


def not_admin(q: Question) -> RuleAnswer:
    role = q.role
    if role is None:
        return False, "the role's ARN can't be read"
    if role.text in q.settings.admin_roles_allowed:
        return True, "the settings allow this role whatever it may do"
    match q.policies(role.name):
        case Absent(reason) | Unreadable(reason):
            return None, f"the role's policies could not be read: {reason}"
        case Present(policies):
            power = why_powerful(policies, role, q.asked_at)
    if power is None:
        return True, "no administrator-like permission"
    return False, f"{power}; if the app may have that, list the role in admin_roles_allowed"


_ALWAYS_FIRST = (not_a_preview, no_storm, not_muted, not_tried_before, cool_down, fresh)
_ALWAYS_LAST = (same_account, not_service_linked, role_exists, trust, permissions_boundary, not_admin)
ATTACH_GUARDRAILS = (
    *_ALWAYS_FIRST,
    platform,
    branch_name,
    role_paired,
    not_auto_created,
    usable_role_stays,
    *_ALWAYS_LAST,
)
# A repair changes the whole app, so the failure of a preview must not cause one either. No rule protects the current
# service role, because the decision table plans a repair only if that role is proven unusable.
REPAIR_GUARDRAILS = (*_ALWAYS_FIRST, branch_name, role_paired, not_auto_created, *_ALWAYS_LAST)

# An undo sets a role that the branch had. Nobody may get one by it that the branch could not be given today.
UNDO_GUARDRAILS = (not_a_preview, branch_name, role_paired, not_auto_created, *_ALWAYS_LAST)

# A rebuild follows a change that passed all guardrails. These rules are about what may be different by then.
REBUILD_GUARDRAILS = (not_a_preview, no_storm, not_muted, fresh)

TEMPORARY_REFUSALS = frozenset({no_storm.__name__, cool_down.__name__})
"""Guardrails whose refusal ends with time. An approval that they refuse stays valid until it expires."""
