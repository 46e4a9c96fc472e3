"""What each kind of access-denied message means; `medic.diagnosis.denial` tells them apart by caller and policy."""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Entry, Kind, Look
from medic.diagnosis.model import Identity, Label, Phase

_ACCESS_DENIED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"
_TROUBLE = "https://docs.aws.amazon.com/amplify/latest/userguide/security_iam_troubleshoot.html"
_BUILD_SESSION = "arn:aws:sts::111122223333:assumed-role/amplify-service/BuildSession"
_COMPUTE_SESSION = "arn:aws:sts::111122223333:assumed-role/shop-ssr/AmplifyHostingCompute-app=d1a2b3c4d5e6f7"
_AMPLIFYS_OWN = "arn:aws:sts::444455556666:assumed-role/AemiliaControlPlaneLambda-CodeBuildRole-1P/AWSCodeBuild-40"
_USER = "arn:aws:iam::111122223333:user/mateo"
_QUOTED = 'it("is not authorized to perform: s3:GetObject", () => {'


def _denial(  # noqa: PLR0913 - the parts of an entry, most of them by name
    id_: str,
    title: str,
    explanation: str,
    *,
    label: Label,
    positives: tuple[str, ...],
    fixes: tuple[str, ...] = (),
    related: tuple[str, ...] = (),
    identity: Identity | None = None,
    phases: tuple[Phase, ...] = (),
    looks: tuple[Look, ...] = (),
    sources: tuple[str, ...] = (_ACCESS_DENIED,),
) -> Entry:
    return Entry(
        id=id_,
        kind=Kind.SIGNATURE,
        title=title,
        explanation=explanation,
        sources=sources,
        looks=looks,
        fixes=fixes,
        related=related,
        label=label,
        identity=identity,
        phases=phases,
        positives=positives,
        negatives=(_QUOTED,),
    )


_BY_CALLER = (
    _denial(
        "denied_amplifys_own_role",
        "The build ran as Amplify's own role: the app has no service role",
        "The principal is AemiliaControlPlaneLambda-CodeBuildRole in an account of AWS. Whatever policy is named, "
        "the answer is to attach a service role; that foreign role can't and needn't be changed.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.AMPLIFY_OWN,
        phases=(Phase.BUILD,),
        looks=(Look("service_role_set", "The app has a service role."),),
        fixes=("create_service_role", "attach_service_role"),
        related=("service_role_not_set",),
        sources=(
            "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-service-role.html",
            "aws-amplify/amplify-hosting#3205",
        ),
        positives=(
            (
                f"User: {_AMPLIFYS_OWN} is not authorized to perform: cloudformation:GetTemplateSummary on resource: "
                "arn:aws:cloudformation:us-east-1:444455556666:stack/a/* because no identity-based policy allows "
                "the cloudformation:GetTemplateSummary action"
            ),
        ),
    ),
    _denial(
        "denied_service_role",
        "The service role was assumed, and lacks a permission",
        "The session name BuildSession shows that Amplify could assume the role: trust is fine. The role lacks "
        "this action on this resource.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD, Phase.DEPLOY),
        fixes=("grant_action", "attach_service_role"),
        related=("permission_missing_identity", "permissions_on_logging_role"),
        sources=(_ACCESS_DENIED, "aws-amplify/amplify-backend#1961"),
        positives=(
            (
                f"User: {_BUILD_SESSION} is not authorized to perform: ssm:GetParameter on resource: "
                f"arn:aws:ssm:eu-west-2:111122223333:"
                "parameter/X because no identity-based policy allows the ssm:GetParameter action"
            ),
        ),
    ),
    _denial(
        "denied_compute_role",
        "The compute role works, and lacks a permission",
        "The session name AmplifyHostingCompute-app=... shows that server code runs as the compute role. Grant the "
        "action there; no redeploy is needed.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME,),
        fixes=("grant_action",),
        related=("permission_missing_identity", "app_permissions_on_compute_role"),
        positives=(
            (
                f"AccessDeniedException: User: {_COMPUTE_SESSION} is not authorized to perform: dynamodb:GetItem on "
                f"resource: "
                "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"
            ),
        ),
    ),
    _denial(
        "denied_studio_role",
        "Amplify Studio's role lacks a permission",
        "The role <region>_<pool>_Full-access belongs to Amplify Studio (or `amplify pull` through it), not to "
        "builds or the runtime.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.STUDIO,
        fixes=("grant_action",),
        related=("permission_missing_identity",),
        sources=("aws-amplify/amplify-cli#9839", "aws-amplify/amplify-hosting#2194"),
        positives=(
            (
                "User: arn:aws:sts::111122223333:assumed-role/us-east-1_AbCdEf_Full-access/amplifyadmin is not "
                "authorized to perform: appsync:GetGraphqlApi on resource: "
                "arn:aws:appsync:us-east-1:111122223333:apis/x"
            ),
        ),
    ),
    _denial(
        "denied_cognito_user",
        "A user of the app lacks a permission",
        "The session CognitoIdentityCredentials is a signed-in or guest user of the app, through the identity "
        "pool's roles.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.COGNITO_USER,
        phases=(Phase.RUNTIME,),
        fixes=("grant_action", "sign_user_in"),
        related=("user_credentials_cognito",),
        positives=(
            (
                "User: arn:aws:sts::111122223333:assumed-role/amplify-shop-authRole/CognitoIdentityCredentials is "
                "not authorized to perform: s3:PutObject on resource: arn:aws:s3:::b/k"
            ),
        ),
    ),
    _denial(
        "denied_caller",
        "A person or another tool lacks a permission",
        "The principal is a user or role outside Amplify's two: whoever ran the command, a pipeline, "
        "CloudFormation's execution role, or long-lived keys in server code.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.USER,
        fixes=("grant_action",),
        related=("callers_policy_by_administrator", "deleting_needs_amplifybackend", "access_from_outside_account"),
        sources=(_TROUBLE, _ACCESS_DENIED),
        positives=(
            f"User: {_USER} is not authorized to perform: amplify:GetWidget on resource: my-example-widget",
            (
                f"User: {_USER} is not authorized to perform: amplifybackend;:RemoveAllBackends on resource: "
                f"example-amplify-app"
            ),
        ),
    ),
    _denial(
        "denied_caller_unknown",
        "An action was refused; the text does not name the caller",
        "Find the principal first: it tells which role to look at.",
        label=Label.ACCESS_DENIED_IDENTITY,
        looks=(Look("principal", "Find the principal in the full message."),),
        fixes=("grant_action",),
        related=("permission_missing_identity", "denied_by_other_policy"),
        positives=("AccessDeniedException: not authorized to perform: dynamodb:PutItem",),
    ),
)

