"""Fixes that grant what is missing, or say who can.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Fix

_STATEMENT = '{ "Effect": "Allow", "Action": "<action>", "Resource": "<resource>" }'
_PASSING = """{
  "Effect": "Allow",
  "Action": "iam:PassRole",
  "Resource": "{role_arn}",
  "Condition": { "StringEquals": { "iam:PassedToService": "amplify.amazonaws.com" } }
}"""

PERMISSION_FIXES = (
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
        terraform='resource "aws_iam_role_policy" "least" {\n  role = "{role_name}"\n  policy = jsonencode({\n'
        '    Version = "2012-10-17"\n    Statement = [{ Effect = "Allow", Action = "<action>", Resource = '
        '"<resource>" }]\n  })\n}',
        cloudformation="Least:\n  Type: AWS::IAM::RolePolicy\n  Properties:\n    RoleName: {role_name}\n    "
        "PolicyName: medic-least\n"
        "    PolicyDocument:\n      Version: '2012-10-17'\n      Statement:\n"
        "        - { Effect: Allow, Action: <action>, Resource: <resource> }",
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
        "iam.PolicyStatement({\n"
        "  actions: ['iam:PassRole'], resources: ['{role_arn}'],\n"
        "  conditions: { StringEquals: { 'iam:PassedToService': 'amplify.amazonaws.com' } },\n}));",
        terraform='data "aws_iam_policy_document" "pass" {\n  statement {\n    actions   = ["iam:PassRole"]\n'
        '    resources = ["{role_arn}"]\n    condition {\n      test     = "StringEquals"\n      variable = '
        '"iam:PassedToService"\n'
        '      values   = ["amplify.amazonaws.com"]\n    }\n  }\n}',
        cloudformation="- Effect: Allow\n  Action: iam:PassRole\n  Resource: {role_arn}\n  Condition:\n    "
        "StringEquals:\n"
        "      iam:PassedToService: amplify.amazonaws.com",
    ),
    Fix(
        id="change_boundary",
        title="Have the boundary's owner allow the action, or set the boundary that new roles must bear",
        expect="What a role may do is what its policies and its boundary both allow: adding a permission alone "
        "changes nothing.",
        console="IAM > Roles > {role_name} > Permissions boundary shows which policy it is. Its owner edits that "
        "policy. Where new "
        "roles must bear a boundary, give them that one.",
        cli="aws iam get-role --role-name {role_name} --query Role.PermissionsBoundary\n"
        "# Amplify Gen 1, applied at the next push:\namplify env update --permissions-boundary <policy ARN>",
        cdk="iam.PermissionsBoundary.of(this).apply(iam.ManagedPolicy.fromManagedPolicyArn(this, 'Boundary', '<policy "
        "ARN>'));",
        terraform='resource "aws_iam_role" "role" {\n  permissions_boundary = "<policy ARN>"\n}',
        cloudformation="Role:\n  Type: AWS::IAM::Role\n  Properties:\n    PermissionsBoundary: <policy ARN>",
    ),
    Fix(
        id="ask_policy_owner",
        title="Ask whoever owns the policy that denies",
        expect="No permission added to the role helps: another policy has the last word.",
        console="AWS Organizations > Policies (SCP, RCP), VPC > Endpoints > Policy, or the resource's own policy; the "
        "message names "
        "the type, and in the same organization often the policy's ARN. Send its owner the message.",
        cli="aws organizations describe-policy --policy-id <p-...>     # from the management account\n"
        "aws ec2 describe-vpc-endpoints --query 'VpcEndpoints[].PolicyDocument'\naws s3api get-bucket-policy --bucket "
        "<bucket>",
        cdk="A resource's own policy is changed where the resource is defined: bucket.addToResourcePolicy(...), "
        "key.addToResourcePolicy(...). SCPs and RCPs belong to the organization's own code.",
        terraform="aws_s3_bucket_policy, aws_kms_key_policy or aws_vpc_endpoint_policy where the resource is defined; "
        "aws_organizations_policy in the organization's own code.",
        cloudformation="AWS::S3::BucketPolicy, AWS::KMS::Key KeyPolicy or AWS::EC2::VPCEndpoint PolicyDocument where "
        "the resource is "
        "defined; AWS::Organizations::Policy in the management account.",
    ),
    Fix(
        id="logging_policy",
        title="The permissions a service role needs for SSR logs, and nothing else",
        expect="SSR logs appear in /aws/amplify/{app_id}. It cures no build: a role with just these rights was seen "
        "to work, and one "
        "with administrator rights to fail.",
        console="IAM > Roles > {role_name} > Create inline policy > JSON: logs:CreateLogStream and logs:PutLogEvents "
        "on "
        "arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*; logs:CreateLogGroup on "
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
        "'logs:PutLogEvents'],\n"
        "  resources: ['arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*'] }));\n"
        "role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['logs:CreateLogGroup'],\n"
        "  resources: ['arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*'] }));\n"
        "role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['logs:DescribeLogGroups'],\n"
        "  resources: ['arn:aws:logs:{region}:{account}:log-group:*'] }));",
        terraform='resource "aws_iam_role_policy" "ssr_logs" {\n  role   = "{role_name}"\n  policy = '
        'file("logs.json") # the three '
        "statements of the CLI form\n}",
        cloudformation="- { Effect: Allow, Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: "
        "'arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*:log-stream:*' }\n- { Effect: Allow, Action: "
        "logs:CreateLogGroup, "
        "Resource: 'arn:aws:logs:{region}:{account}:log-group:/aws/amplify/*' }\n- { Effect: Allow, Action: "
        "logs:DescribeLogGroups, "
        "Resource: 'arn:aws:logs:{region}:{account}:log-group:*' }",
    ),
    Fix(
        id="allow_codecommit_pull",
        title="Let the service role read the CodeCommit repository",
        expect="The next build can clone.",
        console="IAM > Roles > {role_name} > Create inline policy: codecommit:GitPull on the repository's ARN.",
        cli="aws iam put-role-policy --role-name {role_name} --policy-name git-pull --policy-document \\\n"
        '  \'{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "codecommit:GitPull", '
        '"Resource": "arn:aws:codecommit:{region}:{account}:<repository>" }] }\'',
        cdk="repository.grantPull(serviceRole);",
        terraform='statement {\n  actions   = ["codecommit:GitPull"]\n'
        '  resources = ["arn:aws:codecommit:{region}:{account}:<repository>"]\n}',
        cloudformation="- { Effect: Allow, Action: codecommit:GitPull, Resource: "
        "'arn:aws:codecommit:{region}:{account}:<repository>' }",
    ),
)
