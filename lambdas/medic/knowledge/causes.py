"""The causes: the repository connection, Amplify's two roles, policies that deny, and the credentials themselves."""

from __future__ import annotations

from functools import partial

from medic.knowledge.entry import (
    ACCESS_DENIED_DOCS,
    BOUNDARY_DOCS,
    CLI_DOCS,
    CODECOMMIT_DOCS,
    COMPUTE_ROLE_DOCS,
    PASSING_ROLES_DOCS,
    ROLES_DOCS,
    S3_403_DOCS,
    SCP_DOCS,
    SERVICE_ROLE_DOCS,
    SSR_VARIABLES_DOCS,
    STS_ERRORS_DOCS,
    TROUBLESHOOTING_DOCS,
    WRITE_UP,
    Entry,
    EntryKind,
    Look,
)
from medic.labels import Identity, Label, Phase

_BUILD = (Phase.BUILD, Phase.DEPLOY)
_DEPUTY = "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html"

_cause = partial(Entry, kind=EntryKind.CAUSE)

CAUSES: tuple[Entry, ...] = (
    # the repository connection and the app
    _cause(
        "repository_connection_lost",
        "Amplify has lost its connection to the repository",
        "Amplify prints the same line for a repository it cannot reach as for a role it cannot assume. The repository "
        "was renamed or made private, is connected by a personal access token, or the GitHub App has no access to it. "
        "The line came unchanged after the role was replaced, and with no role set at all. "
        "No AWS API shows the connection, so this is found by exclusion: role present, trust right, build dead before "
        "the clone.",
        phases=(Phase.BUILD,),
        looks=(
            Look(
                "repository_connection",
                "Look in the Amplify console for a banner that asks to reconnect or update the repository.",
            ),
            Look("repository_cloned", "The log ends before `# Cloning repository`."),
            Look("service_role_trust", "The service role's trust policy lets Amplify in, or no service role is set."),
        ),
        steps=(
            "Compare app.repository of GetApp with the repository's present name.",
            "See that the Amplify GitHub App is installed and the repository on its access list.",
            "Reconnect, then start the job again.",
            "If pushes start no build, reconnecting renews the webhook too.",
        ),
        fixes=("reconnect_repository",),
        related=(
            "app_created_outside_console",
            "unassumable_checklist",
            "reattaching_role",
            "compare_with_working_app",
            "snapshot_before_reset",
            "other_reports",
        ),
        sources=(
            "aws-amplify/amplify-backend#2505",
            "aws-amplify/amplify-hosting#2578",
            "https://docs.aws.amazon.com/amplify/latest/userguide/setting-up-GitHub-access.html",
        ),
    ),
    _cause(
        "app_created_outside_console",
        "The app was created by CLI or IaC with an access token",
        "An app made with a personal access token failed. The same repository worked in an app made by the console. "
        "Both roles had the same trust policy, and the failing one had more permissions. Role, app and connection "
        "changed at the same time, so what made the difference is not proven; the connection is the likelier half. "
        "Reconnect the repository first; making the app anew in the console is the last resort, and "
        "apps made by CLI are not broken as such.",
        looks=(
            Look(
                "repository_connection", "No API tells how the repository is connected; the console's app settings do."
            ),
        ),
        steps=(
            "Reconnect the repository through the GitHub App.",
            "Only then, make the app anew in the console, with a new role or one that Amplify made before.",
        ),
        fixes=("reconnect_repository", "recreate_in_console"),
        related=(
            "snapshot_before_reset",
            "recreate_app_steps",
            "recreating_same_way",
        ),
        sources=(WRITE_UP, "aws-amplify/amplify-backend#2410"),
    ),
    _cause(
        "account_limits_or_new_account",
        "A new AWS account: its limits, or its first use of Amplify",
        "New accounts have fewer apps and concurrent jobs. Some reported wrong reasons for failed builds until one "
        "app had been built from the console. Weakly supported: consider it when roles, trust and "
        "repository are all right.",
        steps=(
            "Look at the Amplify quotas of the account and region.",
            "Build one small app from the console.",
            "Ask AWS Support.",
        ),
        sources=(
            "https://docs.aws.amazon.com/amplify/latest/userguide/quotas-chapter.html",
            "aws-amplify/amplify-hosting#95",
        ),
    ),
    _cause(
        "wrong_region_principal_myth",
        "The trust policy lacks a regional principal such as amplify.REGION.amazonaws.com",
        "It needs none. Often advised, never shown to help: three reported cases had it in the trust policy and "
        "failed all the same. AWS documents amplify.amazonaws.com alone. It does no harm either.",
        looks=(Look("service_role_trust", "The trust policy names amplify.amazonaws.com."),),
        related=("codebuild_principal_myth", "repository_connection_lost"),
        sources=(SERVICE_ROLE_DOCS, "aws-amplify/amplify-backend#1726", "aws-amplify/amplify-backend#2410"),
    ),
    # the service role
    _cause(
        "service_role_not_set",
        "The app has no service role",
        "Builds then run as Amplify's own role in an account of AWS. A site without a backend builds well that way. "
        "Any call to AWS from the build is refused. The message names the role "
        "AemiliaControlPlaneLambda-CodeBuildRole and an account that is not yours. Don't edit that role or look for "
        "it. A compute role does not help a build.",
        identity=Identity.AMPLIFY_OWN,
        phases=(Phase.BUILD, Phase.DEPLOY),
        looks=(Look("service_role_set", "GetApp returns no iamServiceRoleArn."),),
        fixes=("create_service_role", "attach_service_role"),
        related=(
            "two_roles",
            "minimal_logging_policy",
            "service_role_for_logs",
            "cdk_not_bootstrapped",
        ),
        sources=(SERVICE_ROLE_DOCS, "aws-amplify/amplify-hosting#1480", "aws-amplify/amplify-hosting#3205"),
    ),
    _cause(
        "service_role_set_since",
        "The service role was set after the build began",
        "The log shows Amplify's own role, which builds use while the app has no service role. The app has one now, "
        "so the next build runs as that role.",
        identity=Identity.AMPLIFY_OWN,
        phases=_BUILD,
        looks=(Look("service_role_set", "GetApp returns an iamServiceRoleArn."),),
        fixes=("wait_and_retry",),
        related=("service_role_not_set",),
        sources=(SERVICE_ROLE_DOCS,),
    ),
    _cause(
        "service_role_missing",
        "The service role does not exist",
        "The app still names a role that was deleted, renamed or made anew under another path; Amplify keeps the old "
        "ARN.",
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        looks=(Look("service_role_exists", "GetRole answers NoSuchEntity for the role that GetApp names."),),
        fixes=("create_service_role", "attach_service_role"),
        related=(
            "minimal_logging_policy",
            "domain_role_missing",
        ),
        sources=(SERVICE_ROLE_DOCS, "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html"),
    ),
    _cause(
        "service_role_trust_wrong",
        "The service role's trust policy does not let Amplify in",
        "The trust policy must allow amplify.amazonaws.com to call sts:AssumeRole. This is the usual advice for the "
        "line. In most published cases the trust was right all along, so evaluate it (`medic trust`) before changing "
        "it. A role of another purpose attached by mistake fails this way.",
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        looks=(Look("service_role_trust", "The trust policy, evaluated for this branch, denies."),),
        fixes=("trust_service_role", "attach_service_role", "create_service_role"),
        related=(
            "wrong_region_principal_myth",
            "codebuild_principal_myth",
            "policy_simulator_proves_nothing",
            "more_policies_myth",
            "trust_conditions",
            "role_without_use_case",
            "find_service_principal",
        ),
        sources=(SERVICE_ROLE_DOCS, "aws-amplify/amplify-hosting#3994", "aws-amplify/amplify-hosting#828"),
    ),
    _cause(
        "service_role_source_condition",
        "The trust policy is pinned to another app, branch, region or account",
        "The IAM console adds aws:SourceAccount and aws:SourceArn to roles made for Amplify. Reused for a second app, "
        "or in another region, such a role denies: the ARN names the first app. The one cleanly proven trust cause in "
        "public reports.",
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        looks=(Look("service_role_trust", "aws:SourceArn or aws:SourceAccount does not match this branch's ARN."),),
        steps=("Give each app a role of its own, or list every app's ARN and ARN/*.",),
        fixes=("trust_service_role", "create_service_role"),
        related=("trust_conditions",),
        sources=(SERVICE_ROLE_DOCS, _DEPUTY),
    ),
    _cause(
        "service_role_other_account",
        "The service role belongs to another account than the app",
        "A role can be passed to a service only within its own account. The ARN's account and the app's must be the "
        "same.",
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        looks=(Look("service_role_account", "The account in the role's ARN is not the app's."),),
        fixes=("create_service_role",),
        sources=(PASSING_ROLES_DOCS, "aws-amplify/amplify-hosting#958"),
    ),
    _cause(
        "iam_propagation",
        "The role was created or changed moments before",
        "IAM tells its regions about a change within seconds, not at once. A job or an attach in between fails "
        "although everything is right, and succeeds when tried again; published work-arounds wait 15 to 30 seconds.",
        looks=(Look("service_role_age", "The role is younger than five minutes when the job starts."),),
        fixes=("wait_and_retry",),
        sources=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency",
        ),
    ),
    _cause(
        "rcp_denies_assume_role",
        "A resource control policy keeps Amplify from assuming the role",
        "A service principal's AssumeRole is bound neither by SCPs nor by the role's permissions boundary. An "
        "organization's resource control policy can deny it, unless it exempts AWS services "
        "(aws:PrincipalIsAWSService). Not readable from a member account. No confirmed case with Amplify is known.",
        looks=(Look("resource_control_policies", "Ask the organization's administrators for RCPs on sts:AssumeRole."),),
        fixes=("ask_organization",),
        related=("scp_and_service_principals",),
        sources=("https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html",),
    ),
    _cause(
        "codecommit_pull_denied",
        "The service role may not read the CodeCommit repository",
        "Amplify clones CodeCommit repositories as the service role. Without codecommit:GitPull the clone ends in "
        "error 403 and exit code 128, and nothing in the log says IAM.",
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        looks=(Look("service_role_set", "A service role is set and has codecommit:GitPull on the repository."),),
        fixes=("allow_codecommit_pull", "create_service_role"),
        sources=(CODECOMMIT_DOCS, SERVICE_ROLE_DOCS),
    ),
    # the compute role
    _cause(
        "compute_role_not_set",
        "No compute role is set on branch or app",
        "Server code of an SSR app gets credentials from the compute role alone, never from the service role or the "
        "logging role. Without one, the AWS SDK finds nothing (`Could not load credentials from any providers`), and "
        "the deployment still succeeds. The branch's setting comes before the app's default: look at both.",
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME,),
        looks=(Look("compute_role_set", "GetBranch and GetApp both return no computeRoleArn."),),
        steps=(
            (
                "Make the role with the plain trust policy and only the permissions the server code needs, such as "
                "lambda:InvokeFunction. What sat on the service role for it moves here."
            ),
            "Attach it to the branch with update-branch --compute-role-arn.",
            "Redeploy once after the first attach, then look for new credential errors in /aws/amplify/<app id>.",
        ),
        fixes=("create_compute_role", "attach_compute_role"),
        related=(
            "two_roles",
            "app_permissions_on_compute_role",
            "verify_runtime",
            "long_lived_keys_in_variables",
            "keys_on_localhost_role_on_amplify",
            "node_provider_chain_no_help",
            "region_variable_no_help",
            "service_role_for_logs",
            "platform_matters",
        ),
        sources=(COMPUTE_ROLE_DOCS, "aws-amplify/amplify-hosting#3205"),
    ),
    _cause(
        "compute_role_set_since",
        "The compute role was created after the site was deployed",
        "AWS says that a changed compute role works at once. Three users deployed again after they had set their first "
        "one. Whether that is needed is not settled.",
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME,),
        looks=(Look("compute_role_age", "The role was created after the deployed job started."),),
        steps=("Redeploy the branch once.",),
        related=("compute_role_not_set",),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    _cause(
        "platform_without_compute_role",
        "The app's platform runs no server code with a compute role",
        "Amplify runs server code as the compute role on the platform WEB_COMPUTE. WEB is static. WEB_DYNAMIC is the "
        "older way to run Next.js 11. A compute role does not help on either.",
        phases=(Phase.RUNTIME,),
        looks=(Look("platform", "GetApp returns another platform than WEB_COMPUTE."),),
        steps=(
            "If the site has server code, change the platform to WEB_COMPUTE, then redeploy.",
            "UpdateApp sets the platform, and UpdateBranch the framework, such as `Next.js - SSR`.",
            "Then give the branch a compute role.",
            "If the site is static, look for what else writes to the log: an older deployment, or a visitor's text.",
        ),
        related=("platform_matters", "compute_role_not_set"),
        sources=(
            "https://docs.aws.amazon.com/amplify/latest/userguide/update-app-nextjs-version.html",
            COMPUTE_ROLE_DOCS,
        ),
    ),
    _cause(
        "compute_role_missing",
        "The compute role does not exist",
        "Branch or app names a role that IAM does not know. At attach, the API says only that it cannot be assumed by "
        "Amplify.",
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME, Phase.API),
        looks=(Look("compute_role_exists", "GetRole answers NoSuchEntity for the compute role."),),
        fixes=("create_compute_role", "attach_compute_role"),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    _cause(
        "compute_role_other_account",
        "The compute role belongs to another account than the app",
        "A role can be passed to a service only within its own account, whatever its trust policy says. For data of "
        "another account, a compute role of the app's account assumes a role over there.",
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME, Phase.API),
        looks=(Look("compute_role_account", "The account in the role's ARN is not the app's."),),
        fixes=("create_compute_role", "attach_compute_role"),
        sources=(PASSING_ROLES_DOCS, COMPUTE_ROLE_DOCS),
    ),
    _cause(
        "compute_role_trust_wrong",
        "The compute role's trust policy does not let Amplify in",
        "Amplify tries the role when it is attached and refuses it: `The compute role provided cannot be assumed by "
        "Amplify.` The documented trust is amplify.amazonaws.com, sts:AssumeRole, no condition. The same words also "
        "mean that the role does not exist, or was made seconds ago.",
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.API, Phase.RUNTIME),
        looks=(
            Look("compute_role_trust", "The trust policy, evaluated, denies amplify.amazonaws.com."),
            Look("compute_role_exists", "The role exists."),
        ),
        fixes=("trust_compute_role", "attach_compute_role", "create_compute_role"),
        related=(
            "iam_propagation",
            "compute_role_conditions_contested",
            "lambda_principal_contested",
            "role_without_use_case",
        ),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    _cause(
        "compute_role_conditions_contested",
        "Source conditions on the compute role's trust may be what Amplify refuses",
        "Reports disagree: aws:SourceArn was refused wherever an attach error was recorded; an own aws:SourceAccount "
        "was accepted once and refused twice. UpdateBranch is the judge. The plain statement is what AWS documents, "
        "and it works.",
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.API,),
        looks=(
            Look("compute_role_trust", "The trust statement for Amplify carries aws:SourceArn or aws:SourceAccount."),
        ),
        steps=(
            "Give the branch a compute role of its own, with the plain statement.",
            "Or take the conditions out of the statement. A plain one beside it would undo them just as well.",
        ),
        fixes=("attach_compute_role", "create_compute_role"),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    _cause(
        "permissions_on_logging_role",
        "The permissions were put on the logging role, where server code never looks",
        "AmplifySSRLoggingRole-... writes SSR logs. A policy attached there gives server code nothing; it belongs on "
        "the compute role. Mind that a name proves nothing: a role so named may also serve as service or compute "
        "role. The role-session name in a message tells: BuildSession is the service role, "
        "AmplifyHostingCompute-app=... the compute role.",
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME,),
        looks=(
            Look(
                "compute_role_set",
                "No compute role is set, and a role named AmplifySSRLoggingRole-... has the app's permissions.",
            ),
        ),
        fixes=("create_compute_role", "grant_action"),
        related=(
            "two_roles",
            "minimal_logging_policy",
            "app_permissions_on_compute_role",
        ),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    # policies that deny
    _cause(
        "permission_missing_identity",
        "The identity lacks the permission",
        "The message names who called, the action and mostly the resource, and no policy of the caller allows it. "
        "Grant that one action on that one resource to that one identity: BuildSession is the service role, "
        "AmplifyHostingCompute-app=... the compute role. The next call may then be denied in turn: more denials can "
        "follow, one at a time.",
        label=Label.ACCESS_DENIED_IDENTITY,
        steps=("Read the role's name from the principal.", "Grant the least statement; never administrator rights."),
        fixes=("grant_action",),
        related=(
            "callers_policy_by_administrator",
            "deleting_needs_amplifybackend",
            "app_permissions_on_compute_role",
            "secrets_not_set_up",
            "caller_lacks_assume_role",
            "principal_tags_required",
        ),
        sources=(ACCESS_DENIED_DOCS, "aws-amplify/amplify-backend#1961"),
    ),
    _cause(
        "denied_by_boundary",
        "A permissions boundary denies",
        "What an identity may do is what its policies and its boundary both allow. Adding a permission to the role "
        "changes nothing: the boundary has to allow the action, or the role needs another boundary. In accounts where "
        "every new role must bear a boundary, iam:CreateRole is denied until the templates set it. "
        "A message names one policy even if several deny.",
        label=Label.ACCESS_DENIED_BOUNDARY,
        steps=("See which boundary the role has: GetRole returns PermissionsBoundary.", "Ask its owner."),
        fixes=("change_boundary",),
        related=(
            "gen1_roles_under_boundary",
            "gen1_boundary_env_update",
            "gen1_boundary_init",
            "gen1_boundary_env_add",
            "gen1_boundary_cross_account",
            "gen1_boundary_per_environment",
            "gen1_boundary_policy_outside",
            "gen1_boundary_verify",
            "boundary_of_the_role",
        ),
        sources=(BOUNDARY_DOCS, ACCESS_DENIED_DOCS),
    ),
    _cause(
        "denied_by_scp",
        "A service control policy of the organization denies",
        "SCPs bound every user and role of a member account, administrators included; region guardrails are the usual "
        "reason. No policy in the account helps. A message may call a missing allow an explicit deny. "
        "A message names one policy even if several deny.",
        label=Label.ACCESS_DENIED_SCP,
        steps=("Send the message, with the policy ARN if it has one, to the organization's administrators.",),
        fixes=("ask_organization",),
        sources=(SCP_DOCS, ACCESS_DENIED_DOCS),
    ),
    _cause(
        "denied_by_session_policy",
        "A session policy limits what the session may do",
        "Whoever assumes a role may pass an inline policy and up to ten managed policies. The session can do what "
        "both the role's policies and these allow. Amplify itself passes one to the SSR session that denies "
        "iam:PassRole: no change of the role cures that. A message names one policy even if several deny.",
        label=Label.ACCESS_DENIED_OTHER,
        steps=(
            "Look in the code or pipeline for AssumeRole or GetFederationToken with Policy or PolicyArns.",
            "A session policy is stored nowhere else: it stands in the call that makes the session.",
            "In SSR code, do without iam:PassRole.",
        ),
        related=("session_tags_assume_again",),
        sources=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session",
            ACCESS_DENIED_DOCS,
        ),
    ),
    _cause(
        "denied_by_resource_policy",
        "The resource's own policy denies or does not allow",
        "An explicit deny in a bucket, key, queue, secret or layer policy beats every allow. Across accounts both the "
        "identity's and the resource's policy must allow. Within one account either is enough, but a key policy must "
        "always let the caller or its account in. KMS says so in words of its own. A layer in another region looks the "
        "same. A message names one policy even if several deny.",
        label=Label.ACCESS_DENIED_OTHER,
        steps=("Read the resource's policy.", "Check that its region and account are the ones meant."),
        fixes=("ask_resource_owner",),
        related=("access_from_outside_account",),
        sources=(S3_403_DOCS, ACCESS_DENIED_DOCS),
    ),
    _cause(
        "denied_by_other_policy",
        "Something other than the identity's own policies denies",
        "An RCP, a VPC endpoint policy, a role's trust policy, or a bare `Access Denied` that names nobody. Find the "
        "full message first: the principal tells which role to look at, the words after `because` or `with` which "
        "policy. "
        "A message names one policy even if several deny.",
        label=Label.ACCESS_DENIED_OTHER,
        steps=(
            "Look for `User: ... is not authorized to perform` near the line, or in CloudTrail by request id.",
            (
                "Decode `Encoded authorization failure message` with sts decode-authorization-message, and don't post "
                "the outcome."
            ),
        ),
        fixes=("ask_policy_owner",),
        related=(
            "caller_lacks_assume_role",
            "callers_account_not_trusted",
            "trust_conditions",
            "role_name_case",
        ),
        sources=(ACCESS_DENIED_DOCS,),
    ),
    _cause(
        "pass_role_missing",
        "The caller may not pass the role to the service",
        "Attaching a role to an app or branch authorizes iam:PassRole of the caller on that role, with "
        "iam:PassedToService = amplify.amazonaws.com. It is the caller's permission, not the role's. Grant it on "
        "exact role ARNs: PassRole on * lets the caller borrow any role.",
        label=Label.PASS_ROLE_DENIED,
        steps=("Read who called from the principal; the role is the resource, where the message names one.",),
        fixes=("allow_pass_role",),
        related=(
            "pass_service_linked_role",
            "callers_policy_by_administrator",
            "service_linked_role_locked",
        ),
        sources=(PASSING_ROLES_DOCS, TROUBLESHOOTING_DOCS),
    ),
    _cause(
        "role_assumes_itself",
        "The role assumes itself, and its trust policy does not name it",
        "Being the role is not permission to assume it: the trust policy must name the role's own ARN (or the "
        "account). On EC2, ECS, EKS, Lambda and Amplify credentials renew themselves, and there is no need to.",
        steps=(
            "Leave the call out, and use the credentials that are there.",
            "Only if session tags or a session policy are wanted: add the role's own ARN as AWS principal.",
        ),
        related=("session_tags_assume_again",),
        sources=(ROLES_DOCS,),
    ),
    _cause(
        "service_role_for_logs",
        "The service role is the one that Amplify created for SSR logs",
        "AmplifySSRLoggingRole-... or AmplifySSRLoggingPolicy-... may write logs and nothing else. Granting one "
        "permission only leads to the next denial. A backend needs a service role with the managed policy "
        "AmplifyBackendDeployFullAccess. A compute role never changes a build.",
        identity=Identity.SERVICE_ROLE,
        phases=_BUILD,
        looks=(Look("service_role_set", "The service role's name begins with AmplifySSRLogging."),),
        steps=("Leave the logging role as it is, and give the app a service role of its own.",),
        fixes=("create_backend_role",),
        related=("two_roles", "minimal_logging_policy", "cdk_not_bootstrapped"),
        sources=("aws-amplify/amplify-backend#1674", "aws-amplify/amplify-backend#1961", SERVICE_ROLE_DOCS),
    ),
    _cause(
        "service_role_not_for_backend",
        "The service role lacks what deploying a Gen 2 backend needs",
        "ampx reads and assumes what `cdk bootstrap` made: the parameter /cdk-bootstrap/... and the roles cdk-.... A "
        "service role that is denied one of them is denied the next one too. The managed policy "
        "AmplifyBackendDeployFullAccess allows them all.",
        identity=Identity.SERVICE_ROLE,
        phases=_BUILD,
        looks=(Look("caller_policies", "No policy of the service role allows what the line names."),),
        steps=(
            "Attach the managed policy AmplifyBackendDeployFullAccess to the service role, then redeploy.",
            "Every build of the app can then assume the roles with which CDK deploys, and change nearly all.",
        ),
        related=("cdk_not_bootstrapped",),
        sources=("aws-amplify/amplify-backend#1961", SERVICE_ROLE_DOCS),
    ),
    _cause(
        "studio_role_in_use",
        "The command runs with Amplify Studio's credentials instead of your own",
        "`amplify pull` and `push` of an app that was set up through Studio use the role <region>_<pool>_Full-access, "
        "which lacks what newer commands need. It is not yours to edit.",
        identity=Identity.STUDIO,
        steps=("Run amplify configure project, choose an AWS profile of your own, and run the command again.",),
        sources=("aws-amplify/amplify-hosting#1411", "aws-amplify/amplify-cli#9839"),
    ),
    _cause(
        "layer_not_shared",
        "The Lambda layer is in another region or account, or its owner has not shared it",
        "lambda:GetLayerVersion is denied for a layer whose ARN is misspelt, of another region than the function, or "
        "private to its owner. No permission of yours helps then.",
        label=Label.ACCESS_DENIED_OTHER,
        steps=(
            "Compare the layer's ARN with what its owner publishes: the region must be the function's own.",
            "If all is right: its owner shares it with aws lambda add-layer-version-permission.",
        ),
        related=("denied_by_resource_policy",),
        sources=("https://docs.aws.amazon.com/lambda/latest/dg/permissions-layer-cross-account.html",),
    ),
    _cause(
        "bedrock_access_not_enabled",
        "The account has no subscription to the Bedrock model",
        "Bedrock subscribes the account when a third party's model is called for the first time. That needs AWS "
        "Marketplace permissions, a valid payment method and, for Anthropic's models, a form about the use case. "
        "Permissions to call the model come second.",
        label=Label.ACCESS_DENIED_OTHER,
        steps=(
            "Amazon Bedrock > Model catalog, in the region that the code calls: an administrator opens the model once.",
            "Then allow bedrock:InvokeModel on it to the role. The subscription takes up to 15 minutes.",
        ),
        related=("app_permissions_on_compute_role",),
        sources=("https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html",),
    ),
    _cause(
        "kms_key_refuses",
        "The key behind the data may not be used",
        "Reading encrypted data needs kms:Decrypt on its key besides the right to read. The key policy must let the "
        "caller or its account in. Where it lets only the account in, a policy of the caller must allow it too. Across "
        "accounts both must. A deleted key, or one of another region, reads the same.",
        label=Label.ACCESS_DENIED_OTHER,
        steps=(
            "See which key encrypts the secret, object or table, and that it is enabled, in this region.",
            "Allow kms:Decrypt on that key to the caller, and see that the key policy lets its account use it.",
        ),
        related=("denied_by_resource_policy",),
        sources=("https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html",),
    ),
    _cause(
        "cognito_sms_role",
        "The role that the Cognito user pool sends text messages with does not fit",
        "It must allow sns:Publish, and trust cognito-idp.amazonaws.com with the external id that the user pool has. A "
        "role that was made a moment before fails in the same way.",
        label=Label.ACCESS_DENIED_OTHER,
        steps=(
            "Deploy once more: a new role needs some seconds.",
            "If it fails again, compare the role's trust and the pool's external id.",
        ),
        related=("iam_propagation",),
        sources=("https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-sms-settings.html",),
    ),
    # the credentials themselves
    _cause(
        "stale_keys",
        "Access keys in code or variables are stale",
        "A role's credentials renew themselves at SSR runtime, and last an hour in a build. A token that is expired or "
        "invalid before that mostly comes from keys that were copied into variables or code, or from a session saved "
        "with them. They are deleted, inactive, or lack their session token.",
        phases=(Phase.RUNTIME, Phase.BUILD),
        looks=(Look("static_keys", "Environment variables hold access keys."),),
        steps=(
            "At SSR runtime: attach a compute role first. A build has its service role.",
            "Then pass no credentials in the code, remove the variables, and delete the keys last.",
        ),
        fixes=("drop_explicit_credentials", "create_compute_role", "attach_compute_role"),
        related=("long_lived_keys_in_variables", "keys_on_localhost_role_on_amplify"),
        sources=(COMPUTE_ROLE_DOCS, STS_ERRORS_DOCS),
    ),
    _cause(
        "explicit_credentials_in_code",
        "The code passes credentials of its own, often undefined ones",
        "`credentials: { accessKeyId: process.env.X, ... }` overrides the role. Variables set in Amplify reach the "
        "build, not the SSR runtime, unless written to .env.production. There X is undefined. Even with a compute role "
        "attached, the SDK says `Resolved credential object is not valid`, or finds no credentials.",
        phases=(Phase.RUNTIME,),
        looks=(Look("compute_role_set", "A usable compute role is attached, and the error persists."),),
        fixes=("drop_explicit_credentials",),
        related=("keys_on_localhost_role_on_amplify", "long_lived_keys_in_variables"),
        sources=(COMPUTE_ROLE_DOCS, SSR_VARIABLES_DOCS),
    ),
    _cause(
        "session_expired",
        "The credentials existed and have expired, or are invalid",
        "In a build, credentials end after one hour whatever the role allows; raising MaxSessionDuration did not "
        "help. On a laptop the SSO session has ended. With access keys: deleted, inactive, of another partition, or "
        "copied without the session token.",
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        steps=("Compare the time of the error with the job's start.", "Log in again, or shorten the build."),
        fixes=("shorten_build", "log_in_locally"),
        related=(
            "max_session_duration_not_the_cause",
            "role_chaining_one_hour",
            "duration_above_maximum",
        ),
        sources=("aws-amplify/amplify-hosting#2751", "aws-amplify/amplify-hosting#2557", STS_ERRORS_DOCS),
    ),
    _cause(
        "user_credentials_cognito",
        "The app's user has no credentials (Cognito), not the app",
        "`Error: No credentials` of the Amplify libraries, and denials whose principal ends in "
        "CognitoIdentityCredentials, are about the signed-in or guest user of the app. Neither service nor compute "
        "role is involved.",
        identity=Identity.COGNITO_USER,
        phases=(Phase.RUNTIME,),
        steps=(
            "Run server calls in the user's context, or use an API key.",
            "Grant on the identity pool's auth or unauth role.",
        ),
        fixes=("sign_user_in", "grant_action"),
        sources=(
            "aws-amplify/amplify-js#7940",
            "aws-amplify/amplify-js#8664",
            "https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html",
        ),
    ),
    _cause(
        "credentials_local_machine",
        "No credentials on the machine where the command ran",
        "No profile is configured on a laptop, or the wrong one. Then ampx, CDK or the CLI print `Failed to load "
        "default AWS credentials`, `Unable to locate credentials` and the like. Nothing on Amplify has to change.",
        identity=Identity.NOBODY,
        fixes=("log_in_locally",),
        sources=(CLI_DOCS, "https://docs.amplify.aws/react/start/account-setup/"),
    ),
)
