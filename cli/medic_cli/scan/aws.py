"""AWS as the scan asks it: each region's Amplify at its rate, and the account's one IAM at its own."""

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

AT_ONCE = 8
"""Calls on their way to one service in one region: enough to keep to ten a second while each takes 0.8 s."""

ONE_ATTEMPT = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=AT_ONCE,
)
"""How a paced client is made: it is the pace that repeats requests, not botocore."""

_SLOWEST = 1 / 64
"""Of the permitted rate: what is left of it after throttles upon throttles."""
_RECOVERY = 1 / 50
"""Of the permitted rate: what each good answer gives back."""
_CALM = 1.0
"""Seconds in which further throttles are answers to calls that were sent before the rate went down."""
_BETWEEN_FAULTS = (0.5, 1.0)
"""Seconds to wait before a request is repeated that met a fault or found nobody; after that, it failed."""


class StoppedError(Exception):
    """The scan was stopped; nothing more is to be asked."""


class Time(Protocol):
    """A clock to wait by."""

    def now(self) -> float:
        """Seconds; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: the scan was stopped, before or meanwhile.
        """
        ...

    def stop(self) -> None:
        """Let everybody who waits, now or later, give up."""
        ...


class WallTime:
    """The machine's clock."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: `stop` was called, before or meanwhile.
        """
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError

    def stop(self) -> None:
        """Let everybody who waits, now or later, give up."""
        self._stopped.set()


class Rate:
    """At most so many calls a second, evenly spaced: fewer after a throttle, and little by little as many again."""

    def __init__(self, permitted: float, time: Time) -> None:
        self._permitted = permitted
        self._now = permitted
        self._time = time
        self._next = time.now()
        self._calm_until = time.now()
        self._lock = threading.Lock()

    @property
    def now(self) -> float:
        """Calls a second at present."""
        return self._now

    @property
    def slowed(self) -> bool:
        """True while a throttle still tells."""
        return self._now < self._permitted

    def wait(self) -> None:
        """Wait for the moment of one call.

        Raises:
            StoppedError: the scan was stopped meanwhile.
        """
        with self._lock:
            now = self._time.now()
            moment = max(now, self._next)
            self._next = moment + 1 / self._now
        self._time.sleep(moment - now)

    def throttled(self) -> None:
        """AWS wants fewer calls: half as many, once for all that were on their way together."""
        with self._lock:
            now = self._time.now()
            if now >= self._calm_until:
                self._now = max(self._now / 2, self._permitted * _SLOWEST)
                self._calm_until = now + _CALM
            self._next = max(self._next, now + 1 / self._now)

    def answered(self) -> None:
        """A call went well."""
        with self._lock:
            if self._time.now() >= self._calm_until:
                self._now = min(self._permitted, self._now + self._permitted * _RECOVERY)


class Pace:
    """Makes one client keep to a rate, repeats what can be repeated, and counts."""

    def __init__(self, rate: Rate, time: Time) -> None:
        self.rate = rate
        self.calls: Counter[str] = Counter()
        """Requests sent, by operation; a repeated one counts again."""
        self.throttles = 0
        self._time = time
        self._lock = threading.Lock()

    def keep(self, client: BaseClient) -> None:
        """Let every request of this client wait for its moment, before it is signed."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"request-created.{service}", self._before_request)
        # The stubs know of no handler that answers; this event's are asked to.
        client.meta.events.register_first(f"needs-retry.{service}", self._repeat)  # type: ignore[arg-type]

    def _before_request(self, operation_name: str, **_: object) -> None:
        self.rate.wait()
        with self._lock:
            self.calls[operation_name] += 1

    def _repeat(
        self,
        response: tuple[Any, dict[str, Any]] | None,
        caught_exception: Exception | None,
        operation: OperationModel,
        request_dict: dict[str, Any],
        **_: object,
    ) -> float | None:
        """Seconds after which botocore is to repeat the request, or None: that is how it asks."""
        match _problem(response, caught_exception, operation.name):
            case None:
                self.rate.answered()
            case ThrottledError():
                self.rate.throttled()
                with self._lock:
                    self.throttles += 1
                return 0.0
            case RetryableError():
                met = request_dict["context"].setdefault("faults_met", [])
                if len(met) < len(_BETWEEN_FAULTS):
                    met.append(operation.name)
                    self._time.sleep(_BETWEEN_FAULTS[len(met) - 1])
                    return 0.0
        return None


def _problem(response: tuple[Any, dict[str, Any]] | None, caught: Exception | None, operation: str) -> AwsError | None:
    """What became of a request, in the gateways' words; None if it was answered."""
    try:
        with translated(operation):
            if caught is not None:
                raise caught
            if response is not None and "Error" in response[1]:
                raise ClientError(response[1], operation)  # type: ignore[arg-type]
    except AwsError as error:
        return error
    return None


