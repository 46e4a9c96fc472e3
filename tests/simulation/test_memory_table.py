"""The table in memory answers every call of a simulated world like moto's."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto import mock_aws

from tests.integration.conftest import make_table, setup_session
from tests.simulation.process import simulated
from tests.simulation.run import stories
from tests.simulation.steps import carry_out, prepare
from tests.simulation.wire import SimulatedClient
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.memory_table import MemoryTable

_WITHOUT_ORDER = ("SS", "NS", "BS")


class Compared:
    """Makes each call on both tables, and answers like the one in memory."""

    def __init__(self, memory: MemoryTable, moto: Any) -> None:
        self.memory, self.moto = memory, moto
        self.compared: set[str] = set()

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(**params: Any) -> Any:
            one, other = _answer(self.memory, method, params), _answer(self.moto, method, params)
            self.compared.add(method)
            assert _plain(one) == _plain(other), f"{method} {params}"
            if isinstance(one, ClientError):
                raise one
            return one

        return call


def test_both_tables_answer_alike() -> None:
    (story,) = stories(11, 60)
    world = World(Random("compared"))  # noqa: S311 - one seed decides everything
    with mock_aws(), simulated(world):
        make_table()
        tables = Compared(world.cloud.table, setup_session().client("dynamodb"))
        world.cloud._clients["dynamodb"] = SimulatedClient(world.cloud.wire, "dynamodb", tables)
        prepare(world)
        for step in story.steps:
            carry_out(step, world)
    assert tables.compared >= {"get_item", "update_item", "transact_write_items", "query", "batch_get_item"}


def _answer(table: Any, method: str, params: dict[str, Any]) -> Any:
    try:
        return getattr(table, method)(**params)
    except ClientError as error:
        return error


def _plain(answer: Any) -> Any:
    """What the bot reads of an answer: the items, or the codes of an error."""
    if isinstance(answer, ClientError):
        reasons = answer.response.get("CancellationReasons", [])
        return answer.response["Error"]["Code"], [reason["Code"] for reason in reasons]
    return {name: _sorted(answer[name]) for name in ("Item", "Items", "Attributes", "Responses") if name in answer}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sorted(v) if name in _WITHOUT_ORDER else _sorted(v) for name, v in value.items()}
    return [_sorted(each) for each in value] if isinstance(value, list) else value
