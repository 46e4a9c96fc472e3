from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from medic.alerts.event_bus import _DETAIL_TYPES
from medic.alerts.json_types import Keywords
from medic.labels import RoleKind
from tests.schemas import FOLDER, _document, schemas, text_of


def test_the_files_are_what_the_types_generate() -> None:
    files = {str(file.relative_to(FOLDER)): file.read_text("utf-8") for file in FOLDER.rglob("*.json")}
    assert files == {f"{name}.schema.json": text_of(schema) for name, schema in schemas().items()}, (
        "run `python -m tests.schemas`"
    )


def test_each_detail_type_of_the_bus_has_a_schema_with_its_kinds() -> None:
    generated = schemas()
    for detail_type in {name for names in _DETAIL_TYPES.values() for name in names}:
        schema = generated[f"events/{detail_type.lower().replace(' ', '-')}"]
        kinds = [kind.value for kind, names in _DETAIL_TYPES.items() if detail_type in names]
        assert schema["properties"]["kind"]["enum"] == kinds


class InnerJson(TypedDict):
    """An object."""

    name: Annotated[str, Keywords(minLength=1)]


class Outer(InnerJson):
    kind: Annotated[str | None, RoleKind]
    """Which role."""
    mode: Literal["a", "b"]
    inner: list[InnerJson | None]
    size: Annotated[int, Keywords(minimum=0)] | None
    choice: str | list[str] | InnerJson | None
    names: NotRequired[dict[Annotated[str, RoleKind], bool]]


def test_a_type_becomes_a_closed_object_with_its_descriptions() -> None:
    schema = _document("x", 1, Outer, "X", "An X.")
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["name", "kind", "mode", "inner", "size", "choice"]
    assert schema["$defs"]["inner"] == {
        "type": "object",
        "description": "An object.",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 1}},
    }
    inner = {"$ref": "#/$defs/inner"}
    roles = [kind.value for kind in RoleKind]
    assert schema["properties"] == {
        "name": {"type": "string", "minLength": 1},
        "kind": {"enum": [*roles, None], "description": "Which role."},
        "mode": {"enum": ["a", "b"]},
        "inner": {"type": "array", "items": {"anyOf": [inner, {"type": "null"}]}},
        "size": {"type": ["integer", "null"], "minimum": 0},
        "choice": {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                inner,
                {"type": "string"},
                {"type": "null"},
            ]
        },
        "names": {
            "type": "object",
            "propertyNames": {"enum": roles},
            "additionalProperties": {"type": "boolean"},
        },
    }
