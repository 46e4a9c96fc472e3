"""Generates docs/schemas from the types of the answers and events, and the settings: `python -m tests.schemas`.

A TypedDict becomes a closed object; the strings below its fields become their descriptions. `Annotated` adds
`Keywords` to a schema, or the values of an enumeration.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from medic.alerts.event_bus import _DETAIL_TYPES, SCHEMA
from medic.alerts.json_types import DiagnosisEvent, IncidentEvent, Keywords, TruncatedEvent, UndiagnosedEvent
from medic_cli import answers
from medic_cli.doctor.answers import DoctorAnswer
from medic_cli.doctor_live.answers import AnswersFile, LiveAnswer
from medic_cli.preflight.answers import PreflightAnswer
from medic_cli.scan.answers import ScanAnswer
from medic_cli.snapshot.answers import CompareAnswer, SnapshotAnswer
from tests.docstrings import descriptions
from tests.settings_schema import cdk_schema, settings_schema

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
Json: TypeAlias = dict[str, Any]

_LABEL_AND_FINDINGS = Keywords(
    **{
        "if": {"properties": {"label": {"const": "not_iam"}}},
        "then": {"properties": {"findings": {"maxItems": 0}}},
        "else": {"properties": {"findings": {"minItems": 1}}},
    }
)
"""A log has findings exactly if its label is not not_iam."""

_ANSWERS: dict[str, tuple[object, str, str]] = {
    "amplify-answers": (
        AnswersFile,
        "Measured answers",
        "What `medic doctor --live` measured: the file for `pytest --amplify-answers`. Ids are replaced.",
    ),
    "classify": (
        Annotated[answers.ClassifyAnswer, _LABEL_AND_FINDINGS] | answers.LineError,
        "medic classify",
        "The answer of `medic classify --json`, and of each line of `medic classify --batch`.",
    ),
    "compare": (CompareAnswer, "medic compare", "The answer of `medic compare --json`."),
    "diagnose": (
        answers.DiagnoseAnswer,
        "medic diagnose",
        "The answer of `medic diagnose --json`. Every text in it is redacted.",
    ),
    "doctor": (DoctorAnswer, "medic doctor", "The answer of `medic doctor --json`."),
    "doctor-live": (LiveAnswer, "medic doctor --live", "The answer of `medic doctor --live --json`."),
    "explain": (
        answers.EntriesJson | answers.EntryJson,
        "medic explain",
        "The answer of `medic explain --json`: every entry, or with an ID that entry alone.",
    ),
    "history": (
        answers.HistoryAnswer,
        "medic history",
        "The answer of `medic history --json`, the newest incident last.",
    ),
    "opt": (
        answers.OptAnswer,
        "medic opt-in, medic opt-out",
        "The answer of `medic opt-in --json` and `medic opt-out --json`.",
    ),
    "pause": (answers.PauseAnswer, "medic pause", "The answer of `medic pause --json` and `medic resume --json`."),
    "replay-dlq": (answers.ReplayAnswer, "medic replay-dlq", "The answer of `medic replay-dlq --json`."),
    "preflight": (PreflightAnswer, "medic preflight", "The answer of `medic preflight --json`. It holds no secret."),
    "request": (
        answers.RequestAnswerJson,
        "medic fix, medic undo, medic approve, medic mute",
        "What was asked of the bot, and its answer.",
    ),
    "scan": (ScanAnswer, "medic scan", "The answer of `medic scan --json`."),
    "show": (answers.ShowAnswer, "medic show", "The answer of `medic show --json`."),
    "snapshot": (
        SnapshotAnswer,
        "medic snapshot",
        "What `medic snapshot` writes: names of environment variables but no values, and fingerprints of secret texts.",
    ),
    "test-alert": (answers.SendTestAlertAnswer, "medic test-alert", "The answer of `medic test-alert --json`."),
    "trust": (
        answers.TrustAnswer | answers.LineError,
        "medic trust",
        "The answer of `medic trust --json`, and of each line of `medic trust --batch`.",
    ),
    "uninstall": (answers.UninstallAnswer, "medic uninstall", "The answer of `medic uninstall --check --json`."),
}
_EVENTS: dict[str, tuple[object, str]] = {
    "Diagnosis Ready": (
        DiagnosisEvent | TruncatedEvent,
        "A failure was diagnosed. The diagnosis has the form of `medic diagnose --json`.",
    ),
    "Remediation Applied": (DiagnosisEvent | TruncatedEvent, "A change was made and read back."),
    "Remediation Refused": (DiagnosisEvent | TruncatedEvent, "A change was refused, by a guardrail or by AWS."),
    "Failure Undiagnosed": (
        UndiagnosedEvent | TruncatedEvent,
        "A deployment failed, and the bot could not find out why.",
    ),
    "Incident Resolved": (IncidentEvent | TruncatedEvent, "A failure is over."),
}


def schemas() -> dict[str, Json]:
    """Every schema by its path below docs/schemas, without the ending."""
    return {
        **{name: _document(name, 1, *described) for name, described in _ANSWERS.items()},
        **{f"events/{_file_name(name)}": _event(name, *described) for name, described in _EVENTS.items()},
        "settings": settings_schema(),
        "cdk": cdk_schema(),
    }


def _event(name: str, type_: object, description: str) -> Json:
    kinds = [kind.value for kind, detail_types in _DETAIL_TYPES.items() if name in detail_types]
    about = f"The detail of an event of source amplify-medic on the default event bus. {description}"
    type_ = Annotated[type_, Keywords(properties={"kind": {"enum": kinds}})]
    return _document(f"event:{_file_name(name)}", SCHEMA, type_, name, about)


def _file_name(detail_type: str) -> str:
    return detail_type.lower().replace(" ", "-")


def _document(name: str, version: int, type_: object, title: str, description: str) -> Json:
    definitions: Json = {}
    root = _object(type_, definitions) if is_typeddict(type_) else _schema(type_, definitions)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:amplify-medic:schema:{name}:{version}",
        "title": title,
        "description": description,
    }
    return {**head, **root, **({"$defs": definitions} if definitions else {})}


def _schema(type_: Any, definitions: Json) -> Json:
    """The schema of a type. Adds the objects it is made of to the definitions."""
    origin, arguments = get_origin(type_), get_args(type_)
    if is_typeddict(type_):
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type_.__name__.removesuffix("Json")).lower()
        if name not in definitions:
            definitions[name] = {}  # its place in the order
            definitions[name] = _object(type_, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if origin is Annotated:
        return _annotated(_schema(arguments[0], definitions), *type_.__metadata__)
    if origin in (Union, UnionType):
        return _union([_schema(each, definitions) for each in arguments])
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    inner = [_schema(each, definitions) for each in arguments]
    return _array_or_map(*inner) if inner else dict(_PLAIN[type_])


_PLAIN: dict[object, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    object: {},
}


def _annotated(schema: Json, *metadata: Any) -> Json:
    for each in metadata:
        if isinstance(each, Keywords):
            schema = {**schema, **each.keywords}
        elif issubclass(each, Enum):
            nullable = "null" in schema["type"]
            schema = {"enum": [member.value for member in each] + ([None] if nullable else [])}
    return schema


def _union(schemas: list[Json]) -> Json:
    """Merged into one list of types if at most one of them says more than its type."""
    plain = [schema for schema in schemas if set(schema) == {"type"}]
    others = [schema for schema in schemas if schema not in plain]
    types = [schema["type"] for schema in plain]
    if not others:
        return {"type": types}
    if len(others) == 1 and isinstance(others[0].get("type"), str) and "enum" not in others[0]:
        return {**others[0], "type": [others[0]["type"], *types]}
    return {"anyOf": others + plain}


def _array_or_map(first: Json, value: Json | None = None) -> Json:
    """Of a list its items; of a dict its keys and values."""
    if value is None:
        return {"type": "array", "items": first}
    names = {} if first == {"type": "string"} else {"propertyNames": first}
    values = {"additionalProperties": value} if value else {}
    return {"type": "object", **names, **values}


def _object(type_: Any, definitions: Json) -> Json:
    described = descriptions(type_)
    properties, required = {}, []
    for name, hint in get_type_hints(type_, include_extras=True).items():
        optional = get_origin(hint) is NotRequired
        schema = _schema(get_args(hint)[0] if optional else hint, definitions)
        properties[name] = {**schema, **({"description": described[name]} if name in described else {})}
        if not optional:
            required.append(name)
    about = {"description": described[""]} if "" in described else {}
    return {"type": "object", **about, "additionalProperties": False, "required": required, "properties": properties}


def text_of(schema: Json) -> str:
    """The schema as the file holds it."""
    return json.dumps(schema, indent=2) + "\n"


def main() -> None:
    for name, schema in schemas().items():
        (FOLDER / f"{name}.schema.json").write_text(text_of(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
