"""Advice on Amplify: what helps, what was tried and does not, in which order to look."""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Entry, Kind

_WRITE_UP = "https://www.uncommonengineer.com/docs/engineer/AWS/amplify-ssr-iam-debugging"
_COMPUTE_ROLE = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html"
_SERVICE_ROLE = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-service-role.html"
_TROUBLE = "https://docs.aws.amazon.com/amplify/latest/userguide/security_iam_troubleshoot.html"


def _advice(  # noqa: PLR0913 - the parts of an entry, most of them by name
    id_: str,
    title: str,
    explanation: str,
    sources: tuple[str, ...],
    steps: tuple[str, ...] = (),
    *,
    fixes: tuple[str, ...] = (),
    related: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        id=id_,
        kind=Kind.ADVICE,
        title=title,
        explanation=explanation,
        sources=sources,
        steps=steps,
        fixes=fixes,
        related=related,
    )


_UNASSUMABLE = (
    _advice(
        "unassumable_checklist",
        'What to check, in order, for "Unable to assume specified IAM Role"',
        "The line does not tell a bad role from a lost repository connection. Look at what can be proven first, "
        "and change one thing at a time.",
        (_WRITE_UP, "aws-amplify/amplify-backend#2505"),
        (
            "Is a service role set, in this account, and does it exist?",
            "Does its trust policy let amplify.amazonaws.com in for this app? Evaluate it: medic trust.",
            "Was the role made minutes ago? Start the job again.",
            "If all that is right: reconnect the repository through the Amplify GitHub App.",
            "Last: make the app anew in the console, after a snapshot.",
        ),
        fixes=("trust_service_role", "wait_and_retry", "reconnect_repository", "recreate_in_console"),
    ),
    _advice(
        "codebuild_principal_myth",
        "Adding codebuild.amazonaws.com or lambda.amazonaws.com to the trust does not help",
        "Amplify builds in CodeBuild, but assumes the role itself. A write-up that added codebuild.amazonaws.com "
        "failed all the same; AWS documents amplify.amazonaws.com alone.",
        (_WRITE_UP, _SERVICE_ROLE),
        related=("wrong_region_principal_myth",),
    ),
    _advice(
        "more_policies_myth",
        "More policies do not help, and administrator rights are never the answer",
        "AdministratorAccess-Amplify, AWSCodeBuildAdminAccess and AmplifyBackendDeployFullAccess on the role "
        "changed nothing: permissions are looked at after the role is assumed. AdministratorAccess-Amplify is as "
        "powerful as AdministratorAccess.",
        (_WRITE_UP, "https://docs.aws.amazon.com/amplify/latest/userguide/security-iam-awsmanpol.html"),
        related=("fewer_permissions_worked", "permission_missing_identity"),
    ),
    _advice(
        "fewer_permissions_worked",
        "A role with fewer permissions worked: permissions are excluded as the cause",
        "The console made a role with nothing but three CloudWatch Logs statements, and the build went through "
        "where a role with administrator policies had failed. What a role may do does not decide whether it can be "
        "assumed.",
        (_WRITE_UP,),
        related=("more_policies_myth", "minimal_logging_policy"),
    ),
    _advice(
        "minimal_logging_policy",
        "The least service-role policy the console makes: CloudWatch Logs only",
        "Three statements: create log streams and put events, create log groups, describe log groups. Enough for "
        "an SSR site without a backend. A role without it still can be assumed.",
        (_WRITE_UP, "https://docs.aws.amazon.com/amplify/latest/userguide/ssr-CloudWatch-logs.html"),
        fixes=("logging_policy",),
    ),
    _advice(
        "scp_and_service_principals",
        "Service control policies do not bind Amplify's own AssumeRole",
        "SCPs bound the users and roles of member accounts, not service principals. An SCP can refuse what the "
        "role does later, never that Amplify assumes it. A member account can't read the organization's policies. "
        "Only a resource control policy could be in the way.",
        ("https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html",),
        related=("rcp_denies_assume_role", "denied_by_scp"),
    ),
    _advice(
        "boundary_of_the_role",
        "A permissions boundary limits what the role does, not who may assume it",
        "GetRole returns PermissionsBoundary. It matters for access-denied messages, which then name it; it does "
        "not keep a service from assuming the role.",
        ("https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",),
        ("aws iam get-role --role-name {role_name} --query Role.PermissionsBoundary",),
        related=("denied_by_boundary",),
    ),
    _advice(
        "policy_simulator_proves_nothing",
        "That the policy simulator allows sts:AssumeRole says nothing about trust",
        "The simulator evaluates identity policies; it does not simulate a role's trust policy, nor take a service "
        "principal as caller. `medic trust` evaluates the trust policy itself.",
        ("https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html", _WRITE_UP),
        ("medic trust trust.json --branch-arn arn:aws:amplify:{region}:{account}:apps/{app_id}/branches/{branch}",),
    ),
    _advice(
        "cloudtrail_silent",
        "CloudTrail shows no failed AssumeRole: neither proof nor disproof",
        "Two careful reports found no event for the failure. Use CloudTrail to see whether somebody changed the "
        "role or the app, not to see whether the role was refused.",
        (_WRITE_UP,),
        ("Look for UpdateAssumeRolePolicy, DeleteRole and UpdateApp in the hours before.",),
    ),
    _advice(
        "sts_endpoints_not_the_cause",
        "Regional STS endpoints are not the cause",
        "They can be switched off per region for the account's own callers. In the reports that looked they were "
        "active, and the line came.",
        (_WRITE_UP, "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html"),
    ),
    _advice(
        "max_session_duration_not_the_cause",
        "The role's maximum session duration is not the cause",
        "The default of 3,600 s works; raising it neither cures the line nor makes a build's credentials last "
        "longer than an hour.",
        (_WRITE_UP, "aws-amplify/amplify-hosting#2751"),
        related=("session_expired",),
    ),
    _advice(
        "recreating_same_way",
        "Making the app anew the same way does not help",
        "A new app made by CLI with the role from the start, the same token and the same repository failed with "
        "the same line. What helped in the end changed the repository connection too.",
        (_WRITE_UP,),
        related=("repository_connection_lost", "app_created_outside_console"),
    ),
    _advice(
        "reattaching_role",
        "Taking the role off and putting it on again does not help",
        "The app keeps an ARN, nothing else. Read it back with GetApp all the same: the console has been seen not "
        "to save the choice.",
        (_WRITE_UP, "aws-amplify/amplify-backend#1674"),
        ("aws amplify get-app --app-id {app_id} --region {region} --query app.iamServiceRoleArn",),
    ),
    _advice(
        "compare_with_working_app",
        "Compare the broken app with one that works",
        "Same account and region, a branch that builds: role, trust, repository, connection, platform, framework. "
        "The difference is the short list of suspects.",
        (_WRITE_UP,),
        ("aws amplify get-app for both, and compare role, repository, platform and the roles' trust policies.",),
    ),
    _advice(
        "snapshot_before_reset",
        "Take a snapshot before resetting anything",
        "App, branches, role, trust and policies as they are now: afterwards they can be compared, and put back.",
        (_WRITE_UP,),
        (
            "aws amplify get-app --app-id {app_id} --region {region} > app.json",
            "aws amplify list-branches --app-id {app_id} --region {region} > branches.json",
            "aws iam get-role --role-name {role_name} > role.json",
        ),
    ),
    _advice(
        "platform_matters",
        "SSR or static? The platform decides which role matters",
        "WEB_COMPUTE runs server code and takes a compute role; WEB is static and has no runtime that could use "
        "one. The line about the service role came on both.",
        (_COMPUTE_ROLE, _WRITE_UP),
        ("aws amplify get-app --app-id {app_id} --region {region} --query app.platform",),
    ),
    _advice(
        "recreate_app_steps",
        "After making an app anew: put the environment variables back",
        "A new app has none of the old one's variables, redirects, headers, domains, webhooks or build settings. "
        "Amplify refuses names that begin with AWS.",
        (_WRITE_UP, "https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html"),
        (
            "Variables, of app and branches.",
            "Rewrites and custom headers.",
            "Build settings and image.",
            "Custom domains, last.",
        ),
        fixes=("recreate_in_console",),
    ),
    _advice(
        "record_region_platform_framework",
        "Write down region, platform, framework and date",
        "Others can only compare what is named, and AWS Support asks for it first, with the app id.",
        (_WRITE_UP,),
        ("Region, app id, platform, framework, job id and time go into every alert.",),
    ),
    _advice(
        "other_reports",
        "Other reports of the same line",
        "They span 2020 to today; several ended unresolved with everything correct.",
        (
            "aws-amplify/amplify-hosting#828",
            "aws-amplify/amplify-hosting#958",
            "aws-amplify/amplify-hosting#3360",
            "aws-amplify/amplify-backend#1726",
            "aws-amplify/amplify-backend#2410",
            "aws-amplify/amplify-backend#2505",
            "aws-samples/iam-identity-center-team#381",
        ),
        related=("unassumable_checklist",),
    ),
)

