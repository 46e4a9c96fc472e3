"""Rate-limited AWS access for a scan: one Amplify client for each region and one IAM client for the account."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.config import Config
from botocore.exceptions import ClientError

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import AwsError, RetryableError, ThrottledError, translated
from medic.aws.iam import IamReader
from medic_cli.scan.roles import is_logging_role_arn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session
    from botocore.client import BaseClient
    from botocore.model import OperationModel
    from types_boto3_iam import IAMClient

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
_RECOVERY_FRACTION = 1 / 50
"""What each successful call adds to the rate, as a fraction of the permitted rate."""
_GRACE_SECONDS = 1.0
"""After a slow-down: throttles in this time answer calls that were sent at the old rate, so they do not count again."""
_RETRY_DELAYS = (0.5, 1.0)
"""Seconds to wait before each retry after a server error or a connection failure. Then the call fails."""
_ROLES_PER_PAGE = 1000


class StoppedError(Exception):
    """The scan was stopped. Send no more calls."""


class Time(Protocol):
    """A clock with an interruptible sleep."""

    def now(self) -> float:
        """Seconds from an arbitrary start; only differences have a meaning."""
        ...

    def sleep(self, seconds: float) -> None:
        """Sleep.

        Raises:
            StoppedError: `stop` was called before or during the sleep.
        """
        ...

    def stop(self) -> None:
        """End every sleep, current and future, with StoppedError."""
        ...


class WallTime:
    """The machine's monotonic clock."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError

    def stop(self) -> None:
        self._stopped.set()


class RateLimiter:
    """Spaces calls evenly, at most `permitted` a second. A throttle halves the rate; successful calls restore it."""

    def __init__(self, permitted: float, time: Time) -> None:
        self._permitted = permitted
        self._rate = permitted
        self._time = time
        self._next_slot = time.now()
        self._grace_until = time.now()
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """The current limit in calls a second."""
        return self._rate

    @property
    def slowed(self) -> bool:
        return self._rate < self._permitted

    def wait(self) -> None:
        """Sleep until the next call may start.

        Raises:
            StoppedError: the scan was stopped meanwhile.
        """
        with self._lock:
            now = self._time.now()
            slot = max(now, self._next_slot)
            self._next_slot = slot + 1 / self._rate
        self._time.sleep(slot - now)

    def throttled(self) -> None:
        """Halve the rate, once for all calls that were in flight together."""
        with self._lock:
            now = self._time.now()
            if now >= self._grace_until:
                self._rate = max(self._rate / 2, self._permitted * _LOWEST_FRACTION)
                self._grace_until = now + _GRACE_SECONDS
            self._next_slot = max(self._next_slot, now + 1 / self._rate)

    def succeeded(self) -> None:
        """Raise the rate a little, up to the permitted one."""
        with self._lock:
            if self._time.now() >= self._grace_until:
                self._rate = min(self._permitted, self._rate + self._permitted * _RECOVERY_FRACTION)


class RequestPacer:
    """Rate-limits, retries and counts the requests of one client."""

    def __init__(self, limiter: RateLimiter, time: Time) -> None:
        self.limiter = limiter
        self.calls: Counter[str] = Counter()
        """Requests sent, by operation. Every retry counts."""
        self.throttles = 0
        self._time = time
        self._lock = threading.Lock()

    def attach(self, client: BaseClient) -> None:
        """Hook into the client's events. A request waits for its slot before it is signed."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"request-created.{service}", self._before_request)
        # The type stubs expect handlers without a result; a needs-retry handler returns one.
        client.meta.events.register_first(f"needs-retry.{service}", self._retry_delay)  # type: ignore[arg-type]

    def _before_request(self, operation_name: str, **_: object) -> None:
        self.limiter.wait()
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


@dataclass(frozen=True, slots=True)
class RegionTarget:
    """One region's Amplify."""

    name: str
    amplify: AmplifyReader
    pacer: RequestPacer


@dataclass(frozen=True, slots=True)
class IamTarget:
    """The account's IAM."""

    client: IAMClient
    pacer: RequestPacer

    def reader(self, account: str) -> IamReader:
        return IamReader(self.client, account)

    def logging_roles(self) -> tuple[str, ...]:
        """The ARNs of all roles with the name that Amplify gives to SSR logging roles (iam:ListRoles).

        Raises:
            AwsError: the roles could not be listed.
        """
        found: list[str] = []
        marker: dict[str, str] = {}
        while True:
            with translated("iam:ListRoles"):
                page = self.client.list_roles(MaxItems=_ROLES_PER_PAGE, **marker)
            found += (role["Arn"] for role in page["Roles"] if is_logging_role_arn(role["Arn"]))
            if not page["IsTruncated"]:
                return tuple(found)
            marker = {"Marker": page["Marker"]}


@dataclass(frozen=True, slots=True)
class AwsTargets:
    """Every AWS endpoint that a scan calls."""

    regions: tuple[RegionTarget, ...]
    iam: IamTarget
    time: Time

    @classmethod
    def from_session(
        cls, session: Session, regions: tuple[str, ...], *, rate: float, iam_rate: float, time: Time
    ) -> AwsTargets:
        """Create the paced clients.

        Args:
            session: gives the credentials.
            regions: the regions to scan.
            rate: calls a second to Amplify, in each region.
            iam_rate: calls a second to IAM, which has one endpoint for all regions.
            time: the clock that the pacers use.
        """
        targets = []
        for name in regions:
            client = session.client("amplify", region_name=name, config=ONE_ATTEMPT)
            targets.append(RegionTarget(name, AmplifyReader(client), _paced(client, rate, time)))
        iam = session.client("iam", region_name=regions[0], config=ONE_ATTEMPT)
        return cls(tuple(targets), IamTarget(iam, _paced(iam, iam_rate, time)), time)

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far, by `service:Operation`."""
        totals: Counter[str] = Counter()
        for service, pacer in self._pacers():
            totals.update({f"{service}:{operation}": count for operation, count in pacer.calls.items()})
        return dict(sorted(totals.items()))

    @property
    def throttles(self) -> int:
        """Throttled requests so far."""
        return sum(pacer.throttles for _, pacer in self._pacers())

    @property
    def slowest(self) -> RateLimiter | None:
        """The limiter with the lowest rate of those that are slowed down now. None if none is."""
        slowed = [pacer.limiter for _, pacer in self._pacers() if pacer.limiter.slowed]
        return min(slowed, key=lambda limiter: limiter.rate, default=None)

    def _pacers(self) -> list[tuple[str, RequestPacer]]:
        return [*(("amplify", region.pacer) for region in self.regions), ("iam", self.iam.pacer)]


def _paced(client: BaseClient, rate: float, time: Time) -> RequestPacer:
    pacer = RequestPacer(RateLimiter(rate, time), time)
    pacer.attach(client)
    return pacer
