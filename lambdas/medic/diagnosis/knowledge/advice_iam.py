"""Advice on IAM roles, and on permissions boundaries in Amplify Gen 1 projects."""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Entry, Kind

_ROLES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html"
_GEN1_BOUNDARY = "https://docs.amplify.aws/gen1/javascript/tools/cli/project/permissions-boundary/"
_SERVICE_LINKED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html"


def _role(  # noqa: PLR0913 - the parts of an entry, most of them by name
    id_: str,
    title: str,
    explanation: str,
    *steps: str,
    related: tuple[str, ...] = (),
    fixes: tuple[str, ...] = (),
    sources: tuple[str, ...] = (_ROLES,),
) -> Entry:
    return Entry(
        id=id_,
        kind=Kind.ADVICE,
        title=title,
        explanation=explanation,
        sources=sources,
        steps=steps,
        related=related,
        fixes=fixes,
    )


_ASSUMING = (
    _role(
        "role_assumes_itself",
        "A role that assumes itself again needs its own ARN in the trust policy",
        "Being the role is not permission to assume it: the trust policy must name the role's ARN (or the "
        "account). On EC2, ECS, EKS, Lambda and Amplify credentials renew themselves, and there is no need to.",
        "Add the role's own ARN as an AWS principal, only if session tags or a session policy are wanted.",
        related=("session_tags_assume_again",),
    ),
    _role(
        "role_name_case",
        "Role names are exact in case when assuming a role",
        "IAM keeps names unique without regard to case, yet an ARN or a console form with another spelling of the "
        "name is refused.",
        "Copy the ARN from GetRole instead of typing it.",
    ),
    _role(
        "caller_lacks_assume_role",
        "The caller itself must be allowed sts:AssumeRole on that role",
        "Across accounts both sides count: the trust policy and an identity policy of the caller with "
        "sts:AssumeRole on the role's ARN. A service such as Amplify has no identity policies; for it the trust "
        "policy alone decides.",
        'Allow "sts:AssumeRole" on the role\'s ARN to the caller.',
        fixes=("grant_action",),
    ),
    _role(
        "principal_tags_required",
        "A policy may ask the caller to carry certain tags",
        "aws:PrincipalTag/... in a condition is met only by principals with that tag. A service principal carries "
        "none.",
        "Compare the tags of the calling user or role with the condition.",
    ),
    _role(
        "trust_conditions",
        "Every condition of the trust statement has to be met: date, external id, address, source",
        "Conditions of one statement are joined by and. Amplify sends no external id and no caller's address that "
        "could be relied on.",
        "Evaluate: medic trust trust.json names the condition that fails or can't be known.",
        related=("trust_date_window", "source_identity_required", "service_role_source_condition"),
    ),
    _role(
        "callers_account_not_trusted",
        "The caller's account is not in the trust policy's Principal",
        "Whatever the caller's own policies say, an account that is not named can't assume the role.",
        "Name the calling role's ARN, or the account, as AWS principal.",
        related=("access_from_outside_account",),
    ),
    _role(
        "trust_date_window",
        "The trust policy holds only within a window of dates",
        "DateGreaterThan and DateLessThan on aws:CurrentTime (UTC): outside the window the statement never matches.",
        "Evaluate for a time: medic trust trust.json --now 2030-01-01T00:00:00Z.",
    ),
    _role(
        "source_identity_required",
        "The role demands a source identity",
        "sts:SourceIdentity in the trust policy asks the caller to pass one, and sts:SetSourceIdentity to be "
        "allowed. A service such as Amplify passes none.",
        "Leave the condition out of the statement for amplify.amazonaws.com.",
    ),
    _role(
        "session_tags_assume_again",
        "Session tags and session policies are set when assuming: assume again to change them",
        "They can't be added to a session that exists.",
        "Assume the role once more, with the tags or the policy.",
        related=("role_assumes_itself", "denied_by_session_policy"),
    ),
    _role(
        "duration_above_maximum",
        "DurationSeconds must lie between 900 s and the role's maximum",
        "The maximum session duration is a setting of the role, one hour by default and twelve at most. Asking for "
        "more is refused, not shortened.",
        "aws iam get-role --role-name {role_name} --query Role.MaxSessionDuration",
    ),
    _role(
        "role_chaining_one_hour",
        "A chained role lasts one hour at most",
        "Credentials of a role that were used to assume another role limit the second session to an hour, whatever "
        "its maximum says.",
        "Assume the second role with a user's or a service's credentials, or renew every hour.",
        related=("duration_above_maximum",),
    ),
    _role(
        "switch_role_invalid",
        '"Invalid information in one or more fields" when switching roles',
        "The account id or alias and the role's name (case counts) must be right, and the trust policy and the "
        "caller's policy must allow it: the console says the same in every case.",
        "Check account, name, trust policy, and sts:AssumeRole of the caller.",
        related=("role_name_case", "caller_lacks_assume_role"),
    ),
)

