"""Advice: what helps against Amplify's IAM failures, what was tried and does not help, and in which order to look.

The second part, on assuming roles, service roles and permissions boundaries, is about IAM in general.
"""

from __future__ import annotations

from functools import partial

from medic.knowledge.entry import (
    BOUNDARY_DOCS,
    COMPUTE_ROLE_DOCS,
    JS_SDK_DOCS,
    ROLES_DOCS,
    SCP_DOCS,
    SERVICE_ROLE_DOCS,
    SSR_LOGS_DOCS,
    SSR_VARIABLES_DOCS,
    TROUBLESHOOTING_DOCS,
    WRITE_UP,
    Entry,
    EntryKind,
)

ON_UNASSUMABLE_ROLES = (
    "more_policies_myth",
    "fewer_permissions_worked",
    "minimal_logging_policy",
    "scp_and_service_principals",
    "boundary_of_the_role",
    "policy_simulator_proves_nothing",
    "cloudtrail_silent",
    "sts_endpoints_not_the_cause",
    "max_session_duration_not_the_cause",
    "recreating_same_way",
    "reattaching_role",
    "compare_with_working_app",
    "snapshot_before_reset",
)
"""Advice that the failure "Unable to assume specified IAM Role" and its checklist both link to."""

_GEN1_BOUNDARY = "https://docs.amplify.aws/gen1/javascript/tools/cli/project/permissions-boundary/"
_SERVICE_LINKED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html"

_advice = partial(Entry, kind=EntryKind.ADVICE)

