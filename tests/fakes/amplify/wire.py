"""Translates between HTTP and operations with botocore's model of Amplify: REST-JSON, like the real endpoint.

Every answer is checked against the model's output shape before it is sent.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.model import ListShape, MapShape, StructureShape
from botocore.validate import ParamValidator

from tests.fakes.amplify.apps import APP_UNSET, BRANCH_UNSET
from tests.fakes.amplify.core import OPERATIONS
from tests.fakes.amplify.errors import AmplifyError, BadRequestException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel, ServiceModel, Shape

    from tests.fakes.amplify.core import FakeAmplify
    from tests.fakes.amplify.state import Json

# Members that the model requires, but that real answers omit until they are set.
_LEFT_OUT = {*APP_UNSET, *BRANCH_UNSET, "commitId", "commitMessage", "commitTime", "endTime"}
_TYPES: dict[str, type] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "timestamp": datetime,
}


PASSED_TO = "x-as-if-passed-to"
"""Test header that no AWS service knows. It sets iam:PassedToService to another service than Amplify."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. `raw_path` is percent-encoded, as on the request line."""

    method: str
    raw_path: str
    query: str = ""
    body: bytes = b""
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Routed:
    """What a request asks for: its operation and the parameters of its path, decoded."""

    operation: str
    path: Json


@lru_cache(maxsize=1)
def model() -> ServiceModel:
    """The service model of Amplify in botocore."""
    return botocore.session.Session().get_service_model("amplify")


def route(method: str, raw_path: str) -> Routed | None:
    """The operation for a method and a percent-encoded path, or None."""
    for operation, expression in _routes(method):
        if match := expression.fullmatch(raw_path):
            return Routed(operation, {name: unquote(value) for name, value in match.groupdict().items()})
    return None


def handle(fake: FakeAmplify, request: HttpRequest) -> HttpResponse:
    """Answer one request.

    Raises:
        NoAnswerError: The caller must get no answer.
    """
    routed = route(request.method, request.raw_path)
    if routed is None:
        return _error(404, "UnknownOperationException", "")
    try:
        body = _read_body(request.body)
        query = _read_query(routed.operation, request.query)
        _check_input(routed, query, body)
        answer = fake.call(
            routed.operation, path=routed.path, query=query, body=body, caller=_access_key(request.authorization)
        )
    except AmplifyError as error:
        return _error(error.status, error.code, error.message)
    check_output(routed.operation, answer)
    return HttpResponse(200, {"Content-Type": "application/json"}, json.dumps(answer, default=_timestamp).encode())


def check_output(operation: str, answer: Json) -> None:
    """Raise AssertionError if an answer does not fit the model, for example because of an unknown member."""
    shape = _operation(operation).output_shape
    misfits = [] if shape is None else list(_misfits(answer, shape, operation))
    if misfits:
        msg = f"The answer does not fit the service model: {'; '.join(misfits)}"
        raise AssertionError(msg)


@lru_cache
def _routes(method: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    operations = [_operation(name) for name in OPERATIONS]
    return tuple(
        (operation.name, _expression(operation.http["requestUri"]))
        for operation in operations
        if operation.http["method"] == method
    )


def _expression(uri: str) -> re.Pattern[str]:
    """Each {label} matches one path segment, because slashes inside a value are percent-encoded."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", uri))


def _operation(name: str) -> OperationModel:
    return model().operation_model(name)


def _read_body(body: bytes) -> Json:
    try:
        read = json.loads(body or b"{}")
    except ValueError as error:
        raise BadRequestException("The body is not JSON") from error
    if not isinstance(read, dict):
        raise BadRequestException("The body is not a JSON object")
    return read


def _read_query(operation: str, query: str) -> Json:
    sent = parse_qs(query, keep_blank_values=True)
    shape = _operation(operation).input_shape
    if shape is None:
        return {}
    members = shape.members.items()
    named = {
        member.serialization["name"]: (name, member) for name, member in members if member.serialization.get("name")
    }
    return {named[key][0]: _converted(values, named[key][1]) for key, values in sent.items() if key in named}


def _converted(values: list[str], shape: Shape) -> object:
    if shape.type_name == "list":
        return values
    return int(values[0]) if shape.type_name == "integer" else values[0]


def _check_input(routed: Routed, query: Json, body: Json) -> None:
    shape = _operation(routed.operation).input_shape
    report = ParamValidator().validate({**body, **query, **routed.path}, shape) if shape else None
    if report and report.has_errors():
        raise BadRequestException(report.generate_report())


def _access_key(authorization: str) -> str:
    found = re.search(r"Credential=([^/,]+)/", authorization)
    return found.group(1) if found else ""


def _misfits(value: object, shape: Shape, where: str) -> Iterator[str]:
    """Describe what does not fit the shape: wrong types, missing and unknown members."""
    if not isinstance(value, _TYPES.get(shape.type_name, object)):
        yield f"{where}: {value!r} is no {shape.type_name}"
    elif isinstance(shape, StructureShape) and isinstance(value, dict):
        required = set(shape.required_members) - _LEFT_OUT
        yield from (f"{where}.{name}: missing" for name in required - set(value))
        yield from (f"{where}.{name}: unknown" for name in set(value) - set(shape.members))
        for name in set(value) & set(shape.members):
            yield from _misfits(value[name], shape.members[name], f"{where}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for item in value:
            yield from _misfits(item, shape.member, f"{where}[]")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for item in value.values():
            yield from _misfits(item, shape.value, f"{where}{{}}")


def _error(status: int, code: str, message: str) -> HttpResponse:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return HttpResponse(status, headers, json.dumps({"message": message}).encode())


def _timestamp(value: object) -> float:
    """A timestamp as seconds since 1970."""
    if not isinstance(value, datetime):
        msg = f"{value!r} is no JSON value"
        raise TypeError(msg)
    return round(value.timestamp(), 3)
