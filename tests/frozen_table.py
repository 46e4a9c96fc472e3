"""Freezes a table of this release: `python -m tests.frozen_table` writes `tests/data/table/<version>.json`.

Every later release must read that file. So it is written once, for a release, and never again. It holds an item of
every kind as this release writes it, then items as a newer release might write them, and damaged ones.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import boto3
from moto import mock_aws

from medic import VERSION
from medic.alerts.model import AlertKind
from medic.codec import to_text
from medic.diagnosis.changes import RoleState, WorkingState
from medic.events import RequestKind, Scope
from medic.evidence import JobRef, RuntimeLine, RuntimePage
from medic.incidents.model import (
    Answer,
    Change,
    ChangeState,
    Incident,
    IncidentState,
    Request,
    UndeliveredAlert,
)
from medic.incidents.region import RegionTable
from medic.incidents.requests import RequestsTable
from medic.incidents.table import Cap, IncidentsTable, TransactionParts
from medic.labels import ActionKind, BotLabel, Label, RoleKind, Trigger
from medic.plan.model import Action, Disposition
from medic.records import replace
from medic.settings import Mode
from medic.watch.cursor import Cursor
from medic.watch.cursor_store import Cursors
from medic.watch.rounds import Rounds, RoundsTable
from tests.gallery.samples import sample
from tests.integration.conftest import ENVIRONMENT, REGION, TABLE, make_table

FOLDER = Path(__file__).parent / "data" / "table"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
MAIN = Scope("aws", "123456789012", REGION, "d1a2b3c4d5e6f7", "main")
ROLE = "arn:aws:iam::123456789012:role/app/shop-ssr"
Json: TypeAlias = dict[str, Any]


def frozen(path: Path) -> tuple[datetime, list[Json]]:
    """The time at which a table was frozen, and its items as DynamoDB's JSON."""
    table = json.loads(path.read_text())
    return datetime.fromisoformat(table["now"]), [_with_bytes(item) for item in table["items"]]


def freeze(now: datetime, items: list[Json]) -> str:
    """A table as the text of its file: one line for each item."""
    lines = (json.dumps(item, default=_without_bytes, sort_keys=True) for item in items)
    return f'{{"now": "{now.isoformat()}", "items": [\n' + ",\n".join(sorted(lines)) + "\n]}\n"


def branch(name: str) -> Scope:
    return replace(MAIN, branch=name)


def incident(scope: Scope, state: IncidentState = IncidentState.OPEN, **fields: Any) -> Incident:
    """An incident of a build that failed half an hour ago."""
    label = fields.pop("label", Label.SERVICE_ROLE_UNASSUMABLE)
    role_kind = fields.pop("role_kind", RoleKind.SERVICE)
    job = JobRef("7", NOW - timedelta(minutes=30))
    opened = Incident.open(scope, (role_kind, label), job, app_name="shop", now=NOW - timedelta(minutes=20))
    return replace(opened.moved(state, NOW), reason="likely: the connection is lost", **fields)


def _change(state: ChangeState, kind: ActionKind = ActionKind.ATTACH_COMPUTE, **fields: Any) -> Change:
    applied = None if state is ChangeState.INTENDED else NOW
    return Change(kind, MAIN.branch_arn, ROLE, None, state, NOW, applied, **fields)


def incidents() -> Iterator[tuple[Scope, Incident]]:
    """An incident in every state, with every kind of content."""
    action = Action(ActionKind.ATTACH_COMPUTE, Disposition.ASK_FIRST, MAIN.branch_arn, ROLE, None, "the tag says ask")
    waits = IncidentState.AWAITING_APPROVAL
    yield branch("open"), incident(branch("open"), alerted=("report:7/slack", "report:7/sns"), threads={"slack": "1.2"})
    yield branch("asks"), incident(branch("asks"), waits, plan_hash="f" * 64, last_alerted_plan=(action,))
    intended = _change(ChangeState.INTENDED)
    yield branch("sends"), incident(branch("sends"), IncidentState.APPLYING, changes=(intended,), alert_due="report:7")
    applied = {"changes": (_change(ChangeState.APPLIED),), "mode": Mode.FIX}
    yield branch("set"), incident(branch("set"), IncidentState.APPLIED, **applied)
    rebuilding = {**applied, "rebuild_intended_at": NOW, "rebuild_job_id": "8"}
    yield branch("builds"), incident(branch("builds"), IncidentState.REBUILDING, **rebuilding)
    for state in IncidentState:
        if state.closed:
            yield branch(state), incident(branch(state), state, rebuilt_at=NOW)
    undone = _change(ChangeState.UNDONE), _change(ChangeState.FAILED, ActionKind.REPAIR_SERVICE, note="refused")
    asked = {"undo_asked_by": "session:ada", "approved_by": "slack:T1/U1", "tried_before": True}
    yield branch("undone"), incident(branch("undone"), IncidentState.NOT_HELPED, changes=undone, **asked)
    runtime: Json = {"label": Label.CREDENTIALS_MISSING_RUNTIME, "role_kind": RoleKind.COMPUTE}
    yield branch("ssr"), incident(branch("ssr"), trigger=Trigger.RUNTIME, channel="web", **runtime)
    missing: Json = {"label": BotLabel.SSR_LOG_MISSING, "role_kind": RoleKind.NONE}
    yield MAIN.whole_app, incident(MAIN.whole_app, IncidentState.EXPIRED, **missing)


