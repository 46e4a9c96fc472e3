"""What changed since the last success: each change says exactly itself, and nothing else is ever said."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.codec import from_text, to_text
from medic.diagnosis.changes import (
    CHANGED,
    Comparison,
    WorkingState,
    compare,
    is_newer,
    kept_state,
    says_more,
    with_changes,
    working_state,
)
from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.model import Check, CheckResult
from medic.evidence import (
    Absent,
    BuildSettings,
    EnvironmentVariable,
    Evidence,
    Present,
    RolePolicies,
    Trail,
    TrailEvent,
    Unreadable,
)
from medic.labels import Phase
from medic.logscan.scan import scan
from medic.records import replace
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    COMPUTE_ROLE,
    NOW,
    SERVICE_ROLE,
    UNASSUMABLE,
    app,
    branch,
    evidence,
    job,
    role,
    trust,
)

OTHER = f"arn:aws:iam::{ACCOUNT}:role/app/other"
READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
WRITES = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}
POLICIES = RolePolicies((), (READS,), ("reads",))


def seen(**changes: Any) -> Evidence:
    """What was read about a branch with two roles and the policies of its service role."""
    arns = (SERVICE_ROLE, COMPUTE_ROLE, OTHER)
    roles = {arn: Present(role(arn)) for arn in arns}
    base = {"job": Present(job()), "roles": roles, "policies": {SERVICE_ROLE: Present(POLICIES)}}
    return evidence(**{**base, **changes})


def state(of: Evidence) -> WorkingState:
    found = working_state(of)
    assert found is not None
    return found


BEFORE = replace(state(seen(job=Present(job(id="6")))), read_at=NOW - timedelta(days=1))


def compared(now: Evidence, before: WorkingState = BEFORE) -> Comparison:
    found = compare(before, now)
    assert found is not None
    return found


def clauses(now: Evidence, before: WorkingState = BEFORE) -> list[str]:
    return [change.clause for change in compared(now, before).changes]


def check(now: Evidence, kept: Any = None, trail: Trail | None = None) -> Check:
    """The check that the diagnosis begins with."""
    diagnosis = diagnose(now, scan([UNASSUMABLE.encode()], Phase.BUILD), Phase.BUILD)
    asked = trail or Trail()
    first = with_changes(diagnosis, now, Present(BEFORE) if kept is None else kept, lambda _: asked).checks[0]
    assert first.id == CHANGED
    return first


def service(**changes: Any) -> Evidence:
    return seen(roles={SERVICE_ROLE: Present(role(**changes)), COMPUTE_ROLE: Present(role(COMPUTE_ROLE))})


CHANGES = {
    "replaced": (
        seen(app=Present(app(service_role_arn=OTHER))),
        f"the service role was replaced: {SERVICE_ROLE} → {OTHER}",
    ),
    "removed": (seen(app=Present(app(service_role_arn=None))), f"the service role was removed: it was {SERVICE_ROLE}"),
    "detached": (
        seen(branch=Present(branch(compute_role_arn=None))),
        f"the compute role was removed: it was {COMPUTE_ROLE}",
    ),
    "deleted": (
        seen(roles={SERVICE_ROLE: Absent("no"), COMPUTE_ROLE: Present(role(COMPUTE_ROLE))}),
        "the service role service was deleted",
    ),
    "made anew": (service(created_at=NOW), "the service role service was deleted and created again"),
    "trust": (
        service(trust_policy=trust("lambda.amazonaws.com")),
        "the trust policy of the service role service was changed",
    ),
    "boundary": (
        service(permissions_boundary="arn:aws:iam::1:policy/b"),
        "the permissions boundary of the service role service was changed: none → arn:aws:iam::1:policy/b",
    ),
    "policies": (
        seen(policies={SERVICE_ROLE: Present(RolePolicies((), (WRITES, WRITES), ("reads", "writes")))}),
        "policies of the service role service were changed: writes added, reads edited",
    ),
    "platform": (seen(app=Present(app(platform="WEB"))), "the platform was changed: WEB_COMPUTE → WEB"),
    "image": (
        seen(app=Present(app(build=BuildSettings(image="amplify:al2023")))),
        "the build image was changed: the default → amplify:al2023",
    ),
    "spec": (
        seen(branch=Present(branch(build=BuildSettings(spec="sha256 1")))),
        "the build specification that Amplify stores was changed",
    ),
    "variable": (
        seen(branch=Present(branch(environment=(EnvironmentVariable("STAGE", None),)))),
        "environment variables were added: STAGE",
    ),
}


@pytest.mark.parametrize(("now", "clause"), CHANGES.values(), ids=list(CHANGES))
def test_each_change_says_exactly_itself(now: Evidence, clause: str) -> None:
    assert clauses(now) == [clause]
    assert check(now).result is CheckResult.FAIL


@pytest.mark.parametrize("now", [now for now, _ in CHANGES.values()], ids=list(CHANGES))
def test_a_state_compared_with_itself_says_nothing(now: Evidence) -> None:
    kept = replace(from_text(WorkingState, to_text(state(now))), read_at=NOW - timedelta(days=1))

    comparison = compared(now, kept)

    assert (comparison.changes, comparison.unread) == ((), ())
    assert check(now, Present(kept)).result is CheckResult.PASS


@pytest.mark.parametrize(("first", "second"), list(product(CHANGES, repeat=2)))
def test_what_was_changed_and_changed_back_says_nothing(first: str, second: str) -> None:
    """A change on the way there has no part in the way back: only what differs in the end is said."""
    before = replace(state(CHANGES[first][0]), job=6, read_at=NOW - timedelta(days=1))

    said = compared(CHANGES[second][0], before).changes

    assert bool(said) is (first != second)


def test_variables_are_compared_by_name_alone() -> None:
    kept = state(seen(app=Present(app(environment=(EnvironmentVariable("KEY", "access key id"),)))))

    assert kept.variables == ("KEY",)
    assert "access key id" not in to_text(kept)
    assert clauses(seen(), replace(kept, job=6)) == ["environment variables were removed: KEY"]


def test_too_many_variables_are_not_compared_and_that_is_said() -> None:
    many = tuple(EnvironmentVariable(f"V{number}", None) for number in range(301))
    now = seen(app=Present(app(environment=many)))

    assert state(now).variables is None
    assert clauses(now) == []
    assert check(now).result is CheckResult.UNKNOWN
    assert "could not look at the names of the environment variables" in check(now).detail


@pytest.mark.parametrize("of_now", [True, False], ids=["now", "then"])
def test_a_role_that_could_not_be_read_is_no_role_without_changes(of_now: bool) -> None:  # noqa: FBT001
    unread = seen(roles={SERVICE_ROLE: Unreadable("denied"), COMPUTE_ROLE: Present(role(COMPUTE_ROLE))})
    before = BEFORE if of_now else replace(state(unread), job=6, read_at=BEFORE.read_at)

    said = check(unread if of_now else seen(), Present(before))

    assert said.result is CheckResult.UNKNOWN
    assert said.detail.endswith(f"could not look at the service role {'now' if of_now else 'when it worked'}")


def test_policies_that_a_failure_does_not_concern_are_not_asked_for() -> None:
    assert compared(seen(policies={})).unread == ()
    assert clauses(seen(policies={})) == []


def test_a_commit_alone_is_no_finding() -> None:
    now = seen(job=Present(job(commit_id="0123456789abcdef")))

    assert check(now).result is CheckResult.PASS
    assert check(now).detail.endswith("but the commit changed: abc → 0123456789")


def test_the_order_of_lists_in_a_policy_is_no_change() -> None:
    def principals(*names: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"AWS": list(names)}, "Action": ["sts:AssumeRole"]}
        return json.dumps({"Statement": [statement]})

    kept = replace(state(service(trust_policy=principals("a", "b"))), job=6)

    assert clauses(service(trust_policy=principals("b", "a")), kept) == []
    assert clauses(service(trust_policy=principals("b", "c")), kept) != []


@given(st.recursive(st.text() | st.booleans(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)))
def test_any_trust_policy_has_a_hash_that_is_the_same_again(document: object) -> None:
    once, again = (service(trust_policy=json.dumps(document, sort_keys=order)) for order in (True, False))

    assert state(once).service == state(again).service


@pytest.mark.parametrize("text", ["", "[" * 100_000, '{"a": NaN}'], ids=["empty", "deep", "number"])
def test_a_text_that_is_no_policy_is_compared_as_text(text: str) -> None:
    assert clauses(service(trust_policy=text), replace(state(service(trust_policy=text)), job=6)) == []


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (seen(job=Unreadable("denied")), BEFORE),
        (seen(app=Absent("deleted")), BEFORE),
        (seen(), replace(BEFORE, job=8)),
        (seen(branch=Present(branch(created_at=NOW))), BEFORE),
    ],
    ids=["no job", "no app", "a later success", "another branch of that name"],
)
def test_states_that_say_nothing_about_each_other_are_not_compared(now: Evidence, before: WorkingState) -> None:
    assert compare(before, now) is None


def test_without_a_success_there_is_no_check() -> None:
    diagnosis = diagnose(seen(), scan([UNASSUMABLE.encode()], Phase.BUILD), Phase.BUILD)

    assert with_changes(diagnosis, seen(), Absent("none"), lambda _: pytest.fail("asked")) == diagnosis


def test_a_record_that_can_not_be_read_is_said() -> None:
    said = check(seen(), Unreadable("it is damaged"))

    assert said.result is CheckResult.UNKNOWN
    assert said.detail == "could not look at what changed since a success: it is damaged"


def test_a_change_raises_no_rank() -> None:
    now = CHANGES["trust"][0]
    diagnosis = diagnose(now, scan([UNASSUMABLE.encode()], Phase.BUILD), Phase.BUILD)

    assert with_changes(diagnosis, now, Present(BEFORE), lambda _: Trail()).causes == diagnosis.causes


@pytest.mark.parametrize(
    ("job_id", "created_at", "newer"),
    [(5, None, False), (6, None, False), (7, None, True), (1, NOW, True), (1, NOW - timedelta(days=9), False)],
)
def test_only_a_later_job_or_another_branch_of_that_name_replaces_a_state(
    job_id: int,
    created_at: Any,
    newer: bool,  # noqa: FBT001
) -> None:
    assert is_newer(job_id, BEFORE, created_at) is newer


@pytest.mark.parametrize(
    ("changes", "created_at", "more"),
    [
        ({}, None, False),
        ({"read_at": BEFORE.read_at + timedelta(days=7)}, None, False),
        ({"read_at": BEFORE.read_at + timedelta(days=7, seconds=1)}, None, True),
        ({"commit": "def"}, None, True),
        ({"service": None}, None, True),
        ({}, NOW, True),
    ],
    ids=["the same", "a week old", "older than a week", "a commit", "a role", "another branch of that name"],
)
def test_a_state_is_written_if_it_differs_or_the_kept_one_is_old(
    changes: Any,
    created_at: Any,
    more: bool,  # noqa: FBT001
) -> None:
    assert says_more(replace(BEFORE, **{"job": 7, "read_at": NOW, **changes}), BEFORE, created_at) is more


@pytest.mark.parametrize(
    ("before", "ended", "start"),
    [
        (6, timedelta(minutes=14), "between job 6, which succeeded (2026-"),
        (6, timedelta(minutes=15), "since job 6 succeeded (2026-"),
        (5, timedelta(minutes=1), "since job 5 succeeded (2026-"),
        (7, timedelta(minutes=1), "since job 7 succeeded (2026-"),
    ],
    ids=["the next job", "read late", "a job between", "the same job"],
)
def test_two_jobs_are_named_only_if_one_follows_the_other(before: int, ended: timedelta, start: str) -> None:
    now = seen(app=Present(app(platform="WEB")), job=Present(job(ended_at=NOW - ended)))

    detail = check(now, Present(replace(BEFORE, job=before))).detail

    assert detail.startswith(start)
    assert (", and job 7: " in detail) is start.startswith("between")


@pytest.mark.parametrize("text", ["{", '{"job": true}', '{"job": 1, "read_at": "9999"}'])
def test_a_damaged_state_is_no_missing_one(text: str) -> None:
    assert isinstance(kept_state(text), Unreadable)
    assert isinstance(kept_state(""), Absent)


def test_a_state_of_a_newer_release_is_read_without_what_only_that_one_knows() -> None:
    newer = {**json.loads(to_text(BEFORE)), "newer": [1]}

    assert kept_state(json.dumps(newer)) == Present(BEFORE)


# --- who did it

TRUST_CHANGED = CHANGES["trust"][0]


def event(number: int, by: str = "arn:aws:iam::1:user/ada") -> TrailEvent:
    return TrailEvent("UpdateAssumeRolePolicy", NOW - timedelta(hours=number), by)


def test_the_three_newest_calls_are_named() -> None:
    detail = check(TRUST_CHANGED, trail=Trail(tuple(event(number, f"caller-{number}") for number in range(9)))).detail

    assert [number for number in range(9) if f"caller-{number} " in detail] == [0, 1, 2]


def test_no_call_listed_is_not_called_no_change() -> None:
    assert "CloudTrail lists no call that did it, and it may list a call some minutes late" in (
        check(TRUST_CHANGED).detail
    )


@pytest.mark.parametrize(("events", "known"), [((), "not known"), ((event(1),), "not fully known")])
def test_a_gap_is_said(events: tuple[TrailEvent, ...], known: str) -> None:
    detail = check(TRUST_CHANGED, trail=Trail(events, "cloudtrail:LookupEvents is denied")).detail

    assert f"who changed it is {known}: cloudtrail:LookupEvents is denied" in detail


def test_the_names_of_strangers_are_cut_and_escaped() -> None:
    detail = check(TRUST_CHANGED, trail=Trail((event(1, f"x\n{'y' * 5000}"),))).detail

    assert "\n" not in detail
    assert len(detail) < 600


def test_a_change_of_the_commit_alone_asks_nobody() -> None:
    now = seen(job=Present(job(commit_id="def")))
    diagnosis = diagnose(now, scan([UNASSUMABLE.encode()], Phase.BUILD), Phase.BUILD)

    with_changes(diagnosis, now, Present(BEFORE), lambda _: pytest.fail("asked"))


def test_the_role_is_asked_for_by_name_and_a_setting_by_its_call() -> None:
    assert compared(TRUST_CHANGED).lookups == (("ResourceName", "service"),)
    assert compared(CHANGES["replaced"][0]).lookups == (("EventName", "UpdateApp"),)
    assert compared(CHANGES["detached"][0]).lookups == (("EventName", "UpdateBranch"), ("EventName", "UpdateApp"))
