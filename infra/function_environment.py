"""What every function is told of itself, in the words that `medic.settings` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Stack

from medic.settings import SETTINGS_VARIABLE

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as dynamodb
    from constructs import Construct


def function_environment(
    scope: Construct, raw_settings: object, table: dynamodb.ITable, **names: str
) -> dict[str, str]:
    """The variables of a function.

    Args:
        scope: anything in the stack.
        raw_settings: the settings as the deployer gave them, handed on unchanged.
        table: the incidents table.
        names: what else the function works with, by variable.
    """
    stack = Stack.of(scope)
    return {
        SETTINGS_VARIABLE: json.dumps(raw_settings, separators=(",", ":")),
        "MEDIC_ACCOUNT": stack.account,
        "MEDIC_PARTITION": stack.partition,
        "INCIDENTS_TABLE": table.table_name,
        **names,
    }
