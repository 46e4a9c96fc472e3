"""What each signature means, with texts that it fires on and texts that it must leave alone."""

from __future__ import annotations

from medic.diagnosis.knowledge.entry import Entry, Kind, Look
from medic.diagnosis.model import Identity, Label, Phase

_COMPUTE_ROLE = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html"
_SERVICE_ROLE = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-service-role.html"
_JS_V3 = "https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/setting-credentials-node.html"
_CLI = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html"
_STS_ERRORS = "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html"
_AMPX = "https://github.com/aws-amplify/amplify-backend"
_ACCESS_DENIED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"
_BUILD = (Phase.BUILD, Phase.DEPLOY)
_PRINCIPAL = Look("principal", "Find the principal in the full message: it tells whose credentials were used.")

ROLE_SIGNATURES = (
    Entry(
        id="service_role_unassumable",
        kind=Kind.SIGNATURE,
        title="Amplify says that it is unable to assume the specified IAM role",
        explanation=(
            "Printed by Amplify itself as the first error of a build, right after `Build environment configured` "
            "and before the clone; after a command of the build has run, the same words are an echo. They are "
            "printed for a lost repository connection at least as often as for a bad role, and the line cannot "
            "tell them apart. A compute role has nothing to do with it."
        ),
        sources=("aws-amplify/amplify-hosting#828", "aws-amplify/amplify-backend#2505", _SERVICE_ROLE),
        looks=(
            Look("service_role_set", "A service role is set."),
            Look("service_role_exists", "The role exists."),
            Look("service_role_trust", "Its trust policy lets Amplify in for this app."),
            Look("repository_connection", "The repository can be reached: only the console shows it."),
        ),
        fixes=("trust_service_role", "reconnect_repository"),
        related=(
            "unassumable_checklist",
            "repository_connection_lost",
            "service_role_trust_wrong",
            "service_role_missing",
        ),
        label=Label.SERVICE_ROLE_UNASSUMABLE,
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        positives=(
            (
                "2026-02-20T12:27:54.525Z [ERROR]: !!! Unable to assume specified IAM Role. Please ensure the "
                "selected IAM Role has sufficient permissions and the Trust Relationship is configured correctly."
            ),
            "Unable to assume specified IAM Role",
            "[ERROR]: !!! Unable to assume specified\nIAM Role.",
            "!!! CustomerError: Unable to assume specified IAM Role.",
        ),
        negatives=(
            "2026-02-20T12:27:54.525Z [INFO]: # Executing command: echo Unable to assume specified IAM Role",
            "// [ERROR]: !!! Unable to assume specified IAM Role",
            '  - Covers "Unable to assume specified IAM Role" errors',
            "2026-02-20T12:27:54.525Z [INFO]: Unable to assume specified IAM Role",
        ),
    ),
    Entry(
        id="compute_role_refused",
        kind=Kind.SIGNATURE,
        title="Amplify refuses the compute role: it cannot assume it",
        explanation=(
            "An API error when the role is attached (CreateApp, UpdateApp, CreateBranch, UpdateBranch), under the "
            "code BadRequestException, which means many things: only the text tells. The trust is wrong, or the "
            "role does not exist, or it was made seconds ago."
        ),
        sources=(_COMPUTE_ROLE,),
        looks=(
            Look("compute_role_exists", "The role exists."),
            Look("compute_role_trust", "Its trust policy is the plain statement for amplify.amazonaws.com."),
        ),
        fixes=("wait_and_retry", "trust_compute_role"),
        related=(
            "compute_role_trust_wrong",
            "compute_role_missing",
            "iam_propagation",
            "compute_role_conditions_contested",
        ),
        label=Label.COMPUTE_ROLE_UNASSUMABLE,
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.API, Phase.DEPLOY),
        positives=(
            "BadRequestException: The compute role provided cannot be assumed by Amplify.",
            "Update default role failed\nThe compute role provided cannot be assumed by Amplify",
            "Update default role failed — cannot be assumed by Amplify",
        ),
        negatives=(
            "BadRequestException: The branch name main already exists for this app.",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
    ),
    Entry(
        id="other_role_unassumable",
        kind=Kind.SIGNATURE,
        title="Another service cannot assume its role",
        explanation=(
            "The trust policy of a role for Lambda, CodeBuild or the like, not one of Amplify's two roles; often "
            "the role was made a moment before, and the next attempt works."
        ),
        sources=("aws-amplify/amplify-studio#861", "aws-amplify/amplify-cli#6825"),
        fixes=("wait_and_retry",),
        related=("iam_propagation", "denied_by_other_policy"),
        label=Label.ACCESS_DENIED_OTHER,
        positives=(
            "UPDATE_FAILED Fn AWS::Lambda::Function The role defined for the function cannot be assumed by Lambda.",
        ),
        negatives=("The compute role provided cannot be assumed by Amplify.",),
    ),
    Entry(
        id="identity_pool_role_unassumable",
        kind=Kind.SIGNATURE,
        title="Cognito cannot assume the identity pool's roles",
        explanation=(
            "The auth or unauth role of the identity pool is missing, or its trust policy does not let "
            "cognito-identity.amazonaws.com in for this pool. The app's users are concerned, not Amplify's two "
            "roles."
        ),
        sources=("https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html",),
        related=("user_credentials_cognito",),
        label=Label.ACCESS_DENIED_OTHER,
        identity=Identity.COGNITO_USER,
        positives=(
            (
                "InvalidIdentityPoolConfigurationException: Invalid identity pool configuration. Check assigned "
                "IAM roles for this pool."
            ),
        ),
        negatives=("NotAuthorizedException: Incorrect username or password.",),
    ),
    Entry(
        id="pass_role_refused",
        kind=Kind.SIGNATURE,
        title="A role may not be passed, in words that don't name iam:PassRole",
        explanation="The role belongs to another account, or the caller lacks iam:PassRole on it.",
        sources=("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",),
        fixes=("allow_pass_role",),
        related=("pass_role_missing", "service_role_other_account"),
        label=Label.PASS_ROLE_DENIED,
        positives=(
            (
                "An error occurred (AccessDeniedException) when calling the UpdateApp operation: Cross-account "
                "pass role is not allowed."
            ),
        ),
        negatives=("The ticket holder does not have permission to pass this gate.",),
    ),
)

