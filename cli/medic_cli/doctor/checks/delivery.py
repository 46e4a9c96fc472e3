"""How messages reach the bot: rules, queues, and the mapping from the queue to the remediator."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from medic_cli.doctor.checks.common import ATTRIBUTES, compact, equal, looked, policy_check, policy_in, same
from medic_cli.doctor.model import Check, Verdict, failed, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medic_cli.doctor.facts import Facts
    from medic_cli.doctor.template import Json, Resource

_ATTRIBUTES = ("VisibilityTimeout", "MessageRetentionPeriod", "KmsMasterKeyId")


def checks(facts: Facts) -> Iterator[Check]:
    for rule in facts.of_type("Events::Rule"):
        yield from _rule(facts, rule)
    for queue in facts.of_type("SQS::Queue"):
        yield from _queue(facts, queue)
    for mapping in facts.of_type("Lambda::EventSourceMapping"):
        yield from _mapping(facts, mapping)


def _rule(facts: Facts, rule: Resource) -> Iterator[Check]:
    wanted = rule["EventPattern"] or rule["ScheduleExpression"]
    what, flag = (
        ("matches the deployed events", "event_pattern")
        if rule["EventPattern"]
        else ("has the deployed schedule", "schedule_expression")
    )

    def enabled(live: Json) -> Verdict:
        return equal(live["State"], "ENABLED", facts.command("events enable-rule", name=rule.name))

    def matches(live: Json) -> Verdict:
        found = json.loads(live["EventPattern"]) if live.get("EventPattern") else live.get("ScheduleExpression")
        return equal(
            found, wanted, facts.command("events put-rule", name=rule.name, state=live["State"], **{flag: wanted})
        )

    def aims(live: Json) -> Verdict:
        found = {(each["Id"], each["Arn"], _dead_letters(each)) for each in live["Targets"]}
        lost = [each for each in rule["Targets"] if (each["Id"], each["Arn"], _dead_letters(each)) not in found]
        if not lost:
            return passed(f"{len(rule['Targets'])} of {len(rule['Targets'])} targets are there")
        repair = facts.command("events put-targets", rule=rule.name, targets=[compact(each) for each in lost])
        return failed(f"{len(lost)} of {len(rule['Targets'])} targets are missing or differ", repair)

    shown = "events:DescribeRule"
    yield looked(facts, shown, rule, "rule-enabled", "The rule is enabled", enabled)
    yield looked(facts, shown, rule, "rule-pattern", f"The rule {what}", matches)
    yield looked(facts, "events:ListTargetsByRule", rule, "rule-targets", "The rule has its targets", aims)


def _dead_letters(target: Json) -> str:
    return str(target.get("DeadLetterConfig", {}).get("Arn", ""))


def _queue(facts: Facts, queue: Resource) -> Iterator[Check]:
    shown, redrive = "sqs:GetQueueAttributes", queue["RedrivePolicy"]
    wanted: dict[str, Any] = {name: str(queue[name]) for name in _ATTRIBUTES if queue[name] is not None}

    def repair(attributes: Mapping[str, str]) -> str:
        return facts.command("sqs set-queue-attributes", queue_url=queue.name, attributes=attributes)

    def settings(live: Json) -> Verdict:
        given = {**wanted, **({"RedrivePolicy": compact(redrive)} if redrive else {})}
        found = {
            name: _redrive(json.loads(value)) if name == "RedrivePolicy" else value
            for name, value in live["Attributes"].items()
        }
        return same({**wanted, **({"RedrivePolicy": _redrive(redrive)} if redrive else {})}, found, repair(given))

    def empty(live: Json) -> Verdict:
        counts = [int(live["Attributes"][f"ApproximateNumberOfMessages{which}"]) for which in ("", "NotVisible")]
        if sum(counts) == 0:
            return passed("it holds no message")
        return failed(
            f"it holds {sum(counts)} messages, each a failure that the bot could not handle",
            f"medic replay-dlq --yes --stack {shlex.quote(facts.stack.name)} --region {facts.place.region}",
            "First find the cause in the log group /amplify-medic/remediator: docs/runbook.md#dead-letters",
        )

    yield looked(facts, shown, queue, "queue-settings", "The queue has the deployed settings", settings)
    for policy in facts.of_type("SQS::QueuePolicy"):
        if queue.name in policy["Queues"]:
            document, promise = policy["PolicyDocument"], "Only the bot's rule and roles send to the queue, over TLS"
            found = policy_in(facts.read(shown, queue.name), ATTRIBUTES)
            put = repair({"Policy": compact(document)})
            yield policy_check("queue-policy", queue, promise, expected=document, found=found, repair=put)
    if not redrive:
        yield looked(facts, shown, queue, "dead-letters", "The dead-letter queue is empty", empty)


def _redrive(policy: Json) -> tuple[str, int]:
    return policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])


def _mapping(facts: Facts, mapping: Resource) -> Iterator[Check]:
    def update(**flags: Any) -> str:  # noqa: ANN401 - see aws_command
        return facts.command("lambda update-event-source-mapping", uuid=mapping.name, **flags)

    def enabled(live: Json) -> Verdict:
        match live["State"]:
            case "Enabled":
                return passed("it is enabled")
            case "Enabling" | "Updating" | "Creating":
                return unknown(f"it is {live['State']} now", advice="Repeat in a minute.")
            case state:
                return failed(f"it is {state}: the bot is paused, and messages wait", update(enabled=True))

    def settings(live: Json) -> Verdict:
        names = ("BatchSize", "FunctionResponseTypes", "EventSourceArn", "ScalingConfig")
        repair = update(
            batch_size=mapping["BatchSize"],
            function_response_types=list(mapping["FunctionResponseTypes"]),
            scaling_config=mapping["ScalingConfig"] or {},
        )
        return same({name: mapping[name] for name in names if mapping[name] is not None}, live, repair)

    shown, promise = "lambda:GetEventSourceMapping", "Lambda gives the queue's messages to the remediator"
    yield looked(facts, shown, mapping, "mapping-enabled", promise, enabled)
    yield looked(facts, shown, mapping, "mapping-settings", "Lambda gives it one message at a time", settings)
