"""Actions that lead to more power: whoever may call one can gain permissions that no policy gives him.

They come from published research and AWS's documentation, each with the page that shows how. What only reads or writes
data (objects, secrets, bucket policies) is left out, because an app's role needs that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = ("arn:{partition}:iam::{account}:role/*",)


class Power(Struct, frozen=True):
    """An action that leads to more power."""

    action: str
    source: str
    """The page that shows how."""
    resources: tuple[str, ...]
    """ARN patterns of the resources on which it does, with the account and partition of the role to fill in."""
    passes_to: tuple[str, ...]
    """The services that a role is passed to. If not empty, the action leads to more power only with iam:PassRole."""


_SOURCES = {
    "path": "https://pathfinding.cloud/paths/{}",
    "rhino": "https://github.com/RhinoSecurityLabs/AWS-IAM-Privilege-Escalation#{}",
    "tricks": "https://cloud.hacktricks.wiki/en/pentesting-cloud/aws-security/aws-privilege-escalation/{}-privesc/index.html",
    "aws": "https://docs.aws.amazon.com/{}.html",
    "reference": "https://docs.aws.amazon.com/service-authorization/latest/reference/list_{}.html",
    "guide": "https://docs.aws.amazon.com/IAM/latest/UserGuide/{}.html",
}
_KINDS = {
    "roles": ROLES,
    "users": ("arn:{partition}:iam::{account}:user/*",),
    "groups": ("arn:{partition}:iam::{account}:group/*",),
    "members": ("arn:{partition}:iam::{account}:group/*", "arn:{partition}:iam::{account}:user/*"),
    "policies": ("arn:{partition}:iam::{account}:policy/*",),
    "profiles": ("arn:{partition}:iam::{account}:instance-profile/*",),
    "providers": (
        "arn:{partition}:iam::{account}:saml-provider/*",
        "arn:{partition}:iam::{account}:oidc-provider/*",
    ),
    "roles of any account": ("arn:{partition}:iam::*:role/*",),
    "accounts": ("arn:{partition}:iam::*:root",),
    "machines": ("arn:{partition}:ec2:*:*:*", "arn:{partition}:ssm:*:*:*", "arn:{partition}:ecs:*:*:*"),
    "own interpreters": ("arn:{partition}:bedrock-agentcore:*:{account}:*",),
}

_IDENTITIES = (
    ("iam", "AttachRolePolicy", "roles", "path iam-009"),
    ("iam", "PutRolePolicy", "roles", "path iam-005"),
    ("iam", "UpdateAssumeRolePolicy", "roles", "path iam-012"),
    ("iam", "DeleteRolePolicy DetachRolePolicy", "roles", "guide reference_policies_evaluation-logic"),
    ("iam", "PutRolePermissionsBoundary", "roles", "tricks aws-iam"),
    ("iam", "DeleteRolePermissionsBoundary", "roles", "guide access_policies_boundaries"),
    ("iam", "TagRole UntagRole", "roles", "guide access_tags"),
    ("iam", "AttachUserPolicy", "users", "path iam-008"),
    ("iam", "PutUserPolicy", "users", "path iam-007"),
    ("iam", "DeleteUserPolicy DetachUserPolicy", "users", "guide reference_policies_evaluation-logic"),
    ("iam", "PutUserPermissionsBoundary", "users", "tricks aws-iam"),
    ("iam", "DeleteUserPermissionsBoundary", "users", "guide access_policies_boundaries"),
    ("iam", "TagUser UntagUser", "users", "guide access_tags"),
    ("iam", "CreateAccessKey", "users", "path iam-002"),
    ("iam", "CreateLoginProfile", "users", "path iam-004"),
    ("iam", "UpdateLoginProfile", "users", "path iam-006"),
    ("iam", "UpdateAccessKey UploadSSHPublicKey", "users", "tricks aws-iam"),
    ("iam", "CreateServiceSpecificCredential ResetServiceSpecificCredential", "users", "tricks aws-iam"),
    ("iam", "EnableMFADevice DeactivateMFADevice ResyncMFADevice", "users", "tricks aws-iam"),
    ("iam", "AddUserToGroup", "members", "path iam-013"),
    ("iam", "RemoveUserFromGroup", "members", "guide reference_policies_evaluation-logic"),
    ("iam", "AttachGroupPolicy", "groups", "path iam-010"),
    ("iam", "PutGroupPolicy", "groups", "path iam-011"),
    ("iam", "DeleteGroupPolicy DetachGroupPolicy", "groups", "guide reference_policies_evaluation-logic"),
    ("iam", "CreatePolicyVersion", "policies", "path iam-001"),
    ("iam", "SetDefaultPolicyVersion", "policies", "rhino 2-setting-the-default-policy-version-to-an-existing-version"),
    ("iam", "UpdateSAMLProvider UpdateOpenIDConnectProviderThumbprint", "providers", "tricks aws-iam"),
    ("iam", "CreateSAMLProvider", "providers", "guide id_roles_providers_create_saml"),
    ("iam", "CreateOpenIDConnectProvider", "providers", "guide id_roles_providers_create_oidc"),
    ("iam", "AddClientIDToOpenIDConnectProvider", "providers", "guide id_roles_providers_create_oidc"),
    ("sts", "AssumeRole", "roles of any account", "path sts-001"),
    ("sts", "AssumeRoot", "accounts", "aws STS/latest/APIReference/API_AssumeRoot"),
)
_OF_A_SERVICE = (
    ("organizations", "AttachPolicy DetachPolicy UpdatePolicy DeletePolicy DisablePolicyType MoveAccount",
     "aws organizations/latest/userguide/orgs_manage_policies_scps"),
    ("organizations", "LeaveOrganization RemoveAccountFromOrganization",
     "aws organizations/latest/userguide/orgs_manage_policies_scps"),
    ("organizations", "CreateAccount InviteAccountToOrganization AcceptHandshake",
     "aws organizations/latest/userguide/orgs_manage_accounts_access"),
    ("organizations", "RegisterDelegatedAdministrator EnableAWSServiceAccess PutResourcePolicy",
     "aws organizations/latest/userguide/orgs_delegate_policies"),
    ("sso", "AttachManagedPolicyToPermissionSet", "tricks aws-sso-and-identitystore"),
    ("sso", "DetachManagedPolicyFromPermissionSet", "tricks aws-sso-and-identitystore"),
    ("sso", "AttachCustomerManagedPolicyReferenceToPermissionSet", "tricks aws-sso-and-identitystore"),
    ("sso", "DetachCustomerManagedPolicyReferenceFromPermissionSet", "tricks aws-sso-and-identitystore"),
    ("sso", "PutInlinePolicyToPermissionSet DeleteInlinePolicyFromPermissionSet", "tricks aws-sso-and-identitystore"),
    ("sso", "PutPermissionsBoundaryToPermissionSet", "tricks aws-sso-and-identitystore"),
    ("sso", "DeletePermissionsBoundaryFromPermissionSet", "tricks aws-sso-and-identitystore"),
    ("sso", "ProvisionPermissionSet CreateAccountAssignment", "tricks aws-sso-and-identitystore"),
    ("identitystore", "CreateGroupMembership", "tricks aws-sso-and-identitystore"),
    ("sso-directory", "UpdatePassword AddMemberToGroup", "tricks aws-sso-and-identitystore"),
    ("ds", "ResetUserPassword", "tricks aws-directory-services"),
    ("kms", "PutKeyPolicy", "tricks aws-kms"),
    ("lambda", "UpdateFunctionCode", "path lambda-003"),
    ("lambda", "UpdateFunctionConfiguration", "tricks aws-lambda"),
    ("ec2", "ModifyInstanceAttribute", "path ec2-002"),
    ("ec2", "CreateLaunchTemplateVersion ModifyLaunchTemplate", "path ec2-004"),
    ("ecs", "ExecuteCommand UpdateService CreateTaskSet", "tricks aws-ecs"),
    ("eks", "CreateAccessEntry UpdateAccessEntry AssociateAccessPolicy", "tricks aws-eks"),
    ("apprunner", "UpdateService", "path apprunner-002"),
    ("cloudformation", "UpdateStack", "path cloudformation-002"),
    ("cloudformation", "UpdateStackSet", "path cloudformation-004"),
    ("cloudformation", "ExecuteChangeSet", "path cloudformation-005"),
    ("codebuild", "StartBuild", "path codebuild-002"),
    ("codebuild", "StartBuildBatch", "path codebuild-003"),
    ("codebuild", "UpdateProject", "tricks aws-codebuild"),
    ("codedeploy", "CreateDeployment", "tricks aws-codedeploy"),
    ("codepipeline", "PollForJobs UpdatePipeline", "tricks aws-codepipeline"),
    ("codestar", "CreateProject AssociateTeamMember",
     "rhino 25-creating-a-new-codestar-project-and-associating-a-team-member"),
    ("codestar", "CreateProjectFromTemplate", "rhino 23-creating-a-codestar-project-from-a-template"),
    ("glue", "UpdateDevEndpoint", "path glue-002"),
    ("glue", "UpdateJob RunStatement", "tricks aws-glue"),
    ("elasticmapreduce", "OpenEditorInConsole AddJobFlowSteps GetClusterSessionCredentials", "tricks aws-emr"),
    ("elasticbeanstalk", "UpdateEnvironment RebuildEnvironment", "tricks aws-elastic-beanstalk"),
    ("states", "UpdateStateMachine", "tricks aws-stepfunctions"),
    ("airflow", "CreateWebLoginToken CreateCliToken", "aws mwaa/latest/userguide/access-policies"),
    ("sagemaker", "CreatePresignedNotebookInstanceUrl", "path sagemaker-004"),
    ("sagemaker", "UpdateNotebookInstance UpdateNotebookInstanceLifecycleConfig", "path sagemaker-005"),
    ("sagemaker", "CreatePresignedDomainUrl", "tricks aws-sagemaker"),
    ("rolesanywhere", "CreateTrustAnchor UpdateTrustAnchor", "aws rolesanywhere/latest/userguide/trust-model"),
)  # fmt: skip
_OF_SEVERAL_SERVICES = (
    ("ec2-instance-connect", "SendSSHPublicKey", "machines", "path ec2instanceconnect-003"),
    ("ec2-instance-connect", "SendSerialConsoleSSHPublicKey", "machines", "tricks aws-ec2"),
    ("ssm", "SendCommand", "machines", "path ssm-002"),
    ("ssm", "StartSession", "machines", "path ssm-001"),
    ("ssm", "ResumeSession CreateAssociation UpdateAssociation", "machines", "tricks aws-ssm"),
    ("ssm", "UpdateDocument UpdateDocumentDefaultVersion", "machines", "tricks aws-ssm"),
    ("ssm", "RegisterTaskWithMaintenanceWindow", "machines", "tricks aws-ssm"),
    ("ssm", "StartAutomationExecution", "machines", "aws systems-manager/latest/userguide/automation-setup"),
    ("bedrock-agentcore", "InvokeCodeInterpreter", "own interpreters", "path bedrock-002"),
)
_PASSING_A_ROLE = (
    ("lambda", "CreateFunction", "path lambda-001", "lambda"),
    ("ec2", "RunInstances", "path ec2-001", "ec2"),
    ("ec2", "RequestSpotInstances", "path ec2-003", "ec2"),
    ("ec2", "RequestSpotFleet CreateFleet", "tricks aws-ec2", "ec2 spotfleet"),
    ("ec2", "AssociateIamInstanceProfile ReplaceIamInstanceProfileAssociation", "tricks aws-ec2", "ec2"),
    ("autoscaling", "CreateLaunchConfiguration", "tricks aws-ec2", "ec2"),
    ("autoscaling", "CreateAutoScalingGroup UpdateAutoScalingGroup", "tricks aws-ec2", "ec2"),
    ("ecs", "RegisterTaskDefinition", "path ecs-004", "ecs-tasks ecs"),
    ("ecs", "RunTask", "tricks aws-ecs", "ecs-tasks ecs"),
    ("ecs", "StartTask", "path ecs-005", "ecs-tasks ecs"),
    ("ecs", "CreateService", "path ecs-003", "ecs-tasks ecs"),
    ("batch", "RegisterJobDefinition", "tricks aws-batch", "ecs-tasks batch"),
    ("eks", "CreatePodIdentityAssociation UpdatePodIdentityAssociation", "tricks aws-eks", "pods.eks eks"),
    ("eks", "CreateNodegroup CreateFargateProfile", "tricks aws-eks", "eks ec2 eks-fargate-pods"),
    ("apprunner", "CreateService", "path apprunner-001", "tasks.apprunner build.apprunner apprunner"),
    ("cloudformation", "CreateStack", "path cloudformation-001", "cloudformation"),
    ("cloudformation", "CreateStackSet", "path cloudformation-003", "cloudformation"),
    ("cloudformation", "CreateResource UpdateResource", "tricks aws-cloudcontrol", "cloudformation"),
    ("codebuild", "CreateProject", "path codebuild-001", "codebuild"),
    ("codepipeline", "CreatePipeline", "tricks aws-codepipeline", "codepipeline"),
    ("datapipeline", "CreatePipeline PutPipelineDefinition", "path datapipeline-001",
     "datapipeline elasticmapreduce ec2"),
    ("glue", "CreateDevEndpoint", "path glue-001", "glue"),
    ("glue", "CreateJob", "path glue-003", "glue"),
    ("glue", "CreateSession", "tricks aws-glue", "glue"),
    ("elasticmapreduce", "RunJobFlow CreateEditor", "tricks aws-emr", "elasticmapreduce ec2"),
    ("emr-serverless", "StartJobRun", "tricks aws-emr-serverless", "emr-serverless"),
    ("elasticbeanstalk", "CreateEnvironment", "tricks aws-elastic-beanstalk", "elasticbeanstalk ec2"),
    ("sagemaker", "CreateNotebookInstance", "path sagemaker-001", "sagemaker"),
    ("sagemaker", "CreateTrainingJob", "path sagemaker-002", "sagemaker"),
    ("sagemaker", "CreateProcessingJob", "path sagemaker-003", "sagemaker"),
    ("sagemaker", "CreateHyperParameterTuningJob CreateAutoMLJob", "tricks aws-sagemaker", "sagemaker"),
    ("sagemaker", "CreateAutoMLJobV2", "tricks aws-sagemaker", "sagemaker"),
    ("sagemaker", "CreateDomain UpdateDomain CreateUserProfile UpdateUserProfile", "tricks aws-sagemaker", "sagemaker"),
    ("sagemaker", "CreatePipeline UpdatePipeline CreateModel CreateCluster", "tricks aws-sagemaker", "sagemaker"),
    ("bedrock-agentcore", "CreateCodeInterpreter", "path bedrock-001", "bedrock-agentcore"),
    ("bedrock-agentcore", "CreateAgentRuntime UpdateAgentRuntime", "tricks aws-bedrock-agentcore", "bedrock-agentcore"),
    ("states", "CreateStateMachine TestState", "tricks aws-stepfunctions", "states"),
    ("scheduler", "CreateSchedule UpdateSchedule", "tricks eventbridgescheduler", "scheduler"),
    ("events", "PutTargets", "tricks aws-eventbridge", "events"),
    ("pipes", "CreatePipe UpdatePipe", "tricks aws-eventbridge-pipes", "pipes"),
    ("ssm", "CreateActivation", "reference awssystemsmanager", "ssm"),
    ("config", "PutRemediationConfigurations", "tricks aws-config", "ssm config"),
    ("budgets", "CreateBudgetAction UpdateBudgetAction", "tricks aws-budgets", "budgets"),
    ("fis", "CreateExperimentTemplate UpdateExperimentTemplate", "tricks aws-fis", "fis"),
    ("cognito-identity", "SetIdentityPoolRoles", "tricks aws-cognito", "cognito-identity"),
    ("cognito-idp", "CreateGroup UpdateGroup", "tricks aws-cognito", "cognito-idp cognito-identity"),
    ("apigateway", "PUT POST PATCH", "tricks aws-apigateway", "apigateway"),
    ("appsync", "CreateDataSource UpdateDataSource", "tricks aws-appsync", "appsync"),
    ("amplify", "CreateApp UpdateApp CreateBranch UpdateBranch", "reference awsamplify", "amplify"),
    ("rds", "AddRoleToDBCluster AddRoleToDBInstance", "tricks aws-rds", "rds"),
    ("imagebuilder", "CreateInfrastructureConfiguration UpdateInfrastructureConfiguration",
     "tricks aws-ec2-image-builder", "ec2 imagebuilder"),
    ("kinesisanalytics", "CreateApplication UpdateApplication", "reference amazonkinesisanalyticsv2",
     "kinesisanalytics"),
    ("airflow", "CreateEnvironment UpdateEnvironment", "aws mwaa/latest/userguide/access-policies",
     "airflow airflow-env"),
    ("gamelift", "CreateFleet CreateContainerFleet", "reference amazongameliftservers", "gamelift"),
    ("iot", "CreateRoleAlias UpdateRoleAlias", "tricks aws-iot", "credentials.iot"),
    ("rolesanywhere", "CreateProfile UpdateProfile",
     "reference awsidentityandaccessmanagementrolesanywhere", "rolesanywhere"),
    ("transfer", "CreateUser UpdateUser", "reference awstransferfamily", "transfer"),
    ("braket", "CreateJob", "tricks aws-braket", "braket"),
    ("omics", "StartRun", "tricks aws-healthomics", "omics"),
)  # fmt: skip


def _powers() -> Iterator[Power]:
    def of(prefix: str, actions: str, kinds: tuple[str, ...], source: str, services: str = "") -> Iterator[Power]:
        form, _, page = source.partition(" ")
        principals = tuple(f"{service}.amazonaws.com" for service in services.split())
        for action in actions.split():
            yield Power(f"{prefix}:{action}", _SOURCES[form].format(page), kinds, principals)

    for prefix, actions, kind, source in (*_IDENTITIES, *_OF_SEVERAL_SERVICES):
        yield from of(prefix, actions, _KINDS[kind], source)
    yield from of("iam", "AddRoleToInstanceProfile", _KINDS["profiles"], "tricks aws-ec2", "ec2")
    for prefix, actions, source in _OF_A_SERVICE:
        yield from of(prefix, actions, (f"arn:{{partition}}:{prefix}:*:*:*",), source)
    for prefix, actions, source, services in _PASSING_A_ROLE:
        yield from of(prefix, actions, (f"arn:{{partition}}:{prefix}:*:*:*",), source, services)


POWERS: tuple[Power, ...] = tuple(_powers())
"""iam:PassRole is not in the list: it leads to more power with the actions that pass a role."""

_ALONE = frozenset(power.action.lower() for power in POWERS if not power.passes_to)
_SERVICES_OF_POWER = ("iam:", "organizations:", "sts:", "sso:")


def leads_to_power(action: str) -> bool:
    """Whether a grant of the action alone may lead to more power. The bot prints no command for such a grant."""
    name = action.lower()
    return name in _ALONE or name.startswith(_SERVICES_OF_POWER)
