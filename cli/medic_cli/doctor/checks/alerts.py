"""Whether somebody hears of a failure: Slack's secrets, the topic and its subscribers, and the alarms."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from medic.arns import arn_parts, parameter_of
from medic.evidence import Absent, Item, Present, Unreadable
from medic.text import listed
from medic_cli.doctor.checks.common import ATTRIBUTES, check, compact, differences, gone, policy_check, policy_in
from medic_cli.doctor.model import Check, Verdict, failed, judged, not_read, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from medic_cli.doctor.facts import Facts
    from medic_cli.doctor.template import Json, Resource

_ALARM_SETTINGS = (
    *("MetricName", "Namespace", "Dimensions", "Metrics", "Statistic", "ExtendedStatistic", "Period"),
    *("EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData"),
)
_RAISED = "Each alarm's text says what to do. An alarm ends by itself when its cause is gone."
_STDIN = "file:///dev/stdin"
_CONFIRMED = "arn:"
"""What the ARN of a confirmed subscription begins with. Others have words instead, such as PendingConfirmation."""


def checks(facts: Facts) -> Iterator[Check]:
    for name, item in facts.secrets.items():
        yield Check(f"slack-secret:{name}", "Slack's secret has a form that the bot reads", _secret(facts, name, item))
    alarms = tuple(facts.of_type("CloudWatch::Alarm"))
    for topic in facts.of_type("SNS::Topic"):
        yield from _topic(facts, topic)
        if alarms or not facts.settings.slack.secrets:
            answer = facts.read("sns:ListSubscriptionsByTopic", topic.name)
            told = judged(answer, partial(_told, facts, topic), gone)
            yield check("topic-heard", topic, "Somebody is subscribed to the topic, which alarms go to", told)
    if alarms:
        yield Check("alarms-exist", "The alarms are as deployed", _alarms(facts, alarms, _settings))
        yield Check("alarms-wired", "The alarms go to the topic", _alarms(facts, alarms, _wired))
        yield Check("alarms-quiet", "No alarm is raised", _alarms(facts, alarms, _quiet, _RAISED))


def _secret(facts: Facts, name: str, item: Item[str]) -> Verdict:
    """The commands ask for the value, which reaches neither the screen nor the list of processes."""
    ask = "read -rsp 'The new value: ' value &&\n"
    if parameter := parameter_of(name):
        create = facts.command("ssm put-parameter", name=_name_of(parameter), type="SecureString", value=_STDIN)
        put = f"{create} --overwrite"
    else:
        put = facts.command("secretsmanager put-secret-value", secret_id=name, secret_string=_STDIN)
        create = facts.command("secretsmanager create-secret", name=name, secret_string=_STDIN)

    def judge(fault: str) -> Verdict:
        return failed(fault, f'{ask}printf %s "$value" | {put}') if fault else passed("its form is right")

    return judged(item, judge, lambda reason: failed(reason, f'{ask}printf %s "$value" | {create}'))


def _name_of(parameter: str) -> str:
    """PutParameter takes no ARN. In one, the first slash of a name such as /team/slack is not repeated.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """
    if not parameter.startswith("arn:"):
        return parameter
    name = arn_parts(parameter)[-1].removeprefix("parameter/")
    return f"/{name}" if "/" in name else name


def _topic(facts: Facts, topic: Resource) -> Iterator[Check]:
    attributes = facts.read("sns:GetTopicAttributes", topic.name)
    for policy in facts.of_type("SNS::TopicPolicy"):
        if topic.name in policy["Topics"]:
            document = policy["PolicyDocument"]
            repair = facts.command(
                "sns set-topic-attributes",
                topic_arn=topic.name, attribute_name="Policy", attribute_value=compact(document),
            )  # fmt: skip
            found = policy_in(attributes, ATTRIBUTES)
            promise = "Alarms of this account may publish to the topic, over TLS"
            yield policy_check("topic-policy", topic, promise, expected=document, found=found, repair=repair)
    answer = facts.read("sns:ListSubscriptionsByTopic", topic.name)
    if facts.settings.sns.emails:
        verdict = judged(answer, lambda live: _emails(facts, topic, live), gone)
        yield check("emails-confirmed", topic, "Every address confirmed its subscription", verdict)


def _emails(facts: Facts, topic: Resource, live: Json) -> Verdict:
    there = {each["Endpoint"]: each["SubscriptionArn"] for each in live["Subscriptions"] if each["Protocol"] == "email"}
    lost = [each for each in facts.settings.sns.emails if not there.get(each, "").startswith(_CONFIRMED)]
    if not lost:
        return passed(f"{len(facts.settings.sns.emails)} confirmed")
    repair = " &&\n".join(_subscribe(facts, topic, email) for email in lost)
    return failed(f"not confirmed: {listed(lost)}", repair, "Then follow the link in the e-mail that SNS sends.")


def _subscribe(facts: Facts, topic: Resource, email: str) -> str:
    return facts.command("sns subscribe", topic_arn=topic.name, protocol="email", notification_endpoint=email)


def _told(facts: Facts, topic: Resource, live: Json) -> Verdict:
    confirmed = [each for each in live["Subscriptions"] if each["SubscriptionArn"].startswith(_CONFIRMED)]
    if confirmed:
        return passed(f"{len(confirmed)} confirmed subscriptions")
    subscribe = _subscribe(facts, topic, "").removesuffix(shlex.quote(""))
    repair = f"read -rp 'Your e-mail address: ' address &&\n{subscribe}\"$address\""
    return failed(
        "nobody is, so what is sent to it reaches no one", repair, "Then follow the link in the e-mail that SNS sends."
    )


_Wrong = tuple[str, str]
"""What is wrong with an alarm, and the command that repairs it. Both are empty if nothing is."""
_Judge: TypeAlias = "Callable[[Facts, Resource, Json], _Wrong]"


def _alarms(facts: Facts, alarms: tuple[Resource, ...], wrong_with: _Judge, advice: str = "") -> Verdict:
    """One verdict on all alarms."""
    answers = [(alarm, facts.read("cloudwatch:DescribeAlarms", alarm.name)) for alarm in alarms]
    if unread := next((each for _, each in answers if isinstance(each, Unreadable)), None):
        return not_read(unread)
    found: dict[str, _Wrong] = {}
    for alarm, answer in answers:
        if isinstance(answer, Present):
            found[alarm.name] = wrong_with(facts, alarm, answer.value)
        elif isinstance(answer, Absent) and wrong_with is _settings:
            found[alarm.name] = "it does not exist", _put_alarm(facts, alarm)
    wrong = {name: each for name, each in found.items() if each[0]}
    if not wrong:
        return passed(f"{len(found)} of {len(alarms)} alarms")
    if missing := next((alarm.unresolved for alarm, _ in answers if alarm.name in wrong and alarm.unresolved), None):
        return unknown(f"{', '.join(wrong)}: what they should be can't be computed here ({missing})")
    repairs = dict.fromkeys(repair for _, repair in wrong.values() if repair)
    return failed("; ".join(f"{name}: {what}" for name, (what, _) in wrong.items()), " &&\n".join(repairs), advice)


def _settings(facts: Facts, alarm: Resource, live: Json) -> _Wrong:
    expected = {name: alarm[name] for name in _ALARM_SETTINGS if alarm[name] is not None}
    wrong = differences(_comparable(expected), _comparable(live))
    return (f"{', '.join(wrong)} differ", _put_alarm(facts, alarm)) if wrong else ("", "")


def _comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """An alarm's settings without an order where none is meant, and with what AWS fills in.

    CDK puts a plain metric with a label below `Metrics`, and AWS may answer with the metric's own members.
    """
    match settings.get("Metrics"):
        case [{"MetricStat": stat}]:
            simple = {"Average", "Maximum", "Minimum", "SampleCount", "Sum"}
            statistic = "Statistic" if stat["Stat"] in simple else "ExtendedStatistic"
            metric = {**stat["Metric"], "Period": stat["Period"], statistic: stat["Stat"]}
            return _comparable({**{name: each for name, each in settings.items() if name != "Metrics"}, **metric})
        case [*queries] if queries:
            metrics = {each["Id"]: {"ReturnData": True, **each, **_stat(each)} for each in queries}
            return {**settings, "Metrics": metrics}
        case _:
            return {**settings, **_in_any_order(settings)}


def _stat(query: Mapping[str, Any]) -> dict[str, Any]:
    stat = query.get("MetricStat")
    return {"MetricStat": {**stat, "Metric": {**stat["Metric"], **_in_any_order(stat["Metric"])}}} if stat else {}


def _in_any_order(metric: Mapping[str, Any]) -> dict[str, Any]:
    dimensions = metric.get("Dimensions")
    return {"Dimensions": sorted((each["Name"], each["Value"]) for each in dimensions)} if dimensions else {}


def _put_alarm(facts: Facts, alarm: Resource) -> str:
    """PutMetricAlarm has the members of the template's resource, but for its tags."""
    members = {name: value for name, value in alarm.properties.items() if name != "Tags"}
    given = {**members, "AlarmName": alarm.name}
    return facts.command("cloudwatch put-metric-alarm", cli_input_json=given)


def _wired(facts: Facts, alarm: Resource, live: Json) -> _Wrong:
    lost = set(alarm["AlarmActions"] or ()) - set(live.get("AlarmActions", ()))
    if not live.get("ActionsEnabled", False):
        return "its actions are disabled", facts.command("cloudwatch enable-alarm-actions", alarm_names=[alarm.name])
    return ("it does not go to the topic", _put_alarm(facts, alarm)) if lost else ("", "")


def _quiet(_facts: Facts, alarm: Resource, live: Json) -> _Wrong:
    return (str(alarm["AlarmDescription"]), "") if live["StateValue"] == "ALARM" else ("", "")