_CALLERS = (
    _advice(
        "deleting_needs_amplifybackend",
        "Deleting an app or backend needs amplify and amplifybackend permissions",
        "Since Amplify Studio, amplify:DeleteApp alone is refused with a message that names "
        "amplifybackend:RemoveAllBackends. AWS's own page prints that action with a stray semicolon.",
        (_TROUBLE,),
        (
            (
                "Allow amplify:DeleteApp and amplifybackend:RemoveAllBackends (and amplifybackend:DeleteBackend) "
                "to the caller."
            ),
        ),
        fixes=("grant_action",),
    ),
    _advice(
        "callers_policy_by_administrator",
        "It is the caller's policy that lacks something: ask its administrator",
        "User and role names in the message are the caller's. Whoever issued those credentials updates the policy; "
        "the app needs no change.",
        (_TROUBLE,),
        ("Send the whole message: principal, action, resource.",),
        fixes=("grant_action", "allow_pass_role"),
    ),
    _advice(
        "access_from_outside_account",
        "Letting people of other accounts reach Amplify resources",
        "Amplify has no resource-based policies: people from outside assume a role in the app's account. Other "
        "services (S3, KMS, Secrets Manager) can grant to other accounts in the resource's own policy or ACL, and "
        "then both sides must allow.",
        (_TROUBLE, "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_compare-resource-policies.html"),
        related=("callers_account_not_trusted", "denied_by_resource_policy"),
    ),
)

