"""The SSR runtime's log of an app: the log group `/aws/amplify/<appId>`, read with FilterLogEvents and never written.

Pages hold up to 10,000 events or 1 MB, in the order of the events' times, and may be empty although more follow.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.aws.errors import AbsentError, DeniedError, RefusedError, ThrottledError, translated
from medic.aws.rate import OutOfTimeError
from medic.evidence.model import Absent, Item, Present, RuntimeLine, RuntimePage, Unreadable

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import FilteredLogEventTypeDef, FilterLogEventsRequestTypeDef

    from medic.aws.rate import SharedRate
    from medic.evidence.model import Span

CALLS_A_SECOND = 5
"""FilterLogEvents' quota of an account in most regions. https://docs.aws.amazon.com/general/latest/gr/cwl_region.html"""
LONGEST_MESSAGE = 16 * 1024
"""Characters of one event that are kept: no message of AWS is longer, and hostile ones may be a megabyte."""
MOST_LINES = 10_000
"""About as many events are read at once, a page more or less: in a flood the first ones say it all."""
_INVALID = "InvalidParameterException"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class StaleTokenError(Exception):
    """The token is no longer good (they expire after a day): read on from the last time that was seen."""


def log_group(app_id: str) -> str:
    """The log group of an app's SSR functions. It is there only once Amplify was given a role to write it with."""
    return f"/aws/amplify/{app_id}"


def milliseconds(time: datetime) -> int:
    """A time as CloudWatch Logs writes it."""
    return (time - _EPOCH) // _MILLISECOND


def time_at(milliseconds: int) -> datetime:
    """The time that CloudWatch Logs wrote."""
    return _EPOCH + milliseconds * _MILLISECOND


class RuntimeLogs:
    """FilterLogEvents on apps' SSR logs, at a rate shared by everybody who holds it.

    Args:
        client: makes no attempts of its own beyond the first: every call takes its turn here.
        rate: when the next call may be made, and until when any may.
    """

    def __init__(self, client: Callable[[], CloudWatchLogsClient], rate: SharedRate) -> None:
        self._client = client
        self._rate = rate

    def page(self, app_id: str, span: Span, pattern: str, token: str = "") -> Item[RuntimePage]:
        """One page of the events of a span that match a filter pattern.

        Args:
            app_id: the app.
            span: the same for every page of one reading.
            pattern: the filter pattern.
            token: the page before's, or empty for the first.

        Returns:
            The page; absent where there is no log group; unreadable where this role may not read it.

        Raises:
            OutOfTimeError: no call may be made any more.
            StaleTokenError: the token is no longer good.
            RetryableError: CloudWatch Logs could not be reached.
        """
        return self._read(app_id, {**_asked(app_id, span, token), "filterPattern": pattern})

    def lines(self, app_id: str, span: Span, pattern: str, most_pages: int) -> Item[tuple[RuntimeLine, ...]]:
        """The events of a span that match a filter pattern, as far as pages, lines and time allow.

        Raises:
            RetryableError: CloudWatch Logs could not be reached.
        """
        lines: list[RuntimeLine] = []
        token = ""
        for _ in range(most_pages):
            try:
                answer = self.page(app_id, span, pattern, token)
            except OutOfTimeError:
                break
            if not isinstance(answer, Present):
                return answer
            lines += answer.value.lines
            token = answer.value.token
            if not token or len(lines) >= MOST_LINES:
                break
        return Present(tuple(lines))

    def _read(self, app_id: str, asked: FilterLogEventsRequestTypeDef) -> Item[RuntimePage]:
        while True:
            self._rate.wait_for_turn()
            try:
                with translated("logs:FilterLogEvents"):
                    answer = self._client().filter_log_events(**asked)
            except AbsentError:
                return Absent(f"there is no log group {log_group(app_id)}")
            except DeniedError as error:
                return Unreadable(str(error))
            except ThrottledError:
                self._rate.slow_down()
            except RefusedError as error:
                if error.code == _INVALID and "nextToken" in asked:
                    raise StaleTokenError from error
                raise
            else:
                return Present(RuntimePage(tuple(map(_line, answer["events"])), answer.get("nextToken", "")))


def _asked(app_id: str, span: Span, token: str) -> FilterLogEventsRequestTypeDef:
    asked: FilterLogEventsRequestTypeDef = {
        "logGroupName": log_group(app_id),
        "startTime": milliseconds(span.start),
        "endTime": milliseconds(span.end),
    }
    return {**asked, "nextToken": token} if token else asked


def _line(raw: FilteredLogEventTypeDef) -> RuntimeLine:
    return RuntimeLine(
        event_id=raw["eventId"],
        at=time_at(raw["timestamp"]),
        stream=raw["logStreamName"],
        message=raw["message"][:LONGEST_MESSAGE],
    )
