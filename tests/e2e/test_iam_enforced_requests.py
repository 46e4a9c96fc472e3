"""Who may ask the bot for something, with IAM enforced: an operator, and an approver who clicks in Slack."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.alerts.model import Button, ButtonTarget
from medic.alerts.slack_buttons import ACTION_IDS, BUTTONS, button_value
from medic.events import RequestKind, RequestMessage, Scope, request_message
from medic.incidents.table import IncidentsTable
from tests.e2e.conftest import use_cloud
from tests.e2e.queues import Queues
from tests.e2e.test_emulator_patches import make_user
from tests.unit.cli.support import medic, valid
from tests.unit.slack_actions.clicks import TEAM, USER, body, payload, signed

if TYPE_CHECKING:
    from demo.stage import Stage
    from medic.incidents.model import Incident


@pytest.fixture(autouse=True)
def _operator(guarded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cloud(guarded, monkeypatch)


@pytest.fixture
def proposed(guarded: Stage) -> Scope:
    """A branch whose fix waits for an approval."""
    app_id = guarded.make_app("asked", {"amplify-medic:auto-fix": "ask"})
    guarded.cloud.control("set_connection", app_id, "lost")
    guarded.build(app_id)
    guarded.wait_for("the proposal in Slack", lambda: guarded.alerts(app_id) or None)
    Queues(guarded).wait_until_empty()
    return Scope("aws", "000000000000", "eu-central-1", app_id, "main")


def _fail(key: str, why: str, **_: bool) -> None:
    pytest.fail(f"{key} can't be read: {why}")


def incident(stage: Stage, scope: Scope) -> Incident:
    """The only incident of a branch."""
    table = IncidentsTable(
        stage.cloud.client("dynamodb"), stage.outputs["IncidentsTableName"], lambda: datetime.now(UTC), _fail
    )
    (found,) = table.read(scope).incidents
    return found


def attached(stage: Stage, scope: Scope) -> bool:
    return stage.branch(scope.app_id).get("computeRoleArn") == stage.outputs["DefaultComputeRoleArn"]


def test_an_operator_approves_and_undoes(guarded: Stage, proposed: Scope) -> None:
    approved = medic("approve", incident(guarded, proposed).id, "--yes", "--json")

    assert "attach_compute applied" in valid("request", approved.stdout)["answer"]
    assert attached(guarded, proposed)
    assert incident(guarded, proposed).approved_by.startswith("session:medic-")

    undone = medic("undo", proposed.app_id, "main", "--yes")
    assert undone.exit_code == 0, undone.output
    assert not attached(guarded, proposed)


def click(stage: Stage, scope: Scope, **changes: Any) -> int:
    """Click on Approve in Slack. Returns the HTTP status of the answer."""
    found, until = incident(stage, scope), datetime.now(UTC) + timedelta(hours=1)
    approval = ButtonTarget(found.id, found.plan_hash, scope, int(until.timestamp()))
    action = {
        "type": "button",
        "action_id": ACTION_IDS[Button.APPROVE],
        "block_id": BUTTONS,
        "value": button_value(approval),
    }
    raw = body(payload(actions=[action], **changes))
    url_id = stage.outputs["SlackRequestUrl"].removeprefix("https://").partition(".")[0]
    request = urllib.request.Request(  # noqa: S310 - the emulator's
        f"{stage.cloud.endpoint_url}/_aws/lambda-url/{url_id}/", data=raw, headers=signed(raw, at=time.time())
    )
    context = ssl.create_default_context(cafile=stage.cloud.ca_bundle)
    try:
        with urllib.request.urlopen(request, context=context, timeout=60) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_an_approver_approves_in_slack(guarded: Stage, proposed: Scope) -> None:
    assert click(guarded, proposed) == 200
    guarded.wait_for("the change", lambda: attached(guarded, proposed) or None)
    assert incident(guarded, proposed).approved_by == f"slack:{TEAM}/{USER}"


def test_somebody_else_does_not(guarded: Stage, proposed: Scope) -> None:
    assert click(guarded, proposed, user={"id": "U0SOMEBODY", "team_id": TEAM}) == 403
    Queues(guarded).wait_until_empty()
    assert not attached(guarded, proposed)


@pytest.mark.parametrize("who", ["the account's root", "a user who may send to the queue"])
def test_a_request_from_neither_role_is_dropped(guarded: Stage, proposed: Scope, who: str) -> None:
    found = incident(guarded, proposed)
    forged = RequestMessage(
        proposed, RequestKind.APPROVE, "0" * 32, found.id, found.plan_hash, slack_user=f"{TEAM}/{USER}"
    )
    sender = None
    if who.startswith("a user"):
        sender = make_user(guarded.cloud, "sender", {"Action": "sqs:SendMessage", "Resource": "*"})

    Queues(guarded).send(request_message(forged), sender)

    Queues(guarded).wait_until_empty()
    guarded.log_line("RequestUntrusted", "000000000000" if sender is None else "AIDA")
    assert not attached(guarded, proposed)
    assert incident(guarded, proposed).approved_by == ""


def test_messages_wait_while_the_bot_is_paused(guarded: Stage) -> None:
    app_id = guarded.make_app("paused", {})
    guarded.cloud.control("set_connection", app_id, "lost")
    assert valid("pause", medic("pause", "--yes", "--json").stdout)["changed"]
    try:
        guarded.build(app_id)
        time.sleep(3)
        assert guarded.alerts(app_id) == []
        assert valid("pause", medic("pause", "--dry-run", "--json").stdout)["waiting"] >= 1
    finally:
        assert medic("resume", "--yes").exit_code == 0
    guarded.next_alert(app_id, containing="lost its connection to the repository")


def test_dead_letters_are_replayed_with_the_rights_of_an_operator(guarded: Stage) -> None:
    event = {"source": "amplify-medic", "detail-type": "nothing known"}
    dead = guarded.outputs["DeadLettersUrl"]
    guarded.cloud.client("sqs").send_message(QueueUrl=dead, MessageBody=json.dumps(event))
    assert medic("replay-dlq", "--yes").exit_code == 0
    Queues(guarded).wait_until_empty()
    assert Queues(guarded).dead_letters() == []
