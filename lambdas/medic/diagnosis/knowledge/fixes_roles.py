"""Fixes that make, attach or repair Amplify's two roles.

Sources: https://docs.aws.amazon.com/amplify/latest/userguide/amplify-service-role.html,
https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html
"""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Fix

PLAIN_TRUST = """{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Service": "amplify.amazonaws.com"},
    "Action": "sts:AssumeRole"
  }]
}"""

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

ROLE_FIXES = (
    Fix(
        id="create_service_role",
        title="Make a service role and attach it to the app",
        expect="Builds run as this role from the next job on. The SSR runtime is not affected: it has a role of its "
        "own.",
        console="IAM > Roles > Create role > AWS service > Amplify > Amplify - Backend Deployment. Then Amplify > the "
        "app > "
        "App settings > IAM roles > Service role > Edit, choose the role, save. Read it back: the console has been "
        "seen to "
        "lose the choice.",
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
        cdk="role.assumeRolePolicy?.addStatements(new iam.PolicyStatement({\n"
        "  principals: [new iam.ServicePrincipal('amplify.amazonaws.com')],\n  actions: ['sts:AssumeRole'],\n"
        "  conditions: {\n    StringEquals: { 'aws:SourceAccount': '{account}' },\n"
        "    ArnLike: { 'aws:SourceArn': 'arn:aws:amplify:{region}:{account}:apps/{app_id}/*' },\n  },\n}));",
        terraform='data "aws_iam_policy_document" "trust" {\n  statement {\n    actions = ["sts:AssumeRole"]\n'
        '    principals {\n      type        = "Service"\n      identifiers = ["amplify.amazonaws.com"]\n    }\n'
        '    condition {\n      test     = "ArnLike"\n      variable = "aws:SourceArn"\n'
        '      values   = ["arn:aws:amplify:{region}:{account}:apps/{app_id}/*"]\n    }\n  }\n}',
        cloudformation="AssumeRolePolicyDocument:\n  Version: '2012-10-17'\n  Statement:\n    - Effect: Allow\n"
        "      Principal: { Service: amplify.amazonaws.com }\n      Action: sts:AssumeRole\n      Condition:\n"
        "        StringEquals: { aws:SourceAccount: '{account}' }\n"
        "        ArnLike: { aws:SourceArn: 'arn:aws:amplify:{region}:{account}:apps/{app_id}/*' }",
    ),
    Fix(
        id="create_compute_role",
        title="Make a compute role and attach it to the branch",
        expect="SSR code gets credentials; permissions changed later work without a redeploy. After the very first "
        "attach, "
        "redeploy to be sure. Builds are not affected: they use the service role.",
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
        "{branch}\n"
        "    ComputeRoleArn: {role_arn}",
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
)
