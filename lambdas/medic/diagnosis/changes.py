"""What changed on a branch since a deployment last succeeded.

A difference is a fact and no cause: it is a check of its own, and it raises no rank. Of documents only hashes are kept,
of environment variables only names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from medic.arns import name_of
from medic.codec import CodecError, from_text
from medic.diagnosis.model import Check, CheckResult, Diagnosis
from medic.evidence import (
    Absent,
    App,
    Branch,
    Evidence,
    Item,
    Present,
    RolePolicies,
    Trail,
    TrailEvent,
    Unreadable,
    value_of,
)
from medic.records import replace
from medic.text import bare, listed, sequence

CHANGED = "changed_since_success"
"""The id of the check that fails if something differs from what the last success left."""
FRESH = timedelta(minutes=15)
"""How long after a job's end the account is taken for what the job was built with."""
_RENEW_AFTER = timedelta(days=7)
"""A state that stays the same is written again after this time. What the table holds ends 90 days after a write."""
_MOST_NAMES = 300
"""How many names of environment variables are kept. Beyond it none are, because a cut list would show differences."""
_MOST_EVENTS = 3
_NO_COMMIT = frozenset({None, "HEAD"})
"""What GetJob gives in place of a commit for some jobs."""
_UPDATE_APP, _UPDATE_BRANCH = ("EventName", "UpdateApp"), ("EventName", "UpdateBranch")


class RoleState(Struct, frozen=True):
    """A role as it was read. Without `trust` it was not read, unless it is missing."""

    arn: str
    missing: bool = False
    """True if IAM had no such role."""
    created_at: datetime | None = None
    trust: str | None = None
    """The hash of its trust policy."""
    boundary: str | None = None
    """The ARN of its permissions boundary."""
    policies: Mapping[str, str] | None = None
    """A managed policy's ARN, or an inline policy's name → the hash of its document. None if they were not read."""

    @property
    def read(self) -> bool:
        return self.missing or self.trust is not None


class WorkingState(Struct, frozen=True):
    """What a branch was built and served with."""

    job: int
    """The job's id, counted per branch."""
    read_at: datetime
    """When it was read. What changed between the build and this is not in it."""
    commit: str | None
    platform: str
    image: str | None
    """The build image as `BuildSettings` keeps it; None for the default one."""
    build_spec: str | None
    """The hash of the build specification that is stored in Amplify."""
    variables: tuple[str, ...] | None
    """The names of the environment variables of app and branch; None if there are too many."""
    service: RoleState | None
    """None if the app has no service role."""
    compute: RoleState | None
    """The effective compute role; None if there is none."""


class Change(Struct, frozen=True):
    """One difference."""

    clause: str
    lookups: tuple[tuple[str, str], ...] = ()
    """The attributes by which CloudTrail finds who made it, as LookupEvents takes them."""


class Comparison(Struct, frozen=True):
    """A branch now, compared with its last success."""

    before: WorkingState
    now: WorkingState
    changes: tuple[Change, ...]
    unread: tuple[str, ...]
    """What could not be compared, because it was not read then or now."""
    next_job: bool = False
    """True if the failed job is the one after the success, and was read soon after its end."""

    @property
    def lookups(self) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(lookup for change in self.changes for lookup in change.lookups))


def working_state(evidence: Evidence) -> WorkingState | None:
    """The state that was read from AWS; None without the app, the branch or the job."""
    app, branch, job = value_of(evidence.app), value_of(evidence.branch), value_of(evidence.job)
    if app is None or branch is None or job is None:
        return None
    return WorkingState(
        job=int(job.id),
        read_at=evidence.read_at,
        commit=job.commit_id,
        platform=app.platform,
        image=branch.build.image or app.build.image,
        build_spec=branch.build.spec or app.build.spec,
        variables=_variables(app, branch),
        service=_role_state(evidence, app.service_role_arn),
        compute=_role_state(evidence, branch.compute_role_arn or app.compute_role_arn),
    )


def kept_state(worked: str) -> Item[WorkingState]:
    """The state of the last success, as a branch's record keeps it. Unreadable if it is damaged."""
    if not worked:
        return Absent("no success of this branch is on record")
    try:
        return Present(from_text(WorkingState, worked))
    except CodecError as error:
        return Unreadable(f"the record of the last success is damaged: {error}")


def is_newer(job: int, kept: WorkingState, created_at: datetime | None) -> bool:
    """True if a job is later than the one whose state is kept, or if that one is of a deleted branch."""
    return job > kept.job or _of_a_deleted_branch(kept, created_at)


def says_more(state: WorkingState, kept: WorkingState, created_at: datetime | None) -> bool:
    """True if a newer state has to be written: it differs from the kept one, or that one is old."""
    same = replace(kept, job=state.job, read_at=state.read_at) == state
    return not same or state.read_at - kept.read_at > _RENEW_AFTER or _of_a_deleted_branch(kept, created_at)


