"""Causes that lie in Amplify's two roles or in the repository connection."""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Entry, Kind, Look
from medic.diagnosis.model import Identity, Phase

_SERVICE_ROLE = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-service-role.html"
_COMPUTE_ROLE = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html"
_DEPUTY = "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html"

REPOSITORY = (
    Entry(
        id="repository_connection_lost",
        kind=Kind.CAUSE,
        title="Amplify has lost its connection to the repository",
        explanation=(
            "Amplify prints the same line for a repository it cannot reach as for a role it cannot assume: "
            "connected by personal access token, the GitHub App not installed or the repository not on its access "
            "list, the repository renamed or made private. The line came unchanged after the role was replaced, "
            "and with no role set at all. No AWS API shows the connection, so this is found by exclusion: role "
            "present, trust right, build dead before the clone."
        ),
        sources=(
            "aws-amplify/amplify-backend#2505",
            "aws-amplify/amplify-hosting#2578",
            "https://docs.aws.amazon.com/amplify/latest/userguide/setting-up-GitHub-access.html",
        ),
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
        ),
        fixes=("reconnect_repository",),
        related=("app_created_outside_console", "unassumable_checklist"),
        phases=(Phase.BUILD,),
    ),
    Entry(
        id="app_created_outside_console",
        kind=Kind.CAUSE,
        title="The app was made by CLI or IaC with an access token",
        explanation=(
            "An app made with a personal access token failed where the same repository in an app made by the "
            "console worked, although both roles had the same trust policy and the failing one more permissions. "
            "Role, app and connection changed at the same time, so what made the difference is not proven; the "
            "connection is the likelier half. Reconnect the repository first; making the app anew in the console "
            "is the last resort, and apps made by CLI are not broken as such."
        ),
        sources=(
            "https://www.uncommonengineer.com/docs/engineer/AWS/amplify-ssr-iam-debugging",
            "aws-amplify/amplify-backend#2410",
        ),
        looks=(
            Look(
                "repository_connection", "No API tells how the repository is connected; the console's app settings do."
            ),
        ),
        steps=("Reconnect the repository through the GitHub App.", "Only then, make the app anew in the console."),
        fixes=("reconnect_repository", "recreate_in_console"),
        related=("snapshot_before_reset", "recreate_app_steps"),
    ),
    Entry(
        id="account_limits_or_new_account",
        kind=Kind.CAUSE,
        title="A new account whose limits or first use of Amplify get in the way",
        explanation=(
            "New accounts have fewer apps and concurrent jobs, and were seen to report wrong reasons for failed "
            "builds until one app had been built from the console. Weakly supported: consider it when roles, trust "
            "and repository are all right."
        ),
        sources=(
            "https://docs.aws.amazon.com/amplify/latest/userguide/quotas-chapter.html",
            "aws-amplify/amplify-hosting#95",
        ),
        steps=(
            "Look at the Amplify quotas of the account and region.",
            "Build one small app from the console.",
            "Ask AWS Support.",
        ),
    ),
    Entry(
        id="wrong_region_principal_myth",
        kind=Kind.CAUSE,
        title="A regional principal such as amplify.REGION.amazonaws.com is not needed",
        explanation=(
            "Often advised, never shown to help: three reported cases had it in the trust policy and failed all "
            "the same. AWS documents amplify.amazonaws.com alone. It does no harm either."
        ),
        sources=(_SERVICE_ROLE, "aws-amplify/amplify-backend#1726", "aws-amplify/amplify-backend#2410"),
        looks=(Look("service_role_trust", "The trust policy names amplify.amazonaws.com."),),
        related=("codebuild_principal_myth", "repository_connection_lost"),
    ),
)

