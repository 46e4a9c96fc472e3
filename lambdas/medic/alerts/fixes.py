"""The fixes an alert shows: the knowledge base's texts, filled in for this app, branch and role, safe to paste."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from medic.alerts.model import Fix, Snippet
from medic.diagnosis.knowledge import FIXES, Dialect, filled, find_entry
from medic.diagnosis.model import Rank
from medic.evidence.model import Present
from medic.plan.model import ActionKind

if TYPE_CHECKING:
    from medic.diagnosis.model import Diagnosis
    from medic.evidence.model import Evidence
    from medic.plan.model import Action

_SHOWN = (Dialect.CONSOLE, Dialect.CLI, Dialect.CDK, Dialect.TERRAFORM)
_MOST = 2
_PLAIN = re.compile(r"[\w./:@+=,-]{1,300}")


def fixes_for(evidence: Evidence, diagnosis: Diagnosis) -> tuple[Fix, ...]:
    """The fixes of the likeliest causes, at most two, each in every dialect that an alert shows."""
    likely = [find_entry(cause.id) for cause in diagnosis.causes if cause.rank in (Rank.PROVEN, Rank.LIKELY)]
    ids = dict.fromkeys(fix for entry in likely if entry for fix in entry.fixes)
    return tuple(_fix(fix_id, _values(evidence, fix_id)) for fix_id in list(ids)[:_MOST])


def permanent_line(action: Action) -> str:
    """What to write down so that the next run of infrastructure as code does not revert a change."""
    if action.kind is ActionKind.ATTACH_COMPUTE:
        cdk, terraform = "computeRoleArn", "compute_role_arn"
        where = "the branch"
    else:
        cdk, terraform = "iamServiceRole", "iam_service_role_arn"
        where = "the app"
    return (
        f"Infrastructure as code will revert this unless {where} says so too: CDK `{cdk}: '{action.role_arn}'`, "
        f'Terraform `{terraform} = "{action.role_arn}"`'
    )


def _fix(fix_id: str, values: Mapping[str, str]) -> Fix:
    fix = FIXES[fix_id]
    return Fix(
        fix.title, tuple(Snippet(dialect, _written(fix.written_in(dialect), dialect, values)) for dialect in _SHOWN)
    )


def _written(text: str, dialect: Dialect, values: Mapping[str, str]) -> str:
    """The text with its values put in: quoted for a shell, and never a value that could mean something in code."""
    if dialect is Dialect.CLI:
        return filled(text, {name: shlex.quote(value) for name, value in values.items()})
    safe = {name: value if _PLAIN.fullmatch(value) else f"<{name}>" for name, value in values.items()}
    return filled(text, safe)


def _values(evidence: Evidence, fix_id: str) -> dict[str, str]:
    role_arn = _role_for(evidence, fix_id)
    return {
        "app_id": evidence.app_id,
        "branch": evidence.branch_name,
        "region": evidence.region,
        "account": evidence.account,
        "role_arn": role_arn,
        "role_name": role_arn.rsplit("/", 1)[-1],
    }


def _role_for(evidence: Evidence, fix_id: str) -> str:
    """The role a fix is about: the one that is set, or that would be; else a name for one to be made."""
    app = evidence.app.value if isinstance(evidence.app, Present) else None
    if "compute" in fix_id:
        chosen, name = evidence.candidate_role_arn, "amplify-compute-role"
    else:
        chosen, name = (app.service_role_arn if app else None) or evidence.repair_role_arn, "amplify-service-role"
    return chosen or f"arn:{evidence.partition}:iam::{evidence.account}:role/{name}"