CREDENTIAL_SIGNATURES = (
    Entry(
        id="sdk_v3_no_credentials",
        kind=Kind.SIGNATURE,
        title="The AWS SDK for JavaScript (v3) finds no credentials",
        explanation=(
            "At SSR runtime: neither branch nor app has a compute role, or explicit undefined credentials hide it; "
            "the deployment had succeeded. In a build: no service role is set, or code that needs AWS runs while "
            "pages are generated. Minified class names (`i [CredentialsProviderError]`) are the same error."
        ),
        sources=(_COMPUTE_ROLE, _JS_V3),
        looks=(
            Look("compute_role_set", "Branch or app has a compute role."),
            Look("service_role_set", "The app has a service role."),
        ),
        fixes=("create_compute_role", "drop_explicit_credentials", "create_service_role"),
        related=("compute_role_not_set", "two_roles", "node_provider_chain_no_help", "region_variable_no_help"),
        label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        phases=(Phase.RUNTIME, Phase.BUILD),
        positives=(
            "Could not load credentials from any providers",
            "⨯ Error [CredentialsProviderError]: Could not load credentials from any providers",
            "⨯ i [CredentialsProviderError]: Could not load credentials from any providers",
            '{"level":"error","msg":"CredentialsProviderError: Could not load credentials from any providers"}',
        ),
        negatives=(
            'throw new CredentialsProviderError("Could not load credentials from any providers", {',
            "✓ should throw CredentialsProviderError: Could not load credentials from any providers (3 ms)",
            "Error: Could not load the default credentials. Browse to https://cloud.google.com/docs/authentication",
        ),
    ),
    Entry(
        id="sdk_v3_provider_failed",
        kind=Kind.SIGNATURE,
        title="A credentials provider of the AWS SDK (v3) failed",
        explanation="The class CredentialsProviderError with another text: a profile, a process or a metadata service "
        "that gave nothing.",
        sources=(_JS_V3,),
        fixes=("create_compute_role", "log_in_locally"),
        related=("sdk_v3_no_credentials", "credentials_local_machine"),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        positives=("CredentialsProviderError: Profile work could not be found in the configuration files.",),
        negatives=(
            "[CredentialsProviderError]: Token is expired. To refresh this SSO session run 'aws sso login'",
            "14:9  Error: 'CredentialsProviderError' is defined but never used.  no-unused-vars",
        ),
    ),
    Entry(
        id="sdk_v3_credential_object_invalid",
        kind=Kind.SIGNATURE,
        title="The code gave the AWS SDK undefined credentials",
        explanation=(
            "`{accessKeyId: undefined}` was passed: variables set in Amplify reach the build, not the SSR runtime. "
            "Explicit credentials win over the compute role, so attaching one alone does not help."
        ),
        sources=("https://docs.aws.amazon.com/amplify/latest/userguide/ssr-environment-variables.html", _JS_V3),
        fixes=("drop_explicit_credentials", "create_compute_role"),
        related=("explicit_credentials_in_code", "keys_on_localhost_role_on_amplify"),
        label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        phases=(Phase.RUNTIME,),
        positives=("Error: Resolved credential object is not valid", "Error: Credential is missing"),
        negatives=("PrismaClientInitializationError: the provided database credentials for `app` are not valid.",),
    ),
    Entry(
        id="sdk_v2_no_credentials",
        kind=Kind.SIGNATURE,
        title="The AWS SDK for JavaScript (v2) finds no credentials",
        explanation="Seen in builds of the older SSR platform without a service role, and in server code that still "
        "uses v2.",
        sources=("aws-amplify/amplify-hosting#2247",),
        fixes=("create_service_role", "create_compute_role"),
        related=("service_role_not_set", "compute_role_not_set"),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        positives=(
            "CredentialsError: Missing credentials in config, if using AWS_CONFIG_FILE, set AWS_SDK_LOAD_CONFIG=1",
        ),
        negatives=(
            'Error: Missing credentials for "PLAIN"',
            "OpenAIError: Missing credentials. Please pass an `apiKey`",
        ),
    ),
    Entry(
        id="cli_no_credentials",
        kind=Kind.SIGNATURE,
        title="AWS CLI or boto3 finds no credentials",
        explanation="A build command calls AWS and the app has no service role; or the command ran on a laptop "
        "without a profile.",
        sources=(_CLI,),
        fixes=("create_service_role", "log_in_locally"),
        related=("service_role_not_set", "credentials_local_machine"),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        positives=(
            'Unable to locate credentials. You can configure credentials by running "aws configure".',
            "fatal error: Unable to locate credentials",
            "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
            "An error occurred (MissingAuthenticationToken) when calling the GetCallerIdentity operation",
        ),
        negatives=(
            "# Executing command: aws s3 ls || echo Unable to locate credentials",
            '{"message":"Missing Authentication Token"}',
        ),
    ),
    Entry(
        id="gen1_no_credentials",
        kind=Kind.SIGNATURE,
        title="Amplify CLI (Gen 1) finds no access credentials",
        explanation="Backend builds need a service role; without one the CLI finds nothing.",
        sources=("aws-amplify/amplify-cli#11686", "aws-amplify/amplify-hosting#1480"),
        fixes=("create_service_role",),
        related=("service_role_not_set",),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        phases=_BUILD,
        positives=("🛑 AWS access credentials can not be found.", "Error: AWS access credentials can not be found."),
        negatives=("        message: 'AWS access credentials can be found in the console',",),
    ),
    Entry(
        id="ampx_no_credentials",
        kind=Kind.SIGNATURE,
        title="ampx cannot load AWS credentials",
        explanation="Mostly a laptop without profile or SSO session; the inner error says which.",
        sources=(_AMPX,),
        fixes=("log_in_locally",),
        related=("credentials_local_machine", "session_expired"),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        positives=("[InvalidCredentialError] Failed to load default AWS credentials",),
        negatives=("AuthApiError: Invalid login credentials",),
    ),
    Entry(
        id="cdk_no_credentials",
        kind=Kind.SIGNATURE,
        title="CDK cannot tell the AWS account: it has no credentials",
        explanation="CDK asks STS who it is to resolve the account; without credentials it can't. At times transient.",
        sources=("aws/aws-cdk#24744",),
        fixes=("create_service_role", "log_in_locally"),
        related=("service_role_not_set",),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        positives=(
            (
                "Error: Unable to resolve AWS account to use. It must be either configured when you define your "
                "CDK Stack, or through the environment"
            ),
            "Need to perform AWS calls for account 111122223333, but no credentials have been configured",
        ),
        negatives=(
            (
                "current credentials could not be used to assume "
                "'arn:aws:iam::111122223333:role/cdk-hnb659fds-deploy-role', but are for the right account. "
                "Proceeding anyway."
            ),
        ),
    ),
    Entry(
        id="other_sdk_no_credentials",
        kind=Kind.SIGNATURE,
        title="Another AWS SDK finds no credentials",
        explanation="Go, Java, .NET, Terraform: the chain of providers is empty.",
        sources=("https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html",),
        fixes=("create_service_role", "create_compute_role"),
        related=("service_role_not_set", "compute_role_not_set"),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        positives=(
            "NoCredentialProviders: no valid providers in chain. Deprecated.",
            "Error: no valid credential sources for Terraform AWS Provider found.",
            "operation error S3: ListBuckets, failed to refresh cached credentials, no EC2 IMDS role found",
        ),
        negatives=("CredentialUnavailableError: EnvironmentCredential is unavailable.",),
    ),
    Entry(
        id="profile_missing",
        kind=Kind.SIGNATURE,
        title="The named AWS profile does not exist",
        explanation="A build command or setting names a profile of somebody's laptop. In a build, leave the profile "
        "out.",
        sources=(_CLI,),
        fixes=("create_service_role", "log_in_locally"),
        related=("credentials_local_machine",),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        positives=("The config profile (amplify-dev) could not be found",),
        negatives=("The profile page could not be found",),
    ),
    Entry(
        id="token_expired",
        kind=Kind.SIGNATURE,
        title="The credentials have expired",
        explanation=(
            "In a build after one hour, whatever the role's maximum; on a laptop when the SSO session ends. "
            "Neither of Amplify's roles is wrong."
        ),
        sources=("aws-amplify/amplify-hosting#2751", "aws-amplify/amplify-hosting#3126", _STS_ERRORS),
        fixes=("shorten_build", "log_in_locally"),
        related=("session_expired",),
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        positives=(
            "ExpiredToken: The security token included in the request is expired",
            "🛑 The provided token has expired.",
            (
                "[CredentialsProviderError] Token is expired. To refresh this SSO session run 'aws sso login' with "
                "the corresponding profile."
            ),
            "Error when retrieving token from sso: Token has expired and refresh failed",
        ),
        negatives=(
            "TokenExpiredError: jwt expired",
            "NotAuthorizedException: Refresh Token has expired",
            "tests/test_sts.py::test_expired_token_ExpiredToken PASSED",
        ),
    ),
    Entry(
        id="token_invalid",
        kind=Kind.SIGNATURE,
        title="The credentials are invalid",
        explanation="Deleted or inactive keys, a missing session token, a wrong secret, a clock that is off, or "
        "another partition's keys.",
        sources=(_STS_ERRORS,),
        fixes=("log_in_locally", "drop_explicit_credentials"),
        related=("session_expired", "long_lived_keys_in_variables"),
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        positives=(
            "UnrecognizedClientException: The security token included in the request is invalid.",
            (
                "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The "
                "security token included in the request is invalid."
            ),
            "SSMCredentialsError: UnrecognizedClientException",
            "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided.",
        ),
        negatives=("HttpError: Bad credentials", "ForbiddenError: invalid csrf token"),
    ),
)

