"""A client of the deployed bot: sends a request to its queue, and waits for the answer in its table."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.config import Config

from medic.arns import arn_parts
from medic.aws.clients import READING
from medic.aws.errors import DeniedError, translated
from medic.events import RequestKind, RequestMessage, Scope, request_message
from medic.gateways import Gateways
from medic.incidents.model import approval_id
from medic_cli.aws import region_of
from medic_cli.errors import COULD_NOT_LOOK, SOMETHING_WRONG, CouldNotLookError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import timedelta

    from boto3.session import Session
    from types_boto3_lambda import LambdaClient
    from types_boto3_sqs.literals import QueueAttributeNameType

    from medic.incidents.model import Answer, Incident, Request
    from medic_cli.answers import SubscriptionsJson
    from medic_cli.aws import DeployedStack

_SESSION_SECONDS = 900
_NOT_IN_A_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)
_MAX_SESSION_NAME = 64


def session_name(caller_arn: str) -> str:
    """A role session name that shows the caller in CloudTrail: the end of the caller's ARN, in characters STS accepts.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    plain = _NOT_IN_A_SESSION_NAME.sub("-", arn_parts(caller_arn)[-1])
    return f"medic-{plain[-(_MAX_SESSION_NAME - 6) :]}"


_SYNCHRONOUS = Config(connect_timeout=3, read_timeout=95, retries={"total_max_attempts": 1})
"""For an invocation that waits for the function's answer. No retry, because a retry would run the function again."""
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ScopedIncident:
    """An incident with its app and branch."""

    scope: Scope
    incident: Incident


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """What became of a request."""

    who: str
    """Who asked for it first, as the bot recorded it."""
    answer: Answer | None
    """None if the remediator has not answered yet."""
    sent: bool = True

    @property
    def text(self) -> str | None:
        if self.answer is None:
            return None
        return f"refused: {self.answer.text}" if self.answer.refused else self.answer.text

    @property
    def refused(self) -> bool:
        return self.answer is not None and self.answer.refused

    @property
    def exit_code(self) -> int:
        """0 if it was done, 1 if it was refused, 3 if there is no answer yet."""
        if self.answer is None:
            return COULD_NOT_LOOK
        return SOMETHING_WRONG if self.refused else 0


