"""What each branch looked like when a deployment last succeeded, as items `success#…` of the incidents table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.codec import CodecError, from_text, to_text
from medic.diagnosis.changes import WorkingState
from medic.evidence import Absent, Item, Present, Unreadable
from medic.incidents.attributes import RETENTION, schema, seconds, text
from medic.incidents.table import Store, success_key

if TYPE_CHECKING:
    from medic.events import Scope

_MOST_BYTES = 100_000
"""Far below DynamoDB's limit of 400 KB an item. A state of this size has no use."""


class LastSuccessTable(Store):
    """Reads and writes the last working state of branches."""

    def read(self, scope: Scope) -> Item[WorkingState]:
        """The state; Absent if none is kept, Unreadable if it is damaged.

        Raises:
            NewerSchemaError: a newer release wrote it.
            AwsError: the table could not be read.
        """
        key = success_key(scope)
        item = self._get(key)
        if not item:
            return Absent("no success of this branch is on record")
        try:
            return Present(from_text(WorkingState, text(item, "seen")))
        except CodecError as error:
            self._on_unreadable(key, str(error))
            return Unreadable("the record of the last success is damaged")

    def write(self, scope: Scope, state: WorkingState) -> None:
        """Replace the state. Two writers at once read the same account, so it does not matter which one is last.

        Raises:
            AwsError: the table could not be written.
        """
        seen, key = to_text(state), success_key(scope)
        if len(seen) > _MOST_BYTES:
            self._on_unreadable(key, f"the state has {len(seen)} characters and is not stored")
            return
        self._update(
            key,
            "SET seen = :seen, expires_at = :expires, #schema = :schema",
            ExpressionAttributeNames={"#schema": "schema"},
            ExpressionAttributeValues={
                ":seen": {"S": seen},
                ":expires": seconds(self._clock() + RETENTION),
                ":schema": schema(),
            },
        )