WRAPPER_SIGNATURES = (
    Entry(
        id="codecommit_clone_refused",
        kind=Kind.SIGNATURE,
        title="CodeCommit refuses the clone with error 403",
        explanation="IAM, though nothing says so: Amplify clones CodeCommit as the service role, which lacks "
        "codecommit:GitPull.",
        sources=(
            "https://docs.aws.amazon.com/codecommit/latest/userguide/auth-and-access-control-permissions-reference.html",
        ),
        fixes=("allow_codecommit_pull",),
        related=("codecommit_pull_denied",),
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        positives=(
            (
                "fatal: unable to access 'https://git-codecommit.us-east-1.amazonaws.com/v1/repos/site/': The "
                "requested URL returned error: 403"
            ),
        ),
        negatives=(
            "fatal: unable to access 'https://github.com/acme/site.git/': The requested URL returned error: 403",
        ),
    ),
    Entry(
        id="ampx_bootstrap_unreadable",
        kind=Kind.SIGNATURE,
        title="ampx may not even read the CDK bootstrap version",
        explanation=(
            "Every role meant for backend deployments may. So the build ran as Amplify's own role (no service role "
            "set), or as a role meant for something else, such as logging. The text at hand does not name the "
            "principal, which would tell."
        ),
        sources=(_AMPX, _SERVICE_ROLE),
        looks=(_PRINCIPAL, Look("service_role_set", "The app has a service role, meant for backend deployments.")),
        fixes=("create_service_role", "attach_service_role"),
        related=("service_role_not_set", "permissions_on_logging_role"),
        label=Label.CREDENTIALS_MISSING_BUILD,
        phases=_BUILD,
        positives=("[BootstrapDetectionError] Unable to detect CDK bootstrap stack due to permission issues.",),
        negatives=("[BootstrapNotDetectedError] This AWS account and region has not been bootstrapped.",),
    ),
    Entry(
        id="ampx_outputs_refused",
        kind=Kind.SIGNATURE,
        title="ampx may not read the backend's outputs",
        explanation="As with the bootstrap version: no service role, or one meant for something else. The principal "
        "tells.",
        sources=(_AMPX, _SERVICE_ROLE),
        looks=(_PRINCIPAL, Look("service_role_set", "The app has a service role, meant for backend deployments.")),
        fixes=("create_service_role", "attach_service_role"),
        related=("service_role_not_set",),
        label=Label.CREDENTIALS_MISSING_BUILD,
        phases=_BUILD,
        positives=("[AccessDeniedError] Unable to get backend outputs due to insufficient permissions.",),
        negatives=("ENOENT: unable to get backend outputs: amplify_outputs.json not found",),
    ),
    Entry(
        id="ampx_deploy_refused",
        kind=Kind.SIGNATURE,
        title="ampx may not deploy: insufficient permissions",
        explanation="The wrapper names neither principal nor action; the line below it does.",
        sources=(_AMPX,),
        looks=(_PRINCIPAL,),
        fixes=("grant_action", "attach_service_role"),
        related=("permission_missing_identity", "denied_by_other_policy"),
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        positives=(
            "[AccessDeniedError] Unable to deploy due to insufficient permissions",
            "AccessDeniedError: The deployment role does not have sufficient permissions to perform this deployment.",
        ),
        negatives=("Please ensure you have sufficient permissions to read this wiki.",),
    ),
    Entry(
        id="ampx_ssm_refused",
        kind=Kind.SIGNATURE,
        title="ampx may not read secrets in SSM: the name says credentials, the reason is access denied",
        explanation="SSMCredentialsError wraps several errors; AccessDenied inside means that the identity lacks "
        "ssm:GetParameter(sByPath).",
        sources=(_AMPX,),
        looks=(_PRINCIPAL,),
        fixes=("grant_action",),
        related=("permission_missing_identity",),
        label=Label.ACCESS_DENIED_IDENTITY,
        positives=("[SSMCredentialsError] AccessDeniedException", "SSMCredentialsError: AccessDeniedException"),
        negatives=("SSMParameterError: ParameterNotFound",),
    ),
    Entry(
        id="api_call_refused",
        kind=Kind.SIGNATURE,
        title="A named API call was refused, without a reason",
        explanation="Older answers and cross-account calls say Access Denied or 403 and name nobody.",
        sources=(_ACCESS_DENIED, "https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html"),
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        label=Label.ACCESS_DENIED_OTHER,
        positives=(
            "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
            "fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden",
        ),
        negatives=("An error occurred (ThrottlingException) when calling the GetJob operation: Rate exceeded",),
    ),
    Entry(
        id="resource_handler_refused",
        kind=Kind.SIGNATURE,
        title="CloudFormation was refused an API call",
        explanation="The event names the action at best; the caller is the deploying role, or CloudFormation's "
        "execution role.",
        sources=("https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html",),
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        positives=("CREATE_FAILED Assets AWS::S3::Bucket API: s3:CreateBucket Access Denied",),
        negatives=("CREATE_FAILED Assets AWS::S3::Bucket assets-prod already exists",),
    ),
    Entry(
        id="unauthorized_operation",
        kind=Kind.SIGNATURE,
        title="EC2 says: not authorized to perform this operation",
        explanation="EC2 and a few others hide the reason in an encoded message: sts decode-authorization-message "
        "tells, and is privileged.",
        sources=(
            "https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html",
            "aws-amplify/amplify-cli#10116",
        ),
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        label=Label.ACCESS_DENIED_OTHER,
        positives=("UnauthorizedOperation: You are not authorized to perform this operation.",),
        negatives=("You are not authorized to view this page.",),
    ),
    Entry(
        id="sdk_error_access_denied",
        kind=Kind.SIGNATURE,
        title="An SDK's error object says AccessDenied, without a reason",
        explanation="Printed by server code that logs the whole error; the request id finds the call in CloudTrail.",
        sources=("https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html",),
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        label=Label.ACCESS_DENIED_OTHER,
        positives=("  Code: 'AccessDenied',\n  RequestId: 'ABC',\n  '$fault': 'client',",),
        negatives=("  code: 'AccessDenied',\n  path: '/admin',",),
    ),
    Entry(
        id="bare_access_denied",
        kind=Kind.SIGNATURE,
        title="AccessDenied, and nothing else",
        explanation="Neither caller, action nor policy is named: the label is a guess at what to look for, no more.",
        sources=("aws-amplify/amplify-hosting#2192", "aws-amplify/amplify-hosting#412"),
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        label=Label.ACCESS_DENIED_OTHER,
        positives=(
            "2021-08-23T07:10:47.361Z [ERROR]: AccessDenied: Access Denied",
            "Starting SSR Build...\nAccessDenied",
            "(node:1247) UnhandledPromiseRejectionWarning: AccessDenied: Access Denied",
        ),
        negatives=(
            "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            "[auth][error] AccessDenied: AccessDenied. Read more at https://errors.authjs.dev#accessdenied",
            "java.nio.file.AccessDeniedException: /codebuild/output",
            "ER_ACCESS_DENIED_ERROR: Access denied for user 'root'@'10.0.0.1'",
            '  "AccessDenied": "Zugriff verweigert",',
        ),
    ),
)
