"""The signatures: how each is recognised (a `Signature` with a pattern) and explained (an `Entry` with the same id).

Each section has the patterns first, then the entries in the same order. To add a signature, add one of each. Messages
that name who was denied what need no pattern, because `medic.logscan.denial` parses them; they have entries only.
"""

from __future__ import annotations

from medic.knowledge.entry import (
    ACCESS_DENIED_DOCS,
    BOUNDARY_DOCS,
    CLI_DOCS,
    CODECOMMIT_DOCS,
    COMPUTE_ROLE_DOCS,
    JS_SDK_DOCS,
    PASSING_ROLES_DOCS,
    S3_403_DOCS,
    SERVICE_ROLE_DOCS,
    SSR_VARIABLES_DOCS,
    STS_ERRORS_DOCS,
    TROUBLESHOOTING_DOCS,
    Entry,
    EntryKind,
    Look,
    Signature,
)
from medic.labels import Confidence, Identity, Label, Phase

_AMPX = "https://github.com/aws-amplify/amplify-backend"
_BUILD = (Phase.BUILD, Phase.DEPLOY)
_PRINCIPAL = Look("principal", "Find the principal in the full message: it tells whose credentials were used.")

# --- a role cannot be assumed or passed

_ROLE_PATTERNS = (
    Signature(
        id="service_role_unassumable",
        literals=("specified IAM Role", "specified IAM role"),
        pattern=r"unable to assume (?:the )?(?:specified|provided|selected|configured) iam (?:service )?role",
        label=Label.SERVICE_ROLE_UNASSUMABLE,
        identity=Identity.SERVICE_ROLE,
        amplifys_verdict=True,
    ),
    Signature(
        id="compute_role_refused",
        literals=("be assumed by",),
        pattern=r"\brole\b[^.]{0,80}? can(?: ?not|'t) be assumed by amplify",
        label=Label.COMPUTE_ROLE_UNASSUMABLE,
        identity=Identity.COMPUTE_ROLE,
    ),
    Signature(
        id="other_role_unassumable",
        literals=("be assumed by",),
        pattern=r"\brole\b[^.]{0,80}? can(?: ?not|'t) be assumed by (?!amplify)\w",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
    ),
    Signature(
        id="identity_pool_role_unassumable",
        literals=("InvalidIdentityPool",),
        pattern=r"InvalidIdentityPoolConfigurationException",
        label=Label.ACCESS_DENIED_OTHER,
        identity=Identity.COGNITO_USER,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
    ),
    Signature(
        id="pass_role_refused",
        literals=("Denied",),
        pattern=r"\bAccessDenied\w{0,9}\)? .{0,80}?(?:cross-account pass role is not allowed"
        r"|(?:not authorized|permissions?) to pass (?:the |this )?role)",
        label=Label.PASS_ROLE_DENIED,
    ),
)

