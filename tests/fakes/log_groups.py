"""A fast in-memory FilterLogEvents of CloudWatch Logs, as documented. Neither emulator can handle this many events.

A page ends after a number of searched events, so it may be partly full, or empty with a token. Events may be ingested
late, log groups may be deleted, calls may be throttled and tokens may become stale.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import base64
import json
import threading
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from tests.emulator.log_pattern import matcher

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

LONGEST_PATTERN = 1024


class Event(NamedTuple):
    """One log event; times in milliseconds."""

    timestamp: int
    ingested: int
    id: int
    stream: str
    message: str


@dataclass
class LogGroups:
    """The log groups of one account and region, and a client for them.

    Attributes:
        now: returns the current time. Events ingested later are not found.
        searched_a_page: how many events one call searches.
        throttle_calls: the numbers of the calls (from 1) that are throttled.
        before_call: called with the number of each call, before it is answered.
    """

    now: Any
    searched_a_page: int = 10_000
    throttle_calls: set[int] = field(default_factory=set)
    before_call: Any = None
    groups: dict[str, list[Event]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _matched: dict[tuple[str, str], bool] = field(default_factory=dict)
    _ids: int = 0

    def put(
        self, group: str, lines: Iterable[tuple[datetime, str]], *, stream: str = "s", late: float = 0.0
    ) -> list[Event]:
        """Write events at their times. They can be found `late` seconds afterwards."""
        events = []
        for at, message in lines:
            self._ids += 1
            when = _milliseconds(at)
            events.append(Event(when, when + int(late * 1000), self._ids, stream, message))
        self.groups[group] = sorted([*self.groups.get(group, []), *events])
        return events

    def expire_tokens(self) -> None:
        """Make every token returned so far stale."""
        self.stale |= {call["given"] for call in self.calls if call.get("given")}

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        with self._lock:
            self.calls.append(asked)
            number = len(self.calls)
            if self.before_call is not None:
                self.before_call(number)
            if number in self.throttle_calls:
                raise _error("ThrottlingException", "Rate exceeded")
            answer = self._page(asked)
            asked["given"] = answer.get("nextToken")
            return answer

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, pattern = asked["logGroupName"], asked.get("filterPattern", "")
        if len(pattern) > LONGEST_PATTERN:
            raise _error("InvalidParameterException", "filterPattern is longer than 1024 characters")
        if name not in self.groups:
            raise _error("ResourceNotFoundException", "The specified log group does not exist.")
        events = self.groups[name]
        begin = bisect_left(events, asked["startTime"], key=lambda event: event.timestamp)
        end = bisect_right(events, asked["endTime"], key=lambda event: event.timestamp)
        at = self._offset(asked, begin)
        until = min(end, at + self.searched_a_page)
        now, found = _milliseconds(self.now()), []
        for index in range(at, until):
            event = events[index]
            if event.ingested <= now and self._matches(pattern, event.message):
                found.append(event)
                if len(found) == asked.get("limit", 10_000):
                    until = index + 1
                    break
        more = {"nextToken": _token(until, asked)} if until < end else {}
        return {"events": [_plain(event) for event in found], "searchedLogStreams": [], **more}

    def _matches(self, pattern: str, message: str) -> bool:
        """Cached by text, because there are many ordinary lines and few different ones."""
        if (pattern, message) not in self._matched:
            self._matched[pattern, message] = matcher(pattern)(message)
        return self._matched[pattern, message]

    def _offset(self, asked: dict[str, Any], begin: int) -> int:
        token = asked.get("nextToken")
        if token is None:
            return begin
        if token in self.stale:
            raise _error("InvalidParameterException", "The specified nextToken is invalid.")
        offset, start, end = json.loads(base64.b64decode(token))
        if (start, end) != (asked["startTime"], asked["endTime"]):
            raise _error("InvalidParameterException", "The specified nextToken is invalid.")
        return int(offset)


def _token(offset: int, asked: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps([offset, asked["startTime"], asked["endTime"]]).encode()).decode()


def _plain(event: Event) -> dict[str, Any]:
    return {
        "eventId": f"{event.id:056d}",
        "timestamp": event.timestamp,
        "ingestionTime": event.ingested,
        "logStreamName": event.stream,
        "message": event.message,
    }


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _error(code: str, message: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, "FilterLogEvents")
