"""A proposed IAM statement written down in every dialect: to be read, judged and pasted by a person, never applied.

The role's other statements are never shown: a trust policy may hold external ids, which are as good as passwords. The
command line reads the policy as it is when somebody runs it, appends to that, and lets IAM have the last word.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import TYPE_CHECKING

from medic.alerts.model import Snippet
from medic.alerts.words import DIALECTS
from medic.diagnosis.knowledge import Dialect

if TYPE_CHECKING:
    from medic.diagnosis.model import Proposal

TRUST_FIXES = frozenset({"trust_service_role", "trust_compute_role"})


def written_out(proposal: Proposal) -> tuple[Snippet, ...]:
    """The proposal for the console, the command line, CDK and Terraform."""
    statement = json.dumps(json.loads(proposal.statement), indent=2)
    trust = proposal.fix in TRUST_FIXES
    return (
        Snippet(DIALECTS[Dialect.CONSOLE], _console(proposal, statement, trust=trust)),
        Snippet(DIALECTS[Dialect.CLI], _trust_cli(proposal) if trust else _permission_cli(proposal)),
        Snippet(DIALECTS[Dialect.CDK], _cdk(proposal, statement, trust=trust)),
        Snippet(DIALECTS[Dialect.TERRAFORM], _terraform(statement, trust=trust)),
    )


def _console(proposal: Proposal, statement: str, *, trust: bool) -> str:
    where = "Trust relationships > Edit trust policy" if trust else "Add permissions > Create inline policy > JSON"
    whose = f"IAM > Roles > {proposal.role_name}" if proposal.role_name else f"IAM > {proposal.holder}"
    return "\n".join((f"{whose} > {where}: add to Statement, beside what stands there", statement, *proposal.notes))


def _trust_cli(proposal: Proposal) -> str:
    role, statement = shlex.quote(proposal.role_name or "<role>"), shlex.quote(proposal.statement)
    return (
        f"aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument --output json > trust.json\n"
        f"jq --argjson new {statement} '.Statement = ([.Statement] | flatten) + [$new]' trust.json > fixed.json\n"
        f"aws iam update-assume-role-policy --role-name {role} --policy-document file://fixed.json"
    )


def _permission_cli(proposal: Proposal) -> str:
    if proposal.role_name is None:
        # Quoted even in the comment: not every shell knows comments at its prompt.
        return (
            f"# to be added to a policy of {shlex.quote(proposal.holder)}:\nstatement={shlex.quote(proposal.statement)}"
        )
    document = f'{{"Version":"2012-10-17","Statement":[{proposal.statement}]}}'
    # An inline policy of the same name would be replaced, so each statement gets a name of its own.
    name = f"{proposal.fix}-{hashlib.sha256(proposal.statement.encode()).hexdigest()[:8]}"
    return (
        f"aws iam put-role-policy --role-name {shlex.quote(proposal.role_name)} --policy-name {name} \\\n"
        f"  --policy-document {shlex.quote(document)}"
    )


def _cdk(proposal: Proposal, statement: str, *, trust: bool) -> str:
    holder = "role" if proposal.role_name else "caller"
    add = "assumeRolePolicy?.addStatements" if trust else "addToPrincipalPolicy"
    return f"{holder}.{add}(iam.PolicyStatement.fromJson({statement}));"


def _terraform(statement: str, *, trust: bool) -> str:
    """JSON is an expression of Terraform's language too, but for its templates."""
    argument = "assume_role_policy" if trust else "policy"
    literal = statement.replace("${", "$${").replace("%{", "%%{")
    return f"# in the jsonencode(...) of {argument}, one more element of Statement:\n{literal}"
