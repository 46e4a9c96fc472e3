"""Asking the bot: a request record, a wake-up, and the answer that the remediator writes onto the record."""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.config import Config

from medic.aws.clients import READING, Clients
from medic.aws.errors import AwsError, DeniedError, translated
from medic.events import Scope, wake_up
from medic.incidents.model import Request, RequestKind, approval_id
from medic.incidents.requests import APPROVAL_HOLDS, REQUEST_HOLDS, AlreadyAskedError, RequestsTable
from medic.incidents.table import IncidentsTable
from medic_cli.aws import explanation, region_of
from medic_cli.errors import COULD_NOT_LOOK, SOMETHING_WRONG, CouldNotLookError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime, timedelta

    from boto3.session import Session
    from types_boto3_lambda import LambdaClient

    from medic.incidents.model import Incident
    from medic_cli.aws import DeployedStack

_SECONDS = 900
_NOT_IN_A_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)
_LONGEST_SESSION_NAME = 64


@dataclass(frozen=True, slots=True)
class OperatorSession:
    """Who asks, with the operator role's credentials."""

    session: Session
    who: str
    """The ARN of the caller, as STS knows it."""
    partition: str
    account: str
    region: str

    def scope(self, app_id: str, branch: str) -> Scope:
        """A branch in this account and region."""
        return Scope(self.partition, self.account, self.region, app_id, branch)


def become_operator(session: Session, stack: DeployedStack) -> OperatorSession:
    """Assume the stack's operator role.

    Raises:
        CouldNotLookError: there is no such stack, or the caller may not assume its operator role.
        AwsError: a call failed in another way.
    """
    from boto3.session import Session as Boto3Session  # noqa: PLC0415 - only these commands need it

    role_arn = stack.output("OperatorRoleArn")
    sts = session.client("sts", config=READING)
    with translated("sts:GetCallerIdentity"):
        caller = sts.get_caller_identity()
    try:
        with translated("sts:AssumeRole"):
            given = sts.assume_role(
                RoleArn=role_arn, RoleSessionName=session_name(caller["Arn"]), DurationSeconds=_SECONDS
            )["Credentials"]
    except DeniedError:
        raise CouldNotLookError(
            f"{caller['Arn']} may not become an operator of {stack.name}: allow it sts:AssumeRole on {role_arn}."
        ) from None
    assumed = Boto3Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=region_of(session),
    )
    _, partition, _ = caller["Arn"].split(":", 2)
    return OperatorSession(assumed, caller["Arn"], partition, caller["Account"], region_of(session))


