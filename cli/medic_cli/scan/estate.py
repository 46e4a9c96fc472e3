"""AWS as the scan asks it: each region's Amplify at its rate, and the account's one IAM at its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import translated
from medic.aws.iam import IamReader
from medic_cli.scan.account import is_logging_role_arn
from medic_cli.scan.rate import ONE_ATTEMPT, Pace, Rate, Time

if TYPE_CHECKING:
    from boto3.session import Session
    from types_boto3_iam import IAMClient

_ROLES_A_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Region:
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
class Estate:
    """Everything that a scan may ask."""

    regions: tuple[Region, ...]
    iam: Iam
    time: Time

    @classmethod
    def reached_by(
        cls, session: Session, regions: tuple[str, ...], *, rate: float, iam_rate: float, time: Time
    ) -> Estate:
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
            made.append(Region(name, AmplifyReader(client), pace))
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