_SERVICE_ROLES = (
    _role(
        "service_linked_role_appeared",
        "A new role appeared in the account: a service-linked role",
        "A service made it for itself, with a path /aws-service-role/. Nothing is wrong, and it should stay.",
        "Leave it; deleting it can break the service.",
        sources=(_ROLES, _SERVICE_LINKED),
    ),
    _role(
        "service_linked_role_locked",
        "A service-linked role can't be edited or deleted in IAM",
        "Trust and permissions are the service's; only the description can be changed, and the service deletes the "
        "role. It can't serve as Amplify's service or compute role.",
        "Make a role of your own instead.",
        sources=(_ROLES, _SERVICE_LINKED),
    ),
    _role(
        "pass_service_linked_role",
        "iam:PassRole is refused while a service makes its service-linked role",
        "The message names the operation (`when calling the ...`) and a role under aws-service-role/. The caller "
        "lacks iam:PassRole on it, or iam:CreateServiceLinkedRole.",
        "Allow iam:CreateServiceLinkedRole for that service, and iam:PassRole on the named ARN, to the caller.",
        related=("pass_role_missing",),
        sources=(_ROLES, _SERVICE_LINKED),
    ),
    _role(
        "default_policy_version",
        '"... did not create the default version (V2) of the ... policy"',
        "A policy that a service had made was edited: its default version is no longer the service's, and the "
        "service refuses to go on.",
        "Set version V1 as default and try again.",
        "If that fails, detach the policy elsewhere, delete policy and role, and let the service make them again.",
        related=("service_created_role_hands_off", "delete_service_role_safely"),
    ),
    _role(
        "service_created_role_hands_off",
        "Don't edit a role or policy that a service made for itself",
        "It may be used for several environments, and the service may write it again. Make your own role for other "
        "purposes.",
        related=("default_policy_version",),
    ),
    _role(
        "delete_service_role_safely",
        "Deleting a service role and its policy safely",
        "See first who else uses them, and give those a copy.",
        "List the entities the policy is attached to; give each a copy of it, then detach the old one.",
        "Read the trust policy: for every principal besides the service, make a role of their own, with the copy, "
        "and tell them.",
        "See that no Amplify app or branch names the role (GetApp, GetBranch).",
        "Delete the policy, then the role.",
    ),
    _role(
        "role_without_use_case",
        "The console has no use case for the service: make the role by account, then swap the principal",
        "A role made for `This account` trusts arn:aws:iam::<account>:root until its trust policy is edited. Left "
        "there, the service can't assume it, and everybody in the account with sts:AssumeRole can.",
        'Replace {"AWS": "arn:aws:iam::{account}:root"} by {"Service": "amplify.amazonaws.com"}.',
        fixes=("trust_compute_role", "trust_service_role"),
    ),
    _role(
        "find_service_principal",
        "Finding a service's principal",
        "The page `AWS services that work with IAM` leads to each service's page; its service-linked role section "
        "names the principal. Amplify's is amplify.amazonaws.com in the commercial partition.",
        "Look it up; don't guess regional forms.",
        sources=(
            _ROLES,
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html",
        ),
    ),
)

_BOUNDARIES = (
    _role(
        "gen1_roles_under_boundary",
        "Which roles an Amplify Gen 1 project's permissions boundary covers",
        "All that the CLI makes: authRole and unauthRole, Lambda execution roles, Cognito user-group roles, and "
        "roles of custom stacks. Each can do what its policies and the boundary both allow.",
        sources=(_GEN1_BOUNDARY,),
        related=("denied_by_boundary",),
    ),
    _role(
        "gen1_boundary_init",
        "Setting a boundary on a new Gen 1 project",
        "The policy must exist; its ARN is given once.",
        "amplify init --permissions-boundary <policy ARN>",
        sources=(_GEN1_BOUNDARY,),
    ),
    _role(
        "gen1_boundary_env_add",
        "A new Gen 1 environment inherits the current one's boundary",
        "Give another one, or '' for none; where it can't be inherited, the CLI asks.",
        "amplify env add --permissions-boundary <policy ARN>",
        "amplify env add --permissions-boundary ''",
        sources=(_GEN1_BOUNDARY,),
    ),
    _role(
        "gen1_boundary_env_update",
        "Changing a Gen 1 environment's boundary",
        "Interactive without an argument; applied at the next push.",
        "amplify env update --permissions-boundary <policy ARN>",
        "amplify push",
        sources=(_GEN1_BOUNDARY,),
        fixes=("change_boundary",),
    ),
    _role(
        "gen1_boundary_cross_account",
        "A Gen 1 environment in another account needs its boundary named",
        "With --yes the CLI can't carry the boundary over to another account.",
        "amplify env add --yes --permissions-boundary <policy ARN of that account>",
        "amplify env add --yes --permissions-boundary ''",
        sources=(_GEN1_BOUNDARY,),
    ),
    _role(
        "gen1_boundary_per_environment",
        "Each Gen 1 environment may have a boundary of its own",
        "So that dev, say, is kept away from what belongs to prod, whatever its roles' policies say.",
        sources=(_GEN1_BOUNDARY,),
        related=("gen1_boundary_env_add", "gen1_boundary_env_update"),
    ),
    _role(
        "gen1_boundary_policy_outside",
        "The boundary policy is made outside the Amplify CLI and given by ARN",
        "An ordinary managed policy, mostly the organization's. This product's own roles take one too: a required "
        "boundary is among its settings.",
        "aws iam create-policy --policy-name boundary --policy-document file://boundary.json",
        sources=(_GEN1_BOUNDARY, "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"),
    ),
    _role(
        "gen1_boundary_verify",
        "Verifying that the boundary is on authRole and unauthRole",
        "After the push, GetRole returns PermissionsBoundary for both.",
        "aws iam get-role --role-name <authRole> --query Role.PermissionsBoundary",
        "aws iam get-role --role-name <unauthRole> --query Role.PermissionsBoundary",
        sources=(_GEN1_BOUNDARY,),
    ),
)

IAM_ADVICE = (*_ASSUMING, *_SERVICE_ROLES, *_BOUNDARIES)
