"""A record of another release, or a damaged one: nothing is lost, and nothing but a CodecError is raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, field

from medic.codec import CodecError, from_text, to_text
from medic.incidents.model import Change, ChangeState, Incident, IncidentState
from medic.incidents.record import BranchRecord, incidents_text, read_record
from medic.incidents.store import RETENTION, count, number, time
from medic.labels import ActionKind, BotLabel, Label, Trigger
from medic.records import replace
from tests.unit.incidents.test_record import NOW, SCOPE, incidents, opened


class OlderChange(Struct, frozen=True):
    """A change, as a release with fewer fields knows it."""

    target: str
    state: ChangeState
    unknown: Mapping[str, object] = field(default_factory=dict)


class OlderIncident(Struct, frozen=True):
    """An incident, as a release with fewer fields knows it."""

    id: str
    label: Label | BotLabel
    state: IncidentState
    count: int
    trigger: Trigger
    changes: tuple[OlderChange, ...] = ()
    note: str = ""
    unknown: Mapping[str, object] = field(default_factory=dict)


@given(incidents)
def test_a_release_that_knows_fewer_fields_writes_them_all_back(written: Incident) -> None:
    (older,) = from_text(tuple[OlderIncident, ...], to_text((written,)))
    changed = replace(older, count=older.count + 1, note="older")
    assert from_text(tuple[Incident, ...], to_text((changed,))) == (
        replace(written, count=written.count + 1, note="older"),
    )


def test_missing_fields_have_their_defaults() -> None:
    required = {name: value for name, value in json.loads(to_text(opened())).items() if value or name == "trigger"}
    assert from_text(Incident, json.dumps(required)) == opened()


def read(*incidents: object) -> BranchRecord:
    return read_record(SCOPE, {"incidents": {"S": json.dumps(incidents)}}, NOW)


def raw(**fields: Any) -> dict[str, Any]:
    return {**json.loads(to_text(opened())), **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "hibernating"},
        {"label": "quota_exceeded"},
        {"role_kind": None},
        {"trigger": "canary"},
        {"mode": "dream"},
        {"changes": [{}]},
        {"last_alerted_plan": [{"kind": "attach_edge"}]},
        {"count": "1"},
        {"count": True},
        {"count": 1e30},
        {"count": 10**30},
        {"count": float("nan")},
        {"opened_at": "2026-11-22T12:00:00"},
        {"opened_at": "9999-12-31T23:59:59+00:00"},
        {"opened_at": "0001-01-01T00:00:00+00:00"},
        {"opened_at": 1},
        {"deadline": "2027-11-22T12:00:00+00:00"},
        {"resend_at": "2027-11-22T12:00:00+00:00"},
        {"job_id": "seven"},
        {"job_id": "9" * 5000},
        {"rebuild_job_id": "eight"},
        {"threads": ["slack"]},
        {"threads": {"slack": 1}},
        {"alerted": "report:7/slack"},
        {"tried_before": "no"},
    ],
    ids=str,
)
def test_an_incident_with_an_unknown_or_damaged_value_stands_aside(fields: dict[str, Any]) -> None:
    other = raw(id="other")
    record = read(raw(**fields), other)
    assert [incident.id for incident in record.incidents] == ["other"]
    assert len(record.unread) == 1
    left, kept = json.loads(incidents_text(record))
    assert kept == other
    assert repr(left) == repr(raw(**fields))


def test_an_applied_change_without_a_time_stands_aside() -> None:
    change = to_text(Change(ActionKind.ATTACH_COMPUTE, "arn", "role", None, ChangeState.APPLIED, NOW))
    assert len(read(raw(changes=[json.loads(change)])).unread) == 1


def test_an_unread_incident_is_dropped_once_nobody_has_updated_it_for_as_long_as_an_item_is_kept() -> None:
    updated = {"state": "x", "updated_at": (NOW - RETENTION - timedelta(seconds=1)).isoformat()}
    kept = {"state": "x", "updated_at": (NOW - RETENTION + timedelta(hours=1)).isoformat()}
    assert [json.loads(each.text) for each in read(updated, kept, {"updated_at": "long ago"}).unread] == [
        kept,
        {"updated_at": "long ago"},
    ]


def test_a_record_with_unread_incidents_is_checked_again_within_the_hour() -> None:
    assert read(raw(state="x")).next_check(NOW) == NOW + timedelta(hours=1)
    assert read(raw(state="x"), raw(alert_due="report:7")).next_check(NOW) == NOW + timedelta(minutes=1)
    assert read(raw()).next_check(NOW) == opened().deadline
    assert read().next_check(NOW) is None


def test_a_record_with_outdated_incidents_is_not_checked_again() -> None:
    first_edition = {**raw(), "occasion": "failed"}
    del first_edition["trigger"]
    record = read(first_edition, raw(last_alerted_plan="attach"))
    assert [each.outdated for each in record.unread] == [True, True]
    assert record.next_check(NOW) is None
    assert json.loads(record.unread[0].text) == first_edition
    damaged = read(raw(trigger="?"), {"damaged": "x", "updated_at": NOW.isoformat()})
    assert [each.outdated for each in damaged.unread] == [False, False]


@pytest.mark.parametrize("listed_at", ["0", "-1E+30", str(int(NOW.timestamp()))])
def test_a_record_in_which_nothing_is_due_is_listed_wrongly(listed_at: str) -> None:
    item: Any = {"incidents": {"S": json.dumps([raw()])}, "due": {"S": "due"}, "due_at": {"N": listed_at}}
    assert read_record(SCOPE, item, NOW).wrongly_listed(NOW)
    assert not read_record(SCOPE, item, NOW).written().wrongly_listed(NOW)
    assert not read_record(SCOPE, {**item, "due_at": {"N": "1e30"}}, NOW).wrongly_listed(NOW)
    assert not read_record(SCOPE, item, NOW).wrongly_listed(NOW + timedelta(days=8))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
fields_of_an_incident = st.sampled_from(sorted(raw()))
attribute_values = (
    st.builds(lambda text: {"S": text}, st.text(max_size=5))
    | st.sampled_from([{"N": number} for number in ("1E+125", "-1E+125", "0", "-1", "1795953600.5", "1E-130")])
    | st.sampled_from([{"B": b"\x1f\x8b"}, {"SS": ["a"]}, {"NULL": True}, {"M": {}}, {"L": []}, {"BOOL": False}])
)


@given(st.lists(st.builds(lambda name, value: raw(**{name: value}), fields_of_an_incident, json_values) | json_values))
def test_no_json_stops_the_others(values: list[object]) -> None:
    record = read(*values, raw(id="other"))
    assert record.incidents[-1].id == "other"
    assert len(json.loads(incidents_text(record))) >= len(record.incidents)
    assert read_record(SCOPE, {"incidents": {"S": incidents_text(record)}}, NOW).incidents == record.incidents


@given(st.dictionaries(st.sampled_from(["version", "cooling_until", "due", "due_at", "incidents"]), attribute_values))
def test_no_attribute_raises(item: dict[str, Any]) -> None:
    record = read_record(SCOPE, item, NOW)
    assert 0 <= record.version <= 2**53
    assert record.cooling_until is None or record.cooling_until <= NOW + timedelta(hours=25)
    assert isinstance(incidents_text(record), str)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("1E+30", None),
        ("-1", None),
        ("0", None),
        ("4102444801", None),
        ("1795953600", datetime.fromtimestamp(1795953600, UTC)),
    ],
)
def test_a_stored_time_has_bounds(stored: str, expected: datetime | None) -> None:
    assert time({"at": {"N": stored}}, "at") == expected


def test_a_stored_count_has_bounds() -> None:
    counts: Any = {"n": {"N": "7"}, "huge": {"N": "1E+30"}, "less": {"N": "-1"}, "text": {"S": "7"}}
    assert [count(counts, name) for name in (*counts, "none")] == [7, 0, 0, 0, 0]
    assert number(counts, "text") is None


@pytest.mark.parametrize("text", ["", "[", "{}", "null", "7", '"x"', "[" * 100_000])
def test_a_text_that_is_no_record_is_a_codec_error(text: str) -> None:
    with pytest.raises(CodecError):
        from_text(tuple[Incident, ...], text)
