"""The incidents table in memory: the operations of DynamoDB's client that the bot calls.

`tests/simulation/test_memory_table.py` compares it with moto, call by call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.expressions import Bound, Json, condition, update


@dataclass(slots=True)
class MemoryTable:
    """One table. Its only index is the sparse one of due items.

    Attributes:
        items: key → item, as DynamoDB's JSON. An item is replaced, never changed.
    """

    items: dict[str, Json] = field(default_factory=dict)

    def get_item(self, *, TableName: str, Key: Json, ConsistentRead: bool) -> Json:  # noqa: N803, ARG002
        item = self.items.get(Key["pk"]["S"])
        return {} if item is None else {"Item": dict(item)}

    def batch_get_item(self, *, RequestItems: Json) -> Json:  # noqa: N803
        ((table, asked),) = RequestItems.items()
        keys = (key["pk"]["S"] for key in asked["Keys"])
        return {"Responses": {table: [dict(self.items[key]) for key in keys if key in self.items]}}

    def put_item(self, *, TableName: str, Item: Json, ConditionExpression: str) -> Json:  # noqa: N803, ARG002
        key = Item["pk"]["S"]
        if not condition(ConditionExpression)(Bound(self.items.get(key, {}), {}, {})):
            raise _condition_failed("PutItem")
        self.items[key] = dict(Item)
        return {}

    def update_item(self, *, TableName: str, ReturnValues: str = "NONE", **asked: Any) -> Json:  # noqa: N803, ARG002
        if not self._allowed(asked):
            raise _condition_failed("UpdateItem")
        item = self._updated(asked)
        self.items[item["pk"]["S"]] = item
        return {"Attributes": dict(item)} if ReturnValues == "ALL_NEW" else {}

    def transact_write_items(self, *, TransactItems: list[Json]) -> Json:  # noqa: N803
        writes = [each["Update"] for each in TransactItems]
        allowed = [self._allowed(write) for write in writes]
        if not all(allowed):
            reasons = [{"Code": "None" if fine else "ConditionalCheckFailed"} for fine in allowed]
            raise _refused("TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons)
        for item in [self._updated(write) for write in writes]:
            self.items[item["pk"]["S"]] = item
        return {}

    def query(self, *, ExpressionAttributeValues: Json, **_: Any) -> Json:  # noqa: N803
        """The keys of the due items, the most overdue first."""
        now = float(ExpressionAttributeValues[":now"]["N"])
        listed = ((float(i["due_at"]["N"]), key) for key, i in self.items.items() if "due" in i and "due_at" in i)
        due = sorted(entry for entry in listed if entry[0] <= now)
        return {"Items": [{name: self.items[key][name] for name in ("pk", "due", "due_at")} for _, key in due]}

    def _allowed(self, write: Json) -> bool:
        text = write.get("ConditionExpression")
        return text is None or condition(text)(self._bound(write))

    def _updated(self, write: Json) -> Json:
        return {**write["Key"], **update(write["UpdateExpression"]).apply(self._bound(write))}

    def _bound(self, write: Json) -> Bound:
        names, values = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
        return Bound(self.items.get(write["Key"]["pk"]["S"], {}), names, values)


def _condition_failed(operation: str) -> ClientError:
    return _refused(operation, "ConditionalCheckFailedException")


def _refused(operation: str, code: str, **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "refused"}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
    return ClientError(answer, operation)
