"""Resolves the intrinsic functions of CloudFormation, as far as the templates tell their values.

The default of a parameter is no known value: whoever deploys may give another.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medic_cli.preflight.symbols import (
    ACCOUNT,
    REGION,
    Json,
    Kind,
    Symbol,
    cut,
    is_plain,
    partition_of,
    symbols_in,
    unknown,
    why_unknown,
)

if TYPE_CHECKING:
    from medic_cli.preflight.documents import FileContent


_MAX_DEPTH = 200
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NO_VALUE = {"Ref": "AWS::NoValue"}


class ResourceType:
    """The types that are read, as constants for `match`."""

    APP, BRANCH, ROLE = "AWS::Amplify::App", "AWS::Amplify::Branch", "AWS::IAM::Role"
    KEY, NESTED = "AWS::IAM::AccessKey", "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True)
class Library:
    """What other templates of the same deployment export, by export name: the template and the value."""

    exports: dict[str, tuple[Template, Json]] = field(default_factory=dict)

    def value(self, name: str, depth: int) -> Json:
        found = self.exports.get(name)
        return found[0].resolve(found[1], depth) if found else unknown(f"the export {name} is in none of these files")


@dataclass(slots=True)
class Template:
    """One template, with what is known about its deployment."""

    content: FileContent
    parameters: Mapping[str, Json]
    """Known values by parameter name."""
    library: Library
    account: str = str(ACCOUNT)
    region: str = str(REGION)
    stack_name: str | None = None
    app_ids: Mapping[str, str] = field(default_factory=dict)
    """The ids of apps that exist already, by logical id."""
    scope: str = ""
    """The nested stack that the template is for, since several may have the same template."""
    nested: dict[str, Template] = field(default_factory=dict)
    """The templates of nested stacks, by logical id."""

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    @property
    def path(self) -> str:
        return self.content.path

    def section(self, name: str) -> Mapping[str, Json]:
        document = self.content.value
        section = document.get(name) if isinstance(document, Mapping) else None
        return section if isinstance(section, Mapping) else {}

    def resources(self, type_: str) -> Mapping[str, Mapping[str, Json]]:
        """Resources of a type, by logical id, except those whose condition is surely false."""
        return {
            logical_id: resource
            for logical_id, resource in self.section("Resources").items()
            if isinstance(resource, Mapping) and resource.get("Type") == type_ and self._may_exist(resource)
        }

    def properties(self, resource: Mapping[str, Json]) -> Mapping[str, Json]:
        """A resource's resolved properties. A property with AWS::NoValue is left out."""
        given = resource.get("Properties")
        return {
            name: self.resolve(value)
            for name, value in (given.items() if isinstance(given, Mapping) else ())
            if not self._no_value(value)
        }

    def unique(self, logical_id: str) -> str:
        """A name for a symbol of this template's resource."""
        return f"{self.scope or self.path}#{logical_id}"

    def resolve(self, value: Json, depth: int = 0) -> Json:
        """The value without intrinsic functions. What is not known becomes an unknown symbol."""
        if depth > _MAX_DEPTH:
            return unknown("it is nested too deep, or refers to itself")
        if isinstance(value, Mapping):
            if len(value) == 1:
                [(name, argument)] = value.items()
                if name == "Ref" or name.startswith("Fn::"):
                    return self._function(name, argument, depth + 1)
            return {
                key: self.resolve(each, depth + 1) for key, each in value.items() if not self._no_value(each, depth + 1)
            }
        if isinstance(value, list):
            return [self.resolve(each, depth + 1) for each in value if not self._no_value(each, depth + 1)]
        if isinstance(value, str) and "{{resolve:" in value:
            return unknown("it is a dynamic reference, which only the deployment reads")
        return value

    def _no_value(self, value: Json, depth: int = 0) -> bool:
        if value == _NO_VALUE:
            return True
        chosen = self._chosen(value.get("Fn::If"), depth) if isinstance(value, Mapping) and len(value) == 1 else None
        return chosen is not None and depth < _MAX_DEPTH and self._no_value(chosen[0], depth + 1)

    def _function(self, name: str, argument: Json, depth: int) -> Json:
        function = _FUNCTIONS.get(name)
        if function is None:
            return unknown(f"{name} is not evaluated")
        return function(self, argument, depth)

    def ref(self, name: Json, _depth: int) -> Json:
        if not isinstance(name, str):
            return unknown("a Ref that names nothing")
        pseudo: dict[str, str | None] = {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com",
            "AWS::StackName": self.stack_name,
        }
        if pseudo.get(name) is not None:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        if name in self.section("Parameters"):
            return unknown(f"it is the parameter {name}")
        return self._attribute(name, "")

    def get_att(self, argument: Json, depth: int) -> Json:
        if isinstance(argument, str):
            resource, _, attribute = argument.partition(".")
        elif isinstance(argument, list) and len(argument) > 1 and all(isinstance(each, str) for each in argument):
            resource, attribute = str(argument[0]), ".".join(str(each) for each in argument[1:])
        else:
            return unknown("a GetAtt whose resource is computed")
        if attribute.startswith("Outputs.") and resource in self.nested:
            output = self.nested[resource].section("Outputs").get(attribute.removeprefix("Outputs."))
            if isinstance(output, Mapping):
                return self.nested[resource].resolve(output.get("Value"), depth)
        return self._attribute(resource, attribute)

    def _attribute(self, logical_id: str, attribute: str) -> Json:
        """What Ref (with no attribute) and GetAtt give for a resource."""
        resource = self.section("Resources").get(logical_id)
        type_ = resource.get("Type") if isinstance(resource, Mapping) else None
        match type_, attribute:
            case (ResourceType.APP, "AppId"):
                value: Json = self.app_id(logical_id)
            case (ResourceType.APP, "" | "Arn"):
                value = f"arn:{self.partition}:amplify:{self.region}:{self.account}:apps/{self.app_id(logical_id)}"
            case (ResourceType.ROLE, ""):
                value = str(Symbol(Kind.ROLE, self.unique(logical_id)))
            case (ResourceType.ROLE, "Arn"):
                value = self.role_arn(logical_id)
            case (ResourceType.KEY, ""):
                value = str(Symbol(Kind.KEY, "access key id"))
            case (ResourceType.KEY, "SecretAccessKey"):
                value = str(Symbol(Kind.KEY, "secret access key"))
            case (ResourceType.BRANCH, "BranchName") if isinstance(resource, Mapping):
                value = self.properties(resource).get("BranchName")
            case (None, _):
                value = unknown(f"there is no {logical_id} in the template")
            case _:
                name = f"{attribute} of {logical_id}" if attribute else logical_id
                value = unknown(f"it is {name}, which the deployment decides")
        return value

    def app_id(self, logical_id: str) -> str:
        return self.app_ids.get(logical_id) or str(Symbol(Kind.APP, self.unique(logical_id)))

    def role_arn(self, logical_id: str) -> str:
        resource = self.section("Resources").get(logical_id)
        given = resource.get("Properties") if isinstance(resource, Mapping) else None
        path = self.resolve(given.get("Path", "/")) if isinstance(given, Mapping) else "/"
        path = path if isinstance(path, str) and is_plain(path) else "/"
        name = Symbol(Kind.ROLE, self.unique(logical_id))
        return f"arn:{self.partition}:iam::{self.account}:role{path}{name}"

    def sub(self, argument: Json, depth: int) -> Json:
        text, own = argument, {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], Mapping):  # noqa: PLR2004
            text, own = argument[0], {key: self.resolve(each, depth) for key, each in argument[1].items()}
        if not isinstance(text, str):
            return unknown("a Sub without a text")

        def value_of(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return _as_text(own[name])
            return _as_text(self.get_att(name, depth) if "." in name else self.ref(name, depth))

        return _VARIABLE.sub(value_of, text)

    def join(self, argument: Json, depth: int) -> Json:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):  # noqa: PLR2004
            return unknown("a Join that is not understood")
        items = self.resolve(argument[1], depth)
        if not isinstance(items, list):
            return unknown(why_unknown(items) or "a Join of no list")
        return argument[0].join(_as_text(each) for each in items)

    def split(self, argument: Json, depth: int) -> Json:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):  # noqa: PLR2004
            return unknown("a Split that is not understood")
        text = self.resolve(argument[1], depth)
        parts = cut(text, argument[0]) if isinstance(text, str) else None
        return unknown(why_unknown(text) or "a Split that is not understood") if parts is None else parts

    def select(self, argument: Json, depth: int) -> Json:
        resolved = self.resolve(argument, depth)
        if isinstance(resolved, list) and len(resolved) == 2 and isinstance(resolved[1], list):  # noqa: PLR2004
            index, items = resolved
            if isinstance(index, str) and index.isdecimal() and int(index) < len(items):
                chosen: Json = items[int(index)]
                return chosen
        return unknown(why_unknown(resolved) or "a Select that is not understood")

    def if_(self, argument: Json, depth: int) -> Json:
        chosen = self._chosen(argument, depth)
        if chosen is not None:
            return self.resolve(chosen[0], depth)
        if isinstance(argument, list) and len(argument) == 3:  # noqa: PLR2004
            first, second = (self.resolve(each, depth) for each in argument[1:])
            if first == second:
                return first
        return unknown("it depends on a condition")

    def _chosen(self, argument: Json, depth: int) -> tuple[Json] | None:
        """What Fn::If gives, in a tuple; None if its condition is not known."""
        if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):  # noqa: PLR2004
            return None
        holds = self.holds({"Condition": argument[0]}, depth)
        return None if holds is None else (argument[1] if holds else argument[2],)

    def find_in_map(self, argument: Json, depth: int) -> Json:
        keys = self.resolve(argument, depth)
        if not isinstance(keys, list) or len(keys) < 3:  # noqa: PLR2004
            return unknown("a FindInMap that is not understood")
        value: Json = self.section("Mappings")
        for key in keys[:3]:
            if not isinstance(key, str) or not is_plain(key) or not isinstance(value, Mapping) or key not in value:
                return unknown(why_unknown(keys) or "FindInMap finds nothing, or depends on the region")
            value = value[key]
        return value

    def import_value(self, argument: Json, depth: int) -> Json:
        name = self.resolve(argument, depth)
        if not isinstance(name, str) or not is_plain(name):
            return unknown("it is imported under a name that is not known")
        return self.library.value(name, depth)

    def _may_exist(self, resource: Mapping[str, Json]) -> bool:
        name = resource.get("Condition")
        return name is None or self.holds({"Condition": name}) is not False

    def holds(self, condition: Json, depth: int = 0) -> bool | None:
        """Whether a condition holds; None if it is not known."""
        if depth > _MAX_DEPTH or not isinstance(condition, Mapping) or len(condition) != 1:
            return None
        [(name, argument)] = condition.items()
        if name == "Condition" and isinstance(argument, str):
            return self.holds(self.section("Conditions").get(argument), depth + 1)
        items = argument if isinstance(argument, list) else []
        if name == "Fn::Equals" and len(items) == 2:  # noqa: PLR2004
            return _equal(*(self.resolve(each, depth + 1) for each in items))
        return _combined(name, [self.holds(each, depth + 1) for each in items])


def _combined(name: str, results: list[bool | None]) -> bool | None:
    """Three-valued Fn::Not, Fn::And and Fn::Or."""
    if name == "Fn::Not" and len(results) == 1:
        return None if results[0] is None else not results[0]
    deciding = {"Fn::And": False, "Fn::Or": True}.get(name)
    if deciding is None or deciding in results:
        return deciding
    return None if None in results or not results else not deciding


def _as_text(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else unknown(why_unknown(value) or "it is no text")


def _equal(first: Json, second: Json) -> bool | None:
    if first == second and why_unknown(first) is None:
        return True
    if next(symbols_in(first), None) or next(symbols_in(second), None):
        return None
    return _as_text(first) == _as_text(second)


_Function = Callable[[Template, Json, int], Json]
_FUNCTIONS: Mapping[str, _Function] = {
    "Ref": Template.ref,
    "Fn::GetAtt": Template.get_att,
    "Fn::Sub": Template.sub,
    "Fn::Join": Template.join,
    "Fn::Split": Template.split,
    "Fn::Select": Template.select,
    "Fn::If": Template.if_,
    "Fn::FindInMap": Template.find_in_map,
    "Fn::ImportValue": Template.import_value,
}
