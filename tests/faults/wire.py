"""The wire between the bot and the services it calls. It records every call and can inject one fault.

A call is one that the bot's code makes: an AWS operation with all its attempts, a log download or a Slack post.
AWS calls are intercepted by botocore's hooks, before the request is sent and after moto answered.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from slack_sdk.webhook import WebhookClient

from tests.fakes.quick_session import QuickSession
from tests.faults.fault import FAILED, NO_EFFECT, THROTTLED, Fault, Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes.queue import FakeQueue
    from tests.fakes.slack import FakeSlack

Json = dict[str, Any]

LOG = "s3:GetObject"
SLACK = "slack:Post"
_ALWAYS_READS = ("Get", "List", "Lookup")


def _nothing(*_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """One call of a run: the nth of its operation. Concurrent role reads are distinguished by the role's name."""

    operation: str
    nth: int

    def __str__(self) -> str:
        return f"{self.operation}#{self.nth}"

    @classmethod
    def parse(cls, text: str) -> Call:
        """Parse the text that `str` returns."""
        operation, _, nth = text.rpartition("#")
        return cls(operation, int(nth))

    @property
    def kind(self) -> str:
        """The operation without the role's name."""
        return self.operation.partition("(")[0]

    @property
    def reads(self) -> bool:
        """True if the call changes nothing, so that a lost answer is the same as a lost request."""
        return self.operation.partition(":")[2].startswith(_ALWAYS_READS)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that took effect."""

    call: Call
    params: Json


class Wire:
    """Records the bot's calls since `listen`, and injects a fault into the chosen one.

    Attributes:
        session: the session that creates the bot's clients.
        before: called before each call is sent.
        after: called after each request that took effect.
        seen: every call, in order.
        took_effect: every request that took effect, once per attempt, even if its answer was lost.
        queue: answers the calls of SQS in place of moto, whose queues have no virtual clock.
        down: the services whose every call fails.
    """

    def __init__(self, region: str) -> None:
        self.session = QuickSession("bot", region)
        self.seen: list[Call] = []
        self.took_effect: list[Sent] = []
        self.before: Callable[[Call, Json], None] = _nothing
        self.after: Callable[[Sent], None] = _nothing_after
        self._counts: Counter[str] = Counter()
        self._chosen: tuple[str, Fault] | None = None
        self._dead = False
        self.queue: FakeQueue | None = None
        self.down: frozenset[str] = frozenset()
        self._lock = threading.RLock()
        self._current = threading.local()
        self._answers: dict[str, AWSResponse] = {}
        self._hook_up()

    def reset(self) -> None:
        """Forget all calls and callbacks, for a new world."""
        self.before, self.after = _nothing, _nothing_after
        self.took_effect = []
        self._answers = {}
        self.down = frozenset()
        self.revive()
        self.listen()

    def listen(self, strike: Call | None = None, fault: Fault | None = None) -> None:
        """Restart counting calls, and inject a fault into one of them."""
        self.seen = []
        self._counts.clear()
        self._chosen = (str(strike), fault) if strike is not None and fault is not None else None

    def revive(self) -> None:
        """Start a new process."""
        self._dead = False

    def die(self) -> None:
        """Kill the process that is calling.

        Raises:
            Killed: always.
        """
        self._dead = True
        raise Killed

    @property
    def struck(self) -> bool:
        """True once the fault was injected."""
        return self._chosen is None

    @contextmanager
    def plain_http(self, slack: FakeSlack) -> Iterator[None]:
        """Also intercept log downloads and Slack posts, and skip all waiting."""
        fetch, post = urllib3.PoolManager.request, WebhookClient.send_dict

        def fetched(pool: urllib3.PoolManager, method: str, url: str, **options: Any) -> Any:
            download = partial(fetch, pool, method, url, **options)
            return self._around(LOG, download, _log_answer, discard=urllib3.HTTPResponse.close)

        def posted(client: WebhookClient, body: Json, *args: Any) -> Any:
            def fail(fault: Fault) -> Any:
                if fault is Fault.TIMEOUT_BEFORE:
                    raise TimeoutError("timed out")
                if fault is Fault.THROTTLE:
                    slack.fail(429, times=2, retry_after=1)
                else:
                    slack.fail(times=2)
                return post(client, body, *args)

            return self._around(SLACK, lambda: post(client, body, *args), fail, TimeoutError("timed out"))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(urllib3.PoolManager, "request", fetched)
            patch.setattr(WebhookClient, "send_dict", posted)
            patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=_nothing))
            patch.setattr("slack_sdk.http_retry.builtin_handlers.time", SimpleNamespace(sleep=_nothing))
            patch.setattr("slack_sdk.http_retry.handler.time", SimpleNamespace(sleep=_nothing))
            yield

    def _around(
        self,
        operation: str,
        act: Callable[[], Any],
        fail: Callable[[Fault], Any],
        lost: Exception | None = None,
        discard: Callable[[Any], None] = _nothing,
    ) -> Any:
        call = self._begin(operation, {})
        fault = self._fault_of(call)
        if fault in NO_EFFECT:
            return fail(fault)
        answer = act()
        self._effective(Sent(call, {}))
        if fault is Fault.DEATH:
            # This process lives on, so it closes what the operating system closes after a real death.
            discard(answer)
            self.die()
        if fault is Fault.TIMEOUT_AFTER and lost is not None:
            raise lost
        return answer

    def _hook_up(self) -> None:
        events: Any = self.session.events  # the type stubs have no hook that returns an answer
        events.register_first("before-parameter-build", self._note_params)
        events.register_first("before-call", self._before_call)
        events.unregister("before-send", botocore_stubber)
        events.register_first("before-send", self._attempt)
        events.register_first("after-call", self._after_call)

    def _note_params(self, params: Json, context: Json, **_: Any) -> None:
        context["asked"] = dict(params)

    def _before_call(self, model: Any, context: Json, **_: Any) -> tuple[AWSResponse, Json] | None:
        service = model.service_model.service_name
        name = f"{service}:{model.name}"
        if service == "iam":
            name += f"({context['asked'].get('RoleName') or context['asked'].get('PolicyArn', '')})"
        call = self._begin(name, context["asked"])
        fault = self._fault_of(call)
        context["call"], context["fault"] = call, fault
        self._current.fault, self._current.sent = fault, Sent(call, context["asked"])
        match fault:
            case Fault.THROTTLE:
                return _error_answer(model.name, *THROTTLED[service], "Rate exceeded")
            case Fault.SERVER_ERROR:
                return _error_answer(model.name, *FAILED[service], "Internal failure")
            case Fault.TIMEOUT_BEFORE:
                raise ReadTimeoutError(endpoint_url=service)
        return None

    def _attempt(self, event_name: str, request: Any, **_: Any) -> AWSResponse | None:
        """Let moto answer one attempt. Like DynamoDB, repeat the first answer for a known token."""
        token = _token_of(request)
        if token and token in self._answers:
            return self._answers[token]
        answer: AWSResponse | None
        if event_name.startswith("before-send.sqs."):
            answer = self._answer_of_queue(event_name.rpartition(".")[2])
        else:
            answer = botocore_stubber(event_name, request)
        if answer is not None and answer.status_code < 300:
            self._effective(self._current.sent)
        if token and answer is not None and answer.status_code < 300 and answer.content:
            self._answers[token] = answer
        if getattr(self._current, "fault", None) is Fault.ANSWER_LOST:
            self._current.fault = None
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer

    def _answer_of_queue(self, operation: str) -> AWSResponse:
        try:
            answer, status = getattr(self.queue, xform_name(operation))(**self._current.sent.params), 200
        except ClientError as error:
            answer, status = {"__type": error.response["Error"]["Code"], "message": str(error)}, 400
        body = MockRawResponse(json.dumps(answer).encode())
        return AWSResponse(operation, status, HTTPHeaders(), body)

    def _after_call(self, context: Json, **_: Any) -> None:
        call, fault = context["call"], context["fault"]
        if fault is Fault.DEATH:
            self.die()
        if fault is Fault.TIMEOUT_AFTER:
            raise ReadTimeoutError(endpoint_url=call.operation)

    def _begin(self, operation: str, params: Json) -> Call:
        with self._lock:
            self._raise_if_dead()
            self._counts[operation] += 1
            call = Call(operation, self._counts[operation])
            self.seen.append(call)
        self._call_before(call, params)
        self._raise_if_dead()
        return call

    def _call_before(self, call: Call, params: Json) -> None:
        """Call `before`. On the main thread it may run the bot. Other threads call it one at a time."""
        if threading.current_thread() is threading.main_thread():
            self.before(call, params)
            return
        with self._lock:
            self.before(call, params)

    def _effective(self, sent: Sent) -> None:
        with self._lock:
            self.took_effect.append(sent)
            self.after(sent)

    def _fault_of(self, call: Call) -> Fault | None:
        with self._lock:
            if call.operation.partition(":")[0] in self.down:
                return Fault.SERVER_ERROR
            if self._chosen is None or self._chosen[0] != str(call):
                return None
            fault = self._chosen[1]
            self._chosen = None
            return fault

    def _raise_if_dead(self) -> None:
        if self._dead:
            raise Killed


def _nothing_after(_: Sent) -> None:
    """Do nothing."""


def _token_of(request: Any) -> str | None:
    body = request.body or b""
    marker = b'"ClientRequestToken": "'
    found = body.partition(marker)[2] if isinstance(body, bytes) else b""
    return found[:36].decode() or None


def _error_answer(operation: str, code: str, status: int, message: str) -> tuple[AWSResponse, Json]:
    parsed: Json = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if operation == "TransactWriteItems" and status < 500:
        parsed["Error"]["Code"] = "TransactionCanceledException"
        parsed["CancellationReasons"] = [{"Code": "ThrottlingError", "Message": message}]
    return AWSResponse(operation, status, HTTPHeaders(), None), parsed


def _log_answer(fault: Fault) -> urllib3.HTTPResponse:
    if fault is Fault.TIMEOUT_BEFORE:
        raise urllib3.exceptions.TimeoutError("timed out")
    status = 503 if fault is Fault.THROTTLE else 500
    return urllib3.HTTPResponse(body=b"", status=status, preload_content=False)
