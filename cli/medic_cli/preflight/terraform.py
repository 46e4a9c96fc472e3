"""Reads apps, branches and roles from a Terraform plan, as `terraform show -json PLAN` prints it.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.arns import arn_parts, name_of
from medic_cli.preflight.model import Place, Planned, PlannedApp, PlannedBranch, PlannedRole, Removal
from medic_cli.preflight.symbols import ACCOUNT, REGION, Json, Kind, Symbol, is_plain, partition_of, unknown
from medic_cli.preflight.template import Deployment, pairs, text_of

if TYPE_CHECKING:
    from medic_cli.preflight.documents import FileContent

_APPS, _BRANCHES = {"aws_amplify_app", "awscc_amplify_app"}, {"aws_amplify_branch", "awscc_amplify_branch"}
_ROLES = {"aws_iam_role", "awscc_iam_role"}
_ROLE_FIELDS = {
    "compute_role_arn": "compute role",
    "iam_service_role_arn": "service role",
    "iam_service_role": "service role",
}
_INDEX = re.compile(r"\[[^\]]*\]")
_MAX_MODULES = 50
_AFTER_APPLY = "it is known only after apply"

Object = Mapping[str, Json]
_NONE: Object = {}


def is_plan(value: Json) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("planned_values"), Mapping)


def planned(content: FileContent, deployment: Deployment) -> Planned:
    """The apps, branches and roles of a plan, with the roles that it takes off."""
    return _Plan(content, deployment).planned()


@dataclass(frozen=True, slots=True)
class _Resource:
    """One instance of a resource: what is planned, what is unknown, and how it is configured."""

    address: str
    module: tuple[str, ...]
    type: str
    values: Object
    unknown: Object
    actions: tuple[str, ...]
    expressions: Object | None
    """None if the plan holds no configuration for it."""
    provider: str

    @property
    def new(self) -> bool:
        return "create" in self.actions


class _Plan:
    def __init__(self, content: FileContent, deployment: Deployment) -> None:
        self._path = content.path
        self._root = _object(content.value)
        self._deployment = deployment
        self._configuration = _object(self._root.get("configuration"))
        data = tuple(_instances(_object(_object(self._root.get("prior_state")).get("values")), "data"))
        self._data = tuple((str(each.get("type")), _object(each.get("values")), each) for each in data)
        self._account = deployment.account or self._caller_account() or str(ACCOUNT)
        self._resources = tuple(self._read())

    def planned(self) -> Planned:
        return Planned(
            apps=tuple(map(self._app, self._of(_APPS))),
            branches=tuple(map(self._branch, self._of(_BRANCHES))),
            roles=(*map(self._role, self._of(_ROLES)), *self._data_roles()),
            removals=tuple(self._removals()),
            files={self._path: "terraform"},
        )

    def _of(self, types: set[str]) -> list[_Resource]:
        return [each for each in self._resources if each.type in types]

    def _read(self) -> Iterator[_Resource]:
        changes = {str(each.get("address")): each for each in _objects(self._root.get("resource_changes"))}
        for each in _instances(_object(self._root.get("planned_values")), "managed"):
            address, type_ = str(each.get("address")), str(each.get("type"))
            if type_ not in _APPS | _BRANCHES | _ROLES:
                continue
            change = _object(_object(changes.get(address)).get("change"))
            module = _module_of(address, type_)
            configured = self._configured(module, f"{type_}.{each.get('name')}")
            yield _Resource(
                address=address,
                module=module,
                type=type_,
                values=_object(each.get("values")),
                unknown=_object(change.get("after_unknown")),
                actions=tuple(map(str, _list(change.get("actions")))),
                expressions=_object(configured.get("expressions")) if configured else None,
                provider=str(configured.get("provider_config_key") or ""),
            )

    def _app(self, resource: _Resource) -> PlannedApp:
        arn = resource.values.get("arn")
        account, region = self._account, self._region(resource)
        if isinstance(arn, str) and arn.count(":") >= 5:  # noqa: PLR2004 - the parts of an ARN
            _, _, region, account, _ = arn_parts(arn)
        creation = _object(resource.values.get("auto_branch_creation_config"))
        return PlannedApp(
            place=self._place(resource),
            id=self._app_id(resource),
            new=resource.new,
            name=text_of(self._value(resource, "name")),
            platform=text_of(self._value(resource, "platform")) or "WEB",
            repository=text_of(self._value(resource, "repository")),
            service_role=text_of(
                self._value(
                    resource, "iam_service_role_arn" if resource.type == "aws_amplify_app" else "iam_service_role"
                )
            ),
            compute_role=text_of(self._value(resource, "compute_role_arn")),
            tags=self._pairs(resource, "tags", "key"),
            environment=self._pairs(resource, "environment_variables", "name"),
            auto_branch_creation=creation.get("enable_auto_branch_creation")
            or self._value(resource, "enable_auto_branch_creation"),
            auto_branch_patterns=creation.get("auto_branch_creation_patterns")
            or self._value(resource, "auto_branch_creation_patterns"),
            account=account,
            region=region,
        )

    def _branch(self, resource: _Resource) -> PlannedBranch:
        return PlannedBranch(
            place=self._place(resource),
            app=text_of(self._value(resource, "app_id")) or unknown("the branch names no app"),
            name=text_of(self._value(resource, "branch_name")) or unknown("the branch has no name"),
            stage=text_of(self._value(resource, "stage")) or "NONE",
            compute_role=text_of(self._value(resource, "compute_role_arn")),
            takes_compute_role=resource.type == "awscc_amplify_branch",
            tags=self._pairs(resource, "tags", "key"),
            environment=self._pairs(resource, "environment_variables", "name"),
            pull_request_previews=self._value(resource, "enable_pull_request_preview"),
            account=self._account,
            region=self._region(resource),
        )

    def _role(self, resource: _Resource) -> PlannedRole:
        trust = "assume_role_policy" if resource.type == "aws_iam_role" else "assume_role_policy_document"
        name = self._value(resource, "name" if resource.type == "aws_iam_role" else "role_name")
        return PlannedRole(
            place=self._place(resource),
            arn=self._role_arn(resource),
            name=text_of(name),
            trust=resource.values.get(trust) if not resource.unknown.get(trust) else unknown(_AFTER_APPLY),
        )

    def _data_roles(self) -> Iterator[PlannedRole]:
        """Roles that exist already and that the configuration looks up."""
        for type_, values, data in self._data:
            arn, trust = values.get("arn"), values.get("assume_role_policy")
            if type_ == "aws_iam_role" and isinstance(arn, str) and isinstance(trust, str):
                yield PlannedRole(Place(self._path, str(data.get("address"))), arn, name_of(arn), trust)

    def _removals(self) -> Iterator[Removal]:
        """Roles that an app or branch has now and loses, as the plan itself says."""
        for each in _objects(self._root.get("resource_changes")):
            change = _object(each.get("change"))
            before, after = _object(change.get("before")), change.get("after")
            if each.get("type") not in _APPS | _BRANCHES or not isinstance(after, Mapping):
                continue
            for field, what in _ROLE_FIELDS.items():
                old, new = before.get(field), after.get(field)
                if old and not new and not _object(change.get("after_unknown")).get(field):
                    yield Removal(Place(self._path, str(each.get("address"))), what, str(old))

    def _value(self, resource: _Resource, field: str) -> Json:
        """A planned value. One that only applying tells is followed to the resource that it comes from."""
        if not resource.unknown.get(field):
            return resource.values.get(field)
        if resource.expressions is not None and field not in resource.expressions and resource.new:
            return None  # nobody sets it: the provider only reads back what AWS made of it
        return self._followed(resource.module, _object((resource.expressions or _NONE).get(field)), 0)

    def _pairs(self, resource: _Resource, field: str, key: str) -> Json:
        """Tags or variables as a mapping. Terraform has a map; the Cloud Control provider has a list."""
        not_known = resource.unknown.get(field)
        if not_known is True:
            return unknown(_AFTER_APPLY)
        given = resource.values.get(field)
        if isinstance(given, list):
            return pairs([{key: each.get(key), "Value": each.get("value")} for each in _objects(given)], key)
        later = {name: unknown(_AFTER_APPLY) for name, value in _object(not_known).items() if value}
        return {**_object(given), **later}

    def _followed(self, module: tuple[str, ...], expression: Object, depth: int) -> Json:
        """The value of an expression that is one reference and nothing else that could change it."""
        references = [str(each) for each in _list(expression.get("references"))]
        # Terraform lists `a.b.c` and its beginning `a.b` for one reference.
        longest = [
            each for each in references if not any(other.startswith((f"{each}.", f"{each}[")) for other in references)
        ]
        if len(longest) != 1 or depth > _MAX_MODULES:
            return unknown(_AFTER_APPLY)
        parts = _INDEX.sub("", longest[0]).split(".")
        match parts:
            case ["var", name] if module:
                call = self._call(module)
                return self._followed(module[:-1], _object(_object(call.get("expressions")).get(name)), depth + 1)
            case ["module", name, output]:
                call = self._call((*module, name))
                found = _object(_object(_object(call.get("module")).get("outputs")).get(output))
                return self._followed((*module, name), _object(found.get("expression")), depth + 1)
            case [type_, name, attribute]:
                return self._attribute(module, f"{type_}.{name}", attribute)
            case _:
                return unknown(_AFTER_APPLY)

    def _attribute(self, module: tuple[str, ...], name: str, attribute: str) -> Json:
        found = [
            each
            for each in self._resources
            if each.module == module and _INDEX.sub("", each.address).split(".")[-2:] == name.split(".")
        ]
        if len(found) == 1:
            resource = found[0]
            if resource.type in _ROLES and attribute == "arn":
                return self._role_arn(resource)
            if resource.type in _APPS and attribute in {"id", "app_id"}:
                return self._app_id(resource)
            if resource.type in _APPS and attribute == "arn":
                region = self._region(resource)
                where = f"{partition_of(region)}:amplify:{region}:{self._account}"
                return f"arn:{where}:apps/{self._app_id(resource)}"
        return unknown(f"it is {attribute} of {name}, known only after apply")

    def _app_id(self, resource: _Resource) -> str:
        known = resource.values.get("app_id" if resource.type == "awscc_amplify_app" else "id")
        return known if isinstance(known, str) else str(Symbol(Kind.APP, f"{self._path}#{resource.address}"))

    def _role_arn(self, resource: _Resource) -> str:
        arn = resource.values.get("arn")
        if isinstance(arn, str):
            return arn
        path = resource.values.get("path")
        name = Symbol(Kind.ROLE, f"{self._path}#{resource.address}")
        return f"arn:{partition_of(self._region(resource))}:iam::{self._account}:role{path or '/'}{name}"

    def _place(self, resource: _Resource) -> Place:
        return Place(self._path, resource.address)

    def _caller_account(self) -> str | None:
        """The account of the credentials that planned. Unknown if several providers have several accounts."""
        accounts = {values.get("account_id") for type_, values, _ in self._data if type_ == "aws_caller_identity"}
        [account] = accounts if len(accounts) == 1 else [None]
        return account if isinstance(account, str) else None

    def _region(self, resource: _Resource) -> str:
        """The region of the resource's provider."""
        if self._deployment.region:
            return self._deployment.region
        own = resource.values.get("region")  # provider 6 has it on each resource
        if isinstance(own, str) and is_plain(own):
            return own
        provider = _object(_object(self._configuration.get("provider_config")).get(resource.provider))
        expression = _object(_object(provider.get("expressions")).get("region"))
        value = expression.get("constant_value")
        references = _list(expression.get("references"))
        if value is None and len(references) == 1 and not provider.get("module_address"):
            name = str(references[0]).removeprefix("var.")
            value = _object(_object(self._root.get("variables")).get(name)).get("value")
        return value if isinstance(value, str) else str(REGION)

    def _configured(self, module: tuple[str, ...], address: str) -> Object:
        resources = _objects(self._module(module).get("resources"))
        return next((each for each in resources if each.get("address") == address), _NONE)

    def _module(self, path: tuple[str, ...]) -> Object:
        module = _object(self._configuration.get("root_module"))
        for name in path:
            module = _object(_object(_object(module.get("module_calls")).get(name)).get("module"))
        return module

    def _call(self, path: tuple[str, ...]) -> Object:
        return _object(_object(self._module(path[:-1]).get("module_calls")).get(path[-1]))


def _instances(values: Object, mode: str) -> Iterator[Object]:
    """Every resource of a mode, in the root module and below."""
    modules = [_object(values.get("root_module"))]
    while modules:
        module = modules.pop()
        yield from (each for each in _objects(module.get("resources")) if each.get("mode", "managed") == mode)
        modules += _objects(module.get("child_modules"))


def _module_of(address: str, type_: str) -> tuple[str, ...]:
    """The names of the modules that hold a resource: `module.web["a"].aws_iam_role.x` is in `web`."""
    before = _INDEX.sub("", address).rpartition(f"{type_}.")[0]
    return tuple(before.split(".")[1::2])


def _object(value: Json) -> Object:
    return value if isinstance(value, Mapping) else _NONE


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _objects(value: Json) -> list[Object]:
    return [each for each in _list(value) if isinstance(each, Mapping)]
