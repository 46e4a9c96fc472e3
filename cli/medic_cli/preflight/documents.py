"""Reads a JSON or YAML file into plain values, within limits. Nothing in the file can construct an object.

CloudFormation's short forms (`!Ref`, `!GetAtt a.b`) become the long ones.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import yaml  # type: ignore[import-untyped]

from medic_cli.errors import CouldNotLookError
from medic_cli.files import opened, refuse_empty_or_binary
from medic_cli.preflight.symbols import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from medic_cli.preflight.symbols import Json

MAX_JSON_BYTES = 64 << 20
"""A plan repeats every resource several times."""
MAX_YAML_BYTES = 4 << 20
"""CloudFormation takes 1 MB: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
MAX_DEPTH = 100
MAX_VALUES = 100_000
"""Values of a YAML file, each alias counted with all that it repeats."""

_STRING, _BOOL, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("str", "bool", "null"))
_TRUE = {"true", "yes", "on"}
_PLAIN_NAMES = {"!Ref": "Ref", "!Condition": "Condition"}


@dataclass(frozen=True, slots=True)
class FileContent:
    path: str
    value: Json
    lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each entry of the section Resources, by its key."""


def read_document(path: str) -> FileContent:
    """Read one file; `-` is standard input.

    Raises:
        CouldNotLookError: it can't be read, is too long or too deep, or is neither JSON nor YAML.
    """
    with opened(path) as stream:
        try:
            data = stream.read(MAX_JSON_BYTES + 1)
        except OSError as error:
            raise CouldNotLookError(f"{path} can't be read: {error.strerror}.") from None
    if len(data) > MAX_JSON_BYTES:
        raise CouldNotLookError(f"{path} is longer than {MAX_JSON_BYTES:,} bytes.")
    refuse_empty_or_binary(data, path)
    try:
        text = cleaned(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CouldNotLookError(f"{path} is not UTF-8 text.") from None
    if text.lstrip().startswith("{"):
        return _json(path, text)
    if len(data) > MAX_YAML_BYTES:
        raise CouldNotLookError(f"{path} is longer than {MAX_YAML_BYTES:,} bytes, the most for YAML.")
    return _yaml(path, text)


def _json(path: str, text: str) -> FileContent:
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise CouldNotLookError(f"{path} is not JSON: {error}. Give a template, a plan as JSON, or cdk.out.") from None
    return FileContent(path, value, _lines(value, text))


def _lines(value: Json, text: str) -> dict[str, int]:
    """The first line that opens an object of this key. Cheap, and right for files that a tool has written."""
    resources = value.get("Resources") if isinstance(value, dict) else None
    if not isinstance(resources, dict):
        return {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*"([A-Za-z0-9]{1,255})"\s*:\s*\{', line)
        if match and match[1] in resources:
            lines.setdefault(match[1], number)
    return lines


def _yaml(path: str, text: str) -> FileContent:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # The composer in C recurses without a limit and would crash; the parser of events does not recurse.
        _check_depth(path, yaml.parse(text, Loader=loader))
        node = yaml.compose(text, Loader=loader)
        value = _Values(path).of(node, 0) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise CouldNotLookError(f"{path} is neither JSON nor YAML: there is a mistake{where}.") from None
    return FileContent(path, value, _yaml_lines(node))


def _check_depth(path: str, events: Iterable[yaml.Event]) -> None:
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise CouldNotLookError(f"{path} is nested more than {MAX_DEPTH} levels deep. Give the template itself.")


def _yaml_lines(node: yaml.Node) -> dict[str, int]:
    for key, section in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == "Resources" and isinstance(section, yaml.MappingNode):
            return {str(each.value): each.start_mark.line + 1 for each, _ in section.value}
    return {}


class _Values:
    """Turns YAML's nodes into values. Counts them, so that aliases of aliases end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._left = MAX_VALUES

    def of(self, node: yaml.Node, depth: int) -> Json:
        self._left -= 1
        if self._left < 0:
            self._refuse(f"holds more than {MAX_VALUES:,} values, each alias counted with what it repeats")
        if depth > MAX_DEPTH:
            self._refuse(f"is nested more than {MAX_DEPTH} levels deep")
        value = self._content(node, depth)
        if node.tag.startswith("!") and node.tag != "!":
            return _long_form(node.tag, value)
        return value

    def _content(self, node: yaml.Node, depth: int) -> Json:
        if isinstance(node, yaml.MappingNode):
            return {self._key(key): self.of(each, depth + 1) for key, each in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.of(each, depth + 1) for each in node.value]
        if node.tag == _NULL:
            return None
        return node.value.lower() in _TRUE if node.tag == _BOOL else str(node.value)

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(f"has a key that is no text, in line {node.start_mark.line + 1}")
        return str(node.value)

    def _refuse(self, what: str) -> NoReturn:
        raise CouldNotLookError(f"{self._path} {what}. Give the template itself.")


def _long_form(tag: str, value: Json) -> Json:
    name = _PLAIN_NAMES.get(tag) or f"Fn::{tag[1:]}"
    if tag == "!GetAtt" and isinstance(value, str):
        resource, _, attribute = value.partition(".")
        return {name: [resource, attribute]}
    return {name: value}