_RUNTIME = (
    _advice(
        "two_roles",
        "Service role and compute role are two things",
        "The service role (iamServiceRoleArn) deploys and builds. The compute role (computeRoleArn) is what server "
        "code runs as. A third, the logging role, writes SSR logs. A compute role never changes a build; a service "
        "role never reaches the runtime.",
        (_SERVICE_ROLE, _COMPUTE_ROLE),
        ("Read the session name: BuildSession is the service role, AmplifyHostingCompute-app=... the compute role.",),
        related=("service_role_not_set", "compute_role_not_set"),
    ),
    _advice(
        "long_lived_keys_in_variables",
        "Long-lived access keys in environment variables",
        "Under whatever name (IAM_ACCESS_KEY_ID, MY_KEY): a value that looks like an access key id or a secret "
        "access key. They end up in build logs and .env.production, don't rotate, and override the role. The "
        "compute role replaces them.",
        ("https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html", "aws-amplify/amplify-hosting#3205"),
        ("Attach a compute role, remove the variables, deactivate the keys, then delete them.",),
        fixes=("create_compute_role", "drop_explicit_credentials"),
    ),
    _advice(
        "node_provider_chain_no_help",
        "fromNodeProviderChain() does not help",
        "It is the chain that the SDK uses anyway. Without a compute role there is nothing at its end.",
        (
            _COMPUTE_ROLE,
            "https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/setting-credentials-node.html",
        ),
        fixes=("create_compute_role",),
    ),
    _advice(
        "region_variable_no_help",
        "A region variable does not help against missing credentials",
        "`Region is missing` is another error. Setting REGION or AWS_REGION gives no credentials; Amplify refuses "
        "names beginning with AWS.",
        (_COMPUTE_ROLE,),
        fixes=("create_compute_role",),
    ),
    _advice(
        "app_permissions_on_compute_role",
        "What the server code calls belongs on the compute role",
        "DynamoDB, S3, Lambda, SES: attach to the compute role exactly the actions and resources the server code "
        "uses. Changes work without a redeploy. All server code of the branch can read the role's credentials.",
        (_COMPUTE_ROLE,),
        fixes=("grant_action", "create_compute_role"),
    ),
    _advice(
        "verify_runtime",
        "Verify that the runtime error is gone",
        "The deployment was green before and is green after: only the runtime tells. Call a page that uses AWS, "
        "then look for credential errors newer than the change.",
        (_COMPUTE_ROLE, "https://docs.aws.amazon.com/amplify/latest/userguide/ssr-CloudWatch-logs.html"),
        ("aws logs tail /aws/amplify/{app_id} --since 10m --region {region}",),
    ),
    _advice(
        "keys_on_localhost_role_on_amplify",
        "Keys on localhost, the role on Amplify: one code path",
        "Pass credentials only if both variables are set; pass nothing otherwise, and the SDK finds the compute "
        "role. On a laptop a profile or SSO is better than keys.",
        (_COMPUTE_ROLE,),
        fixes=("drop_explicit_credentials",),
    ),
)

AMPLIFY_ADVICE = (*_UNASSUMABLE, *_CALLERS, *_RUNTIME)
