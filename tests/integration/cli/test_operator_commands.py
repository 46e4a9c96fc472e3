"""fix, approve, undo, mute, history, test-alert and replay-dlq, from the command line to the whole bot."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from medic import queue
from medic.events import MessageType
from tests.fakes.queue import OPERATOR
from tests.integration.conftest import TABLE, make_table
from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.fakes.deployed_stack import FakeStack
    from tests.integration.conftest import World

OLD = 24 * 3600
ASK = {"amplify-medic:auto-fix": "ask"}


@pytest.fixture
def bot(world: World, stack: FakeStack) -> Iterator[FakeStack]:
    """The stack with a remediator that runs the real pipeline on every message."""
    world.amplify.control.set_clock_right()
    make_table()
    world.settings = {"slack": {}}
    world.topic_arn = world.client("sns").create_topic(Name="alerts")["TopicArn"]
    world.default_role_arn = world.make_role("medic-default", age=OLD)
    world.actor_role_arn = world.make_role("medic-actor", age=OLD)
    services = world.services(clock=lambda: datetime.now(UTC))
    world.queue.now = services.clock

    def remediator(event: Any) -> object:
        with redirect_stdout(StringIO()):  # keeps its log and metrics out of the command's output
            return queue.handle(event, services)

    def receive(body: str) -> None:
        world.queue.poll(remediator, world.queue.send(body, OPERATOR))

    stack.outputs = {
        "AlertTopicArn": world.topic_arn,
        "RemediatorFunctionName": "remediator",
        "IncidentsTableName": TABLE,
        "QueueUrl": "https://sqs.eu-central-1.amazonaws.com/111122223333/medic",
        "EventSourceMappingId": "b2c9b5a4-0e0e-4c51-8f4e-000000000000",
        "DeadLettersUrl": "https://sqs.eu-central-1.amazonaws.com/111122223333/dead-letters",
        "OperatorRoleArn": world.make_role("medic-operator", age=OLD),
    }
    stack.remediator, stack.receive = remediator, receive
    yield stack
    dynamodb_backends[world.amplify.account_id].reset()
    sqs_backends[world.amplify.account_id].reset()


def run(world: World, *arguments: str, given: str | None = None) -> Result:
    return medic(*arguments, "--region", world.amplify.region, given=given)


def failed(world: World, bot: FakeStack, tags: dict[str, str]) -> str:
    """An SSR app without a compute role. Its build has failed, and the bot has handled the failure."""
    app = world.make_app(tags=tags, iamServiceRoleArn=world.make_role("service", age=OLD))
    world.amplify.control.set_connection(app, "lost")
    bot.receive(json.dumps({**world.build(app), "time": datetime.now(UTC).isoformat()}))
    return app


def incidents(world: World, *arguments: str) -> list[Any]:
    answer = valid("history", run(world, "history", *arguments, "--json").stdout)
    found: list[Any] = answer["incidents"]
    return found


def test_an_approved_proposal_is_applied_under_the_approver_s_name(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, ASK)
    (incident,) = incidents(world)
    assert incident["state"] == "awaiting_approval"
    (planned,) = incident["plan"]
    assert (planned["disposition"], planned["role"], planned["rule"]) == ("ask_first", world.default_role_arn, None)
    result = run(world, "approve", incident["id"], "--yes")
    assert result.exit_code == 0
    reason = "the branch's tag amplify-medic:auto-fix says ask"
    assert f"Plan: set this branch's compute role from none to {world.default_role_arn} ({reason})." in result.stdout
    assert "The branch's compute role is not set now." in result.stdout
    assert world.compute_role(app) == world.default_role_arn
    (incident,) = incidents(world)
    (change,) = incident["changes"]
    assert (change["from"], change["to"], change["state"]) == (None, world.default_role_arn, "applied")
    assert incident["approved_by"] == "session:medic-ada"
    assert "approved by session:medic-ada" in run(world, "history").stdout


def test_without_a_yes_no_request_is_sent(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, ASK)
    (incident,) = incidents(world)
    assert run(world, "approve", incident["id"], given="n\n").exit_code == 1
    assert run(world, "approve", incident["id"], "--dry-run").exit_code == 0
    assert world.compute_role(app) is None
    assert bot.invocations == []


def test_a_caller_who_may_not_read_the_branch_can_still_approve(world: World, bot: FakeStack) -> None:
    failed(world, bot, ASK)
    (incident,) = incidents(world)
    world.amplify.control.deny("GetBranch")
    said = run(world, "approve", incident["id"], "--dry-run").stdout
    assert "The branch's current compute role is unknown: amplify:GetBranch failed" in said


def test_a_proposal_can_be_approved_only_once(world: World, bot: FakeStack) -> None:
    failed(world, bot, ASK)
    (incident,) = incidents(world)
    first = run(world, "approve", incident["id"], "--yes").stdout
    writes = len(world.calls("UpdateBranch"))
    again = run(world, "approve", incident["id"], "--yes")
    assert again.stdout.splitlines()[-1] == first.splitlines()[-1]
    assert len(world.calls("UpdateBranch")) == writes == 1


def test_a_fix_approves_a_new_diagnosis(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, ASK)
    result = run(world, "fix", app, "main", "--yes", "--json")
    assert result.exit_code == 0
    answer = valid("request", result.stdout)
    assert answer["kind"] == "fix"
    assert "attach_compute applied" in answer["answer"]
    assert world.compute_role(app) == world.default_role_arn


def test_a_fix_needs_the_opt_in_and_a_refusal_exits_with_1(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, {})
    result = run(world, "fix", app, "main", "--yes", "--json")
    assert result.exit_code == 1
    answer = valid("request", result.stdout)
    assert answer["refused"] is True
    assert "amplify-medic:auto-fix" in answer["answer"]
    assert world.compute_role(app) is None


@pytest.mark.parametrize("by_branch", [True, False], ids=["the branch's newest change", "the incident's change"])
def test_a_change_of_the_bot_is_undone(world: World, bot: FakeStack, by_branch: bool) -> None:  # noqa: FBT001
    app = failed(world, bot, {"amplify-medic:auto-fix": "fix"})
    assert world.compute_role(app) == world.default_role_arn
    (incident,) = incidents(world)
    target = [app, "main"] if by_branch else [incident["id"]]
    result = run(world, "undo", *target, "--yes")
    assert result.exit_code == 0
    assert not world.compute_role(app)
    assert incidents(world)[0]["changes"][0]["state"] == "undone"


def test_without_a_change_there_is_nothing_to_undo(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, {})
    result = run(world, "undo", app, "main", "--yes")
    assert result.exit_code == 1
    assert "No bot change to undo on this branch." in result.stderr


@pytest.mark.parametrize(
    ("target", "what"), [("{app}", "{app} is muted until"), ("{app}/main", "{app}/main is muted until")]
)
def test_a_mute_begins_and_ends(world: World, bot: FakeStack, target: str, what: str) -> None:
    del bot
    app = world.make_app()
    muted = run(world, "mute", target.format(app=app), "--for", "2h", "--yes")
    assert muted.exit_code == 0
    assert what.format(app=app) in muted.stdout
    assert "is not muted now" in run(world, "mute", target.format(app=app), "--off", "--yes").stdout


def test_history_shows_an_incident_in_a_line(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, {"amplify-medic:auto-fix": "fix"})
    (line,) = run(world, "history").stdout.splitlines()
    for part in ("shop/main", "service_role_unassumable", f"compute role none → {world.default_role_arn} (applied)",
                 "repository", "seen in job 1", "allowed by the branch's tag (fix)"):  # fmt: skip
        assert part in line
    assert incidents(world, app, "main") == incidents(world, app) == incidents(world)
    assert incidents(world, "d0000000000000") == []
    assert incidents(world, app, "other") == []


def test_history_lists_the_others_and_says_what_could_not_be_read(world: World, bot: FakeStack) -> None:
    failed(world, bot, {})
    damaged, newer = (
        f"branch#aws#{world.amplify.account_id}#{world.amplify.region}#d1#{name}" for name in ("x\x1b", "y")
    )
    for key, text in ((damaged, "[{"), (newer, '[{"state": "hibernating"}]')):
        item = {"pk": {"S": key}, "incidents": {"S": text}}
        world.client("dynamodb").put_item(TableName=TABLE, Item=item)
    shown = run(world, "history")
    assert shown.exit_code == 3
    assert len(shown.stdout.splitlines()) == 1
    assert f"Could not read the item {newer}" in shown.stderr
    assert "\x1b" not in shown.stderr
    answer = valid("history", run(world, "history", "--json").stdout)
    assert len(answer["incidents"]) == 1
    assert answer["unreadable"] == [damaged, newer]
    unknown = run(world, "approve", "0123456789ab")
    assert unknown.exit_code == 3
    assert "2 items of its table could not be read" in unknown.stderr


def test_history_can_be_limited_by_time(world: World, bot: FakeStack) -> None:
    failed(world, bot, {})
    assert len(incidents(world, "--since", "1h")) == 1
    assert incidents(world, "--since", (datetime.now(UTC) + timedelta(hours=1)).isoformat()) == []
    assert "No incidents found." in run(world, "history", "--since", "2999-01-01").stdout


def test_the_message_does_not_say_who_asked_and_the_record_does(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, ASK)
    answer = valid("request", run(world, "fix", app, "main", "--yes", "--json").stdout)
    (message,) = bot.sent
    assert message["detail"] == {"kind": "fix", "appId": app, "branchName": "main", "id": answer["request"]}
    assert answer["who"] == "session:medic-ada"


def test_without_an_answer_in_time_the_exit_code_is_3(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, ASK)
    bot.receive = lambda _body: None
    result = run(world, "fix", app, "main", "--yes", "--wait", "0s", "--json")
    assert result.exit_code == 3
    assert valid("request", result.stdout)["answer"] is None


def test_a_request_that_the_queue_does_not_accept_is_explained(world: World, bot: FakeStack) -> None:
    app = failed(world, bot, ASK)
    bot.refuse = ["AccessDeniedException"]
    result = run(world, "fix", app, "main", "--yes")
    assert result.exit_code == 3
    assert "may not call sqs:SendMessage" in result.stderr
    assert bot.sent == []


def subscribed(world: World, confirmed: int, pending: int = 0) -> None:
    """Set the counts of the alert topic: moto stores them, but never counts."""
    topic = sns_backends[world.amplify.account_id][world.amplify.region].topics[world.topic_arn]
    topic.subscriptions_confimed, topic.subscriptions_pending = confirmed, pending


def test_a_sample_alert_goes_through_every_channel(world: World, bot: FakeStack) -> None:
    del bot
    subscribed(world, 1)
    result = run(world, "test-alert", "--json")
    assert result.exit_code == 0
    assert [channel["ok"] for channel in valid("test-alert", result.stdout)["channels"]] == [True]


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"channels": [{"name": "sns", "ok": True, "detail": "sent"}]}, 0, "✓ sns  sent"),
        (
            {"channels": [{"name": "slack", "ok": True, "detail": ""}]},
            0,
            "Subscriptions of the topic: 1 confirmed, 0 not",
        ),
        (
            {"channels": [{"name": "slack", "ok": False, "detail": "403"}, {"name": "sns", "ok": True, "detail": ""}]},
            1,
            "✗ slack  403",
        ),
        ({"channels": []}, 1, "Nobody would get an alert"),
        (None, 3, "answer lists no channels"),
        ({"channels": ["slack"]}, 3, "answer lists no channels"),
    ],
)
def test_each_channel_is_reported(world: World, bot: FakeStack, answer: Any, code: int, said: str) -> None:
    bot.remediator = lambda _event: answer
    subscribed(world, 1)
    result = run(world, "test-alert")
    assert result.exit_code == code
    assert said in result.output
    (invocation,) = bot.invocations
    assert invocation.kind == "RequestResponse"
    assert invocation.event["detail-type"] == MessageType.TEST_ALERT


def test_a_test_alert_that_reaches_nobody_fails_and_says_what_to_do(world: World, bot: FakeStack) -> None:
    del bot
    subscribed(world, 0, pending=2)
    shown, answer = run(world, "test-alert"), run(world, "test-alert", "--json")

    assert (shown.exit_code, answer.exit_code) == (1, 1)
    assert "0 confirmed, 2 not" in shown.output
    assert "Confirm the e-mail that SNS sent to each address" in " ".join(shown.output.split())
    parsed = valid("test-alert", answer.stdout)
    assert (parsed["reached"], parsed["subscriptions"]) == (False, {"confirmed": 0, "pending": 2})


def test_a_test_alert_that_reaches_slack_alone_is_fine(world: World, bot: FakeStack) -> None:
    channels = [{"name": "slack", "ok": True, "detail": ""}, {"name": "sns", "ok": True, "detail": ""}]
    bot.remediator = lambda _event: {"channels": channels}
    subscribed(world, 0)

    assert run(world, "test-alert").exit_code == 0


def test_a_failed_function_is_reported(world: World, bot: FakeStack) -> None:
    bot.function_error = "Unhandled"
    result = run(world, "test-alert")
    assert result.exit_code == 3
    assert "The remediator failed (Unhandled)" in result.stderr


def test_a_dry_run_of_a_test_alert_sends_nothing(world: World, bot: FakeStack) -> None:
    assert run(world, "test-alert", "--dry-run").exit_code == 0
    assert bot.invocations == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["approve", "0123456789ab"], 3, "has no incident 0123456789ab"),
        (["undo", "0123456789ab"], 3, "has no incident 0123456789ab"),
        (["undo"], 2, "Give an INCIDENT, or APP and BRANCH."),
        (["undo", "not an app", "main"], 2, "Give an INCIDENT, or APP and BRANCH."),
        (["mute", "d1a2b3c4d5e6f7"], 2, "Give --for TIME, or --off."),
        (["mute", "d1a2b3c4d5e6f7", "--for", "2h", "--off"], 2, "Give --for TIME, or --off."),
        (["mute", "nonsense!", "--off"], 2, "neither APP nor APP/BRANCH"),
        (["mute", "d1a2b3c4d5e6f7", "--for", "two hours"], 2, "must be a number and a unit"),
        (["mute", "d1a2b3c4d5e6f7", "--for", "31d"], 2, "is more than 30d"),
        (["history", "--since", "yesterday"], 2, "must be a date"),
        (["fix", "d1a2b3c4d5e6f7", "main", "--stack", "Nowhere"], 3, "There is no stack Nowhere"),
    ],
)
def test_an_impossible_request_is_rejected(
    world: World, bot: FakeStack, arguments: list[str], code: int, said: str
) -> None:
    result = run(world, *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert bot.invocations == []


def test_a_stack_of_an_older_version_has_no_operator_role(world: World, bot: FakeStack) -> None:
    bot.outputs = {}
    result = run(world, "history")
    assert result.exit_code == 3
    assert "has no output OperatorRoleArn: deploy the current version" in result.stderr


def test_an_incident_without_a_plan_can_t_be_approved(world: World, bot: FakeStack) -> None:
    failed(world, bot, {"amplify-medic:auto-fix": "fix"})
    (incident,) = incidents(world)
    run(world, "undo", incident["id"], "--yes")
    result = run(world, "approve", incident["id"], "--yes")
    assert result.exit_code == 1
    assert "it has no plan to approve" in result.stderr


def test_dead_letters_are_moved_to_the_queue_by_sqs(world: World, bot: FakeStack) -> None:
    bot.dead_letters = 3
    answer = valid("replay-dlq", run(world, "replay-dlq", "--yes", "--json").stdout)
    assert answer == {"schema": 1, "waiting": 3, "replayed": True}
    assert bot.moves == [{"SourceArn": "arn:dead-letters", "DestinationArn": "arn:medic"}]


@pytest.mark.parametrize(
    ("arguments", "given", "waiting", "code"),
    [(["--dry-run"], None, 3, 0), ([], "n\n", 3, 1), (["--yes"], None, 0, 0)],
    ids=["dry run", "no", "nothing to move"],
)
def test_dead_letters_stay(
    world: World, bot: FakeStack, arguments: list[str], given: str | None, waiting: int, code: int
) -> None:
    bot.dead_letters = waiting
    result = run(world, "replay-dlq", *arguments, given=given)
    assert (result.exit_code, bot.moves) == (code, [])
    assert f"Dead letters: {waiting}. Nothing was moved." in result.stdout


def test_a_redrive_that_sqs_refuses_is_explained(world: World, bot: FakeStack) -> None:
    bot.dead_letters, bot.refuse = 3, ["AccessDeniedException"]
    result = run(world, "replay-dlq", "--yes")
    assert result.exit_code == 3
    assert "may not call sqs:GetQueueAttributes" in result.stderr


@pytest.mark.parametrize(
    ("command", "before", "after"),
    [("pause", "Enabled", "Disabling"), ("resume", "Disabled", "Enabling"), ("resume", "Disabling", "Enabling")],
)
def test_delivery_is_switched(world: World, bot: FakeStack, command: str, before: str, after: str) -> None:
    bot.delivery = before
    bot.sent = [{}, {}]
    answer = valid("pause", run(world, command, "--yes", "--json").stdout)
    assert answer == {"schema": 1, "state": after, "changed": True, "waiting": 2}
    assert bot.delivery == after


@pytest.mark.parametrize(
    ("command", "state", "arguments", "given", "code"),
    [
        ("pause", "Disabled", ["--yes"], None, 0),
        ("resume", "Enabling", ["--yes"], None, 0),
        ("pause", "Enabled", ["--dry-run"], None, 0),
        ("pause", "Enabled", [], "n\n", 1),
    ],
    ids=["it is paused", "it is resumed", "dry run", "no"],
)
def test_delivery_is_left_as_it_is(
    world: World, bot: FakeStack, command: str, state: str, arguments: list[str], given: str | None, code: int
) -> None:
    bot.delivery = state
    result = run(world, command, *arguments, given=given)
    assert (result.exit_code, bot.delivery) == (code, state)
    assert f"Delivery is {state}. 0 messages wait in the queue." in result.stdout


def test_a_stack_without_the_mapping_is_named(world: World, bot: FakeStack) -> None:
    bot.outputs = {name: value for name, value in bot.outputs.items() if name != "EventSourceMappingId"}
    result = run(world, "pause", "--yes")
    assert result.exit_code == 3
    assert "has no output EventSourceMappingId" in result.stderr


def test_one_incident_is_shown_with_what_changed_and_who_asked(world: World, bot: FakeStack) -> None:
    failed(world, bot, ASK)
    (incident,) = incidents(world)
    run(world, "approve", incident["id"], "--yes")
    run(world, "undo", incident["id"], "--yes")
    (incident,) = incidents(world)
    text = run(world, "show", incident["id"]).stdout
    for part in (
        f"Change: compute role none → {world.default_role_arn} (undone). detached",
        "Approved by session:medic-ada.",
        "Undo requested by session:medic-ada.",
        "service_role_unassumable, not_helped, seen in job 1.",
    ):
        assert part in text
    answer = valid("show", run(world, "show", incident["id"], "--json").stdout)
    assert answer["incident"] == incident
    assert run(world, "show", "0" * 12).exit_code == 3
