"""What each kind of finding is called, what to do about it, and where the knowledge base says more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from medic_cli.scan.model import Kind


@dataclass(frozen=True, slots=True)
class Words:
    """A kind in words."""

    title: str
    advice: str
    entry: str
    """The knowledge base's entry: `medic explain ENTRY`."""


KINDS: Mapping[Kind, Words] = {
    Kind.SERVICE_ROLE_NOT_SET: Words(
        "No service role",
        "Fine as long as no build calls AWS: builds run as a role of Amplify's own. Set a service role if they do.",
        "service_role_not_set",
    ),
    Kind.SERVICE_ROLE_DELETED: Words(
        "The service role does not exist",
        "Make the role again under this very ARN, or set another one on the app: until then its builds fail.",
        "service_role_missing",
    ),
    Kind.SERVICE_ROLE_OTHER_ACCOUNT: Words(
        "The service role belongs to another account",
        "Set a role of the app's own account: a role can't be passed to a service across accounts.",
        "service_role_other_account",
    ),
    Kind.SERVICE_ROLE_UNASSUMABLE: Words(
        "Amplify can't assume the service role",
        "Correct the role's trust policy: until then the builds stop before they clone the repository.",
        "service_role_trust_wrong",
    ),
    Kind.SERVICE_ROLE_CONDITIONAL: Words(
        "It can't be known whether Amplify may assume the service role",
        "Compare the trust policy with the documented one; a build is the test.",
        "service_role_trust_wrong",
    ),
    Kind.COMPUTE_ROLE_NOT_SET: Words(
        "SSR branches without a compute role",
        "If server code calls AWS, give the branch a compute role: without one it finds no credentials at runtime. "
        "If it calls nothing, all is well.",
        "compute_role_not_set",
    ),
    Kind.COMPUTE_ROLE_DELETED: Words(
        "The compute role does not exist",
        "Make the role again under this very ARN, or set another one: server code finds no credentials.",
        "compute_role_missing",
    ),
    Kind.COMPUTE_ROLE_OTHER_ACCOUNT: Words(
        "The compute role belongs to another account",
        "Set a role of the app's own account, and let that one assume the other if it must.",
        "compute_role_missing",
    ),
    Kind.COMPUTE_ROLE_UNASSUMABLE: Words(
        "Amplify can't assume the compute role",
        "Correct the role's trust policy: until then server code finds no credentials.",
        "compute_role_trust_wrong",
    ),
    Kind.COMPUTE_ROLE_CONDITIONAL: Words(
        "It can't be known whether Amplify may assume the compute role",
        "Use the plain trust statement that AWS documents.",
        "compute_role_trust_wrong",
    ),
    Kind.COMPUTE_ROLE_CONTESTED: Words(
        "The compute role's trust has conditions that Amplify was seen to refuse",
        "It works on paper, and reports disagree. The plain statement is what AWS documents.",
        "compute_role_conditions_contested",
    ),
    Kind.SHARED_ROLE_PINNED: Words(
        "A role shared by apps lets only some of them in",
        "Give each app a role of its own, or name every app in the condition.",
        "service_role_source_condition",
    ),
    Kind.LOGGING_ROLE_PERMISSIONS: Words(
        "App permissions on the SSR logging role",
        "Put them on the compute role: server code never acts as the role that writes its logs.",
        "permissions_on_logging_role",
    ),
    Kind.LONG_LIVED_KEYS: Words(
        "AWS keys in environment variables",
        "Give the branch a compute role (or the app a service role, for builds), then delete the variables and the "
        "keys: everybody who may read the app reads them too.",
        "long_lived_keys_in_variables",
    ),
    Kind.SECRET_IN_VARIABLES: Words(
        "Variables that look like secrets",
        "Keep secrets in Amplify's secrets or in Secrets Manager: variables are shown to all who may read the app.",
        "long_lived_keys_in_variables",
    ),
    Kind.PREVIEW_EXPOSED: Words(
        "Pull-request previews run with a compute role",
        "Set the role on the branches that need it, not on the app; for a public repository, switch previews off.",
        "two_roles",
    ),
    Kind.AUTO_BRANCH_EXPOSED: Words(
        "Branches created by a push run with a compute role",
        "Set the role on the branches that need it, not on the app.",
        "two_roles",
    ),
    Kind.FIX_POSSIBLE: Words(
        "Opted in: a fix would be possible",
        "Nothing to do. What depends on the failure itself (its age, cool-down, storms) is asked when it happens.",
        "compute_role_not_set",
    ),
    Kind.FIX_REFUSED: Words(
        "Opted in, and yet a fix would be refused",
        "Change what the guardrail names, or take the tag off.",
        "compute_role_not_set",
    ),
    Kind.FIX_NOT_NEEDED: Words(
        "Opted in: the compute role is usable",
        "Nothing to do: a usable role that somebody set is never replaced.",
        "two_roles",
    ),
    Kind.OPT_IN_UNKNOWN: Words(
        "The opt-in tag has an unknown value",
        "Use fix, ask, report or ignore, exactly so: anything else is taken as report.",
        "two_roles",
    ),
}