SERVICE_ROLE = (
    Entry(
        id="service_role_not_set",
        kind=Kind.CAUSE,
        title="The app has no service role",
        explanation=(
            "Builds then run as Amplify's own role in an account of AWS. A site without a backend builds well that "
            "way; anything that calls AWS from the build is refused, and the message names the role "
            "AemiliaControlPlaneLambda-CodeBuildRole and an account that is not yours. Don't edit that role or "
            "look for it. A compute role does not help a build."
        ),
        sources=(_SERVICE_ROLE, "aws-amplify/amplify-hosting#1480", "aws-amplify/amplify-hosting#3205"),
        looks=(Look("service_role_set", "GetApp returns no iamServiceRoleArn."),),
        fixes=("create_service_role", "attach_service_role"),
        identity=Identity.AMPLIFY_OWN,
        phases=(Phase.BUILD, Phase.DEPLOY),
        related=("two_roles",),
    ),
    Entry(
        id="service_role_missing",
        kind=Kind.CAUSE,
        title="The service role does not exist (any more)",
        explanation="The app still names a role that was deleted, renamed or made anew under another path; Amplify "
        "keeps the old ARN.",
        sources=(_SERVICE_ROLE, "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html"),
        looks=(Look("service_role_exists", "GetRole answers NoSuchEntity for the role that GetApp names."),),
        fixes=("create_service_role", "attach_service_role"),
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
    ),
    Entry(
        id="service_role_trust_wrong",
        kind=Kind.CAUSE,
        title="The service role's trust policy does not let Amplify in",
        explanation=(
            "The trust policy must allow amplify.amazonaws.com to call sts:AssumeRole. This is the usual advice "
            "for the line, and in most published cases the trust was right all along: evaluate it (`medic trust`) "
            "before changing it. A role of another purpose attached by mistake fails this way."
        ),
        sources=(_SERVICE_ROLE, "aws-amplify/amplify-hosting#3994", "aws-amplify/amplify-hosting#828"),
        looks=(Look("service_role_trust", "The trust policy, evaluated for this branch, denies."),),
        fixes=("trust_service_role", "attach_service_role"),
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        related=("wrong_region_principal_myth", "codebuild_principal_myth"),
    ),
    Entry(
        id="service_role_source_condition",
        kind=Kind.CAUSE,
        title="The trust policy is pinned to another app, region or account",
        explanation=(
            "The IAM console adds aws:SourceAccount and aws:SourceArn to roles made for Amplify. Reused for a "
            "second app, or in another region, such a role denies: the ARN names the first app. The one cleanly "
            "proven trust cause in public reports."
        ),
        sources=(_SERVICE_ROLE, _DEPUTY),
        looks=(Look("service_role_trust", "aws:SourceArn or aws:SourceAccount does not match this branch's ARN."),),
        steps=("Give each app a role of its own, or list every app's ARN and ARN/*.",),
        fixes=("trust_service_role", "create_service_role"),
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
    ),
    Entry(
        id="service_role_other_account",
        kind=Kind.CAUSE,
        title="The service role belongs to another account than the app",
        explanation="A role can be passed to a service only within its own account. The ARN's account and the app's "
        "must be the same.",
        sources=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
            "aws-amplify/amplify-hosting#958",
        ),
        looks=(Look("service_role_account", "The account in the role's ARN is not the app's."),),
        fixes=("create_service_role",),
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
    ),
    Entry(
        id="iam_propagation",
        kind=Kind.CAUSE,
        title="The role was made or changed moments before",
        explanation=(
            "IAM tells its regions about a change within seconds, not at once. A job or an attach in between fails "
            "although everything is right, and succeeds when tried again; published work-arounds wait 15 to 30 "
            "seconds."
        ),
        sources=(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency",
        ),
        looks=(Look("service_role_age", "The role is younger than five minutes when the job starts."),),
        fixes=("wait_and_retry",),
    ),
    Entry(
        id="rcp_denies_assume_role",
        kind=Kind.CAUSE,
        title="A resource control policy keeps Amplify from assuming the role",
        explanation=(
            "A service principal's AssumeRole is bound neither by SCPs nor by the role's permissions boundary; an "
            "organization's resource control policy can deny it, unless it exempts AWS services "
            "(aws:PrincipalIsAWSService). Not readable from a member account. No confirmed case with Amplify is "
            "known."
        ),
        sources=("https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html",),
        looks=(Look("resource_control_policies", "Ask the organization's administrators for RCPs on sts:AssumeRole."),),
        fixes=("ask_policy_owner",),
        related=("scp_and_service_principals",),
    ),
    Entry(
        id="codecommit_pull_denied",
        kind=Kind.CAUSE,
        title="The service role may not read the CodeCommit repository",
        explanation=(
            "Amplify clones CodeCommit repositories as the service role. Without codecommit:GitPull the clone ends "
            "in error 403 and exit code 128, and nothing in the log says IAM."
        ),
        sources=(
            "https://docs.aws.amazon.com/codecommit/latest/userguide/auth-and-access-control-permissions-reference.html",
            _SERVICE_ROLE,
        ),
        looks=(Look("service_role_set", "A service role is set and has codecommit:GitPull on the repository."),),
        fixes=("allow_codecommit_pull", "create_service_role"),
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
    ),
)

