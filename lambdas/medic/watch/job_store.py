"""Stores what the last look at an app's jobs saw, as items `cursor#…#jobs` of the incidents table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, field

from medic.aws.errors import translated
from medic.codec import CodecError, from_text, to_text
from medic.incidents.attributes import RETENTION, schema, seconds
from medic.watch.cursor_store import CURSOR, read_items

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef


class KnownBranch(Struct, frozen=True):
    """What the last look at a branch saw."""

    state: str
    """The fields that may change with a job, joined."""
    asked_at: datetime
    """When its jobs were listed last."""
    told: tuple[str, ...] = ()
    """The failed jobs of the last day that were told of, as `id@start`."""


class KnownJobs(Struct, frozen=True):
    """What the last look at an app saw."""

    since: datetime
    """The first look. Jobs that ended before it are not told."""
    branches: Mapping[str, KnownBranch] = field(default_factory=dict)


class KnownJobsTable:
    """Reads and writes what is known of apps' jobs.

    Args:
        client: the DynamoDB client.
        table: the incidents table's name.
        region: partition, account and region, which are part of each key.
    """

    def __init__(self, client: DynamoDBClient, table: str, region: tuple[str, str, str]) -> None:
        self._client = client
        self._table = table
        self._region = region

    def read(self, app_id: str) -> KnownJobs | None:
        """What is known of an app; None if nothing is, or if the item is damaged or of another release.

        Raises:
            AwsError: the table could not be read.
        """
        items = list(read_items(self._client, self._table, [self._key(app_id)]))
        try:
            return from_text(KnownJobs, items[0]["jobs"]["S"])
        except (CodecError, LookupError):
            return None

    def write(self, app_id: str, known: KnownJobs, now: datetime) -> None:
        """Replace what is known of an app.

        Raises:
            AwsError: the table could not be written.
        """
        with translated("dynamodb:UpdateItem"):
            self._client.update_item(
                TableName=self._table,
                Key=self._key(app_id),
                UpdateExpression="SET #schema = :schema, jobs = :jobs, expires_at = :expires",
                ExpressionAttributeNames={"#schema": "schema"},
                ExpressionAttributeValues={
                    ":schema": schema(),
                    ":jobs": {"S": to_text(known)},
                    ":expires": seconds(now + RETENTION),
                },
            )

    def _key(self, app_id: str) -> dict[str, AttributeValueTypeDef]:
        return {"pk": {"S": "#".join((CURSOR, *self._region, app_id, "jobs"))}}
