"""Patches for differences between the emulator and AWS that matter here.

Every patch replaces private names of one version of ministack, has its own test, and is applied before the emulator
serves requests.
"""

from __future__ import annotations

import base64
import binascii
import importlib.metadata
import json
import subprocess
from typing import TYPE_CHECKING, Any

from ministack import app as gateway
from ministack.core import iam_actions, lambda_runtime
from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch, cloudwatch_logs, dynamodb, iam, secretsmanager
from ministack.services.cloudformation import provisioners

from tests.emulator import queue_patches
from tests.emulator.log_pattern import UnsupportedPatternError, matcher
from tests.emulator.simulator import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PATCHED_VERSION = "1.5.33"
# The emulator's settings, which a Lambda function must not see.
_OWN_VARIABLES = (
    "AUTH",
    "BIND_HOST",
    "GATEWAY_PORT",
    "IOT_MTLS_",
    "LOG_LEVEL",
    "MINISTACK_",
    "PYTHON",
    "SFTP_",
    "USE_SSL",
)
_MAX_PAGE = 10_000

Answer = tuple[int, dict[str, str], bytes]


class WrongVersionError(RuntimeError):
    """The installed ministack is not the version that these patches were written for."""


def check_version() -> None:
    """Raise WrongVersionError on another version, because a patch without effect would make tests wrong."""
    found = importlib.metadata.version("ministack")
    if found != PATCHED_VERSION:
        msg = f"These patches fit ministack {PATCHED_VERSION}, but {found} is installed: review each, then pin it"
        raise WrongVersionError(msg)


def apply_all(lambda_python: Path, wait_factor: float) -> None:
    check_version()
    queue_patches.apply_all(wait_factor)
    clean_lambda_workers(lambda_python)
    set_table_ttl_and_recovery()
    simulate_policies()
    refer_to_secrets_by_arn()
    match_log_patterns_as_documented()
    page_filtered_log_events()
    alarm_on_the_first_metric()
    fill_in_condition_keys()
    serve_one_port()


def serve_one_port() -> None:
    """Stop the emulator from using port 443 as well. With TLS it would, if it is allowed to."""
    gateway._port_is_bindable = lambda _host, _port: False


def clean_lambda_workers(python: Path) -> None:
    """Run functions on an interpreter with only boto3, so that a dependency missing in the bundle fails as on AWS."""
    original = lambda_runtime._detect_runtime_binary

    def detect(runtime: str) -> tuple[str, str]:
        binary, script = original(runtime)
        return (str(python) if runtime.startswith("python") else binary), script

    lambda_runtime._detect_runtime_binary = detect
    lambda_runtime.subprocess = _CleanSubprocess()


class _CleanSubprocess:
    """Replaces the worker pool's subprocess module. Processes start without the emulator's own variables."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: list[str], *, env: Mapping[str, str], **options: Any) -> subprocess.Popen[Any]:  # noqa: N802
        clean = {name: value for name, value in env.items() if not name.startswith(_OWN_VARIABLES)}
        return subprocess.Popen(command, env=clean, **options)  # noqa: S603 - the emulator's own command


def set_table_ttl_and_recovery() -> None:
    """Let CloudFormation pass a table's TTL and point-in-time recovery to DynamoDB."""
    for resource_type in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
        handler = provisioners._RESOURCE_HANDLERS[resource_type]
        handler["create"] = _with_options(handler["create"], props_at=1)
        handler["update"] = _with_options(handler["update"], props_at=2)


def _with_options(provision: Callable[..., tuple[str, Any]], props_at: int) -> Callable[..., tuple[str, Any]]:
    def provisioned(*args: Any, **options: Any) -> tuple[str, Any]:
        name, attributes = provision(*args, **options)
        if specification := args[props_at].get("TimeToLiveSpecification"):
            dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": specification})
        if specification := args[props_at].get("PointInTimeRecoverySpecification"):
            enabled = str(specification["PointInTimeRecoveryEnabled"]).lower() == "true"
            recovery = {"PointInTimeRecoveryEnabled": enabled}
            dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": recovery})
        return name, attributes

    return provisioned


def simulate_policies() -> None:
    """Let IAM's simulator judge every resource, with the caller's context keys and the permissions boundary."""
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate


