"""Scans of the fake, with a clock that advances only while the scan waits."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from medic.settings import Settings
from medic_cli.scan.aws import AwsTargets
from medic_cli.scan.opted_in import OptInTerms
from medic_cli.scan.scanner import Scanner, ScanOptions
from tests.fakes.virtual_time import VirtualLoop, VirtualTime

if TYPE_CHECKING:
    from medic_cli.scan.model import Scan

REGIONS = ("eu-central-1", "us-east-1", "ap-southeast-2")
LATENCY = 0.2
"""Seconds that each call takes."""


@cache
def session(region: str | None = None) -> boto3.Session:
    """One session for all tests, because reading the service models is slow."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)


@dataclass
class Observed:
    """A scan and the times of its calls, by endpoint."""

    scan: Scan
    moments: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def bound(self, rate: float) -> float:
        """The minimum duration of the scan at a rate, in seconds: that of the busiest endpoint."""
        return max(len(moments) for moments in self.moments.values()) / rate


def observed(
    regions: tuple[str, ...] = REGIONS,
    *,
    rate: float = 10,
    latency: float = LATENCY,
    denied: tuple[str, ...] = (),
    **settings: Any,
) -> Observed:
    """Scan the whole account at a rate, while IAM denies some operations."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        time = VirtualTime(loop)
        targets = AwsTargets(session(), regions, rate=rate, iam_rate=rate, time=time)
        moments: dict[str, list[float]] = defaultdict(list)

        def note(request: Any, **_: Any) -> None:
            moments[request.url.split("/")[2]].append(time.now())
            time.sleep(latency)

        for client in (*(amplify._client for amplify in targets.amplify.values()), targets.iam_client):
            client.meta.events.register("before-send", note)

        for operation in denied:
            targets.iam_client.meta.events.register(f"before-call.iam.{operation}", _deny)  # type: ignore[arg-type]

        async def run() -> Scan:
            options = ScanOptions(dict.fromkeys(regions, OptInTerms(Settings.parse(settings), None)))
            return await Scanner(targets, options, lambda: datetime.now(UTC)).run()

        return Observed(runner.run(run()), moments)


def _deny(model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
    """IAM's answer to a denied call."""
    said = f"User: arn:aws:iam::111122223333:user/x is not authorized to perform: iam:{model.name}"
    answer = {"Error": {"Code": "AccessDenied", "Message": said}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    return AWSResponse("", 403, HTTPHeaders(), None), answer
