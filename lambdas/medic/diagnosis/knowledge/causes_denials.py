"""Causes that lie in permissions, credentials and code."""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Entry, Kind, Look
from medic.diagnosis.model import Identity, Label, Phase

_ACCESS_DENIED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"
_EVALUATION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"
_PASSING = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
_COMPUTE_ROLE = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html"

_POLICIES = (
    Entry(
        id="permission_missing_identity",
        kind=Kind.CAUSE,
        title="The identity lacks the permission",
        explanation=(
            "The message names who called, the action and mostly the resource, and no policy of the caller allows "
            "it. Grant that one action on that one resource to that one identity: BuildSession is the service "
            "role, AmplifyHostingCompute-app=... the compute role."
        ),
        sources=(_ACCESS_DENIED, "aws-amplify/amplify-backend#1961"),
        steps=("Read the role's name from the principal.", "Grant the least statement; never administrator rights."),
        fixes=("grant_action",),
        label=Label.ACCESS_DENIED_IDENTITY,
    ),
    Entry(
        id="denied_by_boundary",
        kind=Kind.CAUSE,
        title="A permissions boundary denies",
        explanation=(
            "What an identity may do is what its policies and its boundary both allow. Adding a permission to the "
            "role changes nothing: the boundary has to allow the action, or the role needs another boundary. In "
            "accounts where every new role must bear a boundary, iam:CreateRole is denied until the templates set "
            "it."
        ),
        sources=("https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html", _ACCESS_DENIED),
        steps=("See which boundary the role has: GetRole returns PermissionsBoundary.", "Ask its owner."),
        fixes=("change_boundary",),
        label=Label.ACCESS_DENIED_BOUNDARY,
        related=("gen1_roles_under_boundary", "gen1_boundary_env_update"),
    ),
    Entry(
        id="denied_by_scp",
        kind=Kind.CAUSE,
        title="A service control policy of the organization denies",
        explanation=(
            "SCPs bound every user and role of a member account, administrators included; region guardrails are "
            "the usual reason. No policy in the account helps. A message may call a missing allow an explicit deny."
        ),
        sources=(
            "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html",
            _ACCESS_DENIED,
        ),
        steps=("Send the message, with the policy ARN if it has one, to the organization's administrators.",),
        fixes=("ask_policy_owner",),
        label=Label.ACCESS_DENIED_SCP,
    ),
    Entry(
        id="denied_by_session_policy",
        kind=Kind.CAUSE,
        title="A session policy limits what the session may do",
        explanation=(
            "Whoever assumes a role may pass an inline policy and up to ten managed policies; the session can do "
            "what the role's policies and those allow. Amplify itself passes one to the SSR session that denies "
            "iam:PassRole: no change of the role cures that."
        ),
        sources=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session",
            _ACCESS_DENIED,
        ),
        steps=("Find who assumes the role with a Policy or PolicyArns.", "In SSR code, do without iam:PassRole."),
        fixes=("ask_policy_owner",),
        label=Label.ACCESS_DENIED_OTHER,
        related=("session_tags_assume_again",),
    ),
    Entry(
        id="denied_by_resource_policy",
        kind=Kind.CAUSE,
        title="The resource's own policy denies or does not allow",
        explanation=(
            "A bucket, key, queue, secret or layer policy has the last word, above all across accounts: there both "
            "the identity's and the resource's policy must allow. KMS says so in words of its own. A layer in "
            "another region looks the same."
        ),
        sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html", _ACCESS_DENIED),
        steps=("Read the resource's policy.", "Check that its region and account are the ones meant."),
        fixes=("ask_policy_owner",),
        label=Label.ACCESS_DENIED_OTHER,
    ),
    Entry(
        id="denied_by_other_policy",
        kind=Kind.CAUSE,
        title="Denied, and the text does not say by what, or by a policy the identity can't change",
        explanation=(
            "An RCP, a VPC endpoint policy, a role's trust policy, or a bare `Access Denied` that names nobody. "
            "Find the full message first: the principal tells which role to look at, the words after `because` or "
            "`with` which policy."
        ),
        sources=(_ACCESS_DENIED,),
        steps=(
            "Look for `User: ... is not authorized to perform` near the line, or in CloudTrail by request id.",
            (
                "Decode `Encoded authorization failure message` with sts decode-authorization-message, and don't "
                "post the outcome."
            ),
        ),
        fixes=("ask_policy_owner",),
        label=Label.ACCESS_DENIED_OTHER,
    ),
    Entry(
        id="pass_role_missing",
        kind=Kind.CAUSE,
        title="The caller may not pass the role to Amplify",
        explanation=(
            "Attaching a role to an app or branch authorizes iam:PassRole of the caller on that role, with "
            "iam:PassedToService = amplify.amazonaws.com. It is the caller's permission, not the role's. Grant it "
            "on exact role ARNs: PassRole on * lets the caller borrow any role."
        ),
        sources=(_PASSING, "https://docs.aws.amazon.com/amplify/latest/userguide/security_iam_troubleshoot.html"),
        steps=("Read who called from the principal; the role is the resource, where the message names one.",),
        fixes=("allow_pass_role",),
        label=Label.PASS_ROLE_DENIED,
        related=("pass_service_linked_role", "callers_policy_by_administrator"),
    ),
)

