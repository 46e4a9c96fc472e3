"""Events are parsed strictly: one format is accepted, everything else is refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.events import DeploymentEvent, DeploymentStatus, MalformedEventError, parse_deployment_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REAL = json.loads((Path(__file__).parents[1] / "data/events/failed.json").read_text())


def parse(event: object) -> DeploymentEvent:
    return parse_deployment_event(event, account="111122223333", region="us-east-1", partition="aws")


def test_a_real_event_is_read_from_its_detail() -> None:
    event = parse(REAL)
    assert event.scope.app_id == "d1a2b3c4d5e6f7"
    assert event.scope.branch == "main"
    assert event.job_id == "2"
    assert event.status is DeploymentStatus.FAILED
    assert event.time == datetime(2024, 2, 2, 6, 53, 5, tzinfo=UTC)


def test_a_zero_padded_job_id_is_the_same_job() -> None:
    assert parse(changed(detail={**REAL["detail"], "jobId": "0000000002"})).job_id == "2"


def test_a_branch_name_keeps_its_slashes_in_the_arn() -> None:
    event = parse(changed(detail={**REAL["detail"], "branchName": "feature/x"}))
    assert event.scope.branch_arn == "arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5e6f7/branches/feature/x"


def changed(**fields: object) -> dict[str, Any]:
    return {**REAL, **fields}


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in REAL.items() if k != key}


def detail_with(**fields: object) -> dict[str, Any]:
    return changed(detail={**REAL["detail"], **fields})


MALFORMED: Mapping[str, Callable[[], object]] = {
    "not an object": lambda: "FAILED",
    "no source": lambda: without("source"),
    "another source": lambda: changed(source="aws.codebuild"),
    "another detail type": lambda: changed(**{"detail-type": "Something else"}),
    "another account": lambda: changed(account="999999999999"),
    "an account that is a number": lambda: changed(account=111122223333),
    "another region": lambda: changed(region="eu-west-1"),
    "no detail": lambda: without("detail"),
    "a detail that is a list": lambda: changed(detail=[]),
    "an unknown status": lambda: detail_with(jobStatus="SUCCEEDED"),
    "a started job": lambda: detail_with(jobStatus="STARTED"),
    "a status that is not a string": lambda: detail_with(jobStatus=None),
    "an app id with the wrong format": lambda: detail_with(appId="../../etc"),
    "a branch that is not a string": lambda: detail_with(branchName=7),
    "an empty branch": lambda: detail_with(branchName=""),
    "a branch of 256 characters": lambda: detail_with(branchName="b" * 256),
    "a job id that is not a number": lambda: detail_with(jobId="2; rm"),
    "a job id that is an int": lambda: detail_with(jobId=2),
    "a job id in non-ASCII digits": lambda: detail_with(jobId="٢"),
    "no time": lambda: without("time"),
    "a time without a time zone": lambda: changed(time="2024-02-02T06:53:05"),
    "a time that is not a date": lambda: changed(time="yesterday"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_event_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(MalformedEventError) as refusal:
        parse(MALFORMED[name]())
    assert str(refusal.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from([*REAL, "x"]), json_values))
def test_any_other_json_raises_nothing_but_malformed_event_error(fields: dict[str, Any]) -> None:
    try:
        event = parse({**REAL, **fields})
    except MalformedEventError:
        return
    assert event.scope.account == "111122223333"
