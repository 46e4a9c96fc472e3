"""The template that CloudFormation deployed, with the names that its resources got: what the stack should be.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json: TypeAlias = Mapping[str, Any]

_HASH = re.compile(r"(?:[0-9A-F]{8})$")
_PLACEHOLDER = re.compile(r"\$\{([\w:.]+)\}")


class Unresolved(str):
    """Stands for a value of the template that can't be computed here, and names what is missing. It equals no value."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stack is deployed."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        return f"arn:{self.partition}:{service}:{self.region if regional else ''}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the stack as it should be."""

    logical_id: str
    type: str
    name: str
    """The physical id: what `Ref` gives."""
    arn: str
    """Empty if this module builds no ARN for the type."""
    properties: Json
    """The template's properties with every reference replaced."""

    @property
    def label(self) -> str:
        """The logical id without CDK's hash."""
        return _HASH.sub("", self.logical_id)

    @property
    def unresolved(self) -> str | None:
        """What is missing to compute the properties; None if nothing is."""
        return next(_unresolved(self.properties), None)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a value of JSON
        """A property; None if the template does not set it."""
        return self.properties.get(name)


def resources(template: Json, names: Mapping[str, str], parameters: Mapping[str, str], place: Place, *,
              role_ids: Mapping[str, str]) -> tuple[Resource, ...]:  # fmt: skip
    """The template's resources that the stack has.

    Args:
        template: the template.
        names: physical ids by logical id.
        parameters: the stack's parameters.
        place: where the stack is.
        role_ids: the ids (`AROA…`) of roles, by name.
    """
    return _Resolver(template, names, parameters, place, role_ids).resources()


