"""The update of an item, as DynamoDB takes it."""

from __future__ import annotations

from datetime import UTC, datetime

from medic.incidents.store import update_of


def test_an_update_names_each_attribute_and_value_once() -> None:
    update = update_of(
        "incidents",
        "branch#x",
        sets={"boosted#d1abc": datetime(2026, 11, 22, tzinfo=UTC), "refused": True},
        sets_once={"used_at": 7},
        adds={"members": {"b", "a"}},
        removes=["due"],
        condition="n < :most",
        values={"most": 5},
    )
    assert update == {
        "TableName": "incidents",
        "Key": {"pk": {"S": "branch#x"}},
        "UpdateExpression": (
            "SET #boosted_d1abc = :boosted_d1abc, #refused = :refused, #used_at = if_not_exists(#used_at, :used_at)"
            " ADD #members :members REMOVE #due"
        ),
        "ConditionExpression": "n < :most",
        "ExpressionAttributeNames": {
            "#boosted_d1abc": "boosted#d1abc",
            "#refused": "refused",
            "#used_at": "used_at",
            "#members": "members",
            "#due": "due",
        },
        "ExpressionAttributeValues": {
            ":boosted_d1abc": {"N": "1795305600"},
            ":refused": {"BOOL": True},
            ":used_at": {"N": "7"},
            ":members": {"SS": ["a", "b"]},
            ":most": {"N": "5"},
        },
    }


def test_an_update_that_only_removes_has_no_values() -> None:
    update = update_of("incidents", "region#x", removes=["minute_1", "minute_2"])
    assert update["UpdateExpression"] == "REMOVE #minute_1, #minute_2"
    assert "ExpressionAttributeValues" not in update
    assert "ConditionExpression" not in update