def refer_to_secrets_by_arn() -> None:
    """Make `Ref` of a secret its ARN instead of its name."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def name_of(arn: str) -> str:
        secrets = secretsmanager._secrets.items()
        return next((name for name, secret in secrets if secret["ARN"] == arn), arn)

    def created(*args: Any) -> tuple[str, Any]:
        _, attributes = create(*args)
        return attributes["Arn"], attributes

    def updated(physical_id: str, *args: Any, **options: Any) -> tuple[str, Any]:
        _, attributes = update(name_of(physical_id), *args, **options)
        return attributes["Arn"], attributes

    def deleted(physical_id: str, properties: Any) -> None:
        delete(name_of(physical_id), properties)

    handler |= {"create": created, "update": updated, "delete": deleted}


def alarm_on_the_first_metric() -> None:
    """Accept an alarm on an expression, and show it as AWS does. The emulator evaluates its first metric only."""
    record, put = provisioners._cw_metric_alarm_record, cloudwatch._put_metric_alarm
    describe = cloudwatch._describe_alarms

    def flat_record(name: str, props: Mapping[str, Any]) -> Any:
        return {**record(name, _flat(props)), "Metrics": props.get("Metrics", [])}

    def put_flat(params: Any, asked: Mapping[str, Any], *protocol: Any) -> Any:
        answer = put(params, _flat(asked), *protocol)
        if asked.get("AlarmName") in cloudwatch._alarms:
            cloudwatch._alarms[asked["AlarmName"]]["Metrics"] = asked.get("Metrics", [])
        return answer

    def describe_as_given(*asked: Any) -> Answer:
        status, headers, body = describe(*asked)
        answer = _json_of(body)  # boto3 and the AWS CLI speak JSON
        for alarm in answer.get("MetricAlarms", ()):
            for name in _FLAT if alarm.get("Metrics") else ("Metrics",):
                alarm.pop(name, None)
        return status, headers, json.dumps(answer).encode() if answer else body

    provisioners._cw_metric_alarm_record = flat_record
    cloudwatch._put_metric_alarm = put_flat
    cloudwatch._describe_alarms = describe_as_given


_FLAT = ("MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit")


def _flat(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """An alarm on the first metric of its expression."""
    stat = next((query["MetricStat"] for query in alarm.get("Metrics", ()) if "MetricStat" in query), None)
    if stat is None:
        return dict(alarm)
    return {**alarm, "Metrics": [], "Period": stat["Period"], **stat["Metric"], **_statistic(stat["Stat"])}


def fill_in_condition_keys() -> None:
    """Set the IAM condition keys `events:source` of PutEvents and `dynamodb:LeadingKeys` of requests with keys.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    known = iam_actions.request_tag_context

    def context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        keys = known(service, iam_action, body, params)
        asked = _json_of(body)
        if iam_action == "events:PutEvents":
            sources = sorted({str(entry.get("Source")) for entry in asked.get("Entries", [])})
            return {**keys, "events:source": sources[0] if len(sources) == 1 else sources}
        leading = _leading_keys(asked) if service == "dynamodb" else []
        return {**keys, "dynamodb:LeadingKeys": leading} if leading else keys

    iam_actions.request_tag_context = context


def _leading_keys(asked: Mapping[str, Any]) -> list[str]:
    """The partition keys that a request names: our table's is `pk`. A batch of writes is a list, one of reads a map."""
    items = [asked.get("Key"), asked.get("Item")]
    for batch in asked.get("RequestItems", {}).values():
        if isinstance(batch, list):
            items += [write.get("Key") or write.get("Item") for each in batch for write in each.values()]
        else:
            items += batch.get("Keys", [])
    return sorted({str(item["pk"]["S"]) for item in items if item and "pk" in item})


def _json_of(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _statistic(name: str) -> dict[str, str]:
    simple = {"Average", "Maximum", "Minimum", "SampleCount", "Sum"}
    return {"Statistic" if name in simple else "ExtendedStatistic": name}


def match_log_patterns_as_documented() -> None:
    """Match filter patterns as CloudWatch Logs documents, in searches and in subscriptions."""
    cloudwatch_logs._compile_filter_pattern = matcher
    cloudwatch_logs._subscription_pattern_matches = lambda pattern, message: matcher(pattern or "")(message or "")


def page_filtered_log_events() -> None:
    """Make FilterLogEvents return a nextToken if it stops at the limit."""
    search = cloudwatch_logs._filter_log_events

    def filter_log_events(data: dict[str, Any]) -> Answer:
        try:
            start = _offset(data.get("nextToken"))
            status, headers, body = search({**data, "limit": _MAX_PAGE})
        except (UnsupportedPatternError, binascii.Error, UnicodeDecodeError) as error:
            return _invalid(str(error))
        if status != 200:
            return status, headers, body
        events = json.loads(body)["events"]
        end = start + min(data.get("limit", _MAX_PAGE), _MAX_PAGE)
        more = {"nextToken": base64.b64encode(str(end).encode()).decode()} if end < len(events) else {}
        page: Answer = json_response({"events": events[start:end], "searchedLogStreams": [], **more})
        return page

    cloudwatch_logs._filter_log_events = filter_log_events


def _offset(token: str | None) -> int:
    return int(base64.b64decode(token, validate=True).decode()) if token else 0


def _invalid(message: str) -> Answer:
    answer: Answer = error_response_json("InvalidParameterException", message, 400)
    return answer