_BY_POLICY = (
    _denial(
        "denied_pass_role",
        "iam:PassRole was refused",
        "The caller may not hand the role to the service. It is the caller's permission, whatever the role may do.",
        label=Label.PASS_ROLE_DENIED,
        fixes=("allow_pass_role",),
        related=("pass_role_missing", "pass_service_linked_role"),
        sources=(_TROUBLE, "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"),
        positives=(f"User: {_USER} is not authorized to perform: iam:PassRole",),
    ),
    _denial(
        "denied_boundary",
        "A permissions boundary denies",
        "Policies and boundary must both allow. Adding a permission to the role changes nothing.",
        label=Label.ACCESS_DENIED_BOUNDARY,
        fixes=("change_boundary",),
        related=("denied_by_boundary", "gen1_roles_under_boundary"),
        sources=("https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html", _ACCESS_DENIED),
        positives=(
            (
                f"User: {_BUILD_SESSION} is not authorized to perform: dynamodb:Scan on resource: "
                f"arn:aws:dynamodb:us-east-1:111122223333:"
                "table/users with an explicit deny in a permissions boundary"
            ),
            "because no permissions boundary allows the iam:CreateRole action",
        ),
    ),
    _denial(
        "denied_scp",
        "A service control policy of the organization denies",
        "No policy in this account helps; the organization's administrators decide.",
        label=Label.ACCESS_DENIED_SCP,
        fixes=("ask_policy_owner",),
        related=("denied_by_scp",),
        positives=(
            (
                f"User: {_USER} is not authorized to perform: amplify:CreateApp on resource: "
                f"arn:aws:amplify:eu-central-2:111122223333:apps/* with "
                "an explicit deny in a service control policy: "
                "arn:aws:organizations::999988887777:policy/o-a/service_control_policy/p-a"
            ),
            (
                f"User: {_USER} is not authorized to perform: amplify:ListApps because no service control "
                "policy allows the amplify:ListApps action"
            ),
        ),
    ),
    _denial(
        "denied_rcp",
        "A resource control policy of the organization denies",
        "It bounds what anybody may do with the resource; the organization's administrators decide.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_other_policy", "rcp_denies_assume_role"),
        positives=(
            (
                f"User: {_USER} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k with an "
                "explicit deny in a resource control policy, with policy ARN: "
                "arn:aws:organizations::999988887777:policy/o-a/resource_control_policy/p-a"
            ),
        ),
    ),
    _denial(
        "denied_session_policy",
        "A session policy denies",
        "Whoever assumed the role limited the session; the role's own policies can't widen it.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_session_policy",),
        positives=(
            (
                f"User: {_COMPUTE_SESSION} is not authorized to perform: ec2:DescribeImages with an explicit deny in a "
                f"sessions policy"
            ),
            (
                f"User: {_COMPUTE_SESSION} is not authorized to perform: ec2:DescribeImages because no session policy "
                f"allows the "
                "ec2:DescribeImages action"
            ),
        ),
    ),
    _denial(
        "denied_resource_policy",
        "The resource's own policy denies or does not allow",
        "A bucket, key, secret, queue or layer policy. Across accounts both sides must allow.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_resource_policy",),
        positives=(
            (
                f'User: {_COMPUTE_SESSION} is not authorized to perform: s3:PutObject on resource "arn:aws:s3:::b/k" '
                "with an explicit deny in a resource-based policy"
            ),
            (
                f"User: {_COMPUTE_SESSION} is not authorized to perform: kms:Decrypt on resource: "
                f"arn:aws:kms:eu-west-1:111122223333:key/1 because "
                "the resource does not exist in this Region, no resource-based policies allow access, or a "
                "resource-based policy explicitly denies access"
            ),
        ),
    ),
    _denial(
        "denied_vpc_endpoint",
        "A VPC endpoint's policy denies",
        "The call went through an endpoint whose policy does not allow it.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_other_policy",),
        positives=(
            (
                f"User: {_USER} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because "
                "no VPC endpoint policy allows the s3:GetObject action"
            ),
        ),
    ),
    _denial(
        "denied_trust_policy",
        "A role's trust policy denies or does not allow",
        "The role to be assumed does not let this caller in. For web identities the trust policy alone decides.",
        label=Label.ACCESS_DENIED_OTHER,
        related=("callers_account_not_trusted", "trust_conditions", "caller_lacks_assume_role"),
        positives=(
            (
                f"User: {_USER} is not authorized to perform: sts:AssumeRole on resource: "
                f"arn:aws:iam::222233334444:role/r because no role trust "
                "policy allows the sts:AssumeRole action"
            ),
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
    ),
)

DENIAL_SIGNATURES = (*_BY_CALLER, *_BY_POLICY)