class BotClient:
    """The deployed bot, as an operator reaches it.

    Args:
        stack: the deployed stack.
        gateways: gateways with the operator role's credentials.
        caller_arn: who assumed the operator role, as STS knows it.
        region: the stack's region.
        unreadable: the keys of the table's items that could not be read. The gateways add to it.
    """

    def __init__(
        self, stack: DeployedStack, gateways: Gateways, caller_arn: str, region: str, unreadable: Collection[str] = ()
    ) -> None:
        self.unreadable = unreadable
        self.stack = stack
        self.gateways = gateways
        self.who = f"session:{session_name(caller_arn)}"
        self.partition, _, _, self.account, _ = arn_parts(caller_arn)
        self.region = region

    def scope(self, app_id: str, branch: str) -> Scope:
        """A branch in this account and region."""
        return Scope(self.partition, self.account, self.region, app_id, branch)

    def request(self, kind: RequestKind, scope: Scope, incident_id: str = "") -> RequestMessage:
        """A new request of this operator. It is not sent yet."""
        return RequestMessage(scope, kind, uuid.uuid4().hex, incident_id)

    def approval(self, found: ScopedIncident) -> RequestMessage:
        """The approval of an incident's current plan. Its id depends on the plan, so a plan is approved only once."""
        id_, plan_hash = found.incident.id, found.incident.plan_hash
        return RequestMessage(found.scope, RequestKind.APPROVE, approval_id(id_, plan_hash), id_, plan_hash)

    def send(self, request: RequestMessage, wait: timedelta) -> RequestAnswer:
        """Send the request to the remediator's queue, and wait for its answer.

        A request that was already carried out is not sent again; its stored answer is returned.

        Raises:
            AwsError: the request could not be sent, or the answer not read.
        """
        before = self._stored(request)
        if before is not None and before.used_at is not None and before.answer is not None:
            return RequestAnswer(before.who, before.answer)
        self.gateways.send(self.stack.output("QueueUrl"), request_message(request))
        return self._wait_for_answer(request, before.answer if before else None, wait)

    def _wait_for_answer(
        self, request: RequestMessage, earlier_answer: Answer | None, wait: timedelta
    ) -> RequestAnswer:
        """The first answer that differs from the earlier one.

        The remediator marks a request as used before it carries it out, so the mark alone is no answer. If the request
        stays unused, the earlier answer still holds.
        """
        give_up_at = self.gateways.clock() + wait
        while True:
            stored = self._stored(request)
            if stored is not None and stored.answer not in (None, earlier_answer):
                return RequestAnswer(stored.who, stored.answer)
            if self.gateways.clock() >= give_up_at:
                used = stored is not None and stored.used_at is not None
                return RequestAnswer(stored.who if stored else self.who, None if used else earlier_answer)
            self.gateways.pause(_POLL_SECONDS)

    def _stored(self, request: RequestMessage) -> Request | None:
        return self.gateways.requests.read(request.scope, request.id)

    def invoke_and_wait(self, message: Mapping[str, object]) -> object:
        """Invoke the remediator and return its answer.

        Raises:
            CouldNotLookError: the function failed.
            AwsError: Lambda did not accept the message.
        """
        with translated("lambda:InvokeFunction"):
            answer = self._functions.invoke(FunctionName=self._function, Payload=json.dumps(message).encode())
        body = answer["Payload"].read()
        if failure := answer.get("FunctionError"):
            raise CouldNotLookError(f"The remediator failed ({failure}): see its log in CloudWatch.")
        return json.loads(body)

    def subscriptions(self) -> SubscriptionsJson:
        """How many subscriptions the alert topic has. One gets alerts only once its owner has confirmed it.

        Raises:
            AwsError: the topic could not be read.
        """
        with translated("sns:GetTopicAttributes"):
            topic = self.gateways.clients.sns.get_topic_attributes(TopicArn=self.stack.output("AlertTopicArn"))
        counts = topic["Attributes"]
        return {"confirmed": int(counts["SubscriptionsConfirmed"]), "pending": int(counts["SubscriptionsPending"])}

    def waiting(self, output: str) -> int:
        """About how many messages can be received from a queue now. `output` is the stack's output with its URL.

        Raises:
            AwsError: the queue could not be read.
        """
        return int(self._queue_attribute(output, "ApproximateNumberOfMessages"))

    def delivery(self) -> str:
        """The state of the mapping that passes messages from the queue to the remediator: Enabled, Disabling, ...

        Raises:
            AwsError: it could not be read.
        """
        with translated("lambda:GetEventSourceMapping"):
            return self._functions.get_event_source_mapping(UUID=self.stack.output("EventSourceMappingId"))["State"]

    def set_delivery(self, *, on: bool) -> str:
        """Switch the mapping on or off. Returns its new state, which is Enabling or Disabling at first.

        Raises:
            AwsError: it could not be changed.
        """
        with translated("lambda:UpdateEventSourceMapping"):
            answer = self._functions.update_event_source_mapping(
                UUID=self.stack.output("EventSourceMappingId"), Enabled=on
            )
        return answer["State"]

    def replay_dead_letters(self) -> None:
        """Have SQS move every dead letter to the remediator's queue.

        The destination is always given. Without it, SQS would refuse events that EventBridge put into the dead-letter
        queue, because they came from no other queue.

        Raises:
            AwsError: SQS did not start the task.
        """
        source, destination = (self._queue_attribute(output, "QueueArn") for output in ("DeadLettersUrl", "QueueUrl"))
        with translated("sqs:StartMessageMoveTask"):
            self.gateways.clients.sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)

    def _queue_attribute(self, output: str, name: QueueAttributeNameType) -> str:
        with translated("sqs:GetQueueAttributes"):
            answer = self.gateways.clients.sqs.get_queue_attributes(
                QueueUrl=self.stack.output(output), AttributeNames=[name]
            )
        return answer["Attributes"][name]

    def find(self, incident_id: str) -> ScopedIncident:
        """An incident by its id.

        Raises:
            CouldNotLookError: there is none in this account and region.
            AwsError: the table could not be read.
        """
        for record in self.gateways.table.all():
            for incident in record.incidents:
                if incident.id == incident_id:
                    return ScopedIncident(record.scope, incident)
        unread = f" {len(self.unreadable)} items of its table could not be read." if self.unreadable else ""
        raise CouldNotLookError(f"{self.stack.name} has no incident {incident_id}: `medic history` lists them.{unread}")

    def history(self, app_id: str | None, branch: str | None) -> Iterator[ScopedIncident]:
        """The incidents of a branch, of an app (branch None) or of all apps (both None), oldest first.

        Raises:
            AwsError: the table could not be read.
        """
        if app_id is not None and branch is not None:
            records = iter([self.gateways.table.read(self.scope(app_id, branch))])
        else:
            records = (record for record in self.gateways.table.all() if app_id in (None, record.scope.app_id))
        found = [ScopedIncident(record.scope, incident) for record in records for incident in record.incidents]
        yield from sorted(found, key=lambda each: each.incident.opened_at)

    @property
    def _function(self) -> str:
        return self.stack.output("RemediatorFunctionName")

    @cached_property
    def _functions(self) -> LambdaClient:
        return self.gateways.session.client("lambda", config=_SYNCHRONOUS)


def connect_to_bot(session: Session, stack: DeployedStack) -> BotClient:
    """Assume the stack's operator role.

    Raises:
        CouldNotLookError: there is no such stack, or the caller may not assume its operator role.
        AwsError: a call failed in another way.
    """
    from boto3.session import Session as Boto3Session  # noqa: PLC0415 - only these commands need it

    role_arn = stack.output("OperatorRoleArn")
    sts = session.client("sts", config=READING)
    with translated("sts:GetCallerIdentity"):
        caller = sts.get_caller_identity()["Arn"]
    try:
        with translated("sts:AssumeRole"):
            credentials = sts.assume_role(
                RoleArn=role_arn, RoleSessionName=session_name(caller), DurationSeconds=_SESSION_SECONDS
            )["Credentials"]
    except DeniedError:
        raise CouldNotLookError(
            f"{caller} may not assume the operator role of {stack.name}: allow it sts:AssumeRole on {role_arn}."
        ) from None
    operator = Boto3Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=region_of(session),
    )
    unreadable: set[str] = set()
    gateways = Gateways(
        operator,
        table_name=stack.output("IncidentsTableName"),
        on_unreadable=lambda key, _why, **_: unreadable.add(key),
    )
    return BotClient(stack, gateways, caller, region_of(session), unreadable)
