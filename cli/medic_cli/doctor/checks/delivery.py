"""How messages reach the bot: rules, queues, and the mapping from the queue to the remediator."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from medic.evidence import Item, Present
from medic_cli.doctor.checks.common import check, command, compact, gone, policy_check, same
from medic_cli.doctor.model import Check, Verdict, failed, judged, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    shown, targets = facts.read("events:DescribeRule", rule.name), facts.read("events:ListTargetsByRule", rule.name)

    def enabled(live: Json) -> Verdict:
        enable = command(facts, "events enable-rule", name=rule.name)
        return passed("it is enabled") if live["State"] == "ENABLED" else failed(f"it is {live['State']}", enable)

    def matches(live: Json) -> Verdict:
        wanted = rule["EventPattern"] or rule["ScheduleExpression"]
        found = json.loads(live["EventPattern"]) if live.get("EventPattern") else live.get("ScheduleExpression")
        if found == wanted:
            return passed(compact(wanted) if rule["EventPattern"] else wanted)
        flag: dict[str, Any] = {"event_pattern" if rule["EventPattern"] else "schedule_expression": wanted}
        repair = command(facts, "events put-rule", name=rule.name, state=live["State"], **flag)
        return failed(f"it is {compact(found)}", repair)

    def aims(live: Json) -> Verdict:
        found = {(each["Id"], each["Arn"], _dead_letters(each)) for each in live["Targets"]}
        lost = [each for each in rule["Targets"] if (each["Id"], each["Arn"], _dead_letters(each)) not in found]
        if not lost:
            return passed(f"{len(rule['Targets'])} of {len(rule['Targets'])} targets are there")
        repair = command(facts, "events put-targets", rule=rule.name, targets=[compact(each) for each in lost])
        return failed(f"{len(lost)} of {len(rule['Targets'])} targets are missing or differ", repair)

    yield check("rule-enabled", rule, "The rule is enabled", judged(shown, enabled, gone))
    what = "matches the deployed events" if rule["EventPattern"] else "has the deployed schedule"
    yield check("rule-pattern", rule, f"The rule {what}", judged(shown, matches, gone))
    yield check("rule-targets", rule, "The rule has its targets", judged(targets, aims, gone))


def _dead_letters(target: Json) -> str:
    return str(target.get("DeadLetterConfig", {}).get("Arn", ""))


def _queue(facts: Facts, queue: Resource) -> Iterator[Check]:
    answer = facts.read("sqs:GetQueueAttributes", queue.name)
    expected = {name: str(queue[name]) for name in _ATTRIBUTES if queue[name] is not None}
    redrive = queue["RedrivePolicy"]
    attributes: dict[str, str] = {**expected, **({"RedrivePolicy": compact(redrive)} if redrive else {})}

    def settings(live: Json) -> Verdict:
        found = dict(live["Attributes"])
        wanted: dict[str, Any] = {**expected, **({"RedrivePolicy": _redrive(redrive)} if redrive else {})}
        if "RedrivePolicy" in found:
            found["RedrivePolicy"] = _redrive(json.loads(found["RedrivePolicy"]))
        repair = command(facts, "sqs set-queue-attributes", queue_url=queue.name, attributes=dict(attributes))
        return same(wanted, found, repair)

    yield check("queue-settings", queue, "The queue has the deployed settings", judged(answer, settings, gone))
    for policy in facts.of_type("SQS::QueuePolicy"):
        if queue.name in policy["Queues"]:
            document = policy["PolicyDocument"]
            repair = command(
                facts, "sqs set-queue-attributes", queue_url=queue.name, attributes={"Policy": compact(document)}
            )
            found = _member(answer, "Policy")
            promise = "Only the bot's rule and roles send to the queue, over TLS"
            yield policy_check("queue-policy", queue, promise, expected=document, found=found, repair=repair)
    if not redrive:
        yield check(
            "dead-letters",
            queue,
            "The dead-letter queue is empty",
            judged(answer, lambda live: _empty(facts, live), gone),
        )


def _redrive(policy: Json) -> tuple[str, int]:
    return policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])


def _member(answer: Item[Json], name: str) -> Item[str | None]:
    return Present(answer.value["Attributes"].get(name)) if isinstance(answer, Present) else answer


def _empty(facts: Facts, live: Json) -> Verdict:
    attributes = live["Attributes"]
    counts = [int(attributes[f"ApproximateNumberOfMessages{which}"]) for which in ("", "NotVisible")]
    if sum(counts) == 0:
        return passed("it holds no message")
    return failed(
        f"it holds {sum(counts)} messages, each a failure that the bot could not handle",
        f"medic replay-dlq --yes --stack {shlex.quote(facts.stack.name)} --region {facts.place.region}",
        "First find the cause in the log group /amplify-medic/remediator: docs/runbook.md#dead-letters",
    )


def _mapping(facts: Facts, mapping: Resource) -> Iterator[Check]:
    answer = facts.read("lambda:GetEventSourceMapping", mapping.name)

    def enabled(live: Json) -> Verdict:
        match live["State"]:
            case "Enabled":
                return passed("it is enabled")
            case "Enabling" | "Updating" | "Creating":
                return unknown(f"it is {live['State']} now", advice="Repeat in a minute.")
            case state:
                resume = command(facts, "lambda update-event-source-mapping", uuid=mapping.name, enabled=True)
                return failed(f"it is {state}: the bot is paused, and messages wait", resume)

    def settings(live: Json) -> Verdict:
        names = ("BatchSize", "FunctionResponseTypes", "EventSourceArn", "ScalingConfig")
        expected = {name: mapping[name] for name in names if mapping[name] is not None}
        repair = command(
            facts,
            "lambda update-event-source-mapping",
            uuid=mapping.name,
            batch_size=mapping["BatchSize"],
            function_response_types=list(mapping["FunctionResponseTypes"]),
            scaling_config=mapping["ScalingConfig"] or {},
        )
        return same(expected, live, repair)

    promise = "Lambda gives the queue's messages to the remediator"
    yield check("mapping-enabled", mapping, promise, judged(answer, enabled, gone))
    yield check("mapping-settings", mapping, "Lambda gives it one message at a time", judged(answer, settings, gone))
