"""Rate-limited AWS access for a scan: one Amplify client for each region and one IAM client for the account."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import AwsError, RetryableError, ThrottledError, translated
from medic.aws.iam import IamReader
from medic.aws.rate import RateLimiter
from medic_cli.scan.roles import is_logging_role_arn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session
    from botocore.client import BaseClient
    from botocore.model import OperationModel

MAX_CONCURRENT_CALLS = 8
"""For each service and region: enough for 10 calls a second even if each call takes 0.8 s."""

ONE_ATTEMPT = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=MAX_CONCURRENT_CALLS,
)
"""botocore's own retries are off. `RequestPacer` retries instead, so that retries keep to the rate too."""

_LOWEST_FRACTION = 1 / 64
"""The lowest rate after repeated throttling, as a fraction of the permitted rate."""
_GRACE_SECONDS = 1.0
"""Longer than a call takes: the throttles of calls that were in flight together count once."""
_RETRY_DELAYS = (0.5, 1.0)
"""Seconds to wait before each retry after a server error or a connection failure. Then the call fails."""
_ROLES_PER_PAGE = 1000


class StoppedError(Exception):
    """The scan was stopped. Send no more calls."""


class WallTime:
    """The machine's monotonic clock, with a sleep that another thread can interrupt."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Seconds from an arbitrary start; only differences have a meaning."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep.

        Raises:
            StoppedError: `stop` was called before or during the sleep.
        """
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError

    def stop(self) -> None:
        """End every sleep, current and future, with StoppedError."""
        self._stopped.set()


class RequestPacer:
    """Rate-limits, retries and counts the requests of one client. A request waits for its turn before it is signed.

    Args:
        client: the client to hook into.
        rate: the permitted calls a second.
        time: the clock.
    """

    def __init__(self, client: BaseClient, rate: float, time: WallTime) -> None:
        self.limiter = RateLimiter(
            rate, lowest=rate * _LOWEST_FRACTION, grace=_GRACE_SECONDS, clock=time.now, pause=time.sleep
        )
        self.calls: Counter[str] = Counter()
        """Requests sent, by operation. Every retry counts."""
        self.throttles = 0
        self._time = time
        self._lock = threading.Lock()
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"request-created.{service}", self._before_request)
        # The type stubs expect handlers without a result; a needs-retry handler returns one.
        client.meta.events.register_first(f"needs-retry.{service}", self._retry_delay)  # type: ignore[arg-type]

    def _before_request(self, operation_name: str, **_: object) -> None:
        self.limiter.wait()
        self._time.sleep(0)  # ends the request if the scan was stopped
        with self._lock:
            self.calls[operation_name] += 1

    def _retry_delay(
        self,
        response: tuple[Any, dict[str, Any]] | None,
        caught_exception: Exception | None,
        operation: OperationModel,
        request_dict: dict[str, Any],
        **_: object,
    ) -> float | None:
        """Answer botocore's needs-retry event: seconds until the retry, or None for no retry.

        A throttled request is retried without limit: the retry waits for a slot at the reduced rate.
        """
        match _call_error(response, caught_exception, operation.name):
            case None:
                self.limiter.succeeded()
            case ThrottledError():
                self.limiter.throttled()
                with self._lock:
                    self.throttles += 1
                return 0.0
            case RetryableError():
                # The request's context is the same object for all its attempts.
                faults = request_dict["context"].setdefault("faults_met", [])
                if len(faults) < len(_RETRY_DELAYS):
                    faults.append(operation.name)
                    self._time.sleep(_RETRY_DELAYS[len(faults) - 1])
                    return 0.0
            case AwsError():
                pass
        return None


def _call_error(
    response: tuple[Any, dict[str, Any]] | None, caught: Exception | None, operation: str
) -> AwsError | None:
    """The failed attempt as one of the gateways' errors. None if it succeeded."""
    try:
        with translated(operation):
            if caught is not None:
                raise caught
            if response is not None and "Error" in response[1]:
                raise ClientError(response[1], operation)  # type: ignore[arg-type]
    except AwsError as error:
        return error
    return None


class AwsTargets:
    """Every AWS endpoint that a scan calls.

    Args:
        session: gives the credentials.
        regions: the regions to scan.
        rate: calls a second to Amplify, in each region.
        iam_rate: calls a second to IAM, which has one endpoint for all regions.
        time: the clock that the pacers use.
    """

    def __init__(
        self, session: Session, regions: tuple[str, ...], *, rate: float, iam_rate: float, time: WallTime
    ) -> None:
        self.time = time
        self.amplify: dict[str, AmplifyReader] = {}
        """By region."""
        self._pacers: list[tuple[str, RequestPacer]] = []
        for name in regions:
            client = session.client("amplify", region_name=name, config=ONE_ATTEMPT)
            self.amplify[name] = AmplifyReader(client)
            self._pacers.append(("amplify", RequestPacer(client, rate, time)))
        self.iam_client = session.client("iam", region_name=regions[0], config=ONE_ATTEMPT)
        self._pacers.append(("iam", RequestPacer(self.iam_client, iam_rate, time)))

    def iam_of(self, account: str) -> IamReader:
        return IamReader(lambda: self.iam_client, account)

    def logging_roles(self) -> tuple[str, ...]:
        """The ARNs of all roles with the name that Amplify gives to SSR logging roles (iam:ListRoles).

        Raises:
            AwsError: the roles could not be listed.
        """
        with translated("iam:ListRoles"):
            pages = self.iam_client.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": _ROLES_PER_PAGE})
            return tuple(role["Arn"] for page in pages for role in page["Roles"] if is_logging_role_arn(role["Arn"]))

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far, by `service:Operation`."""
        totals: Counter[str] = Counter()
        for service, pacer in self._pacers:
            totals.update({f"{service}:{operation}": count for operation, count in pacer.calls.items()})
        return dict(sorted(totals.items()))

    @property
    def throttles(self) -> int:
        """Throttled requests so far."""
        return sum(pacer.throttles for _, pacer in self._pacers)

    @property
    def slowest(self) -> RateLimiter | None:
        """The limiter with the lowest rate of those that are slowed down now. None if none is."""
        slowed = [pacer.limiter for _, pacer in self._pacers if pacer.limiter.slowed]
        return min(slowed, key=lambda limiter: limiter.rate, default=None)