ROLE_SIGNATURES = (
    Entry(
        id="service_role_unassumable",
        kind=EntryKind.SIGNATURE,
        title="Amplify says that it is unable to assume the specified IAM role",
        explanation=(
            "Printed by Amplify itself as the first error of a build, right after `Build environment configured` "
            "and before the clone; after a command of the build has run, the same words are an echo. They are "
            "printed for a lost repository connection at least as often as for a bad role, and the line cannot "
            "tell them apart. A compute role has nothing to do with it."
        ),
        sources=("aws-amplify/amplify-hosting#828", "aws-amplify/amplify-backend#2505", SERVICE_ROLE_DOCS),
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
        kind=EntryKind.SIGNATURE,
        title="Amplify refuses the compute role: it cannot assume it",
        explanation=(
            "An API error when the role is attached (CreateApp, UpdateApp, CreateBranch, UpdateBranch), under the "
            "code BadRequestException, which means many things: only the text tells. The trust is wrong, or the "
            "role does not exist, or it was made seconds ago."
        ),
        sources=(COMPUTE_ROLE_DOCS,),
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
        title="A role may not be passed, in words that don't name iam:PassRole",
        explanation="The role belongs to another account, or the caller lacks iam:PassRole on it.",
        sources=(PASSING_ROLES_DOCS,),
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


# --- credentials are missing, expired or invalid

_EXPIRED_NEARBY = r"expired|not found or is invalid|token .{0,40}invalid"

_CREDENTIAL_PATTERNS = (
    Signature(
        id="sdk_v3_no_credentials",
        literals=("redential",),
        pattern=r"could not load credentials from any (?:of the )?providers?",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
    ),
    Signature(
        id="sdk_v3_provider_failed",
        literals=("redential",),
        pattern=r"\bCredentialsProviderError\]?: ?\S",
        unless=_EXPIRED_NEARBY,
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
    ),
    Signature(
        id="sdk_v3_credential_object_invalid",
        literals=("redential",),
        pattern=r"resolved credential object is not valid|\berror\]?: credential is missing\b",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
    ),
    Signature(
        id="sdk_v2_no_credentials",
        literals=("redential",),
        pattern=r"missing credentials in config\b|\bCredentialsError\b\]?: (?!SSO|token)",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
    ),
    Signature(
        id="cli_no_credentials",
        literals=("redential", "MissingAuthenticationToken"),
        pattern=r"unable to locate credentials|\bNoCredentialsError: |partial credentials found in"
        r"|\bMissingAuthenticationToken(?:Exception)?\b",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
    ),
    Signature(
        id="gen1_no_credentials",
        literals=("redential",),
        pattern=r"aws access credentials can ?not be found|failed to get profile credentials",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
    ),
    Signature(
        id="ampx_no_credentials",
        literals=("redential",),
        pattern=r"failed to load (?:default )?aws credentials|\[InvalidCredentialError\]",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        decisiveness=2,
    ),
    Signature(
        id="cdk_no_credentials",
        literals=("Unable to resolve AWS account", "redential"),
        pattern=r"unable to resolve aws account to use"
        r"|need to perform aws calls for account .{1,40}, but no credentials (?:have been configured|found)",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        confidence=Confidence.MEDIUM,
    ),
    Signature(
        id="other_sdk_no_credentials",
        literals=("redential",),
        pattern=r"nocredentialproviders: |no valid credential sources|no ec2 imds role found"
        r"|unable to (?:load|find) (?:aws )?credentials\b|could not (?:find|load|locate) aws credentials"
        r"|no aws credentials (?:were )?(?:found|available|provided|configured)"
        r"|failed to (?:refresh cached|retrieve) credentials|could not resolve credentials using",
        unless=_EXPIRED_NEARBY,
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
    ),
    Signature(
        id="profile_missing",
        literals=("onfig profile", "redential"),
        pattern=r"the config profile \([^)]{1,80}\) could not be found"
        r"|profile \S{1,80} could not be found or parsed in shared credentials file",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        confidence=Confidence.MEDIUM,
    ),
    Signature(
        id="token_expired",
        literals=(
            "ExpiredToken",
            "security token included in the request",
            "oken has expired",
            "oken is expired",
            "SSO session",
            "Signature expired",
        ),
        pattern=r"security token included in the request is expired|\bExpiredToken(?:Exception|Error)?\b"
        r"|\bprovided token has expired|\btoken has expired and refresh failed|\bsso (?:session|token)\b.{0,80}expired"
        r"|token is expired\. to refresh this sso|\bsignature expired: ",
        label=Label.EXPIRED_OR_INVALID_TOKEN,
    ),
    Signature(
        id="token_invalid",
        literals=(
            "security token included in the request",
            "UnrecognizedClient",
            "InvalidClientTokenId",
            "InvalidAccessKeyId",
            "Access Key Id you provided",
            "request signature we",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "redential",
            "SSO session",
        ),
        pattern=r"security token included in the request is invalid|\bUnrecognizedClientException\b"
        r"|\bInvalidClientTokenId\b|\bInvalidAccessKeyId\b|aws access key id you provided does not exist"
        r"|\bInvalidSignatureException\b|\bSignatureDoesNotMatch\b|request signature we calculated does not match"
        r"|not able to validate the provided access credentials|\bsso token\b.{0,80}not found or is invalid",
        label=Label.EXPIRED_OR_INVALID_TOKEN,
    ),
)

CREDENTIAL_SIGNATURES = (
    Entry(
        id="sdk_v3_no_credentials",
        kind=EntryKind.SIGNATURE,
        title="The AWS SDK for JavaScript (v3) finds no credentials",
        explanation=(
            "At SSR runtime: neither branch nor app has a compute role, or explicit undefined credentials hide it; "
            "the deployment had succeeded. In a build: no service role is set, or code that needs AWS runs while "
            "pages are generated. Minified class names (`i [CredentialsProviderError]`) are the same error."
        ),
        sources=(COMPUTE_ROLE_DOCS, JS_SDK_DOCS),
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
        kind=EntryKind.SIGNATURE,
        title="A credentials provider of the AWS SDK (v3) failed",
        explanation="The class CredentialsProviderError with another text: a profile, a process or a metadata service "
        "that gave nothing.",
        sources=(JS_SDK_DOCS,),
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
        kind=EntryKind.SIGNATURE,
        title="The code gave the AWS SDK undefined credentials",
        explanation=(
            "`{accessKeyId: undefined}` was passed: variables set in Amplify reach the build, not the SSR runtime. "
            "Explicit credentials win over the compute role, so attaching one alone does not help."
        ),
        sources=(SSR_VARIABLES_DOCS, JS_SDK_DOCS),
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
        title="AWS CLI or boto3 finds no credentials",
        explanation="A build command calls AWS and the app has no service role; or the command ran on a laptop "
        "without a profile.",
        sources=(CLI_DOCS,),
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
        title="The named AWS profile does not exist",
        explanation="A build command or setting names a profile of somebody's laptop. In a build, leave the profile "
        "out.",
        sources=(CLI_DOCS,),
        fixes=("create_service_role", "log_in_locally"),
        related=("credentials_local_machine",),
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        positives=("The config profile (amplify-dev) could not be found",),
        negatives=("The profile page could not be found",),
    ),
    Entry(
        id="token_expired",
        kind=EntryKind.SIGNATURE,
        title="The credentials have expired",
        explanation=(
            "In a build after one hour, whatever the role's maximum; on a laptop when the SSO session ends. "
            "Neither of Amplify's roles is wrong."
        ),
        sources=("aws-amplify/amplify-hosting#2751", "aws-amplify/amplify-hosting#3126", STS_ERRORS_DOCS),
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
        kind=EntryKind.SIGNATURE,
        title="The credentials are invalid",
        explanation="Deleted or inactive keys, a missing session token, a wrong secret, a clock that is off, or "
        "another partition's keys.",
        sources=(STS_ERRORS_DOCS,),
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


# --- access is denied, in a text that does not name who was denied what

_WRAPPER_PATTERNS = (
    Signature(
        id="codecommit_clone_refused",
        literals=("requested URL returned error: 403",),
        pattern=r"unable to access '?https?://[^ ']{0,200}git-codecommit\.[^ ]{1,300} the requested url returned "
        r"error: 403",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.SERVICE_ROLE,
        confidence=Confidence.MEDIUM,
    ),
    Signature(
        id="ampx_bootstrap_unreadable",
        literals=("BootstrapDetectionError",),
        pattern=r"\[?BootstrapDetectionError\b|unable to detect cdk bootstrap stack due to permission issues",
        label=Label.CREDENTIALS_MISSING_BUILD,
        confidence=Confidence.LOW,
        decisiveness=2,
    ),
    Signature(
        id="ampx_outputs_refused",
        literals=("Denied",),
        pattern=r"unable to get backend outputs due to insufficient permissions",
        label=Label.CREDENTIALS_MISSING_BUILD,
        confidence=Confidence.LOW,
        decisiveness=2,
    ),
    Signature(
        id="ampx_deploy_refused",
        literals=("Denied",),
        pattern=r"unable to deploy due to insufficient permissions"
        r"|deployment role does not have sufficient permissions",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=2,
    ),
    Signature(
        id="ampx_ssm_refused",
        literals=("redential",),
        pattern=r"\bSSMCredentialsError\]?:? .{0,40}\bAccessDenied(?:Exception)?\b",
        label=Label.ACCESS_DENIED_IDENTITY,
        confidence=Confidence.LOW,
        decisiveness=2,
    ),
    Signature(
        id="api_call_refused",
        literals=("Denied", "UnauthorizedOperation", "HeadObject operation"),
        pattern=r"\((?:AccessDenied(?:Exception)?|UnauthorizedOperation|403)\) when calling the \w{1,60} operation"
        r"|\bstatus code: 40[03][;,] .{0,20}error code: AccessDenied",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=2,
    ),
    Signature(
        id="resource_handler_refused",
        literals=("Denied", "authorized to perform"),
        pattern=r"\bAPI: [\w-]{1,40}:\w{1,60} (?:access denied|you are not authorized)"
        r"|\bHandlerErrorCode: AccessDenied\b|\bS3 error: access denied",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=2,
    ),
    Signature(
        id="unauthorized_operation",
        literals=("UnauthorizedOperation", "authorized to perform"),
        pattern=r"\bUnauthorizedOperation\b|you are not authorized to perform this operation",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=1,
    ),
    Signature(
        id="sdk_error_access_denied",
        literals=("Denied",),
        pattern=r"\bcode: ['\"]AccessDenied(?:Exception)?['\"],.{0,300}(?:requestId|\$fault|\$metadata|statusCode)",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=1,
    ),
    Signature(
        id="bare_access_denied",
        literals=("Denied",),
        pattern=r"(?:^|[:\])✖🛑⨯∟] ?|\berror |\[)AccessDenied(?:Exception|Error)?(?=[\]:)]|\s*$| at \w)"
        r"|(?:^|[✖🛑⨯] ?|\bAccessDenied(?:Exception)?: )access denied(?=[\s.]*$| at Request\.)",
        within_line=True,
        unless=r"authjs|next-auth|\[auth\]|springframework|java\.|<Code>|</|mysql|contentful|https?://errors\.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=1,
    ),
)

WRAPPER_SIGNATURES = (
    Entry(
        id="codecommit_clone_refused",
        kind=EntryKind.SIGNATURE,
        title="CodeCommit refuses the clone with error 403",
        explanation="IAM, though nothing says so: Amplify clones CodeCommit as the service role, which lacks "
        "codecommit:GitPull.",
        sources=(CODECOMMIT_DOCS,),
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
        kind=EntryKind.SIGNATURE,
        title="ampx may not even read the CDK bootstrap version",
        explanation=(
            "Every role meant for backend deployments may. So the build ran as Amplify's own role (no service role "
            "set), or as a role meant for something else, such as logging. The text at hand does not name the "
            "principal, which would tell."
        ),
        sources=(_AMPX, SERVICE_ROLE_DOCS),
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
        kind=EntryKind.SIGNATURE,
        title="ampx may not read the backend's outputs",
        explanation="As with the bootstrap version: no service role, or one meant for something else. The principal "
        "tells.",
        sources=(_AMPX, SERVICE_ROLE_DOCS),
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
        title="A named API call was refused, without a reason",
        explanation="Older answers and cross-account calls say Access Denied or 403 and name nobody.",
        sources=(ACCESS_DENIED_DOCS, S3_403_DOCS),
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
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
        kind=EntryKind.SIGNATURE,
        title="An SDK's error object says AccessDenied, without a reason",
        explanation="Printed by server code that logs the whole error; the request id finds the call in CloudTrail.",
        sources=(S3_403_DOCS,),
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        label=Label.ACCESS_DENIED_OTHER,
        positives=("  Code: 'AccessDenied',\n  RequestId: 'ABC',\n  '$fault': 'client',",),
        negatives=("  code: 'AccessDenied',\n  path: '/admin',",),
    ),
    Entry(
        id="bare_access_denied",
        kind=EntryKind.SIGNATURE,
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

SIGNATURES: tuple[Signature, ...] = (*_ROLE_PATTERNS, *_CREDENTIAL_PATTERNS, *_WRAPPER_PATTERNS)
"""Every signature that a pattern recognises."""


# --- access is denied, in a message that names who was denied what: entries only

DENIAL_LITERALS = (
    "authorized to perform",
    "uthorized to access this",
    "explicit deny",
    "policy allows",
    "boundary allows",
)
"""Every message that `medic.logscan.denial` parses contains at least one of these."""

_BUILD_SESSION = "arn:aws:sts::111122223333:assumed-role/amplify-service/BuildSession"
_COMPUTE_SESSION = "arn:aws:sts::111122223333:assumed-role/shop-ssr/AmplifyHostingCompute-app=d1a2b3c4d5e6f7"
_AMPLIFYS_OWN = "arn:aws:sts::444455556666:assumed-role/AemiliaControlPlaneLambda-CodeBuildRole-1P/AWSCodeBuild-40"
_USER = "arn:aws:iam::111122223333:user/mateo"
_QUOTED = 'it("is not authorized to perform: s3:GetObject", () => {'


def _denial(  # noqa: PLR0913 - the parts of an entry, most of them by name
    id_: str,
    title: str,
    explanation: str,
    *,
    label: Label,
    positives: tuple[str, ...],
    fixes: tuple[str, ...] = (),
    related: tuple[str, ...] = (),
    identity: Identity | None = None,
    phases: tuple[Phase, ...] = (),
    looks: tuple[Look, ...] = (),
    sources: tuple[str, ...] = (ACCESS_DENIED_DOCS,),
) -> Entry:
    return Entry(
        id=id_,
        kind=EntryKind.SIGNATURE,
        title=title,
        explanation=explanation,
        sources=sources,
        looks=looks,
        fixes=fixes,
        related=related,
        label=label,
        identity=identity,
        phases=phases,
        positives=positives,
        negatives=(_QUOTED,),
    )


_BY_CALLER = (
    _denial(
        "denied_amplifys_own_role",
        "The build ran as Amplify's own role: the app has no service role",
        "The principal is AemiliaControlPlaneLambda-CodeBuildRole in an account of AWS. Whatever policy is named, "
        "the answer is to attach a service role; that foreign role can't and needn't be changed.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.AMPLIFY_OWN,
        phases=(Phase.BUILD,),
        looks=(Look("service_role_set", "The app has a service role."),),
        fixes=("create_service_role", "attach_service_role"),
        related=("service_role_not_set",),
        sources=(
            SERVICE_ROLE_DOCS,
            "aws-amplify/amplify-hosting#3205",
        ),
        positives=(
            (
                f"User: {_AMPLIFYS_OWN} is not authorized to perform: cloudformation:GetTemplateSummary on resource: "
                "arn:aws:cloudformation:us-east-1:444455556666:stack/a/* because no identity-based policy allows "
                "the cloudformation:GetTemplateSummary action"
            ),
        ),
    ),
    _denial(
        "denied_service_role",
        "The service role was assumed, and lacks a permission",
        "The session name BuildSession shows that Amplify could assume the role: trust is fine. The role lacks "
        "this action on this resource.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.SERVICE_ROLE,
        phases=_BUILD,
        fixes=("grant_action", "attach_service_role"),
        related=("permission_missing_identity", "permissions_on_logging_role"),
        sources=(ACCESS_DENIED_DOCS, "aws-amplify/amplify-backend#1961"),
        positives=(
            (
                f"User: {_BUILD_SESSION} is not authorized to perform: ssm:GetParameter on resource: "
                f"arn:aws:ssm:eu-west-2:111122223333:"
                "parameter/X because no identity-based policy allows the ssm:GetParameter action"
            ),
        ),
    ),
    _denial(
        "denied_compute_role",
        "The compute role works, and lacks a permission",
        "The session name AmplifyHostingCompute-app=... shows that server code runs as the compute role. Grant the "
        "action there; no redeploy is needed.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME,),
        fixes=("grant_action",),
        related=("permission_missing_identity", "app_permissions_on_compute_role"),
        positives=(
            (
                f"AccessDeniedException: User: {_COMPUTE_SESSION} is not authorized to perform: dynamodb:GetItem on "
                f"resource: "
                "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"
            ),
        ),
    ),
    _denial(
        "denied_studio_role",
        "Amplify Studio's role lacks a permission",
        "The role <region>_<pool>_Full-access belongs to Amplify Studio (or `amplify pull` through it), not to "
        "builds or the runtime.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.STUDIO,
        fixes=("grant_action",),
        related=("permission_missing_identity",),
        sources=("aws-amplify/amplify-cli#9839", "aws-amplify/amplify-hosting#2194"),
        positives=(
            (
                "User: arn:aws:sts::111122223333:assumed-role/us-east-1_AbCdEf_Full-access/amplifyadmin is not "
                "authorized to perform: appsync:GetGraphqlApi on resource: "
                "arn:aws:appsync:us-east-1:111122223333:apis/x"
            ),
        ),
    ),
    _denial(
        "denied_cognito_user",
        "A user of the app lacks a permission",
        "The session CognitoIdentityCredentials is a signed-in or guest user of the app, through the identity "
        "pool's roles.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.COGNITO_USER,
        phases=(Phase.RUNTIME,),
        fixes=("grant_action", "sign_user_in"),
        related=("user_credentials_cognito",),
        positives=(
            (
                "User: arn:aws:sts::111122223333:assumed-role/amplify-shop-authRole/CognitoIdentityCredentials is "
                "not authorized to perform: s3:PutObject on resource: arn:aws:s3:::b/k"
            ),
        ),
    ),
    _denial(
        "denied_caller",
        "A person or another tool lacks a permission",
        "The principal is a user or role outside Amplify's two: whoever ran the command, a pipeline, "
        "CloudFormation's execution role, or long-lived keys in server code.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.USER,
        fixes=("grant_action",),
        related=("callers_policy_by_administrator", "deleting_needs_amplifybackend", "access_from_outside_account"),
        sources=(TROUBLESHOOTING_DOCS, ACCESS_DENIED_DOCS),
        positives=(
            f"User: {_USER} is not authorized to perform: amplify:GetWidget on resource: my-example-widget",
            (
                f"User: {_USER} is not authorized to perform: amplifybackend;:RemoveAllBackends on resource: "
                f"example-amplify-app"
            ),
        ),
    ),
    _denial(
        "denied_caller_unknown",
        "An action was refused; the text does not name the caller",
        "Find the principal first: it tells which role to look at.",
        label=Label.ACCESS_DENIED_IDENTITY,
        looks=(Look("principal", "Find the principal in the full message."),),
        fixes=("grant_action",),
        related=("permission_missing_identity", "denied_by_other_policy"),
        positives=("AccessDeniedException: not authorized to perform: dynamodb:PutItem",),
    ),
)

_BY_POLICY = (
    _denial(
        "denied_pass_role",
        "iam:PassRole was refused",
        "The caller may not hand the role to the service. It is the caller's permission, whatever the role may do.",
        label=Label.PASS_ROLE_DENIED,
        fixes=("allow_pass_role",),
        related=("pass_role_missing", "pass_service_linked_role"),
        sources=(TROUBLESHOOTING_DOCS, PASSING_ROLES_DOCS),
        positives=(f"User: {_USER} is not authorized to perform: iam:PassRole",),
    ),
    _denial(
        "denied_boundary",
        "A permissions boundary denies",
        "Policies and boundary must both allow. Adding a permission to the role changes nothing.",
        label=Label.ACCESS_DENIED_BOUNDARY,
        fixes=("change_boundary",),
        related=("denied_by_boundary", "gen1_roles_under_boundary"),
        sources=(BOUNDARY_DOCS, ACCESS_DENIED_DOCS),
        positives=(
            (
                f"User: {_BUILD_SESSION} is not authorized to perform: dynamodb:Scan on resource: "
                f"arn:aws:dynamodb:us-east-1:111122223333:"
                "table/users with an explicit deny in a permissions boundary"
            ),
            "because no permissions boundary allows the iam:CreateRole action",
        ),
    ),
    _denial(
        "denied_scp",
        "A service control policy of the organization denies",
        "No policy in this account helps; the organization's administrators decide.",
        label=Label.ACCESS_DENIED_SCP,
        fixes=("ask_policy_owner",),
        related=("denied_by_scp",),
        positives=(
            (
                f"User: {_USER} is not authorized to perform: amplify:CreateApp on resource: "
                f"arn:aws:amplify:eu-central-2:111122223333:apps/* with "
                "an explicit deny in a service control policy: "
                "arn:aws:organizations::999988887777:policy/o-a/service_control_policy/p-a"
            ),
            (
                f"User: {_USER} is not authorized to perform: amplify:ListApps because no service control "
                "policy allows the amplify:ListApps action"
            ),
        ),
    ),
    _denial(
        "denied_rcp",
        "A resource control policy of the organization denies",
        "It bounds what anybody may do with the resource; the organization's administrators decide.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_other_policy", "rcp_denies_assume_role"),
        positives=(
            (
                f"User: {_USER} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k with an "
                "explicit deny in a resource control policy, with policy ARN: "
                "arn:aws:organizations::999988887777:policy/o-a/resource_control_policy/p-a"
            ),
        ),
    ),
    _denial(
        "denied_session_policy",
        "A session policy denies",
        "Whoever assumed the role limited the session; the role's own policies can't widen it.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_session_policy",),
        positives=(
            (
                f"User: {_COMPUTE_SESSION} is not authorized to perform: ec2:DescribeImages with an explicit deny in a "
                f"sessions policy"
            ),
            (
                f"User: {_COMPUTE_SESSION} is not authorized to perform: ec2:DescribeImages because no session policy "
                f"allows the "
                "ec2:DescribeImages action"
            ),
        ),
    ),
    _denial(
        "denied_resource_policy",
        "The resource's own policy denies or does not allow",
        "A bucket, key, secret, queue or layer policy. Across accounts both sides must allow.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_resource_policy",),
        positives=(
            (
                f'User: {_COMPUTE_SESSION} is not authorized to perform: s3:PutObject on resource "arn:aws:s3:::b/k" '
                "with an explicit deny in a resource-based policy"
            ),
            (
                f"User: {_COMPUTE_SESSION} is not authorized to perform: kms:Decrypt on resource: "
                f"arn:aws:kms:eu-west-1:111122223333:key/1 because "
                "the resource does not exist in this Region, no resource-based policies allow access, or a "
                "resource-based policy explicitly denies access"
            ),
        ),
    ),
    _denial(
        "denied_vpc_endpoint",
        "A VPC endpoint's policy denies",
        "The call went through an endpoint whose policy does not allow it.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_other_policy",),
        positives=(
            (
                f"User: {_USER} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because "
                "no VPC endpoint policy allows the s3:GetObject action"
            ),
        ),
    ),
    _denial(
        "denied_trust_policy",
        "A role's trust policy denies or does not allow",
        "The role to be assumed does not let this caller in. For web identities the trust policy alone decides.",
        label=Label.ACCESS_DENIED_OTHER,
        related=("callers_account_not_trusted", "trust_conditions", "caller_lacks_assume_role"),
        positives=(
            (
                f"User: {_USER} is not authorized to perform: sts:AssumeRole on resource: "
                f"arn:aws:iam::222233334444:role/r because no role trust "
                "policy allows the sts:AssumeRole action"
            ),
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
    ),
)

DENIAL_SIGNATURES = (*_BY_CALLER, *_BY_POLICY)