COMPUTE_ROLE = (
    Entry(
        id="compute_role_not_set",
        kind=Kind.CAUSE,
        title="Neither branch nor app has a compute role",
        explanation=(
            "Server code of an SSR app gets credentials from the compute role alone, never from the service role "
            "or the logging role. Without one, the AWS SDK finds nothing (`Could not load credentials from any "
            "providers`), and the deployment still succeeds. The branch's setting comes before the app's default: "
            "look at both."
        ),
        sources=(_COMPUTE_ROLE, "aws-amplify/amplify-hosting#3205"),
        looks=(Look("compute_role_set", "GetBranch and GetApp both return no computeRoleArn."),),
        steps=(
            "Make the role with the plain trust policy and only the permissions the server code needs.",
            "Attach it to the branch with update-branch --compute-role-arn.",
            "Redeploy once after the first attach, then look for new credential errors in /aws/amplify/<app id>.",
        ),
        fixes=("create_compute_role", "attach_compute_role"),
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME,),
        related=("two_roles", "app_permissions_on_compute_role", "verify_runtime"),
    ),
    Entry(
        id="compute_role_missing",
        kind=Kind.CAUSE,
        title="The compute role does not exist (any more)",
        explanation="Branch or app names a role that IAM does not know. At attach, the API says only that it cannot "
        "be assumed by Amplify.",
        sources=(_COMPUTE_ROLE,),
        looks=(Look("compute_role_exists", "GetRole answers NoSuchEntity for the compute role."),),
        fixes=("create_compute_role", "attach_compute_role"),
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME, Phase.API),
    ),
    Entry(
        id="compute_role_trust_wrong",
        kind=Kind.CAUSE,
        title="The compute role's trust policy does not let Amplify in",
        explanation=(
            "Amplify tries the role when it is attached and refuses it: `The compute role provided cannot be "
            "assumed by Amplify.` The documented trust is amplify.amazonaws.com, sts:AssumeRole, no condition. The "
            "same words also mean that the role does not exist, or was made seconds ago."
        ),
        sources=(_COMPUTE_ROLE,),
        looks=(
            Look("compute_role_trust", "The trust policy, evaluated, denies amplify.amazonaws.com."),
            Look("compute_role_exists", "The role exists."),
        ),
        fixes=("trust_compute_role", "wait_and_retry"),
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.API, Phase.RUNTIME),
        related=("iam_propagation", "compute_role_conditions_contested"),
    ),
    Entry(
        id="compute_role_conditions_contested",
        kind=Kind.CAUSE,
        title="Source conditions on the compute role's trust may be what Amplify refuses",
        explanation=(
            "Reports disagree: aws:SourceArn was refused wherever an attach error was recorded; an own "
            "aws:SourceAccount was accepted once and refused twice. UpdateBranch is the judge. The plain statement "
            "is what AWS documents, and it works."
        ),
        sources=(_COMPUTE_ROLE,),
        looks=(
            Look("compute_role_trust", "The trust statement for Amplify carries aws:SourceArn or aws:SourceAccount."),
        ),
        fixes=("trust_compute_role",),
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.API,),
    ),
    Entry(
        id="permissions_on_logging_role",
        kind=Kind.CAUSE,
        title="The permissions were put on the logging role, where server code never looks",
        explanation=(
            "AmplifySSRLoggingRole-... writes SSR logs. A policy attached there gives server code nothing; it "
            "belongs on the compute role. Mind that a name proves nothing: a role so named may also serve as "
            "service or compute role. The role-session name in a message tells: BuildSession is the service role, "
            "AmplifyHostingCompute-app=... the compute role."
        ),
        sources=(_COMPUTE_ROLE,),
        looks=(
            Look(
                "compute_role_set",
                "No compute role is set, and a role named AmplifySSRLoggingRole-... has the app's permissions.",
            ),
        ),
        fixes=("create_compute_role", "grant_action"),
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME, Phase.BUILD),
        related=("two_roles", "minimal_logging_policy"),
    ),
)

ROLE_CAUSES = (*REPOSITORY, *SERVICE_ROLE, *COMPUTE_ROLE)
