"""The fixes, each written for the console, the CLI, CDK, Terraform and CloudFormation.

Each command stops at its first error, creates no file that it does not write, and keeps what it does not change. The
other forms change the construct or resource that is there. A text with a placeholder that has no value is not shown.

Sources: https://docs.aws.amazon.com/amplify/latest/userguide/amplify-service-role.html,
https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html,
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/amplify_branch
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from medic.knowledge.entry import Fix
from medic.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAIN_TRUST = """{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Service": "amplify.amazonaws.com"},
    "Action": "sts:AssumeRole"
  }]
}"""
"""The trust policy that AWS documents for a compute role."""

GUARDED_TRUST = """{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Service": "amplify.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {
      "StringEquals": {"aws:SourceAccount": "{account}"},
      "ArnLike": {"aws:SourceArn": [
        "arn:{partition}:amplify:{region}:{account}:apps/{app_id}",
        "arn:{partition}:amplify:{region}:{account}:apps/{app_id}/*"
      ]}
    }
  }]
}"""
"""A trust policy for a service role, limited to one app."""


def _create_role(trust: str, then: str) -> str:
    """Create a role, wait until IAM has propagated it, and attach it."""
    return (
        "aws iam create-role --role-name {role_name} --path {role_path} \\\n"
        f"  --assume-role-policy-document '{trust}' &&\n"
        f"sleep 15 &&\n{then}"
    )


def add_to_trust(role_name: str, statement: str, replaces: int | None = None) -> str:
    """The commands that add a statement to a role's trust policy and keep the others, with a backup.

    Args:
        role_name: the role, quoted for a shell.
        statement: the statement as JSON, quoted for a shell.
        replaces: the index of the statement whose place it takes; None to append it.
    """
    change = ".append(new)" if replaces is None else f"[{replaces}] = new"
    program = (
        'import json, sys; policy = json.load(open("trust-backup.json")); new = json.loads(sys.argv[1]); '
        'old = policy["Statement"]; '
        'policy["Statement"] = old if isinstance(old, list) else [old]; '
        f'policy["Statement"]{change}; print(json.dumps(policy))'
    )
    return (
        f"aws iam get-role --role-name {role_name} --query Role.AssumeRolePolicyDocument --output json \\\n"
        "  > trust-backup.json &&\n"
        f"python3 -c '{program}' \\\n  {statement} > trust.json &&\n"
        f"aws iam update-assume-role-policy --role-name {role_name} --policy-document file://trust.json"
    )


_GUARDED_STATEMENT = (
    '{"Effect":"Allow","Principal":{"Service":"amplify.amazonaws.com"},"Action":"sts:AssumeRole","Condition":'
    '{"StringEquals":{"aws:SourceAccount":"{account}"},"ArnLike":{"aws:SourceArn":['
    '"arn:{partition}:amplify:{region}:{account}:apps/{app_id}",'
    '"arn:{partition}:amplify:{region}:{account}:apps/{app_id}/*"]}}}'
)
_PLAIN_STATEMENT = '{"Effect":"Allow","Principal":{"Service":"amplify.amazonaws.com"},"Action":"sts:AssumeRole"}'
_SET_SERVICE_ROLE = "aws amplify update-app --app-id {app_id} --region {region} --iam-service-role-arn {role_arn}"
_SET_COMPUTE_ROLE = (
    "aws amplify update-branch --app-id {app_id} --branch-name {branch} --region {region} \\\n"
    "  --compute-role-arn {role_arn}"
)
_NO_BRANCH_ARGUMENT = (
    "# aws_amplify_branch has no compute_role_arn (provider 6.x): set it with the CLI form, and Terraform keeps it.\n"
    "# compute_role_arn of aws_amplify_app would reach every branch and preview."
)
_STATEMENT = '{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}'
_PASSING = (
    '{"Effect":"Allow","Action":"iam:PassRole","Resource":"{role_arn}",'
    '"Condition":{"StringEquals":{"iam:PassedToService":"amplify.amazonaws.com"}}}'
)


def _put_policy(role: str, policy: str, statement: str) -> str:
    return (
        f"aws iam put-role-policy --role-name {role} --policy-name {policy} \\\n"
        f'  --policy-document \'{{"Version":"2012-10-17","Statement":[{statement}]}}\''
    )


_LOG_STATEMENTS = """\
{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],
   "Resource":"arn:{partition}:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*"},
  {"Effect":"Allow","Action":"logs:CreateLogGroup",
   "Resource":"arn:{partition}:logs:{region}:{account}:log-group:/aws/amplify/*"},
  {"Effect":"Allow","Action":"logs:DescribeLogGroups",
   "Resource":"arn:{partition}:logs:{region}:{account}:log-group:*"}"""

_SERVICE_ROLE_CDK = """\
const serviceRole = new iam.Role(this, 'AmplifyServiceRole', {
  roleName: '{role_name}', path: '{role_path}',
  assumedBy: new iam.ServicePrincipal('amplify.amazonaws.com', { conditions: {
    StringEquals: { 'aws:SourceAccount': '{account}' },
    ArnLike: { 'aws:SourceArn': [
      'arn:{partition}:amplify:{region}:{account}:apps/{app_id}',
      'arn:{partition}:amplify:{region}:{account}:apps/{app_id}/*',
    ] },
  } }),
});
// in your existing CfnApp: iamServiceRole: serviceRole.roleArn"""
_SERVICE_ROLE_TERRAFORM = """\
resource "aws_iam_role" "amplify_service" {
  name = "{role_name}"
  path = "{role_path}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "amplify.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "{account}" }
        ArnLike = { "aws:SourceArn" = [
          "arn:{partition}:amplify:{region}:{account}:apps/{app_id}",
          "arn:{partition}:amplify:{region}:{account}:apps/{app_id}/*",
        ] }
      }
    }]
  })
}
# in your existing aws_amplify_app: iam_service_role_arn = aws_iam_role.amplify_service.arn"""
_SERVICE_ROLE_CLOUDFORMATION = """\
AmplifyServiceRole:
  Type: AWS::IAM::Role
  Properties:
    RoleName: {role_name}
    Path: {role_path}
    AssumeRolePolicyDocument:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Principal: { Service: amplify.amazonaws.com }
          Action: sts:AssumeRole
          Condition:
            StringEquals: { aws:SourceAccount: '{account}' }
            ArnLike:
              aws:SourceArn:
                - arn:{partition}:amplify:{region}:{account}:apps/{app_id}
                - arn:{partition}:amplify:{region}:{account}:apps/{app_id}/*
# in your existing AWS::Amplify::App: IAMServiceRole: !GetAtt AmplifyServiceRole.Arn"""

