"""Generates docs/permissions.md from the synthesised template: `python -m infra.permissions_page`.

The reasons come from the template too: `infra.iam.attach` stores them in each policy's metadata.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from infra.iam import WHY, PolicyStatement, Resource, Template, flatten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = Path(__file__).resolve().parent.parent / "docs" / "permissions.md"

EXAMPLE: Mapping[str, object] = {
    "compute_roles": {"arn:aws:iam::111122223333:role/web-compute": ["d1a2b3c4d5e6f7"]},
    "service_roles": {"arn:aws:iam::111122223333:role/web-build": ["d1a2b3c4d5e6f7"]},
    "slack": {
        "bot_token_secret": "amplify-medic/slack-bot",
        "channel": "C0123456789",
        "signing_secret": "amplify-medic/slack-signing",
        "app_id": "A0123456789",
        "approvers": ["T0123456789/U0123456789"],
    },
    "central_bus": "arn:aws:events:eu-central-1:111122223333:event-bus/amplify-medic",
    "kms_key": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
}
"""Settings that bring every statement into the template."""

_HEAD = """\
# Permissions

For the security reviewer: look up what a role may do, and why.

Every permission that the stack deploys. `python -m infra.permissions_page` generates this page from the template; a
test compares the two.

*When*: "if set" depends on the settings, here `compute_roles`, `service_roles`, `kms_key`, `central_bus` and `slack`.
"not in mode report": the statement is left out while the mode is `report`. If `apps` is set, the Amplify ARNs name
those apps.

IAM can't express three limits, so the bot's code enforces them: UpdateBranch with no other parameter than
`computeRoleArn`, StartJob only for opted-in branches, PassRole only to the paired app. The remediator's session as
actor is limited to one branch and one role.
"""
_COLUMNS = "| Statement | Actions | Resources | Condition | When | Why |\n|---|---|---|---|---|---|"
_PSEUDO = {"<AWS::Partition>": "PARTITION", "<AWS::Region>": "REGION", "<AWS::AccountId>": "ACCOUNT"}


def render(full: Template, default: Template, report: Template) -> str:
    """The page, as Markdown.

    Args:
        full: the template with settings that bring in every statement.
        default: the template without settings.
        report: as `full`, in mode `report`.
    """
    in_default, in_report = set(_statement_keys(default)), set(_statement_keys(report))
    sections = [_HEAD]
    for name, role in sorted(_of_type(full, "AWS::IAM::Role")):
        rows = [
            _row(statement, why, _when((name, statement["Sid"]), in_default, in_report))
            for statement, why in _statements(full, name)
        ]
        sections.append("\n".join([_heading(name, role), "", *_table(rows)]))
    return "\n".join(f"{section}\n" if section is not _HEAD else section for section in sections)


def _heading(name: str, role: Resource) -> str:
    properties = role["Properties"]
    principal = flatten(*properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"].values())
    return f"## {_without_hash(name)}\n\n{properties['Description']}. Trusts `{_readable(principal)}`."


def _table(rows: list[str]) -> list[str]:
    return [_COLUMNS, *rows] if rows else ["No permissions, unless `default_role.policies` names some."]


def _row(statement: PolicyStatement, why: str, when: str) -> str:
    effect = "" if statement["Effect"] == "Allow" else f"**{statement['Effect']}** "
    cells = (
        f"{effect}{statement['Sid']}",
        _code(statement["Action"]),
        _code(statement["Resource"]),
        _condition(statement.get("Condition", {})),
        when,
        why,
    )
    return f"| {' | '.join(cells)} |"


def _condition(condition: Mapping[str, Mapping[str, object]]) -> str:
    parts = [
        f"`{key}` {operator} {_code(value)}" for operator, keys in condition.items() for key, value in keys.items()
    ]
    return "<br>".join(parts) or "–"


def _code(value: object) -> str:
    """One or several values as inline code. A list is always several values: intrinsic functions are objects."""
    values = value if isinstance(value, list) else [value]
    return "<br>".join(f"`{_readable(flatten(item))}`" for item in values)


def _when(key: tuple[str, str], in_default: set[tuple[str, str]], in_report: set[tuple[str, str]]) -> str:
    limits = [
        *([] if key in in_default else ["if set"]),
        *([] if key in in_report else ["not in mode report"]),
    ]
    return ", ".join(limits) or "always"


def _statements(template: Template, role: str) -> Iterator[tuple[PolicyStatement, str]]:
    for _, policy in _of_type(template, "AWS::IAM::Policy"):
        if {"Ref": role} in policy["Properties"]["Roles"]:
            reasons = policy.get("Metadata", {})[WHY]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield statement, reasons[statement["Sid"]]


def _statement_keys(template: Template) -> Iterator[tuple[str, str]]:
    """Each role's statements, by the role's name and their Sid."""
    for role, _ in _of_type(template, "AWS::IAM::Role"):
        yield from ((role, statement["Sid"]) for statement, _ in _statements(template, role))


def _of_type(template: Template, kind: str) -> Iterator[tuple[str, Resource]]:
    return ((name, resource) for name, resource in template["Resources"].items() if resource["Type"] == kind)


def _readable(text: str) -> str:
    for pseudo, name in _PSEUDO.items():
        text = text.replace(pseudo, name)
    return re.sub(r"<(\w+?)(?:\.\w+)?>", lambda match: f"<{_without_hash(match[1])}>", text)


def _without_hash(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def main() -> None:
    from infra.synthesis import synthesise  # noqa: PLC0415 - the renderer itself needs no CDK

    report = {**EXAMPLE, "mode": "report"}
    page = render(*(synthesise(settings).template for settings in (EXAMPLE, {}, report)))
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
