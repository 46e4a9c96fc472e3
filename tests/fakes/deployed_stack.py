"""The parts of a deployed stack that the command line uses: its outputs, and the remediator with its environment."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from tests.fakes.aws_endpoint import FakeEndpoint, Reply, error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from tests.fakes.aws_endpoint import Call

_FUNCTION = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/(?P<what>configuration|invocations)")


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call of the remediator."""

    kind: str
    """The invocation type: Event or RequestResponse."""
    event: Any


@dataclass(slots=True)
class FakeStack:
    """CloudFormation and Lambda for one stack.

    Attributes:
        outputs: The stack's outputs.
        variables: The remediator's environment.
        remediator: Handles a direct invocation. The caller gets its return value.
        receive: Gets the body of each message that is sent to the queue.
        refuse: Error codes. Lambda and SQS answer the next calls with them, one each.
        function_error: The error type of the remediator's runs. Empty if they succeed.
        invocations: The remediator's direct invocations.
        sent: The messages that its queue got.
        dead_letters: How many messages the dead-letter queue holds.
        moves: The requests of StartMessageMoveTask.
        delivery: The state of the mapping between the queue and the remediator.
    """

    name: str = "AmplifyMedic"
    outputs: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    remediator: Callable[[Any], Any] = lambda _event: None
    receive: Callable[[str], Any] = lambda _body: None
    refuse: list[str] = field(default_factory=list)
    function_error: str = ""
    invocations: list[Invocation] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    dead_letters: int = 0
    moves: list[Any] = field(default_factory=list)
    delivery: str = "Enabled"

    def endpoint(self) -> FakeEndpoint:
        """A new endpoint that serves this stack."""
        return FakeEndpoint(self._answer)

    def _answer(self, call: Call) -> Reply:
        if call.service == "cloudformation":
            return self._describe(call)
        if call.service == "sqs":
            return self._queue(call)
        if call.path.startswith("/2015-03-31/event-source-mappings/"):
            if call.method == "PUT":
                self.delivery = "Enabling" if json.loads(call.body)["Enabled"] else "Disabling"
            return Reply(json.dumps({"UUID": "mapping", "State": self.delivery}))
        match = _FUNCTION.match(call.path)
        if match is None or match["name"] != self.outputs.get("RemediatorFunctionName"):
            return error(call, "ResourceNotFoundException", f"Function not found: {call.path}", 404)
        if match["what"] == "configuration":
            return Reply(json.dumps({"Environment": {"Variables": dict(self.variables)}}))
        return self._invoke(call)

    def _describe(self, call: Call) -> Reply:
        if call.form.get("StackName") != self.name:
            return error(call, "ValidationError", f"Stack with id {call.form.get('StackName')} does not exist")
        outputs = "".join(
            f"<member><OutputKey>{key}</OutputKey><OutputValue>{escape(value)}</OutputValue></member>"
            for key, value in self.outputs.items()
        )
        body = (
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>"
            f"<StackName>{self.name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>"
            f"<CreationTime>2026-01-01T00:00:00Z</CreationTime><Outputs>{outputs}</Outputs>"
            "</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )
        return Reply(body, content_type="text/xml")

    def _queue(self, call: Call) -> Reply:
        """SQS."""
        if self.refuse:
            return self._refused(call)
        asked = json.loads(call.body)
        match call.headers["x-amz-target"].partition(".")[2]:
            case "SendMessage":
                self.sent.append(json.loads(asked["MessageBody"]))
                self.receive(asked["MessageBody"])
                return Reply(json.dumps({"MessageId": "m"}))
            case "StartMessageMoveTask":
                self.moves.append(asked)
                return Reply(json.dumps({"TaskHandle": "t"}))
            case _:
                name = asked["QueueUrl"].rpartition("/")[2]
                number = self.dead_letters if name == "dead-letters" else len(self.sent)
                attributes = {"QueueArn": f"arn:{name}", "ApproximateNumberOfMessages": str(number)}
                return Reply(json.dumps({"Attributes": attributes}))

    def _refused(self, call: Call) -> Reply:
        code = self.refuse.pop(0)
        return error(call, code, "not now", 403 if code == "AccessDeniedException" else 400)

    def _invoke(self, call: Call) -> Reply:
        if self.refuse:
            return self._refused(call)
        kind = call.headers.get("x-amz-invocation-type", "RequestResponse")
        event = json.loads(call.body)
        self.invocations.append(Invocation(kind, event))
        answer = self.remediator(event)
        if kind == "Event":
            return Reply("", 202)
        failure = {"x-amz-function-error": self.function_error} if self.function_error else {}
        return Reply(json.dumps(answer), headers=failure)


def use(monkeypatch: pytest.MonkeyPatch, endpoint: FakeEndpoint) -> None:
    """Point clients of CloudFormation, Lambda and SQS to the endpoint."""
    for service in ("CLOUDFORMATION", "LAMBDA", "SQS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", endpoint.url)
