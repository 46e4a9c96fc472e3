"""Reads everything that the checks need, in parallel, with the caller's own rights. It changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from botocore import xform_name
from botocore.config import Config

from medic.arns import RoleArn, arn_parts, name_of, parameter_of
from medic.aws.errors import AbsentError, AwsError, DeniedError, translated
from medic.aws.iam import IamReader
from medic.aws.logs import log_group, milliseconds
from medic.aws.secrets import BOT_TOKEN, SIGNING_SECRET, WEBHOOK, SecretError, read_secret
from medic.evidence import Absent, Item, Present, Unreadable, value_of
from medic.settings import DEFAULT_ROLE_VARIABLE, SETTINGS_VARIABLE, Settings
from medic.settings_reader import SettingsError
from medic_cli.aws import describe_stack, explained, explanation
from medic_cli.doctor.facts import OUTDATED, RAN, Facts, StackState
from medic_cli.doctor.model import Denied
from medic_cli.doctor.rights import Denial, denials, questions
from medic_cli.doctor.template import Place, Resource, resources
from medic_cli.errors import CouldNotLookError
from medic_cli.scan.opted_in import OptInTerms
from medic_cli.scan.scanner import ScanOptions
from medic_cli.scan.scanner import run as run_scan

if TYPE_CHECKING:
    from datetime import datetime

    from boto3.session import Session

    from medic.aws.secrets import SecretForm
    from medic.evidence import Role
    from medic_cli.doctor.rights import Question
    from medic_cli.doctor.template import Json
    from medic_cli.scan.model import Scan

T = TypeVar("T")
_Scanning: TypeAlias = "Callable[..., Scan]"

_AT_A_TIME = 8
_PATIENT = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "adaptive", "total_max_attempts": 5},
    max_pool_connections=_AT_A_TIME,
)
"""IAM answers only a few simulations a second, and throttles the rest."""
_ABSENT = frozenset({
    *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NotFound"),
    *("PolicyNotFoundException", "TableNotFoundException"),
})  # fmt: skip
"""Codes for "there is none" that only one service uses."""
RUN_WINDOW = timedelta(minutes=15)
"""The watcher runs every minute, and its alarm waits as long as this."""
OUTDATED_WINDOW = timedelta(days=1)
_MOST_LOG_GROUPS = 10
_STREAMS_OF_A_GROUP = 5
_ALARMS_A_CALL = 100


@dataclass(frozen=True, slots=True)
class _Call:
    """One read of AWS for each resource of a type."""

    action: str
    """The IAM action, `service:Operation`."""
    arguments: Callable[[Resource], dict[str, Any]]


def _by(argument: str, **more: object) -> Callable[[Resource], dict[str, Any]]:
    return lambda resource: {argument: resource.name, **more}


_CALLS: Mapping[str, tuple[_Call, ...]] = {
    "Events::Rule": (
        _Call("events:DescribeRule", _by("Name")),
        _Call("events:ListTargetsByRule", _by("Rule")),
    ),
    "SQS::Queue": (_Call("sqs:GetQueueAttributes", _by("QueueUrl", AttributeNames=["All"])),),
    "Lambda::EventSourceMapping": (_Call("lambda:GetEventSourceMapping", _by("UUID")),),
    "Lambda::Function": (
        _Call("lambda:GetFunctionConfiguration", _by("FunctionName")),
        _Call("lambda:GetFunctionConcurrency", _by("FunctionName")),
        _Call("lambda:GetPolicy", _by("FunctionName")),
    ),
    "DynamoDB::Table": (
        _Call("dynamodb:DescribeTable", _by("TableName")),
        _Call("dynamodb:DescribeContinuousBackups", _by("TableName")),
        _Call("dynamodb:DescribeTimeToLive", _by("TableName")),
        _Call("dynamodb:GetResourcePolicy", lambda table: {"ResourceArn": table.arn}),
    ),
    "IAM::Role": (
        _Call("iam:GetRole", _by("RoleName")),
        _Call("iam:ListRolePolicies", _by("RoleName")),
        _Call("iam:ListAttachedRolePolicies", _by("RoleName")),
    ),
    "Logs::LogGroup": (_Call("logs:DescribeLogGroups", _by("logGroupNamePrefix")),),
    "SNS::Topic": (
        _Call("sns:GetTopicAttributes", _by("TopicArn")),
        _Call("sns:ListSubscriptionsByTopic", _by("TopicArn")),
    ),
}


@dataclass(frozen=True, slots=True)
class _Stores:
    secrets: Any
    ssm: Any


class Reader:
    """Reads one stack.

    Args:
        session: gives the credentials and the region.
        stack: the stack's name.
        now: the time, UTC.
        scan: scans the apps and branches.
    """

    def __init__(self, session: Session, stack: str, now: datetime, scan: _Scanning = run_scan) -> None:
        self._session, self._stack, self._now, self._run_scan = session, stack, now, scan
        self._clients: dict[str, Any] = {}

    def facts(self) -> Facts:
        """Read everything.

        Raises:
            CouldNotLookError: there is no such stack, or CloudFormation does not tell what it should be.
        """
        shown: Json = {**describe_stack(self._session, self._stack)}
        template, summaries = self._template(), self._summaries()
        partition, _, region, account, _ = arn_parts(shown["StackId"])
        place = Place(partition, region, account)
        names = {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in summaries}
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in shown.get("Parameters", ())}
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            unnamed = resources(template, names, parameters, place, role_ids={})
            reads = dict(pool.map(self._read, _calls(unnamed)))
            stack = resources(template, names, parameters, place, role_ids=_role_ids(reads))
            settings, default_role = _settings(stack)
            inline = dict(pool.map(self._inline, _inline_policies(reads)))
            asked = [each for role in stack if role.type == "AWS::IAM::Role" for each in questions(stack, role)]
            rights = dict(zip(asked, pool.map(self._simulate, asked), strict=True))
            secrets = dict(pool.map(self._secret, _secrets(settings)))
            iam = IamReader(lambda: self._client("iam"), account)
            pairings = (*settings.compute_roles, *settings.service_roles)
            chosen = tuple(dict.fromkeys((default_role, *(pairing.role_arn for pairing in pairings))))
            roles = dict(zip(chosen, pool.map(lambda arn: _role(iam, arn, account), chosen), strict=True))
            role_names = [name_of(arn) for arn, role in roles.items() if isinstance(role, Present)]
            documents = pool.map(lambda name: _attempt(lambda: Present(iam.read_policies(name))), role_names)
            policies = dict(zip(role_names, documents, strict=True))
            streams = self._streams()
        if settings.kms_key is not None:
            asked_key = {"KeyId": settings.kms_key}
            reads["kms:DescribeKey", settings.kms_key] = self._ask("kms:DescribeKey", asked_key)
        return Facts(
            place=place,
            read_at=self._now,
            stack=_state(shown, template, summaries),
            settings=settings,
            default_role=default_role,
            resources=stack,
            reads={**reads, **self._alarms(stack), **dict(map(self._logged, _log_searches(stack, self._now)))},
            inline=inline,
            rights=rights,
            secrets=secrets,
            roles=roles,
            policies=policies,
            scan=self._scan(settings, default_role, region),
            streams=streams,
        )

    def _client(self, service: str) -> Any:  # noqa: ANN401 - any service's client
        if service not in self._clients:
            with _MAKING:  # creating clients of one session is not safe in several threads
                self._clients.setdefault(service, self._session.client(service, config=_PATIENT))  # type: ignore[call-overload]
        return self._clients[service]

    def _template(self) -> Json:
        with explained(), translated("cloudformation:GetTemplate"):
            template = self._client("cloudformation").get_template(StackName=self._stack)["TemplateBody"]
        if not isinstance(template, Mapping):
            raise CouldNotLookError(f"The template of the stack {self._stack} is not JSON, as CDK writes it.")
        return template

    def _summaries(self) -> list[dict[str, Any]]:
        with explained(), translated("cloudformation:ListStackResources"):
            answer = self._whole("cloudformation", "list_stack_resources", {"StackName": self._stack})
            summaries: list[dict[str, Any]] = answer["StackResourceSummaries"]
            return summaries

    def _whole(self, service: str, method: str, arguments: dict[str, Any]) -> Json:
        """The answer of a call, with all of its pages."""
        client = self._client(service)
        if client.can_paginate(method):
            pages: Json = client.get_paginator(method).paginate(**arguments).build_full_result()
            return pages
        answer: Json = getattr(client, method)(**arguments)
        return answer

    def _ask(self, action: str, arguments: dict[str, Any]) -> Item[Json]:
        service, _, operation = action.partition(":")

        def call() -> Item[Json]:
            with translated(action):
                return Present(self._whole(service, xform_name(operation), arguments))

        return _attempt(call)

    def _read(self, asked: tuple[Resource, _Call]) -> tuple[tuple[str, str], Item[Json]]:
        resource, call = asked
        return (call.action, resource.name), self._ask(call.action, call.arguments(resource))

    def _inline(self, of: tuple[str, str]) -> tuple[tuple[str, str], Item[Json]]:
        role, policy = of
        return of, self._ask("iam:GetRolePolicy", {"RoleName": role, "PolicyName": policy})

    def _simulate(self, question: Question) -> Item[tuple[Denial, ...]]:
        answer = self._ask(
            "iam:SimulatePrincipalPolicy",
            {
                "PolicySourceArn": question.role_arn,
                "ActionNames": list(question.actions),
                "ResourceArns": list(question.resources),
                "ContextEntries": [
                    {
                        "ContextKeyName": key.name,
                        "ContextKeyValues": list(key.values),
                        "ContextKeyType": "stringList" if key.several else "string",
                    }
                    for key in question.context
                ],
            },
        )
        return denials(answer.value, question) if isinstance(answer, Present) else answer

    def _alarms(self, stack: tuple[Resource, ...]) -> dict[tuple[str, str], Item[Json]]:
        """All alarms in few calls. One that the answer leaves out does not exist."""
        action, found = "cloudwatch:DescribeAlarms", {}
        names = [each.name for each in stack if each.type == "AWS::CloudWatch::Alarm"]
        for start in range(0, len(names), _ALARMS_A_CALL):
            some = names[start : start + _ALARMS_A_CALL]
            answer = self._ask(action, {"AlarmNames": some})
            alarms = {each["AlarmName"]: each for each in (value_of(answer) or {}).get("MetricAlarms", ())}
            for name in some:
                there = Present(alarms[name]) if name in alarms else Absent("CloudWatch has no such alarm")
                found[action, name] = there if isinstance(answer, Present) else answer
        return found

    def _logged(self, asked: tuple[str, str, datetime]) -> tuple[tuple[str, str], Item[Json]]:
        """Whether a log group has lines with a word since a time."""
        group, word, since = asked
        arguments = {"logGroupName": group, "filterPattern": word, "startTime": milliseconds(since)}
        answer = self._ask("logs:FilterLogEvents", {**arguments, "PaginationConfig": _FIRST_EVENT})
        return (f"logs:FilterLogEvents {word}", group), answer

    def _secret(self, asked: tuple[str, SecretForm]) -> tuple[str, Item[str]]:
        """What is wrong with a secret. Its value goes no further than this function."""
        name, form = asked
        try:
            read_secret(_Stores(self._client("secretsmanager"), self._client("ssm")), name, form)
        except SecretError as error:
            match error.__cause__:
                case None:
                    return name, Present(str(error))
                case AbsentError():
                    return name, Absent(f"there is no secret or parameter {name}")
                case DeniedError():
                    action = "ssm:GetParameter" if parameter_of(name) else "secretsmanager:GetSecretValue"
                    return name, Denied(str(error), action)
                case _:
                    return name, Unreadable(str(error))
        return name, Present("")

    def _streams(self) -> Item[tuple[str, ...]]:
        """The newest streams of some SSR logs."""
        found: list[str] = []
        first = {"logGroupNamePrefix": log_group(""), "PaginationConfig": {"MaxItems": _MOST_LOG_GROUPS}}
        groups = self._ask("logs:DescribeLogGroups", first)
        if not isinstance(groups, Present):
            return groups
        for group in groups.value["logGroups"]:
            name = group["logGroupName"]
            newest = {"orderBy": "LastEventTime", "descending": True, "PaginationConfig": _NEWEST_STREAMS}
            streams = self._ask("logs:DescribeLogStreams", {"logGroupName": name, **newest})
            if isinstance(streams, Unreadable):
                return streams
            found += [f"{name}: {each['logStreamName']}" for each in (value_of(streams) or {}).get("logStreams", ())]
        return Present(tuple(found))

    def _scan(self, settings: Settings, default_role: str, region: str) -> Item[Scan]:
        options = ScanOptions({region: OptInTerms(settings, default_role)}, settings.apps, f"the stack {self._stack}")
        try:
            return Present(self._run_scan(self._session, options, rate=10, iam_rate=10))
        except CouldNotLookError as error:
            return Unreadable(error.message)


_FIRST_EVENT: Json = {"MaxItems": 1}
_NEWEST_STREAMS: Json = {"MaxItems": _STREAMS_OF_A_GROUP}
_MAKING = Lock()


def _attempt(call: Callable[[], Item[T]]) -> Item[T]:
    """The answer of a call, or why there is none."""
    try:
        return call()
    except DeniedError as error:
        return Denied(explanation(error), error.operation)
    except AwsError as error:
        if isinstance(error, AbsentError) or error.code in _ABSENT:
            return Absent(f"{error.operation}: {error.message or error.code}")
        return Unreadable(explanation(error))


def _role(iam: IamReader, arn: str, account: str) -> Item[Role]:
    role, parts = _attempt(lambda: iam.role(arn)), RoleArn.parse(arn)
    own = parts is not None and parts.account == account
    return Denied(role.reason, "iam:GetRole") if own and isinstance(role, Unreadable) else role


def _calls(stack: tuple[Resource, ...]) -> Iterator[tuple[Resource, _Call]]:
    for resource in stack:
        for call in _CALLS.get(resource.type.removeprefix("AWS::"), ()):
            yield resource, call


def _role_ids(reads: Mapping[tuple[str, str], Item[Json]]) -> dict[str, str]:
    """The ids of the roles that could be read, by name."""
    return {
        name: read.value["Role"]["RoleId"]
        for (action, name), read in reads.items()
        if action == "iam:GetRole" and isinstance(read, Present)
    }


def _inline_policies(reads: Mapping[tuple[str, str], Item[Json]]) -> list[tuple[str, str]]:
    """Each inline policy that a role has, by role and policy name."""
    return [
        (role, policy)
        for (action, role), read in reads.items()
        if action == "iam:ListRolePolicies" and isinstance(read, Present)
        for policy in read.value["PolicyNames"]
    ]


def _settings(stack: tuple[Resource, ...]) -> tuple[Settings, str]:
    """The settings that were deployed, and the ARN of the default compute role.

    Raises:
        CouldNotLookError: another version of Amplify Medic wrote the template.
    """
    for function in stack:
        variables = ((function["Environment"] or {}) if "Lambda::Function" in function.type else {}).get(
            "Variables", {}
        )
        if DEFAULT_ROLE_VARIABLE in variables:
            try:
                return Settings.parse(json.loads(variables[SETTINGS_VARIABLE])), variables[DEFAULT_ROLE_VARIABLE]
            except (SettingsError, ValueError) as error:
                raise CouldNotLookError(f"The settings in the stack's template can't be read: {error}") from None
    raise CouldNotLookError("The stack has no remediator: check --stack, or deploy the current version.")


def _secrets(settings: Settings) -> Iterator[tuple[str, SecretForm]]:
    slack = settings.slack
    channels = (slack.default, *slack.channels.values())
    if slack.bot_token_secret:
        yield slack.bot_token_secret, BOT_TOKEN
    if slack.signing_secret:
        yield slack.signing_secret, SIGNING_SECRET
    yield from dict.fromkeys((each.webhook_secret, WEBHOOK) for each in channels if each and each.webhook_secret)


def _log_searches(stack: tuple[Resource, ...], now: datetime) -> Iterator[tuple[str, str, datetime]]:
    """Which words to look for in the log groups of the functions, and since when."""
    for group in stack:
        if group.type == "AWS::Logs::LogGroup":
            yield group.name, OUTDATED, now - OUTDATED_WINDOW
            yield group.name, RAN, now - RUN_WINDOW


def _state(shown: Json, template: Json, summaries: list[dict[str, Any]]) -> StackState:
    drift = shown.get("DriftInformation", {})
    there = {each["LogicalResourceId"] for each in summaries}
    wanted = (name for name, each in template["Resources"].items() if "Condition" not in each)
    # A resource that an update took out of the template, but kept, stays in the list as DELETE_SKIPPED.
    own = (each for each in summaries if each["LogicalResourceId"] in template["Resources"])
    unfinished = (each for each in own if not each["ResourceStatus"].endswith("_COMPLETE"))
    return StackState(
        shown["StackName"],
        shown["StackStatus"],
        drift.get("StackDriftStatus", "NOT_CHECKED"),
        drift.get("LastCheckTimestamp"),
        tuple(f"{each['LogicalResourceId']}: {each['ResourceStatus']}" for each in unfinished),
        tuple(name for name in wanted if name not in there),
    )