_CREDENTIALS = (
    Entry(
        id="explicit_credentials_in_code",
        kind=Kind.CAUSE,
        title="The code passes credentials of its own, often undefined ones",
        explanation=(
            "`credentials: { accessKeyId: process.env.X, ... }` overrides the role. Variables set in Amplify reach "
            "the build, not the SSR runtime, unless written to .env.production: there X is undefined, and the SDK "
            "says `Resolved credential object is not valid` or finds none, even with a compute role attached."
        ),
        sources=(_COMPUTE_ROLE, "https://docs.aws.amazon.com/amplify/latest/userguide/ssr-environment-variables.html"),
        looks=(Look("compute_role_set", "A usable compute role is attached, and the error persists."),),
        fixes=("drop_explicit_credentials",),
        phases=(Phase.RUNTIME,),
        related=("keys_on_localhost_role_on_amplify", "long_lived_keys_in_variables"),
    ),
    Entry(
        id="session_expired",
        kind=Kind.CAUSE,
        title="The credentials existed and have expired, or are invalid",
        explanation=(
            "In a build, credentials end after one hour whatever the role allows; raising MaxSessionDuration did "
            "not help. On a laptop the SSO session has ended. With access keys: deleted, inactive, of another "
            "partition, or copied without the session token."
        ),
        sources=(
            "aws-amplify/amplify-hosting#2751",
            "aws-amplify/amplify-hosting#2557",
            "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html",
        ),
        steps=("Compare the time of the error with the job's start.", "Log in again, or shorten the build."),
        fixes=("shorten_build", "log_in_locally"),
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        related=("max_session_duration_not_the_cause",),
    ),
    Entry(
        id="user_credentials_cognito",
        kind=Kind.CAUSE,
        title="The app's user has no credentials (Cognito), not the app",
        explanation=(
            "`Error: No credentials` of the Amplify libraries, and denials whose principal ends in "
            "CognitoIdentityCredentials, are about the signed-in or guest user of the app. Neither service nor "
            "compute role is involved."
        ),
        sources=(
            "aws-amplify/amplify-js#7940",
            "aws-amplify/amplify-js#8664",
            "https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html",
        ),
        steps=(
            "Run server calls in the user's context, or use an API key.",
            "Grant on the identity pool's auth or unauth role.",
        ),
        fixes=("sign_user_in", "grant_action"),
        identity=Identity.COGNITO_USER,
        phases=(Phase.RUNTIME,),
    ),
    Entry(
        id="credentials_local_machine",
        kind=Kind.CAUSE,
        title="No credentials on the machine where the command ran",
        explanation=(
            "`Failed to load default AWS credentials`, `Unable to locate credentials` and the like from ampx, CDK "
            "or the CLI on a laptop: no profile is configured, or the wrong one. Nothing on Amplify has to change."
        ),
        sources=(
            "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
            "https://docs.amplify.aws/react/start/account-setup/",
        ),
        fixes=("log_in_locally",),
        identity=Identity.NOBODY,
    ),
)

DENIAL_CAUSES = (*_POLICIES, *_CREDENTIALS)