ADVICE: tuple[Entry, ...] = (
    # what helps against "Unable to assume specified IAM Role", and what does not
    _advice(
        "unassumable_checklist",
        'What to check, in order, for "Unable to assume specified IAM Role"',
        "The line does not tell a bad role from a lost repository connection. Look at what can be proven first, and "
        "change one thing at a time.",
        steps=(
            "Is a service role set, in this account, and does it exist?",
            "Does its trust policy let amplify.amazonaws.com in for this app? Evaluate it: medic trust.",
            "Was the role made minutes ago? Start the job again.",
            "Compare with an app that works: medic compare; save the state before changes: medic snapshot.",
            "If all that is right: reconnect the repository through the Amplify GitHub App.",
            "Last: make the app anew in the console, after a snapshot.",
        ),
        fixes=("trust_service_role", "wait_and_retry", "reconnect_repository", "recreate_in_console"),
        related=(
            "codebuild_principal_myth",
            "lambda_principal_contested",
            "wrong_region_principal_myth",
            *ON_UNASSUMABLE_ROLES,
            "platform_matters",
            "recreate_app_steps",
            "record_region_platform_framework",
            "other_reports",
        ),
        sources=(WRITE_UP, "aws-amplify/amplify-backend#2505"),
    ),
    _advice(
        "codebuild_principal_myth",
        "Adding codebuild.amazonaws.com to the trust does not help",
        "Amplify builds in CodeBuild, but assumes the role itself. A write-up that added codebuild.amazonaws.com "
        "failed all the same; AWS documents amplify.amazonaws.com alone.",
        related=("wrong_region_principal_myth",),
        sources=(WRITE_UP, SERVICE_ROLE_DOCS),
    ),
    _advice(
        "lambda_principal_contested",
        "lambda.amazonaws.com in a compute role's trust is contested",
        "About ten public posts add it beside amplify.amazonaws.com, and two say that it was what helped. AWS "
        "documents amplify.amazonaws.com alone. Try without it first; it lets every Lambda function of the account "
        "that may be given the role use it.",
        related=("compute_role_trust_wrong",),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    _advice(
        "more_policies_myth",
        "More policies do not help, and AdministratorAccess-Amplify is never the answer",
        "AdministratorAccess-Amplify, AWSCodeBuildAdminAccess and AmplifyBackendDeployFullAccess on the role changed "
        "nothing: permissions are looked at after the role is assumed. AdministratorAccess-Amplify is as powerful as "
        "AdministratorAccess.",
        related=("fewer_permissions_worked", "permission_missing_identity"),
        sources=(WRITE_UP, "https://docs.aws.amazon.com/amplify/latest/userguide/security-iam-awsmanpol.html"),
    ),
    _advice(
        "fewer_permissions_worked",
        "A role with fewer permissions worked: permissions are excluded as the cause",
        "The console made a role with nothing but three CloudWatch Logs statements, and the build went through where "
        "a role with administrator policies had failed. What a role may do does not decide whether it can be assumed.",
        related=("more_policies_myth", "minimal_logging_policy"),
        sources=(WRITE_UP,),
    ),
    _advice(
        "minimal_logging_policy",
        "The least service-role policy the console makes: CloudWatch Logs only",
        "Three statements: create log streams and put events, create log groups, describe log groups. Enough for an "
        "SSR site without a backend. A role without it still can be assumed.",
        fixes=("logging_policy",),
        sources=(WRITE_UP, SSR_LOGS_DOCS),
    ),
    _advice(
        "scp_and_service_principals",
        "Service control policies do not bind Amplify's own AssumeRole",
        "SCPs bound the users and roles of member accounts, not service principals. An SCP can refuse what the role "
        "does later, never that Amplify assumes it. A member account can't read the organization's policies. Only a "
        "resource control policy could be in the way.",
        related=("rcp_denies_assume_role", "denied_by_scp"),
        sources=(SCP_DOCS,),
    ),
    _advice(
        "boundary_of_the_role",
        "A permissions boundary limits what the role does, not who may assume it",
        "GetRole returns PermissionsBoundary. It matters for access-denied messages, which then name it; it does not "
        "keep a service from assuming the role.",
        steps=("aws iam get-role --role-name {role_name} --query Role.PermissionsBoundary",),
        related=("denied_by_boundary",),
        sources=(BOUNDARY_DOCS,),
    ),
    _advice(
        "policy_simulator_proves_nothing",
        "That the policy simulator allows sts:AssumeRole says nothing about trust",
        "The simulator evaluates identity policies; it does not simulate a role's trust policy, nor take a service "
        "principal as caller. `medic trust` evaluates the trust policy itself.",
        steps=(
            "medic trust trust.json --branch-arn arn:aws:amplify:{region}:{account}:apps/{app_id}/branches/{branch}",
        ),
        sources=("https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html", WRITE_UP),
    ),
    _advice(
        "cloudtrail_silent",
        "CloudTrail shows no failed AssumeRole: neither proof nor disproof",
        "Two careful reports found no event for the failure. Use CloudTrail to see whether somebody changed the role "
        "or the app, not to see whether the role was refused.",
        steps=("Look for UpdateAssumeRolePolicy, DeleteRole and UpdateApp in the hours before.",),
        sources=(WRITE_UP,),
    ),
    _advice(
        "sts_endpoints_not_the_cause",
        "Regional STS endpoints are not the cause",
        "They can be switched off per region for the account's own callers. In the reports that looked they were "
        "active, and the line came.",
        sources=(WRITE_UP, "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html"),
    ),
    _advice(
        "max_session_duration_not_the_cause",
        "The role's maximum session duration is not the cause",
        "The default of 3,600 s works; raising it neither cures the line nor makes a build's credentials last longer "
        "than an hour.",
        related=("session_expired",),
        sources=(WRITE_UP, "aws-amplify/amplify-hosting#2751"),
    ),
    _advice(
        "recreating_same_way",
        "Recreating the app in the same way does not help",
        "A new app made by CLI with the role from the start, the same token and the same repository failed with the "
        "same line. What helped in the end changed the repository connection too.",
        related=("repository_connection_lost", "app_created_outside_console"),
        sources=(WRITE_UP,),
    ),
    _advice(
        "reattaching_role",
        "Taking the role off and putting it on again does not help",
        "The app keeps an ARN, nothing else. Read it back with GetApp all the same: the console has been seen not to "
        "save the choice.",
        steps=("aws amplify get-app --app-id {app_id} --region {region} --query app.iamServiceRoleArn",),
        sources=(WRITE_UP, "aws-amplify/amplify-backend#1674"),
    ),
    _advice(
        "compare_with_working_app",
        "Compare the broken app with one that works",
        "Same account and region, a branch that builds: role, trust, repository, connection, platform, framework. The "
        "difference is the short list of suspects.",
        steps=("medic compare {app_id} {branch} and the app and branch that work: it shows what differs.",),
        sources=(WRITE_UP,),
    ),
    _advice(
        "snapshot_before_reset",
        "Take a snapshot before resetting anything",
        "App, branches, role, trust and policies as they are now: afterwards they can be compared, and put back.",
        steps=(
            "medic snapshot {app_id} --region {region} --out before.json: names of variables, never their values.",
            "Note the values of the environment variables yourself, where only you can read them.",
        ),
        sources=(WRITE_UP,),
    ),
    _advice(
        "platform_matters",
        "SSR or static? The platform decides which role matters",
        "WEB_COMPUTE runs server code and takes a compute role; WEB is static and has no runtime that could use one. "
        "The line about the service role came on both.",
        steps=("aws amplify get-app --app-id {app_id} --region {region} --query app.platform",),
        sources=(COMPUTE_ROLE_DOCS, WRITE_UP),
    ),
    _advice(
        "recreate_app_steps",
        "After recreating an app: put the environment variables back",
        "A new app has none of the old one's variables, redirects, headers, domains, webhooks or build settings. "
        "Amplify refuses names that begin with AWS.",
        steps=(
            "Variables, of app and branches.",
            "Rewrites and custom headers.",
            "Build settings and image.",
            "Custom domains, last.",
        ),
        fixes=("recreate_in_console",),
        sources=(WRITE_UP, "https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html"),
    ),
    _advice(
        "record_region_platform_framework",
        "Write down region, platform, framework and date",
        "Others can only compare what is named, and AWS Support asks for it first, with the app id.",
        steps=("Region, app id, platform, framework, job id and time go into every alert.",),
        sources=(WRITE_UP,),
    ),
    _advice(
        "other_reports",
        "Other reports of the same line",
        "They span 2020 to today; several ended unresolved with everything correct.",
        related=("unassumable_checklist",),
        sources=(
            "aws-amplify/amplify-hosting#828",
            "aws-amplify/amplify-hosting#958",
            "aws-amplify/amplify-hosting#3360",
            "aws-amplify/amplify-backend#1726",
            "aws-amplify/amplify-backend#2410",
            "aws-amplify/amplify-backend#2505",
            "aws-samples/iam-identity-center-team#381",
        ),
    ),
    # builds of a backend
    _advice(
        "cdk_not_bootstrapped",
        "CDK is not bootstrapped in this account and region",
        "`Has the environment been bootstrapped?` is no IAM failure: the stack CDKToolkit is not there. It has to be "
        "made once for each account and region, by a person: AmplifyBackendDeployFullAccess can't do it.",
        steps=("npx cdk bootstrap aws://{account}/{region}",),
        related=("service_role_for_logs",),
        sources=("https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping.html",),
    ),
    _advice(
        "secrets_not_set_up",
        "`!Failed to set up process.env.secrets` is mostly noise",
        "Builds print it, and go on. Only if secrets exist under the path of app and branch does it mean that the "
        "service role lacks ssm:GetParametersByPath there.",
        steps=(
            (
                "aws ssm describe-parameters --region {region} --parameter-filters "
                "Key=Name,Option=BeginsWith,Values=/amplify/{app_id}/{branch}/"
            ),
        ),
        related=("permission_missing_identity",),
        sources=("aws-amplify/amplify-hosting#3966",),
    ),
    _advice(
        "domain_role_missing",
        "`The role with name AWSAmplifyDomainRole-... cannot be found`: the custom domain's role was deleted",
        "Amplify makes it for Route 53 when a custom domain is added, and does not make it again. Neither the service "
        "nor the compute role is concerned.",
        steps=(
            "Make a role of exactly that name, with the path / and the plain trust for amplify.amazonaws.com.",
            "Or remove the custom domain from the app and add it again.",
        ),
        related=("delete_service_role_safely",),
        sources=("aws-amplify/amplify-hosting#4067",),
    ),
    # permissions of the people and tools that call Amplify
    _advice(
        "deleting_needs_amplifybackend",
        "Deleting an app or backend needs amplify and amplifybackend permissions",
        "Both are needed. Since Amplify Studio, amplify:DeleteApp alone is refused with a message that names "
        "amplifybackend:RemoveAllBackends. AWS's own page prints that action with a stray semicolon.",
        steps=(
            (
                "Allow amplify:DeleteApp and amplifybackend:RemoveAllBackends (and amplifybackend:DeleteBackend) to "
                "the caller."
            ),
        ),
        fixes=("grant_action",),
        sources=(TROUBLESHOOTING_DOCS,),
    ),
    _advice(
        "callers_policy_by_administrator",
        "It is the caller's policy that lacks something: ask its administrator",
        "User and role names in the message are the caller's. Whoever issued those credentials updates the policy; "
        "the app needs no change.",
        steps=("Send the whole message: principal, action, resource.",),
        fixes=("grant_action", "allow_pass_role"),
        sources=(TROUBLESHOOTING_DOCS,),
    ),
    _advice(
        "access_from_outside_account",
        "Letting people of other accounts reach Amplify resources",
        "Amplify has no resource-based policies, so people from outside assume a role in the app's account. That "
        "includes another company, and people who sign in through an identity provider (federation). Other services "
        "(S3, KMS, Secrets Manager) can grant to other accounts in the resource's own policy or ACL. Then both sides "
        "must allow.",
        related=("callers_account_not_trusted", "denied_by_resource_policy"),
        sources=(
            TROUBLESHOOTING_DOCS,
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_compare-resource-policies.html",
        ),
    ),
    # the SSR runtime
    _advice(
        "two_roles",
        "Service role and compute role are two things",
        "The service role (iamServiceRoleArn) deploys and builds. The compute role (computeRoleArn) is what server "
        "code runs as. A third, the logging role, writes SSR logs. A compute role never changes a build; a service "
        "role never reaches the runtime.",
        steps=(
            "Read the session name: BuildSession is the service role, AmplifyHostingCompute-app=... the compute role.",
        ),
        related=("service_role_not_set", "compute_role_not_set"),
        sources=(SERVICE_ROLE_DOCS, COMPUTE_ROLE_DOCS),
    ),
    _advice(
        "long_lived_keys_in_variables",
        "Long-lived access keys in environment variables",
        "Under whatever name (IAM_ACCESS_KEY_ID, MY_KEY): a value that looks like an access key id or a secret access "
        "key. They end up in build logs and .env.production, don't rotate, and override the role. The compute role "
        "replaces them.",
        steps=("Attach a compute role first. Then remove the variables, deactivate the keys, and delete them last.",),
        fixes=("create_compute_role", "drop_explicit_credentials"),
        sources=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
            "aws-amplify/amplify-hosting#3205",
        ),
    ),
    _advice(
        "node_provider_chain_no_help",
        "fromNodeProviderChain() does not help",
        "It is the chain that the SDK uses anyway. Without a compute role there is nothing at its end.",
        fixes=("create_compute_role",),
        sources=(COMPUTE_ROLE_DOCS, JS_SDK_DOCS),
    ),
    _advice(
        "region_variable_no_help",
        "A region variable does not help against missing credentials",
        "Setting REGION or AWS_REGION gives no credentials; Amplify refuses names beginning with AWS.",
        fixes=("create_compute_role",),
        related=("region_missing",),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    _advice(
        "region_missing",
        "`Region is missing`: the code does not say which region it calls",
        "No credentials are missing. A variable REGION reaches the build, not the server code, and names that begin "
        "with AWS are refused.",
        steps=("Pass the region in the code: new DynamoDBClient({ region: '{region}' }).",),
        related=("region_variable_no_help",),
        sources=(SSR_VARIABLES_DOCS,),
    ),
    _advice(
        "app_permissions_on_compute_role",
        "What the server code calls belongs on the compute role",
        "DynamoDB, S3, Lambda, SES: attach to the compute role exactly the actions and resources the server code "
        "uses. Changes work without a redeploy. All server code of the branch can read the role's credentials.",
        fixes=("grant_action", "create_compute_role"),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    _advice(
        "verify_runtime",
        "Verify that the runtime error is gone",
        "The deployment was green before and is green after: only the runtime tells. Call a page that uses AWS, then "
        "look for credential errors newer than the change.",
        steps=("medic diagnose {app_id} {branch} --region {region} --since 10m",),
        sources=(COMPUTE_ROLE_DOCS, SSR_LOGS_DOCS),
    ),
    _advice(
        "keys_on_localhost_role_on_amplify",
        "Keys on localhost, the role on Amplify: one code path",
        "Pass credentials only if both variables are set; pass nothing otherwise, and the SDK finds the compute role. "
        "On a laptop a profile or SSO is better than keys.",
        fixes=("drop_explicit_credentials",),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    # IAM in general: assuming roles
    _advice(
        "role_name_case",
        "Role names are exact in case when assuming a role",
        "Case counts. IAM keeps names unique without regard to case, yet an ARN or a console form with another "
        "spelling of the name is refused.",
        steps=("Copy the ARN from GetRole instead of typing it.",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "caller_lacks_assume_role",
        "The caller itself must be allowed sts:AssumeRole on that role",
        "Across accounts both sides count: the trust policy and an identity policy of the caller with sts:AssumeRole "
        "on the role's ARN. A service such as Amplify has no identity policies; for it the trust policy alone decides.",
        steps=('Allow "sts:AssumeRole" on the role\'s ARN to the caller.',),
        fixes=("grant_action",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "principal_tags_required",
        "A policy may ask the caller to carry certain tags",
        "A trust policy or an identity policy may name them, or a date. aws:PrincipalTag/... in a condition is met "
        "only by principals with that tag. A service principal carries none.",
        steps=("Compare the tags of the calling user or role with the condition.",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "trust_conditions",
        "Every condition of the trust statement has to be met: date, external id, address, source",
        "Conditions of one statement are joined by and. Amplify sends no external id and no caller's address that "
        "could be relied on.",
        steps=("Evaluate: medic trust trust.json names the condition that fails or can't be known.",),
        related=("trust_date_window", "source_identity_required", "service_role_source_condition"),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "callers_account_not_trusted",
        "The caller's account is not in the trust policy's Principal",
        "Whatever the caller's own policies say, an account that is not named can't assume the role.",
        steps=("Name the calling role's ARN, or the account, as AWS principal.",),
        related=("access_from_outside_account",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "trust_date_window",
        "The trust policy holds only within a window of dates",
        "DateGreaterThan and DateLessThan on aws:CurrentTime (UTC): outside the window the statement never matches.",
        steps=("Evaluate for a time: medic trust trust.json --now 2030-01-01T00:00:00Z.",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "source_identity_required",
        "The role demands a source identity",
        "sts:SourceIdentity in the trust policy asks the caller to pass one, and sts:SetSourceIdentity to be allowed. "
        "Whether Amplify passes one is not documented.",
        steps=("Leave the condition out of the statement for amplify.amazonaws.com.",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "session_tags_assume_again",
        "Session tags and session policies are set when assuming: assume again to change them",
        "They can't be added to a session that exists.",
        steps=("Assume the role once more, with the tags or the policy.",),
        related=("role_assumes_itself", "denied_by_session_policy"),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "duration_above_maximum",
        "DurationSeconds must lie between 900 s and the role's maximum",
        "The maximum session duration is a setting of the role, one hour by default and twelve at most. Asking for "
        "more is refused, not shortened.",
        steps=("aws iam get-role --role-name {role_name} --query Role.MaxSessionDuration",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "role_chaining_one_hour",
        "A chained role lasts one hour at most",
        "Credentials of a role that were used to assume another role limit the second session to an hour, whatever "
        "its maximum says.",
        steps=("Assume the second role with a user's or a service's credentials, or renew every hour.",),
        related=("duration_above_maximum",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "switch_role_invalid",
        '"Invalid information in one or more fields" when switching roles',
        "The account's id (or its exact alias) and the role's name (case counts) must be right. The trust policy and "
        "the caller's policy must allow it. The console says the same in every case.",
        steps=("Check account, name, trust policy, and sts:AssumeRole of the caller.",),
        related=("role_name_case", "caller_lacks_assume_role"),
        sources=(ROLES_DOCS,),
    ),
    # IAM in general: roles of services
    _advice(
        "service_linked_role_appeared",
        "A new role appeared in the account: a service-linked role",
        "A service made it for itself, with a path /aws-service-role/. Nothing is wrong, and it should stay.",
        steps=("Leave it; deleting it can break the service.",),
        sources=(ROLES_DOCS, _SERVICE_LINKED),
    ),
    _advice(
        "service_linked_role_locked",
        "A service-linked role can't be edited or deleted in IAM",
        "Trust and permissions are the service's; only the description can be changed, and the service deletes the "
        "role. It can't serve as Amplify's service or compute role.",
        steps=("Make a role of your own instead.",),
        related=(
            "service_linked_role_appeared",
            "pass_service_linked_role",
        ),
        sources=(ROLES_DOCS, _SERVICE_LINKED),
    ),
    _advice(
        "pass_service_linked_role",
        "iam:PassRole is refused while a service makes its service-linked role",
        "The message names the operation (`when calling the ...`) and a role under aws-service-role/. The caller "
        "lacks iam:PassRole on it, or iam:CreateServiceLinkedRole.",
        steps=(
            "Allow iam:CreateServiceLinkedRole for that service, and iam:PassRole on the named ARN, to the caller.",
        ),
        related=("pass_role_missing",),
        sources=(ROLES_DOCS, _SERVICE_LINKED),
    ),
    _advice(
        "default_policy_version",
        '"... did not create the default version (V2) of the ... policy"',
        "A policy that a service had made was edited: its default version is no longer the service's, and the service "
        "refuses to go on.",
        steps=(
            "Set version V1 as default: aws iam set-default-policy-version --policy-arn <policy ARN> --version-id v1",
            "Try again.",
            "If that fails, detach the policy elsewhere, delete policy and role, and let the service make them again.",
        ),
        related=("service_created_role_hands_off", "delete_service_role_safely"),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "service_created_role_hands_off",
        "Don't edit a role or policy that a service created for itself",
        "It may be used for several environments, and the service may write it again. Make your own role for other "
        "purposes.",
        related=("default_policy_version",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "delete_service_role_safely",
        "Deleting a service role and its policy safely",
        "See first who else uses them, and give those a copy.",
        steps=(
            "List the entities the policy is attached to; give each a copy of it, then detach the old one.",
            (
                "Read the trust policy: for every principal besides the service, make a role of their own, with the "
                "copy, and tell them."
            ),
            "See that no Amplify app or branch names the role (GetApp, GetBranch).",
            "Delete the policy, then the role.",
        ),
        related=("service_linked_role_locked",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "role_without_use_case",
        "The console has no use case for the service: make the role by account, then swap the principal",
        "A role made for `This account` trusts arn:aws:iam::<account>:root until its trust policy is edited. Left "
        "there, the service can't assume it, and everybody in the account with sts:AssumeRole can.",
        steps=(
            "Give the role no permission until its principal is the service, and only then tell the service its ARN.",
            'Replace {"AWS": "arn:aws:iam::{account}:root"} by {"Service": "amplify.amazonaws.com"}.',
        ),
        fixes=("trust_compute_role", "trust_service_role"),
        related=("find_service_principal",),
        sources=(ROLES_DOCS,),
    ),
    _advice(
        "find_service_principal",
        "Finding a service's principal",
        "The page `AWS services that work with IAM` leads to each service's page; its service-linked role section "
        "names the principal. Amplify's is amplify.amazonaws.com in the commercial partition.",
        steps=("Look it up; don't guess regional forms.",),
        sources=(
            ROLES_DOCS,
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html",
        ),
    ),
    # IAM in general: permissions boundaries
    _advice(
        "gen1_roles_under_boundary",
        "Which roles an Amplify Gen 1 project's permissions boundary covers",
        "All that the CLI makes: authRole and unauthRole, Lambda execution roles, Cognito user-group roles, and roles "
        "of custom stacks. Each can do what its policies and the boundary both allow. A denial then stands in the log "
        "of that Lambda function, not in Amplify's.",
        related=(
            "denied_by_boundary",
            "gen1_boundary_init",
            "gen1_boundary_env_add",
            "gen1_boundary_env_update",
            "gen1_boundary_cross_account",
            "gen1_boundary_per_environment",
            "gen1_boundary_policy_outside",
            "gen1_boundary_verify",
        ),
        sources=(_GEN1_BOUNDARY,),
    ),
    _advice(
        "gen1_boundary_init",
        "Setting a boundary on a new Gen 1 project",
        "The policy must exist; its ARN is given once.",
        steps=("amplify init --permissions-boundary <policy ARN>",),
        sources=(_GEN1_BOUNDARY,),
    ),
    _advice(
        "gen1_boundary_env_add",
        "A new Gen 1 environment inherits the current one's boundary",
        "Give another one, or '' for none; where it can't be inherited, the CLI asks.",
        steps=("amplify env add --permissions-boundary <policy ARN>", "amplify env add --permissions-boundary ''"),
        sources=(_GEN1_BOUNDARY,),
    ),
    _advice(
        "gen1_boundary_env_update",
        "Changing a Gen 1 environment's boundary",
        "Interactive without an argument; applied at the next push.",
        steps=("amplify env update --permissions-boundary <policy ARN>", "amplify push"),
        fixes=("change_boundary",),
        sources=(_GEN1_BOUNDARY,),
    ),
    _advice(
        "gen1_boundary_cross_account",
        "A Gen 1 environment in another account needs its boundary named",
        "With --yes the CLI can't carry the boundary over to another account.",
        steps=(
            "amplify env add --yes --permissions-boundary <policy ARN of that account>",
            "amplify env add --yes --permissions-boundary ''",
        ),
        sources=(_GEN1_BOUNDARY,),
    ),
    _advice(
        "gen1_boundary_per_environment",
        "Each Gen 1 environment may have a boundary of its own",
        "So that dev, say, is kept away from what belongs to prod, whatever its roles' policies say.",
        related=("gen1_boundary_env_add", "gen1_boundary_env_update"),
        sources=(_GEN1_BOUNDARY,),
    ),
    _advice(
        "gen1_boundary_policy_outside",
        "The boundary policy is created outside the Amplify CLI and given by ARN",
        "An ordinary managed policy, mostly the organization's. A boundary that only denies permits nothing: it needs "
        "an Allow too. The setting permissions_boundary gives one to every role of this product's own stack.",
        steps=("aws iam create-policy --policy-name boundary --policy-document file://boundary.json",),
        sources=(_GEN1_BOUNDARY, BOUNDARY_DOCS),
    ),
    _advice(
        "gen1_boundary_verify",
        "Verifying that the boundary is on authRole and unauthRole",
        "After the push, GetRole returns PermissionsBoundary for both. Their names end in -authRole and -unauthRole; "
        "amplify/team-provider-info.json holds them.",
        steps=(
            "aws iam get-role --role-name {role_name} --query Role.PermissionsBoundary",
            "The same for the other of the two.",
        ),
        sources=(_GEN1_BOUNDARY,),
    ),
)