def _current_items(client: Any) -> None:
    """Write an item of every kind as this release does."""
    arguments = client, TABLE, lambda: NOW, _fail
    table, region, requests = IncidentsTable(*arguments), RegionTable(*arguments), RequestsTable(*arguments)
    for scope, each in incidents():
        with table.hold(scope) as lease:
            lease.save(replace(lease.record.with_incident(each), cooling_until=NOW + timedelta(hours=1)))
    late = branch("late")
    alert = UndeliveredAlert(incident(late).id, "report:7", to_text(sample(AlertKind.OPEN)), ("slack",))
    unsent = incident(late).record_alert("report:7", ("report:7/sns",), NOW, delivered=False)
    cap = Cap(f"fixes#{MAIN.account}#{MAIN.region}#{int(NOW.timestamp()) // 3600}", 5, NOW + timedelta(hours=2))
    with table.hold(late) as lease:
        lease.save(lease.record.with_incident(unsent), TransactionParts((cap,), undelivered=(alert,)))
    storm = incident(MAIN.whole_region, label=BotLabel.STORM, role_kind=RoleKind.NONE)
    with table.hold(MAIN.whole_region) as lease:
        lease.save(lease.record.with_incident(storm))
    region.count(MAIN)
    region.mute(branch("muted"), NOW + timedelta(days=2))
    region.join_storm(branch("open"), storm.id, incident(branch("open")).id)
    for number, kind in enumerate(RequestKind):
        until = NOW + timedelta(days=1) if kind is RequestKind.MUTE else None
        asked = Request(f"{number:032x}", kind, MAIN, "session:ada", NOW, NOW + timedelta(hours=1), until=until)
        requests.submit(asked)
        if kind is RequestKind.UNDO:
            requests.answer(MAIN, asked.id, Answer("refused: nothing to undo", refused=True))
    service = RoleState(ROLE, created_at=NOW - timedelta(days=9), trust="0" * 16, policies={"reads": "1" * 16})
    worked = WorkingState(6, NOW - timedelta(days=1), "4f1c", "WEB_COMPUTE", None, None, ("STAGE",), service, None)
    table.keep_success(MAIN, to_text(worked))
    cursors = Cursors(client, TABLE, (MAIN.partition, MAIN.account, MAIN.region), _fail)
    lines = tuple(RuntimeLine(str(n), NOW - timedelta(seconds=n), "s", "x") for n in range(3))
    read, _ = Cursor(MAIN.app_id).after_page(RuntimePage(lines, "more"), Cursor(MAIN.app_id).next_reading(NOW))
    cursors.save(read.after_look(NOW))
    rounds = RoundsTable(client, TABLE, (MAIN.partition, MAIN.account, MAIN.region), _fail)
    rounds.boost(MAIN.app_id, NOW + timedelta(minutes=30))
    rounds.write(Rounds(), Rounds(NOW, NOW, frozenset({MAIN.app_id})), NOW)


def _fail(key: str, why: str, **_: bool) -> None:
    raise AssertionError(f"{key} is written so that it can't be read: {why}")


def _stored(scope: Scope, *incidents: object, **attributes: Any) -> Json:
    """A branch's record whose incidents are given as JSON."""
    return {
        "pk": {"S": f"branch#aws#{scope.account}#{scope.region}#{scope.app_id}#{scope.branch}"},
        "version": {"N": "3"},
        "incidents": {"S": json.dumps(incidents)},
        "due": {"S": "due"},
        "due_at": {"N": str(int(NOW.timestamp()))},
        **attributes,
    }


