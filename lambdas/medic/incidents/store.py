"""What everything that is kept in the incidents table works with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Store:
    """One kind of item in the incidents table.

    Args:
        client: DynamoDB.
        name: the table's name.
        clock: gives now, UTC.
    """

    def __init__(self, client: DynamoDBClient, name: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._name = name
        self._clock = clock