def with_changes(
    diagnosis: Diagnosis,
    evidence: Evidence,
    kept: Item[WorkingState],
    look_up: Callable[[Comparison], Trail],
) -> Diagnosis:
    """The diagnosis with the check that says what changed, first of all checks.

    Args:
        diagnosis: of the failure.
        evidence: what it was made from.
        kept: the state of the last success. Without one, there is nothing to compare and no check.
        look_up: asks CloudTrail who made the changes. Called only if there are some.
    """
    match kept:
        case Absent():
            return diagnosis
        case Unreadable(reason):
            check = Check(CHANGED, CheckResult.UNKNOWN, f"could not look at what changed since a success: {reason}")
        case Present(before):
            comparison = compare(before, evidence)
            if comparison is None:
                return diagnosis
            check = changed_check(comparison, look_up(comparison) if comparison.changes else Trail())
    return replace(diagnosis, checks=(check, *diagnosis.checks))


def compare(before: WorkingState, evidence: Evidence) -> Comparison | None:
    """Compare a failure's state with that of the last success.

    Returns:
        None if they say nothing about each other: the branch was created again since, or the success is later than the
        failure, or the failure's state could not be read.
    """
    now, branch = working_state(evidence), value_of(evidence.branch)
    if now is None or branch is None or before.job > now.job or _of_a_deleted_branch(before, branch.created_at):
        return None
    changes = (
        *_role_changes("service role", before.service, now.service, (_UPDATE_APP,)),
        *_role_changes("compute role", before.compute, now.compute, (_UPDATE_BRANCH, _UPDATE_APP)),
        *_settings_changes(before, now),
    )
    unread = [
        *_unread("service role", before.service, now.service),
        *_unread("compute role", before.compute, now.compute),
    ]
    if before.variables is None or now.variables is None:
        unread.append("the names of the environment variables")
    job = value_of(evidence.job)
    soon = job is not None and job.ended_at is not None and now.read_at - job.ended_at < FRESH
    return Comparison(before, now, changes, tuple(unread), next_job=soon and now.job == before.job + 1)


def changed_check(comparison: Comparison, trail: Trail) -> Check:
    """The check that says what changed, and who changed it as far as CloudTrail tells."""
    before, now, changes = comparison.before, comparison.now, comparison.changes
    at = f"({before.read_at:%Y-%m-%d %H:%M} UTC)"
    gap = f"; could not look at {listed(comparison.unread)}" if comparison.unread else ""
    commit = _commit_change(before, now)
    if changes:
        clauses = sequence([*(change.clause for change in changes), *commit])
        since = f"since job {before.job} succeeded {at}"
        when = f"between job {before.job}, which succeeded {at}, and job {now.job}" if comparison.next_job else since
        return Check(CHANGED, CheckResult.FAIL, f"{when}: {clauses}{_who(trail)}{gap}")
    but = f", but {commit[0]}" if commit else ""
    seen = f"nothing that was compared differs from when job {before.job} succeeded {at}{but}"
    return Check(CHANGED, CheckResult.UNKNOWN if comparison.unread else CheckResult.PASS, f"{seen}{gap}")


def _of_a_deleted_branch(state: WorkingState, created_at: datetime | None) -> bool:
    """True if it was read before the branch of now was created. Job ids then start at 1 again."""
    return created_at is not None and state.read_at < created_at


def _variables(app: App, branch: Branch) -> tuple[str, ...] | None:
    names = {variable.name for variable in (*app.environment, *branch.environment)}
    return tuple(sorted(names)) if len(names) <= _MOST_NAMES else None


def _role_state(evidence: Evidence, arn: str | None) -> RoleState | None:
    if arn is None:
        return None
    match evidence.roles.get(arn):
        case Present(role):
            policies = value_of(evidence.policies.get(arn))
            return RoleState(
                arn,
                created_at=role.created_at,
                trust=_hash_of_text(role.trust_policy),
                boundary=role.permissions_boundary,
                policies=None if policies is None else _hashes(policies),
            )
        case Absent():
            return RoleState(arn, missing=True)
        case Unreadable() | None:
            return RoleState(arn)


def _hashes(policies: RolePolicies) -> dict[str, str]:
    own = (*policies.inline, *(arn for arn in policies.attached if arn not in policies.aws_managed))
    documents = {**dict(zip(own, policies.documents, strict=True)), **policies.aws_managed}
    return {name: _hash(json.dumps(_in_one_order(document))) for name, document in documents.items()}


