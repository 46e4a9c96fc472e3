"""The fixes, each written for the console, the CLI, CDK, Terraform and CloudFormation.

Sources: https://docs.aws.amazon.com/amplify/latest/userguide/amplify-service-role.html,
https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from medic.knowledge.entry import Fix

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
        "arn:aws:amplify:{region}:{account}:apps/{app_id}",
        "arn:aws:amplify:{region}:{account}:apps/{app_id}/*"
      ]}
    }
  }]
}"""
"""A trust policy for a service role, limited to one app."""

_STATEMENT = '{ "Effect": "Allow", "Action": "<action>", "Resource": "<resource>" }'
_PASSING = """{
  "Effect": "Allow",
  "Action": "iam:PassRole",
  "Resource": "{role_arn}",
  "Condition": { "StringEquals": { "iam:PassedToService": "amplify.amazonaws.com" } }
}"""

_FIXES = (
    Fix(
        id="create_service_role",
        title="Make a service role and attach it to the app",
        expect="Builds run as this role from the next job on. The SSR runtime is not affected: it has a role of its "
        "own.",
        console="IAM > Roles > Create role > AWS service > Amplify > Amplify - Backend Deployment. Then Amplify > the "
        "app > App settings > IAM roles > Service role > Edit, choose the role, save. Read it back: the console has "
        "been seen to lose the choice.",
        cli=f"""cat > trust.json <<'JSON'
{GUARDED_TRUST}
JSON
aws iam create-role --role-name {{role_name}} --assume-role-policy-document file://trust.json
# Gen 2 backends need this managed policy; a site without a backend needs none:
aws iam attach-role-policy --role-name {{role_name}} \\
  --policy-arn arn:aws:iam::aws:policy/service-role/AmplifyBackendDeployFullAccess
sleep 15
aws amplify update-app --app-id {{app_id}} --region {{region}} \\
  --iam-service-role-arn arn:aws:iam::{{account}}:role/{{role_name}}""",
        cdk="""const serviceRole = new iam.Role(this, 'AmplifyServiceRole', {
  roleName: '{role_name}',
  assumedBy: new iam.ServicePrincipal('amplify.amazonaws.com', {
    conditions: {
      StringEquals: { 'aws:SourceAccount': '{account}' },
      ArnLike: { 'aws:SourceArn': 'arn:aws:amplify:{region}:{account}:apps/{app_id}/*' },
    },
  }),
});
new amplify.CfnApp(this, 'App', { name: 'app', iamServiceRole: serviceRole.roleArn });""",
        terraform="""resource "aws_iam_role" "amplify_service" {
  name = "{role_name}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "amplify.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = "{account}" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:amplify:{region}:{account}:apps/{app_id}/*" }
      }
    }]
  })
}
# in resource "aws_amplify_app": iam_service_role_arn = aws_iam_role.amplify_service.arn""",
        cloudformation="""AmplifyServiceRole:
  Type: AWS::IAM::Role
  Properties:
    RoleName: {role_name}
    AssumeRolePolicyDocument:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Principal: { Service: amplify.amazonaws.com }
          Action: sts:AssumeRole
          Condition:
            StringEquals: { aws:SourceAccount: '{account}' }
            ArnLike: { aws:SourceArn: 'arn:aws:amplify:{region}:{account}:apps/{app_id}/*' }
# in AWS::Amplify::App: IAMServiceRole: !GetAtt AmplifyServiceRole.Arn""",
    ),
    Fix(
        id="attach_service_role",
        title="Point the app at an existing service role",
        expect="The next build uses it; no redeploy of the running site is needed.",
        console="Amplify > the app > App settings > IAM roles > Service role > Edit. Choose the role, save, and look "
        "again.",
        cli="aws amplify update-app --app-id {app_id} --region {region} --iam-service-role-arn {role_arn}\n"
        "aws amplify get-app --app-id {app_id} --region {region} --query app.iamServiceRoleArn",
        cdk="new amplify.CfnApp(this, 'App', { name: 'app', iamServiceRole: '{role_arn}' });",
        terraform='resource "aws_amplify_app" "app" {\n  iam_service_role_arn = "{role_arn}"\n}',
        cloudformation="App:\n  Type: AWS::Amplify::App\n  Properties:\n    IAMServiceRole: {role_arn}",
    ),
    Fix(
        id="trust_service_role",
        title="Let Amplify assume the service role",
        expect="Builds can assume the role once IAM has told every service: some seconds, at times half a minute.",
        console="IAM > Roles > {role_name} > Trust relationships > Edit trust policy. Add this statement beside the "
        "others:\n" + GUARDED_TRUST,
        cli=f"""aws iam get-role --role-name {{role_name}} --query Role.AssumeRolePolicyDocument > before.json
cat > trust.json <<'JSON'
{GUARDED_TRUST}
JSON
# merge the statements of before.json that others rely on into trust.json, then:
aws iam update-assume-role-policy --role-name {{role_name}} --policy-document file://trust.json""",
        cdk="role.assumeRolePolicy?.addStatements(new iam.PolicyStatement({\n  principals: [new "
        "iam.ServicePrincipal('amplify.amazonaws.com')],\n  actions: ['sts:AssumeRole'],\n  conditions: {\n    "
        "StringEquals: { 'aws:SourceAccount': '{account}' },\n    ArnLike: { 'aws:SourceArn': "
        "'arn:aws:amplify:{region}:{account}:apps/{app_id}/*' },\n  },\n}));",
        terraform='data "aws_iam_policy_document" "trust" {\n  statement {\n    actions = ["sts:AssumeRole"]\n    '
        'principals {\n      type        = "Service"\n      identifiers = ["amplify.amazonaws.com"]\n    }\n    '
        'condition {\n      test     = "ArnLike"\n      variable = "aws:SourceArn"\n      values   = '
        '["arn:aws:amplify:{region}:{account}:apps/{app_id}/*"]\n    }\n  }\n}',
        cloudformation="AssumeRolePolicyDocument:\n  Version: '2012-10-17'\n  Statement:\n    - Effect: Allow\n      "
        "Principal: { Service: amplify.amazonaws.com }\n      Action: sts:AssumeRole\n      Condition:\n        "
        "StringEquals: { aws:SourceAccount: '{account}' }\n        ArnLike: { aws:SourceArn: "
        "'arn:aws:amplify:{region}:{account}:apps/{app_id}/*' }",
    ),
    Fix(
        id="create_compute_role",
        title="Make a compute role and attach it to the branch",
        expect="SSR code gets credentials; permissions changed later work without a redeploy. After the very first "
        "attach, redeploy to be sure. Builds are not affected: they use the service role.",
        console="IAM > Roles > Create role > Custom trust policy, with:\n"
        + PLAIN_TRUST
        + "\nGive it only what the site's server code calls. Then Amplify > the app > App settings > IAM roles > "
        "Compute role > Branch overrides, choose branch and role, save.",
        cli=f"""cat > trust.json <<'JSON'
{PLAIN_TRUST}
JSON
aws iam create-role --role-name {{role_name}} --assume-role-policy-document file://trust.json
aws iam put-role-policy --role-name {{role_name}} --policy-name app --policy-document file://app-permissions.json
sleep 15
aws amplify update-branch --app-id {{app_id}} --branch-name {{branch}} --region {{region}} \\
  --compute-role-arn arn:aws:iam::{{account}}:role/{{role_name}}""",
        cdk="""const computeRole = new iam.Role(this, 'AmplifyComputeRole', {
  roleName: '{role_name}',
  assumedBy: new iam.ServicePrincipal('amplify.amazonaws.com'),
});
table.grantReadWriteData(computeRole); // what the server code calls, no more
new amplify.CfnBranch(this, 'Branch', {
  appId: '{app_id}', branchName: '{branch}', computeRoleArn: computeRole.roleArn,
});""",
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
  assume_role_policy = data.aws_iam_policy_document.compute_trust.json
}
# in resource "aws_amplify_app": compute_role_arn = aws_iam_role.compute.arn; for one branch use the CLI form""",
        cloudformation="""AmplifyComputeRole:
  Type: AWS::IAM::Role
  Properties:
    RoleName: {role_name}
    AssumeRolePolicyDocument:
      Version: '2012-10-17'
      Statement:
        - { Effect: Allow, Principal: { Service: amplify.amazonaws.com }, Action: sts:AssumeRole }
# in AWS::Amplify::Branch: ComputeRoleArn: !GetAtt AmplifyComputeRole.Arn""",
    ),
    Fix(
        id="attach_compute_role",
        title="Attach an existing compute role to the branch",
        expect="SSR code on this branch runs as the role. Send computeRoleArn alone: a map sent along replaces the "
        "whole map.",
        console="Amplify > the app > App settings > IAM roles > Compute role > Branch overrides: branch {branch}, "
        "role {role_name}.",
        cli="aws amplify update-branch --app-id {app_id} --branch-name {branch} --region {region} --compute-role-arn "
        "{role_arn}",
        cdk="new amplify.CfnBranch(this, 'Branch', { appId: '{app_id}', branchName: '{branch}', computeRoleArn: "
        "'{role_arn}' });",
        terraform='resource "aws_amplify_app" "app" {\n  compute_role_arn = "{role_arn}"\n}\n'
        "# the app's default; for one branch, where the provider lacks the argument, use the CLI form",
        cloudformation="Branch:\n  Type: AWS::Amplify::Branch\n  Properties:\n    AppId: {app_id}\n    BranchName: "
        "{branch}\n    ComputeRoleArn: {role_arn}",
    ),
    Fix(
        id="trust_compute_role",
        title="Let Amplify assume the compute role, with the plain statement AWS documents",
        expect="UpdateBranch accepts the role. Source conditions on this trust have been seen refused at attach: "
        "leave them out.",
        console="IAM > Roles > {role_name} > Trust relationships > Edit trust policy:\n" + PLAIN_TRUST,
        cli=f"""cat > trust.json <<'JSON'
{PLAIN_TRUST}
JSON
aws iam update-assume-role-policy --role-name {{role_name}} --policy-document file://trust.json""",
        cdk="new iam.Role(this, 'AmplifyComputeRole', { assumedBy: new iam.ServicePrincipal('amplify.amazonaws.com') "
        "});",
        terraform='principals {\n  type        = "Service"\n  identifiers = ["amplify.amazonaws.com"]\n}',
        cloudformation="Statement:\n  - { Effect: Allow, Principal: { Service: amplify.amazonaws.com }, Action: "
        "sts:AssumeRole }",
    ),
    Fix(
        id="grant_action",
        title="Allow the one action on the one resource",
        expect="The call works within seconds; builds need a new job, the SSR runtime does not.",
        console="IAM > Roles > {role_name} > Add permissions > Create inline policy > JSON, with the action and "
        "resource that the "
        f"message names:\n{_STATEMENT}",
        cli="aws iam put-role-policy --role-name {role_name} --policy-name medic-least --policy-document \\\n"
        f'  \'{{ "Version": "2012-10-17", "Statement": [{_STATEMENT}] }}\'',
        cdk="role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['<action>'], resources: ['<resource>'] }));",
        terraform='resource "aws_iam_role_policy" "least" {\n  role = "{role_name}"\n  policy = jsonencode({\n    '
        'Version = "2012-10-17"\n    Statement = [{ Effect = "Allow", Action = "<action>", Resource = "<resource>" '
        "}]\n  })\n}",
        cloudformation="Least:\n  Type: AWS::IAM::RolePolicy\n  Properties:\n    RoleName: {role_name}\n    "
        "PolicyName: medic-least\n    PolicyDocument:\n      Version: '2012-10-17'\n      Statement:\n        - { "
        "Effect: Allow, Action: <action>, Resource: <resource> }",
    ),
    Fix(
        id="allow_pass_role",
        title="Let the caller pass this role to Amplify, and to nobody else",
        expect="UpdateBranch, UpdateApp, CreateApp and CreateBranch accept the role from this caller.",
        console=f"IAM > the calling user or role > Add permissions > Create inline policy > JSON:\n{_PASSING}",
        cli="aws iam put-role-policy --role-name <caller's role> --policy-name pass-to-amplify --policy-document "
        "file://pass.json\n"
        f"# pass.json: a policy with this statement\n{_PASSING}",
        cdk="computeRole.grantPassRole(caller); // or, limited to Amplify:\ncaller.addToPrincipalPolicy(new "
        "iam.PolicyStatement({\n  actions: ['iam:PassRole'], resources: ['{role_arn}'],\n  conditions: { "
        "StringEquals: { 'iam:PassedToService': 'amplify.amazonaws.com' } },\n}));",
        terraform='data "aws_iam_policy_document" "pass" {\n  statement {\n    actions   = ["iam:PassRole"]\n    '
        'resources = ["{role_arn}"]\n    condition {\n      test     = "StringEquals"\n      variable = '
        '"iam:PassedToService"\n      values   = ["amplify.amazonaws.com"]\n    }\n  }\n}',
        cloudformation="- Effect: Allow\n  Action: iam:PassRole\n  Resource: {role_arn}\n  Condition:\n    "
        "StringEquals:\n      iam:PassedToService: amplify.amazonaws.com",
    ),
    Fix(
        id="change_boundary",
        title="Have the boundary's owner allow the action, or set the boundary that new roles must bear",
        expect="What a role may do is what its policies and its boundary both allow: adding a permission alone "
        "changes nothing.",
        console="IAM > Roles > {role_name} > Permissions boundary shows which policy it is. Its owner edits that "
        "policy. Where new roles must bear a boundary, give them that one.",
        cli="aws iam get-role --role-name {role_name} --query Role.PermissionsBoundary\n# Amplify Gen 1, applied at "
        "the next push:\namplify env update --permissions-boundary <policy ARN>",
        cdk="iam.PermissionsBoundary.of(this).apply(iam.ManagedPolicy.fromManagedPolicyArn(this, 'Boundary', '<policy "
        "ARN>'));",
        terraform='resource "aws_iam_role" "role" {\n  permissions_boundary = "<policy ARN>"\n}',
        cloudformation="Role:\n  Type: AWS::IAM::Role\n  Properties:\n    PermissionsBoundary: <policy ARN>",
    ),
    Fix(
        id="ask_organization",
        title="Ask the organization's administrators about the policy that denies",
        expect="No permission added to the role helps: the organization's policy has the last word.",
        console="AWS Organizations > Policies, in the management account. Send its administrators the log line, which "
        "often names the policy.",
        cli="# in the management account or a delegated administrator's\n"
        "aws organizations list-policies-for-target --target-id {account} --filter SERVICE_CONTROL_POLICY\n"
        "aws organizations list-policies-for-target --target-id {account} --filter RESOURCE_CONTROL_POLICY",
        cdk="// The policy belongs to the organization's own code: organizations.CfnPolicy.",
        terraform="# The policy belongs to the organization's own code: aws_organizations_policy.",
        cloudformation="# The policy belongs to the organization's own code: AWS::Organizations::Policy.",
    ),
    Fix(
        id="ask_resource_owner",
        title="Ask the owner of the resource to allow the role in the resource's own policy",
        expect="No permission added to the role helps alone: the resource's policy has the last word.",
        console="Open the resource that the log line names (bucket, key, queue, secret), and read its policy.",
        cli="# Read the policy of the resource that the log line names: aws s3api get-bucket-policy, aws kms "
        "get-key-policy,\n# aws secretsmanager get-resource-policy, aws sqs get-queue-attributes",
        cdk="// where the resource is defined: bucket.addToResourcePolicy(...), key.addToResourcePolicy(...)",
        terraform="# where the resource is defined: aws_s3_bucket_policy, aws_kms_key_policy",
        cloudformation="# where the resource is defined: AWS::S3::BucketPolicy, AWS::KMS::Key KeyPolicy",
    ),
    Fix(
        id="ask_policy_owner",
        title="Find the policy that denies, and ask its owner",
        expect="No permission added to the role helps: another policy has the last word.",
        console='The words after "because" or "with" in the log line name the type of the policy, and sometimes its '
        "ARN. Send its owner the line.",
        cli="# VPC endpoint policies of this region\n"
        "aws ec2 describe-vpc-endpoints --region {region} --query 'VpcEndpoints[].[VpcEndpointId,PolicyDocument]'",
        cdk="// The policy is changed where it is defined.",
        terraform="# The policy is changed where it is defined.",
        cloudformation="# The policy is changed where it is defined.",
    ),
    Fix(
        id="logging_policy",
        title="The permissions a service role needs for SSR logs, and nothing else",
        expect="SSR logs appear in /aws/amplify/{app_id}. It cures no build: a role with just these rights was seen "
        "to work, and one with administrator rights to fail.",
        console="IAM > Roles > {role_name} > Create inline policy > JSON: logs:CreateLogStream and logs:PutLogEvents "
        "on arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*; logs:CreateLogGroup on "
        "arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*; logs:DescribeLogGroups on "
        "arn:aws:logs:{region}:{account}:log-group:*.",
        cli="""cat > logs.json <<'JSON'
{"Version": "2012-10-17", "Statement": [
  {"Sid": "PushLogs", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
   "Resource": "arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*"},
  {"Sid": "CreateLogGroup", "Effect": "Allow", "Action": "logs:CreateLogGroup",
   "Resource": "arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*"},
  {"Sid": "DescribeLogGroups", "Effect": "Allow", "Action": "logs:DescribeLogGroups",
   "Resource": "arn:aws:logs:{region}:{account}:log-group:*"}]}
JSON
aws iam put-role-policy --role-name {role_name} --policy-name ssr-logs --policy-document file://logs.json""",
        cdk="role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['logs:CreateLogStream', "
        "'logs:PutLogEvents'],\n  resources: "
        "['arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*'] }));\n"
        "role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['logs:CreateLogGroup'],\n  resources: "
        "['arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*'] }));\nrole.addToPrincipalPolicy(new "
        "iam.PolicyStatement({ actions: ['logs:DescribeLogGroups'],\n  resources: "
        "['arn:aws:logs:{region}:{account}:log-group:*'] }));",
        terraform='resource "aws_iam_role_policy" "ssr_logs" {\n  role   = "{role_name}"\n  policy = '
        'file("logs.json") # the three statements of the CLI form\n}',
        cloudformation="- { Effect: Allow, Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: "
        "'arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*' }\n- { Effect: Allow, Action: "
        "logs:CreateLogGroup, Resource: 'arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*' }\n"
        "- { Effect: Allow, Action: logs:DescribeLogGroups, Resource: 'arn:aws:logs:{region}:{account}:log-group:*' }",
    ),
    Fix(
        id="allow_codecommit_pull",
        title="Let the service role read the CodeCommit repository",
        expect="The next build can clone.",
        console="IAM > Roles > {role_name} > Create inline policy: codecommit:GitPull on the repository's ARN.",
        cli="aws iam put-role-policy --role-name {role_name} --policy-name git-pull --policy-document \\\n  '{ "
        '"Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "codecommit:GitPull", "Resource": '
        '"arn:aws:codecommit:{region}:{account}:<repository>" }] }\'',
        cdk="repository.grantPull(serviceRole);",
        terraform='statement {\n  actions   = ["codecommit:GitPull"]\n  resources = '
        '["arn:aws:codecommit:{region}:{account}:<repository>"]\n}',
        cloudformation="- { Effect: Allow, Action: codecommit:GitPull, Resource: "
        "'arn:aws:codecommit:{region}:{account}:<repository>' }",
    ),
    Fix(
        id="reconnect_repository",
        title="Connect the repository again, through the Amplify GitHub App",
        expect="The next build gets past its first second. Roles stay as they are.",
        console="Amplify > the app > App settings > Branch settings (or General) > Reconnect repository. Install the "
        "AWS Amplify GitHub App, and see that the repository is on its access list: GitHub > Settings > Applications "
        "> AWS Amplify > Configure.",
        cli="aws amplify update-app --app-id {app_id} --region {region} --repository "
        "https://github.com/<owner>/<repository> \\\n  --access-token <a fresh token; required whenever the "
        "repository is sent>",
        cdk="No construct connects the GitHub App. Connect once in the console, and keep the token out of the "
        "template: setting oauthToken or accessToken again undoes the App's connection.",
        terraform='resource "aws_amplify_app" "app" {\n  lifecycle {\n    ignore_changes = [access_token, '
        "oauth_token] # re-applying them rewrites the connection\n  }\n}",
        cloudformation="No property connects the GitHub App. Connect once in the console, then leave AccessToken and "
        "OauthToken out.",
    ),
    Fix(
        id="recreate_in_console",
        title="As a last resort, make the app anew in the console",
        expect="Console, GitHub App and role come into being together. The app gets a new id and default domain.",
        console="Snapshot the old app first. Amplify > Create new app > GitHub (the GitHub App, no token), "
        "repository, branch; let Amplify make the service role; add the environment variables again; deploy; move "
        "custom domains last.",
        cli="aws amplify get-app --app-id {app_id} --region {region} > app.json\naws amplify list-branches --app-id "
        "{app_id} --region {region} > branches.json\n# then make the new app in the console: the command line can't "
        "connect the GitHub App",
        cdk="Keep the console-made app outside the stack and refer to it by its id.",
        terraform='import {\n  to = aws_amplify_app.app\n  id = "<new app id>" # after making it in the console\n}',
        cloudformation="Make the app in the console, then bring it in by resource import (AWS::Amplify::App).",
    ),
    Fix(
        id="wait_and_retry",
        title="Wait half a minute and start the job again",
        expect="A role that was just made or changed becomes known to every service within seconds, seldom more than "
        "half a minute.",
        console="Amplify > the app > the branch > Redeploy this version.",
        cli="sleep 30\naws amplify start-job --app-id {app_id} --branch-name {branch} --region {region} --job-type "
        "RETRY --job-id <job>",
        cdk="branch.node.addDependency(role); // orders them; the wait itself needs a retry of the deployment",
        terraform='resource "time_sleep" "iam" {\n  create_duration = "30s"\n  depends_on      = '
        "[aws_iam_role.compute]\n}",
        cloudformation="Branch:\n  Type: AWS::Amplify::Branch\n  DependsOn: AmplifyComputeRole # deploy again if it "
        "still came too early",
    ),
    Fix(
        id="drop_explicit_credentials",
        title="Let the SDK find the role: pass no credentials on Amplify",
        expect="The client uses the compute role. Explicit credentials, even undefined ones, override it.",
        console="Amplify > the app > Environment variables: remove the access keys, and deactivate them in IAM.",
        cli="""// keys on a laptop, the role on Amplify
const id = process.env.IAM_ACCESS_KEY_ID, secret = process.env.IAM_SECRET_ACCESS_KEY;
const client = new DynamoDBClient({
  region: '{region}',
  ...(id && secret ? { credentials: { accessKeyId: id, secretAccessKey: secret } } : {}),
});""",
        cdk="Remove keys from the app's environmentVariables; grant on the compute role instead: "
        "table.grantReadData(computeRole).",
        terraform="Remove keys from environment_variables of aws_amplify_app and aws_amplify_branch; grant on the "
        "compute role instead.",
        cloudformation="Remove keys from EnvironmentVariables of AWS::Amplify::App and AWS::Amplify::Branch; grant on "
        "the compute role.",
    ),
    Fix(
        id="shorten_build",
        title="Keep the build, or the part that calls AWS, under an hour",
        expect="A build's credentials end after one hour, whatever the role's maximum session duration allows.",
        console="Amplify > the app > Hosting > Build settings: split backend and frontend, cache node_modules and "
        ".next/cache, build fewer static pages.",
        cli="# amplify.yml\nfrontend:\n  cache:\n    paths: [node_modules/**/*, .next/cache/**/*]",
        cdk="buildSpec: codebuild.BuildSpec.fromObjectToYaml({ version: 1, frontend: { cache: { paths: "
        "['node_modules/**/*'] } } })",
        terraform='resource "aws_amplify_app" "app" {\n  build_spec = file("amplify.yml")\n}',
        cloudformation="BuildSpec: |\n  version: 1\n  frontend:\n    cache:\n      paths: ['node_modules/**/*']",
    ),
    Fix(
        id="log_in_locally",
        title="Log in on the laptop",
        expect="ampx, the Amplify CLI and the AWS CLI find credentials there. Nothing changes on Amplify.",
        console="AWS access portal > the account > Access keys shows how to configure the profile.",
        cli="aws sso login --profile <profile>\nnpx ampx configure profile\naws sts get-caller-identity",
        cdk="npx cdk deploy --profile <profile>",
        terraform='provider "aws" {\n  profile = "<profile>"\n}',
        cloudformation="aws cloudformation deploy --profile <profile> ...",
    ),
    Fix(
        id="sign_user_in",
        title="Give the request the signed-in user's credentials, or an API key",
        expect="Calls of the Amplify libraries work in server code. No IAM role of the app is involved.",
        console="Amplify > the app > Authentication: see that the identity pool allows guests, if guests may call.",
        cli="// server code: run in the user's context, or use an API key\nawait runWithAmplifyServerContext({ "
        "nextServerContext: { cookies }, operation: (ctx) => fetchAuthSession(ctx) });",
        cdk="new cognito.CfnIdentityPool(this, 'Pool', { allowUnauthenticatedIdentities: true }); // only if guests "
        "may call",
        terraform='resource "aws_cognito_identity_pool" "pool" {\n  allow_unauthenticated_identities = true # only if '
        "guests may call\n}",
        cloudformation="AllowUnauthenticatedIdentities: true # AWS::Cognito::IdentityPool; only if guests may call",
    ),
)

FIXES: Mapping[str, Fix] = MappingProxyType({fix.id: fix for fix in _FIXES})
"""By id."""