_CREATE_SERVICE_ROLE = Fix(
    id="create_service_role",
    title="Create a service role and attach it to the app",
    expect="Builds run as this role from the next job on. The SSR runtime is not affected: it has a role of its own.",
    console="IAM > Roles > Create role > AWS service > Amplify > Amplify - Backend Deployment. Then Amplify > the app "
    "> App settings > IAM roles > Service role > Edit, choose the role, save. Then reload the page and check: some "
    "users report that the console lost the choice. Only a Gen 2 backend needs the managed policy "
    "AmplifyBackendDeployFullAccess.",
    cli=_create_role(GUARDED_TRUST, _SET_SERVICE_ROLE),
    cdk=_SERVICE_ROLE_CDK,
    terraform=_SERVICE_ROLE_TERRAFORM,
    cloudformation=_SERVICE_ROLE_CLOUDFORMATION,
)

_FIXES = (
    _CREATE_SERVICE_ROLE,
    replace(
        _CREATE_SERVICE_ROLE,
        id="create_backend_role",
        title="Create a service role for the app, and let it deploy the backend",
        expect="Builds run as this role from the next job on. They may deploy once the managed policy is attached. "
        "It can't bootstrap CDK. The SSR runtime is not affected.",
        console="IAM > Roles > Create role > AWS service > Amplify > Amplify - Backend Deployment, with the managed "
        "policy AmplifyBackendDeployFullAccess. Then Amplify > the app > App settings > IAM roles > Service role > "
        "Edit: choose the role and save. Reload the page and check. The commands create the role without that policy: "
        "attach it by hand. Builds can then assume the roles with which CDK deploys, and change nearly all.",
    ),
    Fix(
        id="attach_service_role",
        title="Attach the paired service role to the app",
        expect="The next build uses it; no redeploy of the running site is needed.",
        console="Amplify > the app > App settings > IAM roles > Service role > Edit. Choose the role, save, then "
        "reload the page and check.",
        cli=f"{_SET_SERVICE_ROLE} &&\naws amplify get-app --app-id {{app_id}} --region {{region}} "
        "--query app.iamServiceRoleArn",
        cdk="// in your existing CfnApp\niamServiceRole: '{role_arn}',",
        terraform='# in your existing aws_amplify_app\niam_service_role_arn = "{role_arn}"',
        cloudformation="# in your existing AWS::Amplify::App\nIAMServiceRole: {role_arn}",
    ),
    Fix(
        id="trust_service_role",
        title="Let Amplify assume the service role",
        expect="Builds can assume the role after IAM propagation (usually seconds, up to 30 s).",
        console="IAM > Roles > {role_name} > Trust relationships > Edit trust policy. Add this statement beside the "
        f"others:\n{_GUARDED_STATEMENT}",
        cli=add_to_trust("{role_name}", f"'{_GUARDED_STATEMENT}'"),
        cdk="""role.assumeRolePolicy?.addStatements(new iam.PolicyStatement({
  principals: [new iam.ServicePrincipal('amplify.amazonaws.com')],
  actions: ['sts:AssumeRole'],
  conditions: {
    StringEquals: { 'aws:SourceAccount': '{account}' },
    ArnLike: { 'aws:SourceArn': [
      'arn:{partition}:amplify:{region}:{account}:apps/{app_id}',
      'arn:{partition}:amplify:{region}:{account}:apps/{app_id}/*',
    ] },
  },
}));""",
        terraform="# in the jsonencode(...) of assume_role_policy, one more element of Statement\n"
        f"{_GUARDED_STATEMENT}",
        cloudformation=f"# in AssumeRolePolicyDocument, one more element of Statement\n- {_GUARDED_STATEMENT}",
    ),
    Fix(
        id="create_compute_role",
        title="Create a compute role and attach it to the branch",
        expect="SSR code gets credentials; permissions changed later work without a redeploy. After the very first "
        "attach, redeploy to be sure. Builds are not affected: they use the service role.",
        console="IAM > Roles > Create role > Custom trust policy, with:\n"
        + PLAIN_TRUST
        + "\nGive it only what the site's server code calls. Then Amplify > the app > App settings > IAM roles > "
        "Compute role > Branch overrides, choose branch and role, save.",
        cli=_create_role(PLAIN_TRUST, _SET_COMPUTE_ROLE),
        cdk="""const computeRole = new iam.Role(this, 'AmplifyComputeRole', {
  roleName: '{role_name}', path: '{role_path}',
  assumedBy: new iam.ServicePrincipal('amplify.amazonaws.com'),
});
// in your existing CfnBranch: computeRoleArn: computeRole.roleArn""",
        terraform="""data "aws_iam_policy_document" "compute_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["amplify.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "compute" {
  name               = "{role_name}"
  path               = "{role_path}"
  assume_role_policy = data.aws_iam_policy_document.compute_trust.json
}
"""
        + _NO_BRANCH_ARGUMENT,
        cloudformation="""AmplifyComputeRole:
  Type: AWS::IAM::Role
  Properties:
    RoleName: {role_name}
    Path: {role_path}
    AssumeRolePolicyDocument:
      Version: '2012-10-17'
      Statement:
        - { Effect: Allow, Principal: { Service: amplify.amazonaws.com }, Action: sts:AssumeRole }
# in your existing AWS::Amplify::Branch: ComputeRoleArn: !GetAtt AmplifyComputeRole.Arn""",
    ),
    Fix(
        id="attach_compute_role",
        title="Attach the paired compute role to the branch",
        expect="SSR code on this branch runs as the role. Send no field but computeRoleArn: a map in the "
        "request replaces the whole stored map.",
        console="Amplify > the app > App settings > IAM roles > Compute role > Branch overrides: branch {branch}, "
        "role {role_name}.",
        cli=_SET_COMPUTE_ROLE,
        cdk="// in your existing CfnBranch\ncomputeRoleArn: '{role_arn}',",
        terraform=_NO_BRANCH_ARGUMENT,
        cloudformation="# in your existing AWS::Amplify::Branch\nComputeRoleArn: {role_arn}",
    ),
    Fix(
        id="trust_compute_role",
        title="Let Amplify assume the compute role, with the plain statement AWS documents",
        expect="UpdateBranch accepts the role. Add no source conditions: users report that Amplify refused roles with "
        "them.",
        console="IAM > Roles > {role_name} > Trust relationships > Edit trust policy. Add this statement beside the "
        f"others:\n{_PLAIN_STATEMENT}",
        cli=add_to_trust("{role_name}", f"'{_PLAIN_STATEMENT}'"),
        cdk="role.assumeRolePolicy?.addStatements(new iam.PolicyStatement({\n  principals: [new "
        "iam.ServicePrincipal('amplify.amazonaws.com')],\n  actions: ['sts:AssumeRole'],\n}));",
        terraform=f"# in the jsonencode(...) of assume_role_policy, one more element of Statement\n{_PLAIN_STATEMENT}",
        cloudformation=f"# in AssumeRolePolicyDocument, one more element of Statement\n- {_PLAIN_STATEMENT}",
    ),
    Fix(
        id="grant_action",
        title="Allow the one action on the one resource",
        expect="The call is allowed after IAM propagation. Nothing is redeployed.",
        console="IAM > Roles > {role_name} > Add permissions > Create inline policy > JSON, with the action and the "
        "resource that the message names.",
        cli=_put_policy("{role_name}", "medic-least", _STATEMENT),
        cdk="role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['{action}'], resources: ['{resource}'] }));",
        terraform='resource "aws_iam_role_policy" "least" {\n  role = "{role_name}"\n  policy = jsonencode({\n    '
        f'Version = "2012-10-17"\n    Statement = [{_STATEMENT}]\n  }})\n}}',
        cloudformation="Least:\n  Type: AWS::IAM::RolePolicy\n  Properties:\n    RoleName: {role_name}\n    "
        "PolicyName: medic-least\n    PolicyDocument:\n      Version: '2012-10-17'\n      Statement:\n        - "
        + _STATEMENT,
    ),
    Fix(
        id="allow_pass_role",
        title="Let the caller pass this role, and to no other service than the one that gets it",
        expect="UpdateBranch, UpdateApp, CreateApp and CreateBranch accept the role from this caller.",
        console="IAM > the calling user or role > Add permissions > Create inline policy > JSON, in Statement:\n"
        + _PASSING,
        cli=_put_policy("{caller}", "pass-to-amplify", _PASSING),
        cdk="caller.addToPrincipalPolicy(new iam.PolicyStatement({\n  actions: ['iam:PassRole'], resources: "
        "['{role_arn}'],\n  conditions: { StringEquals: { 'iam:PassedToService': 'amplify.amazonaws.com' } },\n}));",
        terraform=f"# in a policy of the caller, one more element of Statement\n{_PASSING}",
        cloudformation=f"# in a policy of the caller, one more element of Statement\n- {_PASSING}",
    ),
    Fix(
        id="change_boundary",
        title="Ask the boundary's owner to allow the action, or set the boundary that new roles need",
        expect="A role may do only what its policies and its boundary both allow, so adding a permission to the "
        "role is not enough.",
        console="IAM > Roles > {role_name} > Permissions boundary shows which policy it is. Its owner edits that "
        "policy. Where new roles need a boundary, give them that one; Amplify Gen 1: amplify env update "
        "--permissions-boundary.",
        cli="aws iam get-role --role-name {role_name} --query Role.PermissionsBoundary",
        cdk="// The boundary is a managed policy: its owner changes it where it is defined.",
        terraform="# The boundary is a managed policy: its owner changes it where it is defined.",
        cloudformation="# The boundary is a managed policy: its owner changes it where it is defined.",
    ),
    Fix(
        id="ask_organization",
        title="Ask the organization's administrators about the policy that denies",
        expect="Adding a permission to the role does not help: the organization's policy overrides it.",
        console="AWS Organizations > Policies, in the management account. Send its administrators the log line, which "
        "often names the policy. Run the commands in the management account, or as a delegated administrator.",
        cli="aws organizations list-policies-for-target --target-id {account} --filter SERVICE_CONTROL_POLICY &&\n"
        "aws organizations list-policies-for-target --target-id {account} --filter RESOURCE_CONTROL_POLICY",
        cdk="// The policy is in the organization's own code: organizations.CfnPolicy.",
        terraform="# The policy is in the organization's own code: aws_organizations_policy.",
        cloudformation="# The policy is in the organization's own code: AWS::Organizations::Policy.",
    ),
    Fix(
        id="ask_resource_owner",
        title="Ask the owner of the resource to allow the role in the resource's own policy",
        expect="Adding a permission to the role is not enough: the resource's own policy must allow it too.",
        console="Open the resource that the log line names (bucket, key, queue, secret), and read its policy: aws "
        "s3api get-bucket-policy, aws kms get-key-policy, aws secretsmanager get-resource-policy.",
        cli="aws iam get-role --role-name {role_name} --query Role.Arn",
        cdk="// where the resource is defined: bucket.addToResourcePolicy(...), key.addToResourcePolicy(...)",
        terraform="# where the resource is defined: aws_s3_bucket_policy, aws_kms_key_policy",
        cloudformation="# where the resource is defined: AWS::S3::BucketPolicy, AWS::KMS::Key KeyPolicy",
    ),
    Fix(
        id="ask_policy_owner",
        title="Find the policy that denies, and ask its owner",
        expect="Adding a permission to the role does not help: another policy denies the action.",
        console='The words after "because" or "with" in the log line name the type of the policy, and sometimes its '
        "ARN. Send its owner the line.",
        cli="aws ec2 describe-vpc-endpoints --region {region} --query 'VpcEndpoints[].[VpcEndpointId,PolicyDocument]'",
        cdk="// The policy is changed where it is defined.",
        terraform="# The policy is changed where it is defined.",
        cloudformation="# The policy is changed where it is defined.",
    ),
    Fix(
        id="logging_policy",
        title="The permissions a service role needs for SSR logs, and nothing else",
        expect="SSR logs appear in /aws/amplify/{app_id}. It fixes no build: users report builds that "
        "worked with just these permissions, and builds that failed with administrator permissions.",
        console="IAM > Roles > {role_name} > Create inline policy > JSON, in Statement:\n" + _LOG_STATEMENTS,
        cli=_put_policy("{role_name}", "ssr-logs", _LOG_STATEMENTS),
        cdk="""role.addToPrincipalPolicy(new iam.PolicyStatement({
  actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  resources: ['arn:{partition}:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*'] }));
role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['logs:CreateLogGroup'],
  resources: ['arn:{partition}:logs:{region}:{account}:log-group:/aws/amplify/*'] }));
role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['logs:DescribeLogGroups'],
  resources: ['arn:{partition}:logs:{region}:{account}:log-group:*'] }));""",
        terraform='resource "aws_iam_role_policy" "ssr_logs" {\n  role = "{role_name}"\n  policy = jsonencode({\n    '
        f'Version = "2012-10-17"\n    Statement = [{_LOG_STATEMENTS}]\n  }})\n}}',
        cloudformation="SsrLogs:\n  Type: AWS::IAM::RolePolicy\n  Properties:\n    RoleName: {role_name}\n    "
        "PolicyName: ssr-logs\n    PolicyDocument:\n      Version: '2012-10-17'\n      Statement: ["
        + _LOG_STATEMENTS
        + "]",
    ),
    Fix(
        id="allow_codecommit_pull",
        title="Let the service role read the CodeCommit repository",
        expect="The next build can clone.",
        console="IAM > Roles > {role_name} > Create inline policy: codecommit:GitPull on the repository's ARN.",
        cli=_put_policy(
            "{role_name}", "git-pull", '{"Effect":"Allow","Action":"codecommit:GitPull","Resource":"{resource}"}'
        ),
        cdk="repository.grantPull(serviceRole);",
        terraform='# in a policy of the service role\nstatement {\n  actions   = ["codecommit:GitPull"]\n  '
        "resources = [aws_codecommit_repository.repository.arn]\n}",
        cloudformation="# in a policy of the service role\n- { Effect: Allow, Action: codecommit:GitPull, Resource: "
        "!GetAtt Repository.Arn }",
    ),
    Fix(
        id="reconnect_repository",
        title="Reconnect the repository through the Amplify GitHub App",
        expect="The next build can clone the repository. Roles stay as they are.",
        console="Amplify > the app > App settings > Branch settings (or General) > Reconnect repository. Install the "
        "AWS Amplify GitHub App. Check that its access list has the repository: GitHub > Settings > Applications > AWS "
        "Amplify > Configure. The CLI form is only for an app that is connected by a token.",
        # AWS CLI 1 would fetch a URL that is an argument of its own.
        cli="read -rs TOKEN </dev/tty && aws amplify update-app --app-id {app_id} --region {region} \\\n"
        '  --cli-input-json \'{"repository":"{repository}"}\' --access-token "$TOKEN"',
        cdk="// No construct connects the GitHub App. Connect once in the console, and keep the token out of the\n"
        "// template: setting oauthToken or accessToken again removes the App's connection.",
        terraform="# in your existing aws_amplify_app, because re-applying a token rewrites the connection\n"
        "lifecycle {\n  ignore_changes = [access_token, oauth_token]\n}",
        cloudformation="# No property connects the GitHub App. Connect once in the console, then leave AccessToken "
        "and OauthToken out.",
    ),
    Fix(
        id="recreate_in_console",
        title="As a last resort, recreate the app in the console",
        expect="Console, GitHub App and role are created together. The app gets a new id and default domain.",
        console="Snapshot the old app first. Amplify > Create new app > GitHub (the GitHub App, no token), "
        "repository, branch. Let Amplify create the service role. Add the environment variables again, and deploy. "
        "Move custom domains last.",
        cli="aws amplify get-app --app-id {app_id} --region {region} > app.json &&\n"
        "aws amplify list-branches --app-id {app_id} --region {region} > branches.json",
        cdk="// Keep the app that the console created outside the stack and refer to it by its id.",
        terraform="# Create the app in the console, then import it: terraform import aws_amplify_app.app, and its id",
        cloudformation="# Create the app in the console, then import it as a resource (AWS::Amplify::App).",
    ),
    Fix(
        id="wait_and_retry",
        title="Wait 30 seconds, then retry the job",
        expect="A role that was just created or changed works in every service after seconds, rarely more than 30 "
        "seconds.",
        console="Amplify > the app > the branch > Redeploy this version.",
        cli="sleep 30 &&\naws amplify start-job --app-id {app_id} --branch-name {branch} --region {region} --job-type "
        "RETRY --job-id {job_id}",
        cdk="// The order does not help: the first deployment after the role needs a retry.\n"
        "branch.node.addDependency(role);",
        terraform='resource "time_sleep" "iam" {\n  create_duration = "30s" # depends_on the role\n}',
        cloudformation="# DependsOn of AWS::Amplify::Branch orders them; deploy again if IAM needed longer",
    ),
    Fix(
        id="drop_explicit_credentials",
        title="Let the SDK find the role: pass no credentials on Amplify",
        expect="The client uses the compute role. Explicit credentials, even undefined ones, override it.",
        console="""In the code, keys only where they are set, on a laptop:
const id = process.env.IAM_ACCESS_KEY_ID, secret = process.env.IAM_SECRET_ACCESS_KEY;
const client = new DynamoDBClient({
  region: '{region}',
  ...(id && secret ? { credentials: { accessKeyId: id, secretAccessKey: secret } } : {}),
});
Attach the compute role first. Then Amplify > the app > Environment variables: remove the access keys, and
deactivate them in IAM.""",
        cli="aws amplify get-app --app-id {app_id} --region {region} \\\n"
        "  --query 'keys(app.environmentVariables || `{}`)' &&\n"
        "aws amplify get-branch --app-id {app_id} --branch-name {branch} --region {region} \\\n"
        "  --query 'keys(branch.environmentVariables || `{}`)'",
        cdk="// Remove keys from environmentVariables; grant on the compute role: table.grantReadData(computeRole)",
        terraform="# Remove keys from environment_variables of aws_amplify_app and aws_amplify_branch; grant on the "
        "compute role instead.",
        cloudformation="# Remove keys from EnvironmentVariables of AWS::Amplify::App and AWS::Amplify::Branch; grant "
        "on the compute role.",
    ),
    Fix(
        id="shorten_build",
        title="Keep the build, or the part that calls AWS, under an hour",
        expect="A build's credentials expire after one hour. A longer session duration does not help.",
        console="Amplify > the app > Hosting > Build settings: split backend and frontend, build fewer static pages, "
        "and cache, in amplify.yml:\nfrontend:\n  cache:\n    paths: [node_modules/**/*, .next/cache/**/*]",
        cli="aws amplify get-job --app-id {app_id} --branch-name {branch} --region {region} --job-id {job_id} \\\n"
        "  --query 'job.steps[].[stepName,startTime,endTime]'",
        cdk="// in the build spec that you have: cache: { paths: ['node_modules/**/*'] }",
        terraform="# in the build spec that you have: cache, paths, node_modules/**/*",
        cloudformation="# in the build spec that you have: cache, paths, node_modules/**/*",
    ),
    Fix(
        id="log_in_locally",
        title="Log in on the laptop",
        expect="ampx, the Amplify CLI and the AWS CLI find credentials there. Nothing changes on Amplify.",
        console="AWS access portal > the account > Access keys shows how to configure the profile.",
        cli="aws sso login &&\naws sts get-caller-identity",
        cdk="// npx cdk deploy with --profile and the profile's name",
        terraform="# in the provider: profile, and the profile's name",
        cloudformation="# aws cloudformation deploy with --profile and the profile's name",
    ),
    Fix(
        id="sign_user_in",
        title="Give the request the signed-in user's credentials, or an API key",
        expect="Calls of the Amplify libraries work in server code. No IAM role of the app is involved.",
        console="""In the server code, run in the user's context, or use an API key:
await runWithAmplifyServerContext({ nextServerContext: { cookies }, operation: (ctx) => fetchAuthSession(ctx) });
Amplify > the app > Authentication: if guests may call, check that the identity pool allows guests.""",
        cli="aws cognito-identity list-identity-pools --max-results 60 --region {region}",
        cdk="// only if guests may call, in your existing CfnIdentityPool\nallowUnauthenticatedIdentities: true,",
        terraform="# only if guests may call, in your existing aws_cognito_identity_pool\n"
        "allow_unauthenticated_identities = true",
        cloudformation="# only if guests may call, in your existing AWS::Cognito::IdentityPool\n"
        "AllowUnauthenticatedIdentities: true",
    ),
)

FIXES: Mapping[str, Fix] = MappingProxyType({fix.id: fix for fix in _FIXES})
"""By id."""