def session_name(caller_arn: str) -> str:
    """A role session's name that says in CloudTrail who is behind it: the end of the caller's ARN, as far as STS lets.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    plain = _NOT_IN_A_SESSION_NAME.sub("-", caller_arn.split(":", 5)[-1])
    return f"medic-{plain[-(_LONGEST_SESSION_NAME - 6) :]}"


_PATIENT = Config(connect_timeout=3, read_timeout=95, retries={"total_max_attempts": 1})
"""For an answer that may take as long as the function may run, and that is not asked for twice."""
_LOOK_EVERY = 1.0
"""Seconds between two looks at a request."""
REFUSED = "refused: "


@dataclass(frozen=True, slots=True)
class Found:
    """An incident, and where it is."""

    scope: Scope
    incident: Incident


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """What became of a request."""

    request: Request
    text: str | None
    """None if the remediator has not answered yet."""

    @property
    def refused(self) -> bool:
        """True if it was not done."""
        return self.text is not None and self.text.startswith(REFUSED)


@dataclass(frozen=True)
class BotClient:
    """The deployed bot, as an operator reaches it.

    Attributes:
        operator: who asks.
        stack: where.
        clock: gives now, UTC.
        pause: waits for so many seconds.
    """

    operator: OperatorSession
    stack: DeployedStack
    clock: Callable[[], datetime]
    pause: Callable[[float], None] = time.sleep

    def request(self, kind: RequestKind, scope: Scope, incident_id: str = "") -> Request:
        """A request of this operator's, not written yet."""
        now = self.clock()
        return Request(
            id=uuid.uuid4().hex,
            kind=kind,
            scope=scope,
            who=self.operator.who,
            asked_at=now,
            expires_at=now + REQUEST_HOLDS,
            incident_id=incident_id,
        )

    def approval(self, found: Found) -> Request:
        """The approval of an incident's plan as it stands: the same plan can be approved once."""
        incident = found.incident
        request = self.request(RequestKind.APPROVE, found.scope, incident.id)
        return replace(
            request,
            id=approval_id(incident.id, incident.plan_hash),
            plan_hash=incident.plan_hash,
            expires_at=request.asked_at + APPROVAL_HOLDS,
        )

    def ask(self, request: Request, wait: timedelta) -> RequestAnswer:
        """Write the request, wake the remediator, and wait for its answer.

        Raises:
            CouldNotLookError: the remediator could not be woken; the request stands.
            AwsError: the request could not be written, or the answer not read.
        """
        before = ""
        try:
            self.requests.submit(request)
        except AlreadyAskedError as asked:
            before = asked.existing.answer
            if before and asked.existing.used_at is not None:
                return RequestAnswer(asked.existing, before)
        try:
            self.invoke(wake_up(request.scope, request.id))
        except AwsError as error:
            stands = "The request stands in the table: the watcher has it taken up within minutes."
            raise CouldNotLookError(f"{explanation(error)} {stands}") from error
        return self._answer(request, before, wait)

    def _answer(self, request: Request, before: str, wait: timedelta) -> RequestAnswer:
        """The first answer that is not the one which stood there before.

        A request is marked as used before it is done: that alone answers nothing. One that stays unused is answered by
        what stood there before.
        """
        give_up = self.clock() + wait
        while True:
            standing = self.requests.read(request.scope, request.id) or request
            if standing.answer not in ("", before):
                return RequestAnswer(standing, standing.answer)
            if self.clock() >= give_up:
                return RequestAnswer(standing, before if before and standing.used_at is None else None)
            self.pause(_LOOK_EVERY)

    def invoke(self, message: Mapping[str, object]) -> None:
        """Hand the remediator a message, and do not wait for what it does.

        Raises:
            AwsError: Lambda did not take it.
        """
        with translated("lambda:Invoke"):
            self._functions.invoke(FunctionName=self._function, InvocationType="Event", Payload=_bytes(message))

    def invoke_and_wait(self, message: Mapping[str, object]) -> object:
        """Hand the remediator a message, and give what it answers.

        Raises:
            CouldNotLookError: the function failed.
            AwsError: Lambda did not take it.
        """
        functions = self.operator.session.client("lambda", config=_PATIENT)
        with translated("lambda:Invoke"):
            answer = functions.invoke(FunctionName=self._function, Payload=_bytes(message))
        body = answer["Payload"].read()
        if failure := answer.get("FunctionError"):
            raise CouldNotLookError(f"The remediator failed ({failure}): its log says why.")
        return json.loads(body)

    def find(self, incident_id: str) -> Found:
        """An incident by its id.

        Raises:
            CouldNotLookError: there is none in this account and region.
            AwsError: the table could not be read.
        """
        for record in self.incidents.all():
            for incident in record.incidents:
                if incident.id == incident_id:
                    return Found(record.scope, incident)
        raise CouldNotLookError(f"{self.stack.name} knows no incident {incident_id}: medic history lists them.")

    def history(self, app_id: str | None, branch: str | None) -> Iterator[Found]:
        """Incidents, those of one branch or app if it is named; the newest last.

        Raises:
            AwsError: the table could not be read.
        """
        if app_id is not None and branch is not None:
            records = iter([self.incidents.read(self.operator.scope(app_id, branch))])
        else:
            records = (record for record in self.incidents.all() if app_id in (None, record.scope.app_id))
        found = [Found(record.scope, incident) for record in records for incident in record.incidents]
        yield from sorted(found, key=lambda each: each.incident.opened_at)

    @cached_property
    def requests(self) -> RequestsTable:
        """The requests in the stack's table."""
        return RequestsTable(self._reader.dynamodb, self.stack.output("IncidentsTableName"), self.clock)

    @cached_property
    def incidents(self) -> IncidentsTable:
        """The incidents in the stack's table."""
        return IncidentsTable(self._reader.dynamodb, self.stack.output("IncidentsTableName"), self.clock)

    @cached_property
    def _reader(self) -> Clients:
        return Clients(self.operator.session)

    @cached_property
    def _functions(self) -> LambdaClient:
        return self._reader.functions

    @cached_property
    def _function(self) -> str:
        return self.stack.output("RemediatorFunctionName")


def exit_code_of(answer: RequestAnswer) -> int:
    """0 if it was done, 1 if it was refused, 3 if nothing is known yet."""
    if answer.text is None:
        return COULD_NOT_LOOK
    return SOMETHING_WRONG if answer.refused else 0


def _bytes(message: Mapping[str, object]) -> bytes:
    return json.dumps(message).encode()