_ROLES_A_PAGE = 1000


@dataclass(frozen=True, slots=True)
class RegionTarget:
    """One region's Amplify."""

    name: str
    amplify: AmplifyReader
    pace: Pace


@dataclass(frozen=True, slots=True)
class Iam:
    """The account's IAM."""

    client: IAMClient
    pace: Pace

    def reader(self, account: str) -> IamReader:
        """Roles and policies of this account."""
        return IamReader(self.client, account)

    def logging_roles(self) -> tuple[str, ...]:
        """The ARNs of all roles named as Amplify names those that write SSR logs (ListRoles).

        Raises:
            AwsError: the roles could not be listed.
        """
        found: list[str] = []
        marker: dict[str, str] = {}
        while True:
            with translated("iam:ListRoles"):
                page = self.client.list_roles(MaxItems=_ROLES_A_PAGE, **marker)
            found += (role["Arn"] for role in page["Roles"] if is_logging_role_arn(role["Arn"]))
            if not page["IsTruncated"]:
                return tuple(found)
            marker = {"Marker": page["Marker"]}


@dataclass(frozen=True, slots=True)
class AwsTargets:
    """Everything that a scan may ask."""

    regions: tuple[RegionTarget, ...]
    iam: Iam
    time: Time

    @classmethod
    def reached_by(
        cls, session: Session, regions: tuple[str, ...], *, rate: float, iam_rate: float, time: Time
    ) -> AwsTargets:
        """The estate that a session's credentials reach.

        Args:
            session: whose credentials.
            regions: the regions to look at.
            rate: calls a second to Amplify, in each region.
            iam_rate: calls a second to IAM, which has one endpoint for all regions.
            time: what is waited by.
        """
        made = []
        for name in regions:
            client = session.client("amplify", region_name=name, config=ONE_ATTEMPT)
            pace = Pace(Rate(rate, time), time)
            pace.keep(client)
            made.append(RegionTarget(name, AmplifyReader(client), pace))
        iam = session.client("iam", region_name=regions[0], config=ONE_ATTEMPT)
        iam_pace = Pace(Rate(iam_rate, time), time)
        iam_pace.keep(iam)
        return cls(tuple(made), Iam(iam, iam_pace), time)

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent so far, by `service:Operation`."""
        counted: Counter[str] = Counter()
        for service, pace in self._paces():
            counted.update({f"{service}:{operation}": count for operation, count in pace.calls.items()})
        return dict(sorted(counted.items()))

    @property
    def throttles(self) -> int:
        """Answers so far that asked for fewer calls."""
        return sum(pace.throttles for _, pace in self._paces())

    @property
    def slowest(self) -> Rate | None:
        """The rate that throttles slowed down most, while they tell; None if none did."""
        slowed = [pace.rate for _, pace in self._paces() if pace.rate.slowed]
        return min(slowed, key=lambda rate: rate.now, default=None)

    def _paces(self) -> list[tuple[str, Pace]]:
        return [*(("amplify", region.pace) for region in self.regions), ("iam", self.iam.pace)]