def newer_items() -> Iterator[Json]:
    """Items as a newer release might write them."""
    known = json.loads(to_text(incident(branch("newer-field"), changes=(_change(ChangeState.APPLIED),))))
    known["changes"][0]["newer"] = {"proof": [1, 2]}
    yield _stored(branch("newer-field"), {**known, "newer": ["x"]}, newer_attribute={"M": {"a": {"N": "1"}}})
    for name, value in (
        ("state", "hibernating"),
        ("label", "quota_exceeded"),
        ("role_kind", "edge"),
        ("trigger", "canary"),
        ("mode", "dream"),
    ):
        scope = branch(f"newer-{name}")
        raw = json.loads(to_text(incident(scope)))
        other = json.loads(to_text(incident(scope, IncidentState.EXPIRED, label=Label.PASS_ROLE_DENIED)))
        yield _stored(scope, {**raw, name: value}, other)
    scope = branch("newer-change")
    raw = json.loads(to_text(incident(scope, changes=(_change(ChangeState.APPLIED),))))
    raw["changes"][0]["kind"] = "attach_edge"
    yield _stored(scope, raw)
    yield _stored(branch("newer-schema"), raw, schema={"N": "2"})
    yield {"pk": {"S": f"cursor#aws#{MAIN.account}#{MAIN.region}#dnewer"}, "state": {"S": '{"newer": 1}'}}


def damaged_items() -> Iterator[Json]:
    """Items that no release writes."""
    for name, text in (
        ("no-json", "[{"),
        ("no-list", "{}"),
        ("nested", "[" * 2000),
        ("no-objects", "[NaN, 1e999, -1]"),
    ):
        yield {**_stored(branch(f"damaged-{name}")), "incidents": {"S": text}}
    yield {**_stored(branch("damaged-type")), "incidents": {"B": b"\x1f\x8b\x08\x00garbage"}}
    raw = json.loads(to_text(incident(branch("damaged-time"))))
    times = [{**raw, "deadline": deadline} for deadline in ("9999-12-31T23:59:59+00:00", "2026-11-29", "", 7, None)]
    counts = [{**raw, "count": count} for count in (1e30, "1", True)]
    yield _stored(branch("damaged-time"), *times, *counts, {**raw, "job_id": "x"}, {})
    wrong = {"version": {"N": "-1E+30"}, "cooling_until": {"N": "1E+30"}, "lease_until": {"N": "1E+30"}}
    yield _stored(branch("damaged-numbers"), raw, **wrong)
    for key in (
        "branch#x",
        "request#x#aws#1",
        "letter#x",
        f"request#{'0' * 32}#aws#{MAIN.account}#{REGION}#NOTANAPP#m",
    ):
        yield {"pk": {"S": key}, "due": {"S": "due"}, "due_at": {"N": "0"}}
    for name, text in (("no-json", "{"), ("wrong", '{"job": true}'), ("times", '{"job": 1, "read_at": "9999"}')):
        yield {**_stored(branch(f"worked-{name}")), "worked": {"S": text}}
    cursor = f"cursor#aws#{MAIN.account}#{MAIN.region}#ddamaged"
    yield {"pk": {"S": cursor}, "state": {"S": "{"}, "version": {"S": "x"}}


@contextmanager
def _table() -> Iterator[Any]:
    with mock_aws():
        make_table()
        yield boto3.client("dynamodb", region_name=REGION)


def main() -> None:
    """Write the file of this release."""
    import os  # noqa: PLC0415 - only the command sets the environment

    os.environ.update(ENVIRONMENT)
    with _table() as client:
        _current_items(client)
        items = client.scan(TableName=TABLE)["Items"]
    for item in items:
        if "lease_token" in item:
            item["lease_token"] = {"S": "0" * 32}
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{VERSION}.json"
    path.write_text(freeze(NOW, [*items, *newer_items(), *damaged_items()]), encoding="utf-8")


def _without_bytes(value: bytes) -> Json:
    return {"base64": base64.b64encode(value).decode()}


def _with_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        encoded = value.get("base64")
        return (
            base64.b64decode(encoded)
            if isinstance(encoded, str)
            else {name: _with_bytes(each) for name, each in value.items()}
        )
    return [_with_bytes(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
