"""Reading SSR logs: pages, gaps, throttles, errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from medic.aws.errors import AwsRejectedError, RetryableError
from medic.aws.logs import RuntimeLogs, StaleTokenError
from medic.aws.rate import OutOfTimeError, RateLimiter
from medic.evidence import Absent, Partial, Present, RuntimePage, TimeSpan, Unreadable
from tests.fakes.log_groups import LogGroups

NOW = datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)
APP, GROUP = "d1abc", "/aws/amplify/d1abc"
SPAN = TimeSpan(NOW - timedelta(minutes=10), NOW)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.fixture
def groups() -> LogGroups:
    return LogGroups(lambda: NOW)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logs(groups: LogGroups, clock: Clock) -> RuntimeLogs:
    client: Any = groups
    return RuntimeLogs(lambda: client, RateLimiter(5, deadline=60, clock=clock, pause=clock.pause))


def failing_logs(error: Exception) -> RuntimeLogs:
    class Client:
        def filter_log_events(self, **_: Any) -> None:
            raise error

    client: Any = Client()
    return RuntimeLogs(lambda: client, RateLimiter(5, deadline=60, clock=Clock(), pause=lambda _: None))


def answer(code: str) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(response, "FilterLogEvents")


def page(logs: RuntimeLogs, token: str = "") -> RuntimePage:
    found = logs.page(APP, SPAN, '?"Denied"', token)
    assert isinstance(found, Present)
    return found.value


def test_only_lines_that_match_the_filter_and_the_span_are_returned_in_order(
    groups: LogGroups, logs: RuntimeLogs
) -> None:
    groups.put(
        GROUP, [(ago(5), "b Denied"), (ago(700), "old Denied"), (ago(9), "a Denied"), (ago(7), "fine")], stream="x"
    )

    found = page(logs)

    assert [(line.message, line.at, line.stream) for line in found.lines] == [
        ("a Denied", ago(9), "x"),
        ("b Denied", ago(5), "x"),
    ]
    assert found.token == ""


def test_an_empty_page_may_have_a_next_token(groups: LogGroups, logs: RuntimeLogs) -> None:
    groups.searched_a_page = 2
    groups.put(GROUP, [(ago(9), "x"), (ago(8), "x"), (ago(7), "Denied")])

    first = page(logs)

    assert (first.lines, first.token != "") == ((), True)
    assert [line.message for line in page(logs, first.token).lines] == ["Denied"]


def test_a_huge_event_is_read_to_its_end(groups: LogGroups, logs: RuntimeLogs) -> None:
    groups.put(GROUP, [(ago(1), "x" * 1_000_000 + "Denied")])

    assert page(logs).lines[0].message.endswith("xDenied")


def test_a_missing_log_group_is_absent_and_a_denied_one_is_unreadable(logs: RuntimeLogs) -> None:
    assert isinstance(logs.page(APP, SPAN, "x"), Absent)
    assert isinstance(failing_logs(answer("AccessDeniedException")).page(APP, SPAN, "x"), Unreadable)


def test_throttles_slow_the_rate_down_until_the_call_succeeds(
    groups: LogGroups, logs: RuntimeLogs, clock: Clock
) -> None:
    groups.put(GROUP, [(ago(1), "Denied")])
    groups.throttle_calls = {1, 2}

    assert len(page(logs).lines) == 1
    assert len(groups.calls) == 3
    assert 1.0 < clock.now < 2.0


def test_endless_throttling_ends_at_the_deadline(groups: LogGroups, logs: RuntimeLogs) -> None:
    groups.put(GROUP, [])
    groups.throttle_calls = set(range(1000))

    with pytest.raises(OutOfTimeError):
        page(logs)
    assert len(groups.calls) < 40


def test_a_stale_token_raises_stale_token_error(groups: LogGroups, logs: RuntimeLogs) -> None:
    groups.searched_a_page = 1
    groups.put(GROUP, [(ago(9), "x"), (ago(8), "x")])
    token = page(logs).token
    groups.expire_tokens()

    with pytest.raises(StaleTokenError):
        page(logs, token)


def test_an_unreachable_service_is_retryable_and_an_invalid_request_is_not() -> None:
    with pytest.raises(RetryableError):
        failing_logs(EndpointConnectionError(endpoint_url="https://logs")).page(APP, SPAN, "x")
    with pytest.raises(AwsRejectedError):
        failing_logs(answer("InvalidParameterException")).page(APP, SPAN, "x")


def test_lines_of_a_span_are_read_across_pages_up_to_max_pages(groups: LogGroups, logs: RuntimeLogs) -> None:
    groups.searched_a_page = 2
    groups.put(GROUP, [(ago(n), f"{n} Denied") for n in range(9, 0, -1)])

    every, some = (logs.lines(APP, SPAN, '?"Denied"', max_pages=most) for most in (10, 2))

    assert isinstance(every, Present)
    assert isinstance(some, Partial)
    assert [line.at for line in every.value] == [ago(n) for n in range(9, 0, -1)]
    assert some.value == every.value[:4]


def test_lines_read_before_the_deadline_are_returned(groups: LogGroups, clock: Clock) -> None:
    groups.searched_a_page = 2
    groups.put(GROUP, [(ago(n), "Denied") for n in range(9, 0, -1)])
    client: Any = groups
    short = RuntimeLogs(lambda: client, RateLimiter(5, deadline=0.3, clock=clock, pause=clock.pause)).lines(
        APP, SPAN, "", max_pages=10
    )

    assert isinstance(short, Partial)
    assert short.reason == "the time was up"
    assert len(short.value) == 4


def test_lines_of_a_missing_log_group_are_absent(logs: RuntimeLogs) -> None:
    assert isinstance(logs.lines(APP, SPAN, "x", max_pages=3), Absent)