def _hash_of_text(document: str) -> str:
    try:
        return _hash(json.dumps(_in_one_order(json.loads(document))))
    except (ValueError, RecursionError):
        return _hash(document)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _in_one_order(value: object) -> object:
    """Lists have no order in a policy, and IAM does not keep the order of principals. One value is a list of one."""
    if isinstance(value, Mapping):
        return {key: _in_one_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        items = sorted(map(_in_one_order, value), key=json.dumps)
        return items[0] if len(items) == 1 else items
    return value


def _role_changes(
    noun: str, before: RoleState | None, now: RoleState | None, setting: tuple[tuple[str, str], ...]
) -> Iterator[Change]:
    if before is None or now is None or before.arn != now.arn:
        if before != now:
            yield Change(_replaced(noun, before, now), setting)
        return
    if not (before.read and now.read):
        return
    name = bare(name_of(now.arn))
    who = (("ResourceName", name_of(now.arn)),)
    if before.missing or now.missing:
        if before.missing != now.missing:
            yield Change(f"the {noun} {name} was {'deleted' if now.missing else 'created'}", who)
        return
    if before.created_at != now.created_at:
        yield Change(f"the {noun} {name} was deleted and created again", who)
        return
    if before.trust != now.trust:
        yield Change(f"the trust policy of the {noun} {name} was changed", who)
    if before.boundary != now.boundary:
        values = f"{bare(before.boundary or 'none')} → {bare(now.boundary or 'none')}"
        yield Change(f"the permissions boundary of the {noun} {name} was changed: {values}", who)
    if before.policies is not None and now.policies is not None and before.policies != now.policies:
        yield Change(f"policies of the {noun} {name} were changed: {_edits(before.policies, now.policies)}", who)


def _replaced(noun: str, before: RoleState | None, now: RoleState | None) -> str:
    if before is None:
        return f"a {noun} was set: {bare(now.arn) if now else ''}"
    if now is None:
        return f"the {noun} was removed: it was {bare(before.arn)}"
    return f"the {noun} was replaced: {bare(before.arn)} → {bare(now.arn)}"


def _edits(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which policies were added, removed and edited."""
    edited = {name for name in before.keys() & now.keys() if before[name] != now[name]}
    parts = ((now.keys() - before.keys(), "added"), (before.keys() - now.keys(), "removed"), (edited, "edited"))
    return ", ".join(f"{_names(map(name_of, names))} {did}" for names, did in parts if names)


def _settings_changes(before: WorkingState, now: WorkingState) -> Iterator[Change]:
    either = (_UPDATE_APP, _UPDATE_BRANCH)
    if before.platform != now.platform:
        yield Change(f"the platform was changed: {bare(before.platform)} → {bare(now.platform)}", (_UPDATE_APP,))
    if before.image != now.image:
        values = f"{bare(before.image or 'the default')} → {bare(now.image or 'the default')}"
        yield Change(f"the build image was changed: {values}", either)
    if before.build_spec != now.build_spec:
        yield Change("the build specification that Amplify stores was changed", either)
    if before.variables is not None and now.variables is not None:
        then, at_last = set(before.variables), set(now.variables)
        if added := at_last - then:
            yield Change(f"environment variables were added: {_names(added)}", either)
        if removed := then - at_last:
            yield Change(f"environment variables were removed: {_names(removed)}", either)


def _names(names: Iterable[str]) -> str:
    return listed(map(bare, sorted(names)))


def _commit_change(before: WorkingState, now: WorkingState) -> list[str]:
    """Every push changes the commit, so this alone is no finding."""
    if before.commit == now.commit or {before.commit, now.commit} & _NO_COMMIT:
        return []
    return [f"the commit changed: {bare(before.commit or '')[:10]} → {bare(now.commit or '')[:10]}"]


def _unread(noun: str, before: RoleState | None, now: RoleState | None) -> Iterator[str]:
    if before is None or now is None or before.arn != now.arn:
        return
    if not now.read:
        yield f"the {noun} now"
    elif not before.read:
        yield f"the {noun} when it worked"
    elif not now.missing and now.policies is not None and before.policies is None:
        yield f"the policies of the {noun} when it worked"


def _who(trail: Trail) -> str:
    """Who made the changes, as far as CloudTrail tells. Names are texts that others chose."""
    calls = [_call(event) for event in sorted(trail.events, key=lambda event: event.at)[-_MOST_EVENTS:]]
    said = f"; CloudTrail lists {listed(calls)}" if calls else ""
    if trail.gap:
        return f"{said}; who changed it is not {'fully ' if calls else ''}known: {bare(trail.gap)}"
    return said or "; CloudTrail lists no call that did it, and it may list a call some minutes late"


def _call(event: TrailEvent) -> str:
    return f"{bare(event.name)} by {bare(event.by)} at {event.at:%Y-%m-%d %H:%M} UTC"
