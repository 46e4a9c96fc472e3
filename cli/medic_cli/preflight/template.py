"""Reads apps, branches and roles from CloudFormation templates: single files, and the folder `cdk.out`.

The format of a cloud assembly:
https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medic_cli.errors import CouldNotLookError
from medic_cli.preflight.documents import FileContent, read_document
from medic_cli.preflight.intrinsics import Library, ResourceType, Template
from medic_cli.preflight.model import Gap, Place, Planned, PlannedApp, PlannedBranch, PlannedRole, Unknown
from medic_cli.preflight.symbols import ACCOUNT, REGION, Json, is_plain, unknown, why_unknown

_MANIFEST = "manifest.json"
_STACK, _NESTED_ASSEMBLY = "aws:cloudformation:stack", "cdk:cloud-assembly"
_MAX_ASSEMBLIES = 100
_ASSET_PATH = "aws:asset:path"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the caller knows of the deployment."""

    account: str | None = None
    region: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    app_ids: Mapping[str, str] = field(default_factory=dict)
    """The ids of apps that exist already, by logical id."""

    def open(self, content: FileContent, library: Library, **known: str | None) -> Template:
        template = Template(
            content,
            parameters=dict(self.parameters),
            library=library,
            account=self.account or known.get("account") or str(ACCOUNT),
            region=self.region or known.get("region") or str(REGION),
            stack_name=known.get("stack_name"),
            app_ids=self.app_ids,
        )
        _export(template, library)
        return template


def is_template(value: Json) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("Resources"), Mapping)


def read_assembly(folder: Path, deployment: Deployment, library: Library) -> tuple[list[Template], list[Gap]]:
    """The templates of a `cdk.out` folder, with those of its stages and nested stacks.

    Raises:
        CouldNotLookError: the folder has no manifest, or it can't be read.
    """
    templates: list[Template] = []
    gaps: list[Gap] = []
    folders = [folder]
    for number, each in enumerate(folders):
        if number >= _MAX_ASSEMBLIES:
            gaps.append(Gap(str(each), f"There are more than {_MAX_ASSEMBLIES} assemblies in each other."))
            break
        for artifact in _artifacts(each):
            properties = artifact.get("properties")
            properties = properties if isinstance(properties, Mapping) else {}
            if artifact.get("type") == _NESTED_ASSEMBLY and isinstance(properties.get("directoryName"), str):
                folders.append(_inside(folder, each / str(properties["directoryName"])))
            elif artifact.get("type") == _STACK and isinstance(properties.get("templateFile"), str):
                path = _inside(folder, each / str(properties["templateFile"]))
                account, region = _environment(artifact.get("environment"))
                stack = properties.get("stackName")
                stack_name = stack if isinstance(stack, str) else None
                _read_stack(path, deployment, library, templates, gaps,
                            account=account, region=region, stack_name=stack_name)  # fmt: skip
    return templates, gaps


def _artifacts(folder: Path) -> list[Mapping[str, Json]]:
    path = folder / _MANIFEST
    if not path.is_file():
        raise CouldNotLookError(f"{folder} has no {_MANIFEST}: give a cdk.out folder, as `cdk synth` writes it.")
    manifest = read_document(str(path)).value
    artifacts = manifest.get("artifacts") if isinstance(manifest, Mapping) else None
    return [each for each in artifacts.values() if isinstance(each, Mapping)] if isinstance(artifacts, Mapping) else []


def _inside(root: Path, path: Path) -> Path:
    """The path, which must not lead out of the folder.

    Raises:
        CouldNotLookError: it does.
    """
    if not path.resolve().is_relative_to(root.resolve()):
        raise CouldNotLookError(f"The manifest of {root} names {path}, which is outside of the folder.")
    return path


def _environment(value: Json) -> tuple[str | None, str | None]:
    """Account and region of `aws://111122223333/eu-central-1`; None for `unknown-account` and `unknown-region`."""
    account, _, region = value.removeprefix("aws://").partition("/") if isinstance(value, str) else ("", "", "")
    return (
        account if account.isdecimal() else None,
        region if region and not region.startswith("unknown") else None,
    )


def _read_stack(
    path: Path,
    deployment: Deployment,
    library: Library,
    templates: list[Template],
    gaps: list[Gap],
    **known: str | None,
) -> None:
    try:
        content = read_document(str(path))
    except CouldNotLookError as error:
        gaps.append(Gap(str(path), error.message))
        return
    template = deployment.open(content, library, **known)
    templates.append(template)
    _read_nested(template, path.parent, templates, gaps, depth=0)