@dataclass(frozen=True, slots=True)
class _Resolver:
    template: Json
    names: Mapping[str, str]
    parameters: Mapping[str, str]
    place: Place
    role_ids: Mapping[str, str]

    def resources(self) -> tuple[Resource, ...]:
        return tuple(
            Resource(
                name,
                each["Type"],
                self.names[name],
                self._arn(name),
                self.value(each.get("Properties", {})) if each["Type"] in _ARNS else {},
            )
            for name, each in self.template["Resources"].items()
            if name in self.names
        )

    def value(self, value: Any) -> Any:  # noqa: ANN401, PLR0911 - a value of JSON; one return for each form
        match value:
            case {"Ref": str(name)}:
                return self._ref(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(name, attribute)
            case {"Fn::Join": [str(delimiter), list(items)]}:
                return _joined(delimiter, self.value(items))
            case {"Fn::Sub": str(text)}:
                parts = _PLACEHOLDER.split(text)
                return _joined("", [self._substitute(part) if at % 2 else part for at, part in enumerate(parts)])
            case Mapping():
                known = {name: self.value(each) for name, each in value.items() if each != {"Ref": "AWS::NoValue"}}
                function = next((name for name in known if name.startswith("Fn::")), None)
                return known if function is None else Unresolved(function)
            case list():
                return [self.value(each) for each in value]
            case _:
                return value

    def _ref(self, name: str) -> str:
        pseudo = {
            "AWS::Partition": self.place.partition,
            "AWS::Region": self.place.region,
            "AWS::AccountId": self.place.account,
            "AWS::URLSuffix": "amazonaws.com.cn" if self.place.partition == "aws-cn" else "amazonaws.com",
        }
        for known in (pseudo, self.parameters, self.names):
            if name in known:
                return known[name]
        return Unresolved(f"Ref {name}")

    def _substitute(self, text: str) -> str:
        name, dot, attribute = text.partition(".")
        return self._attribute(name, attribute) if dot else self._ref(text)

    def _attribute(self, name: str, attribute: str) -> str:
        physical = self.names.get(name, "")
        if attribute == "RoleId" and physical in self.role_ids:
            return self.role_ids[physical]
        if attribute in ("Arn", "TopicArn") and (arn := self._arn(name)):
            return arn
        if attribute in ("QueueName", "TopicName") and physical:
            return re.split("[/:]", physical)[-1]
        return Unresolved(f"Fn::GetAtt {name}.{attribute}")

    def _arn(self, name: str) -> str:
        made = _ARNS.get(self.template["Resources"].get(name, {}).get("Type"))
        return made(self, name) if made is not None and name in self.names else ""

    def role_arn(self, name: str) -> str:
        path = self.value(self.template["Resources"][name].get("Properties", {}).get("Path", "/"))
        return self.place.arn("iam", f"role{path}{self.names[name]}", regional=False)


def _joined(delimiter: str, parts: list[str]) -> str:
    missing = next(_unresolved(parts), None)
    return delimiter.join(map(str, parts)) if missing is None else Unresolved(missing)


def _unresolved(value: object) -> Iterator[str]:
    match value:
        case Unresolved():
            yield str(value)
        case Mapping():
            for each in value.values():
                yield from _unresolved(each)
        case list():
            for each in value:
                yield from _unresolved(each)
        case _:
            pass


def _named(service: str, prefix: str = "", suffix: str = "") -> Callable[[_Resolver, str], str]:
    return lambda stack, name: stack.place.arn(
        service, f"{prefix}{stack.names[name].rpartition('/')[2] if service == 'sqs' else stack.names[name]}{suffix}"
    )


def _no_arn(_stack: _Resolver, _name: str) -> str:
    return ""


_ARNS: Mapping[str, Callable[[_Resolver, str], str]] = {
    "AWS::CloudWatch::Alarm": _named("cloudwatch", "alarm:"),
    "AWS::DynamoDB::Table": _named("dynamodb", "table/"),
    "AWS::Events::Rule": _named("events", "rule/"),
    "AWS::IAM::Policy": _no_arn,
    "AWS::IAM::Role": _Resolver.role_arn,
    "AWS::Lambda::EventSourceMapping": _named("lambda", "event-source-mapping:"),
    "AWS::Lambda::Function": _named("lambda", "function:"),
    "AWS::Lambda::Permission": _no_arn,
    "AWS::Logs::LogGroup": _named("logs", "log-group:", ":*"),
    "AWS::SNS::Topic": lambda stack, name: stack.names[name],
    "AWS::SNS::TopicPolicy": _no_arn,
    "AWS::SQS::Queue": _named("sqs"),
    "AWS::SQS::QueuePolicy": _no_arn,
}
"""The types that checks look at, with the form of their ARN. The properties of other types are not needed."""


def canonical(policy: Any) -> Any:  # noqa: ANN401 - a value of JSON
    """A policy in a form that two policies with the same meaning share: one value or a list of it, in any order."""
    match policy:
        case Mapping():
            if set(policy) == {"AWS"} and policy["AWS"] in ("*", ["*"]):
                return ("*",)
            return tuple(sorted((key, canonical(each)) for key, each in policy.items()))
        case list():
            parts = [canonical(each) for each in policy]
            plain = all(isinstance(each, str) for each in policy)
            return tuple(sorted((part[0] for part in parts) if plain else parts, key=repr))
        case bool():
            return (str(policy).lower(),)
        case _:
            return (str(policy),)


def statements(policy: Json) -> dict[str, Any]:
    """A policy's statements by Sid, each in its canonical form. One without a Sid is named by its position."""
    given = policy.get("Statement", [])
    listed = given if isinstance(given, list) else [given]
    return {str(each.get("Sid") or f"#{at}"): canonical(each) for at, each in enumerate(listed, start=1)}


def differing(expected: Json, found: Json) -> tuple[str, ...]:
    """The Sids of the statements that only one of two policies has, or that differ."""
    wanted, seen = statements(expected), statements(found)
    return tuple(sid for sid in dict.fromkeys((*wanted, *seen)) if wanted.get(sid) != seen.get(sid))


def policies_of(stack: tuple[Resource, ...], role: Resource) -> Iterator[Resource]:
    """The inline policies that the template gives to a role."""
    for each in stack:
        if each.type == "AWS::IAM::Policy" and role.name in (each["Roles"] or ()):
            yield each
