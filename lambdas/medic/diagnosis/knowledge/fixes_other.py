"""Fixes outside IAM: the repository, the code, the clock, the laptop."""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Fix

OTHER_FIXES = (
    Fix(
        id="reconnect_repository",
        title="Connect the repository again, through the Amplify GitHub App",
        expect="The next build gets past its first second. Roles stay as they are.",
        console="Amplify > the app > App settings > Branch settings (or General) > Reconnect repository. Install the "
        "AWS Amplify GitHub "
        "App, and see that the repository is on its access list: GitHub > Settings > Applications > AWS Amplify > "
        "Configure.",
        cli="aws amplify update-app --app-id {app_id} --region {region} --repository "
        "https://github.com/<owner>/<repository> \\\n"
        "  --access-token <a fresh token; required whenever the repository is sent>",
        cdk="No construct connects the GitHub App. Connect once in the console, and keep the token out of the "
        "template: setting "
        "oauthToken or accessToken again undoes the App's connection.",
        terraform='resource "aws_amplify_app" "app" {\n  lifecycle {\n    ignore_changes = [access_token, '
        "oauth_token] # re-applying "
        "them rewrites the connection\n  }\n}",
        cloudformation="No property connects the GitHub App. Connect once in the console, then leave AccessToken and "
        "OauthToken out.",
    ),
    Fix(
        id="recreate_in_console",
        title="As a last resort, make the app anew in the console",
        expect="Console, GitHub App and role come into being together. The app gets a new id and default domain.",
        console="Snapshot the old app first. Amplify > Create new app > GitHub (the GitHub App, no token), "
        "repository, branch; let "
        "Amplify make the service role; add the environment variables again; deploy; move custom domains last.",
        cli="aws amplify get-app --app-id {app_id} --region {region} > app.json\n"
        "aws amplify list-branches --app-id {app_id} --region {region} > branches.json\n"
        "# then make the new app in the console: the command line can't connect the GitHub App",
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
        ".next/cache, build "
        "fewer static pages.",
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
        cli="// server code: run in the user's context, or use an API key\n"
        "await runWithAmplifyServerContext({ nextServerContext: { cookies }, operation: (ctx) => "
        "fetchAuthSession(ctx) });",
        cdk="new cognito.CfnIdentityPool(this, 'Pool', { allowUnauthenticatedIdentities: true }); // only if guests "
        "may call",
        terraform='resource "aws_cognito_identity_pool" "pool" {\n  allow_unauthenticated_identities = true # only if '
        "guests may call\n}",
        cloudformation="AllowUnauthenticatedIdentities: true # AWS::Cognito::IdentityPool; only if guests may call",
    ),
)