def _read_nested(template: Template, folder: Path, templates: list[Template], gaps: list[Gap], depth: int) -> None:
    """The templates of nested stacks, which the CDK writes beside their parent's."""
    for logical_id, resource in template.resources(ResourceType.NESTED).items():
        metadata = resource.get("Metadata")
        name = metadata.get(_ASSET_PATH) if isinstance(metadata, Mapping) else None
        if not isinstance(name, str) or depth > _MAX_ASSEMBLIES:
            gaps.append(Gap(template.path, f"The template of the nested stack {logical_id} is not in the folder."))
            continue
        try:
            content = read_document(str(_inside(folder, folder / name)))
        except CouldNotLookError as error:
            gaps.append(Gap(template.path, f"The nested stack {logical_id}: {error.message}"))
            continue
        given = template.properties(resource).get("Parameters")
        child = Template(
            content,
            given if isinstance(given, Mapping) else {},
            template.library,
            template.account,
            template.region,
            app_ids=template.app_ids,
            scope=template.unique(logical_id),
        )
        template.nested[logical_id] = child
        _export(child, template.library)
        templates.append(child)
        _read_nested(child, folder, templates, gaps, depth + 1)


def _export(template: Template, library: Library) -> None:
    """Make the template's exports known to the others. Only a plain export name can be found by its text."""
    for output in template.section("Outputs").values():
        export = output.get("Export") if isinstance(output, Mapping) else None
        name = template.resolve(export.get("Name")) if isinstance(export, Mapping) else None
        if isinstance(name, str) and is_plain(name) and isinstance(output, Mapping):
            library.exports[name] = (template, output.get("Value"))


def planned(template: Template) -> Planned:
    """The apps, branches and roles of one template."""
    return Planned(
        apps=tuple(_apps(template)),
        branches=tuple(_branches(template)),
        roles=tuple(_roles(template)),
        unknowns=tuple(_loops(template)),
        files={template.path: "cloudformation"},
    )


def _place(template: Template, logical_id: str) -> Place:
    return Place(template.path, logical_id, template.content.lines.get(logical_id))


def _apps(template: Template) -> Iterator[PlannedApp]:
    for logical_id, resource in template.resources(ResourceType.APP).items():
        given = template.properties(resource)
        creation = given.get("AutoBranchCreationConfig")
        creation = {"EnableAutoBranchCreation": creation} if isinstance(creation, str) else creation or {}
        creation = creation if isinstance(creation, Mapping) else {}
        yield PlannedApp(
            place=_place(template, logical_id),
            id=template.app_id(logical_id),
            name=text_of(given.get("Name")),
            platform=text_of(given.get("Platform")) or "WEB",
            repository=text_of(given.get("Repository")),
            service_role=text_of(given.get("IAMServiceRole")),
            compute_role=text_of(given.get("ComputeRoleArn")),
            tags=pairs(given.get("Tags"), "Key"),
            environment=pairs(given.get("EnvironmentVariables"), "Name"),
            auto_branch_creation=creation.get("EnableAutoBranchCreation"),
            auto_branch_patterns=creation.get("AutoBranchCreationPatterns"),
            account=template.account,
            region=template.region,
        )


def _branches(template: Template) -> Iterator[PlannedBranch]:
    for logical_id, resource in template.resources(ResourceType.BRANCH).items():
        given = template.properties(resource)
        yield PlannedBranch(
            place=_place(template, logical_id),
            app=text_of(given.get("AppId")) or unknown("the branch names no app"),
            name=text_of(given.get("BranchName")) or unknown("the branch has no name"),
            stage=text_of(given.get("Stage")) or "NONE",
            compute_role=text_of(given.get("ComputeRoleArn")),
            tags=pairs(given.get("Tags"), "Key"),
            environment=pairs(given.get("EnvironmentVariables"), "Name"),
            pull_request_previews=given.get("EnablePullRequestPreview"),
            account=template.account,
            region=template.region,
        )


def _roles(template: Template) -> Iterator[PlannedRole]:
    for logical_id, resource in template.resources(ResourceType.ROLE).items():
        given = template.properties(resource)
        yield PlannedRole(
            place=_place(template, logical_id),
            arn=template.role_arn(logical_id),
            name=text_of(given.get("RoleName")),
            trust=given.get("AssumeRolePolicyDocument"),
        )


def _loops(template: Template) -> Iterator[Unknown]:
    """Resources that `Fn::ForEach` makes."""
    for name in template.section("Resources"):
        if name.startswith("Fn::"):
            yield Unknown(_place(template, name), "resources", f"{name} is not evaluated")


def text_of(value: Json) -> str | None:
    """A text that may hold symbols; None if there is none, or an empty one."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else unknown(why_unknown(value) or "it is no text")


def pairs(value: Json, key: str) -> Json:
    """Tags or variables as a mapping. A list with an unknown entry is unknown as a whole only where it has to be."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, Mapping):
        return value
    entries = [each for each in value if isinstance(each, Mapping)] if not isinstance(value, bool) else []
    return {str(each[key]): each.get("Value") for each in entries if isinstance(each.get(key), str)}
