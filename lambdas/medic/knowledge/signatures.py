"""The signatures: how each failure is recognised in a log, and how it is explained.

To add one, add a `Signature` here and its samples to `tests/data/signatures`. Messages that name who was denied what
need no pattern, because `medic.logscan.denial` parses them; `DENIALS` has their explanations.
"""

from __future__ import annotations

from functools import partial

from medic.knowledge.advice import ON_UNASSUMABLE_ROLES
from medic.knowledge.entry import (
    ACCESS_DENIED_DOCS,
    BOUNDARY_DOCS,
    CLI_DOCS,
    CODECOMMIT_DOCS,
    COMPUTE_ROLE_DOCS,
    JS_SDK_DOCS,
    PASSING_ROLES_DOCS,
    ROLES_DOCS,
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
_CDK = "https://github.com/aws/aws-cdk-cli"
_BUILD = (Phase.BUILD, Phase.DEPLOY)
_NOT_RUNTIME = (*_BUILD, Phase.API)
_PRINCIPAL = Look("principal", "Find the principal in the full message: it shows whose credentials were used.")
_IN_FIELD = r"(?:code|type|name|exception)[\"'\\]{0,3}\s?[:=]\s?(?:Some\()?[\"'\\]{0,3}(?:[\w.]{1,80}#)?"
"""The key of a field that holds an error's name."""
_AWS_ERROR = (
    r"(?:request_?id\b|\$fault|\$metadata|status_?code\b|\bx-amz"
    r"|message[\"'\\]{0,3}\s?[:=]\s?[\"'\\]{0,3}(?:access|permission) denied)"
)
"""A field that only the error object of an AWS SDK has."""


def _answered(names: str) -> str:
    """Matches an error's name as AWS answers with it: with a mark that no other software prints.

    In order: the CLI and Python; Java; .NET; Java's codes; Go; Go and JavaScript; PHP; Ruby; Rust; JSON; XML. A header
    is no such mark, because API Gateway sends it to the visitors of an API, too.
    """
    return (
        rf"\({names}\) when calling the \w{{1,60}} operation"
        rf"|(?:\b(?:awssdk|amazonaws)\.services|(?<!\.)\bamazon)\.\w{{1,40}}\.model\.{names}\b"
        rf"|\(service: [\w ]{{1,60}}[;,] status code: 40\d[;,].{{0,60}}? error code: (?:403 )?{names}\b"
        rf"|\bresponse error statuscode: 40\d,.{{0,200}}? {names}:"
        rf"|\b{names}: .{{0,600}}?(?: status code: 40\d, request id\b|/aws-sdk/lib/|\$(?:fault|metadata)\b)"
        rf"|\$(?:fault|metadata)\b.{{0,200}}?{_IN_FIELD}{names}\b"
        rf"|{_IN_FIELD}{names}\b.{{0,300}}?(?:\$(?:fault|metadata)|aws_request_id)\b"
        rf"|\baws http error: .{{0,600}}?\b{names} \(client\)|\baws::\w{{1,40}}::errors::{names}\b"
        rf"|\bservice error: unhandled error \({names}\)"
        rf"|__type[\"'\\]{{0,3}} ?: ?[\"'\\]{{0,3}}(?:[\w.]{{1,80}}#)?{names}\b"
        rf"|<errorresponse.{{0,200}}?<code>{names}</code>"
    )


_MARKS = (
    *("when calling the ", ".services.", "amazon.", "(service: ", "response error statuscode: 40", "status code: 40"),
    *("/aws-sdk/lib/", "$fault", "$metadata", "aws_request_id", "aws http error", "::errors::", "__type"),
    *("service error: unhandled error", "<errorresponse"),
)
"""What a match of `_answered` contains: one of these."""

_STALE = r"token included in the request is (?:expired|invalid)|provided token has expired"
"""An inner error that says why no credentials could be loaded."""
_EXPIRED_NEARBY = r"expired|not found or is invalid|token .{0,40}invalid|reauthenticate"

_REGISTRY = r"\.(?:codeartifact|dkr\.ecr)\.[^\s/]{1,30}\.amazonaws\.com\b"
"""The end of a host name of CodeArtifact or ECR."""
_PULL_DENIED = r"\bpull access denied(?: for|,)(?!.{0,90} no basic auth)"


def _registry_answers(status: str) -> str:
    """Matches a package manager's or Docker's error with this status, before or after the registry's address."""
    return rf"\b{status}\b.{{0,160}}?{_REGISTRY}|{_REGISTRY}\S{{0,300}} .{{0,200}}?\b{status}\b"


_CANNOT = r"\b(?:unable to|could ?n[o']t|cannot|can't|failed to|not able to)"
_LACKS_PERMISSION = (
    r"(?:does(?: not|n['’]t)|do not|did not) have (?:the )?(?:(?:required|sufficient|necessary|correct) )?permissions?"
)
_ROLE_OF_AWS = (
    r"(?:\b(?:execution|service|action|task|instance|cluster|node|iam|lambda|provided|deployment) role\b|:role/)"
)
_FAILED = r"(?:error|exception|failed|failure|unable|could ?n[o']t|cannot|can't)\b"
_ABSENT = (
    r"(?:missing\b|unavailable\b|undefined\b|(?:not|cannot|can't|can not|could not) (?:be )?"
    r"(?:been )?(?:found|set|configured|provided|available|loaded|located|resolved|obtained|retrieved|specified)\b)"
)

SIGNATURES: tuple[Signature, ...] = (
    # a role cannot be assumed or passed
    Signature(
        "service_role_unassumable",
        "Amplify says that it is unable to assume the specified IAM role",
        "Printed by Amplify itself as the first error of a build, right after `Build environment configured` and "
        "before the clone; after a command of the build has run, the same words are an echo. They are printed for a "
        "lost repository connection at least as often as for a bad role, and the line cannot tell them apart. A "
        "compute role has nothing to do with it.",
        label=Label.SERVICE_ROLE_UNASSUMABLE,
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        amplifys_verdict=True,
        literals=("to assume", "not assume", "be assumed"),
        pattern=r"unable to assume (?:the )?(?:specified|provided|selected|configured) iam (?:service )?role"
        r"|!!! (?:\w{1,40}: )?(?:(?:unable to|not able to|failed to|could not|cannot) assume (?!that )"
        r"(?:[\w']{1,20} ){0,5}role\b|(?:the |your )?(?:iam |service ){1,2}role\b[^;]{0,160}? (?:can ?not|could not)"
        r" be assumed)",
        looks=(
            Look("service_role_set", "A service role is set."),
            Look("service_role_exists", "The role exists."),
            Look("service_role_trust", "Its trust policy lets Amplify in for this app."),
            Look("repository_connection", "The repository can be reached: only the console shows it."),
        ),
        steps=(
            "Change one thing at a time, and save the state before: medic snapshot {app_id} --out before.json.",
            "Compare with an app that works: medic compare.",
        ),
        fixes=("trust_service_role", "reconnect_repository"),
        related=(
            "unassumable_checklist",
            "repository_connection_lost",
            "service_role_trust_wrong",
            "service_role_missing",
            "codebuild_principal_myth",
            "wrong_region_principal_myth",
            *ON_UNASSUMABLE_ROLES,
            "recreate_app_steps",
            "record_region_platform_framework",
            "other_reports",
        ),
        sources=("aws-amplify/amplify-hosting#828", "aws-amplify/amplify-backend#2505", SERVICE_ROLE_DOCS),
    ),
    Signature(
        "compute_role_refused",
        "Amplify refuses the compute role: it cannot assume it",
        "An API error when the role is attached (CreateApp, UpdateApp, CreateBranch, UpdateBranch), under the code "
        "BadRequestException, which means many things: only the text tells. The trust is wrong, or the role does not "
        "exist, or it was made seconds ago.",
        label=Label.COMPUTE_ROLE_UNASSUMABLE,
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.API, Phase.DEPLOY),
        literals=("be assumed by Amplify",),
        pattern=r"\brole\b[^.]{0,80}? can(?: ?not|'t) be assumed by amplify",
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
            "lambda_principal_contested",
        ),
        sources=(COMPUTE_ROLE_DOCS,),
    ),
    Signature(
        "other_role_unassumable",
        "A role cannot be assumed",
        "A role for Lambda, CloudFormation, CodeBuild or the like, or one that a tool deploys with; not one of "
        "Amplify's two roles. Its trust policy does not let the caller in, the caller lacks sts:AssumeRole, or the "
        "role does not exist; often it was made a moment before, and the next attempt works.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        literals=(
            "be assumed",
            "be assumable",
            "to assume",
            "not assume",
            "'t assume",
            "AssumeRole on",
            "AssumeRole for",
            "assume role permissions",
        ),
        pattern=r"\brole\b(?:(?!\brole\b)[^;]){0,160}? (?:can(?: ?not|'t)|could not|is (?:unable|not able) to)"
        r" be assumed(?! by amplify)\b|\bdoes not have a trust relationship allowing \w{1,40} to assume the role"
        r"|\b(?:could not|cannot|can't|unable to|not able to|failed to|not authorized to|not allowed to) assume "
        r"(?!(?:the )?(?:specified|selected|configured|provided) iam)(?:the |this |a )?(?:\w{1,20} )?role\b"
        r"|\bauthorized to (?:perform assumerole on|assume the provided) role\b|\berror calling assumerole for role"
        r"|\brole must be assumable (?:by|with)\b|\brole \S{1,200} should be given assume role permissions?\b"
        r"|\bmust allow .{1,60} to assume the role\b|\bprovided role (?:arn )?cannot be assumed\b",
        unless=r"proceeding anyway",
        fixes=("wait_and_retry",),
        related=(
            "iam_propagation",
            "denied_by_other_policy",
            "caller_lacks_assume_role",
            "callers_account_not_trusted",
            "trust_conditions",
            "trust_date_window",
            "source_identity_required",
            "session_tags_assume_again",
            "role_assumes_itself",
            "role_name_case",
            "find_service_principal",
            "role_without_use_case",
        ),
        sources=(_AMPX, _CDK, "aws-amplify/amplify-studio#861", "aws-amplify/amplify-cli#6825"),
    ),
    Signature(
        "cognito_sms_role_refused",
        "Cognito may not send text messages with its SMS role, or mails from the SES identity",
        "The role that the user pool sends SMS with lacks sns:Publish, or does not trust cognito-idp.amazonaws.com "
        "with the pool's external id; for mails, the SES identity's policy does not let Cognito send. A role that was "
        "made a moment before fails in the same way.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        names=(
            *("InvalidSmsRoleAccessPolicyException", "InvalidSmsRoleTrustRelationshipException"),
            "InvalidEmailRoleAccessPolicyException",
        ),
        literals=("publish with SNS", "allowing Cognito to assume", "use your email identity"),
        pattern=r"\brole does not have (?:permission to publish with sns|a trust relationship allowing cognito)\b"
        r"|\bcognito is not allowed to use your email identity\b",
        fixes=("wait_and_retry",),
        related=(
            "iam_propagation",
            "denied_by_other_policy",
            "cognito_sms_role",
        ),
        sources=(
            "https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-sms-settings.html",
            "OElesin/querypal#6",
        ),
    ),
    Signature(
        "identity_pool_role_unassumable",
        "Cognito cannot assume the identity pool's roles",
        "The auth or unauth role of the identity pool is missing, or its trust policy does not let "
        "cognito-identity.amazonaws.com in for this pool. The app's users are concerned, not Amplify's two roles.",
        label=Label.ACCESS_DENIED_OTHER,
        identity=Identity.COGNITO_USER,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        names=("InvalidIdentityPoolConfigurationException",),
        literals=("nvalid identity pool",),
        pattern=r"invalid identity pool configuration\. check assigned iam roles",
        related=("user_credentials_cognito",),
        sources=("https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html",),
    ),
    Signature(
        "session_longer_than_allowed",
        "A role session longer than the role allows was asked for",
        "The requested DurationSeconds exceeds the role's maximum session duration, or one hour for a role that was "
        "assumed with another role's credentials. Ask for less, or raise the maximum.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        literals=("DurationSeconds exceeds",),
        pattern=r"\bdurationseconds exceeds the (?:maxsessionduration|1 hour session limit)",
        related=(
            "caller_lacks_assume_role",
            "duration_above_maximum",
            "role_chaining_one_hour",
        ),
        sources=(ROLES_DOCS,),
    ),
    Signature(
        "switch_role_refused",
        "The console could not switch to a role",
        "Account id or alias and the role's exact name must be right, the role must trust your account, and you need "
        "sts:AssumeRole on it. The console does not say which is wrong.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=(Phase.API,),
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=("fields. Check your information",),
        pattern=r"invalid information in one or more fields\. check your information or contact your administrator",
        related=(
            "caller_lacks_assume_role",
            "callers_account_not_trusted",
            "switch_role_invalid",
            "role_name_case",
        ),
        sources=(ROLES_DOCS,),
    ),
    Signature(
        "protected_role_changed",
        "A role that only AWS may change was to be changed",
        "Service-linked roles belong to their service; their policies and trust can't be edited. Leave the role alone, "
        "and give what is needed to a role of your own.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        names=("UnmodifiableEntity", "UnmodifiableEntityException"),
        literals=("only modifiable by AWS",),
        pattern=r"\bonly modifiable by aws\b",
        related=(
            "pass_service_linked_role",
            "service_linked_role_locked",
            "service_linked_role_appeared",
            "service_created_role_hands_off",
            "delete_service_role_safely",
        ),
        sources=(ROLES_DOCS,),
    ),
    Signature(
        "service_policy_version_blocked",
        "A service could not update the policy of its own service role",
        "Somebody edited or shared the policy that the service manages. Set its default version back, or detach it "
        "elsewhere and delete policy and role, so that the service makes them anew.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        literals=("create the default version (V",),
        pattern=r"\bdid not create the default version \(v\d{1,3}\) of the \S{1,128} policy\b",
        related=(
            "denied_by_other_policy",
            "default_policy_version",
            "service_created_role_hands_off",
            "delete_service_role_safely",
        ),
        sources=(ROLES_DOCS,),
    ),
    Signature(
        "role_lacks_permissions",
        "A role that a service was given lacks permissions",
        "An execution role, logging role or the like: the service could assume it, and it may not do what the service "
        "needs. The message names no action, or only some; the service's documentation lists them.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        literals=("permission", "role can perform", "does not allow AWS"),
        pattern=r"\bensure the role can perform the .{1,200}? actions? on .{1,60}? in iam\b"
        rf"|\brole\b(?: arn)?[^.:]{{0,120}}? {_LACKS_PERMISSION} (?:set |to |on |for )"
        rf"|{_ROLE_OF_AWS}[^;]{{0,160}}? (?:{_LACKS_PERMISSION}|has insufficient (?:\w{{1,20}} )?permissions)\b"
        r"|\brole arn\b.{0,60}? does not include the required permissions\b"
        r"|\bservice role \S{1,200} does not allow aws \w{1,40} to\b"
        rf"|\b(?:lambda|api gateway|step functions|(?:aws|amazon) [\w ]{{1,40}}?) {_LACKS_PERMISSION} to\b"
        r"|\bmay lack the necessary aws permissions\b|\binsufficient lake formation permission"
        r"|\bcurrent user does not have the correct permissions\. reason: operation denied\b",
        looks=(_PRINCIPAL,),
        related=("permission_missing_identity", "denied_by_other_policy"),
        sources=("https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",),
    ),
    Signature(
        "pass_role_refused",
        "A role may not be passed, in words that don't name iam:PassRole",
        "The role belongs to another account, or the caller lacks iam:PassRole on it.",
        label=Label.PASS_ROLE_DENIED,
        literals=("pass role is not", "authorized to pass", "permission to pass", "AccessDenied"),
        needs=("pass role is not", " to pass "),
        pattern=r"\bcross-account pass role is not allowed"
        r"|(?:not authorized|(?:not|n['’]t) have permission) to pass (?:the |this )?role\b"
        r"|\bAccessDenied\w{0,9}\)? .{0,80}? permissions? to pass (?:the |this )?role",
        fixes=("allow_pass_role",),
        related=("pass_role_missing", "service_role_other_account"),
        sources=(PASSING_ROLES_DOCS,),
    ),
    # credentials are missing, expired or invalid
    Signature(
        "sdk_v3_no_credentials",
        "The AWS SDK for JavaScript (v3) finds no credentials",
        "At SSR runtime: neither branch nor app has a compute role, or explicit undefined credentials hide it; the "
        "deployment had succeeded. In a build: no service role is set, or code that needs AWS runs while pages are "
        "generated. Minified class names (`i [CredentialsProviderError]`) are the same error.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        phases=(Phase.RUNTIME, Phase.BUILD),
        literals=("Could not load credentials", "no credentialDefaultProvider"),
        pattern=r"could not load credentials from (?:any (?:of the )?providers?|\w{0,30}(?:credentials|provider)\b)"
        r"|credentials not provided and no credentialdefaultprovider was configured",
        unless=_STALE,
        looks=(
            Look("compute_role_set", "Branch or app has a compute role."),
            Look("service_role_set", "The app has a service role."),
        ),
        fixes=("create_compute_role", "drop_explicit_credentials", "create_service_role"),
        related=(
            "compute_role_not_set",
            "two_roles",
            "node_provider_chain_no_help",
            "region_variable_no_help",
            "keys_on_localhost_role_on_amplify",
            "long_lived_keys_in_variables",
            "verify_runtime",
            "app_permissions_on_compute_role",
            "region_missing",
        ),
        sources=(COMPUTE_ROLE_DOCS, JS_SDK_DOCS),
    ),
    Signature(
        "sdk_provider_failed",
        "A credentials provider of the AWS SDK failed",
        "The class CredentialsProviderError (v3) or CredentialsError (v2) with another text: a profile, a process or a "
        "metadata service that gave nothing.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        names=("CredentialRetrievalError",),
        literals=(
            *("CredentialsProviderError", "CredentialsError", "CredentialsProviderFailure", "ProviderError"),
            "EC2 Metadata",
        ),
        pattern=r"(?<!SSM)\bCredentials(?:Provider)?Error\]?: ?\S|CredentialsProviderFailure\]?: ?\S"
        r"|\bProviderError\]?: error response received from (?:instance|container) metadata service"
        r"|\bec2 metadata (?:\w{1,20} request returned error|v1 fallback has been blocked)",
        unless=_EXPIRED_NEARBY,
        fixes=("create_compute_role", "log_in_locally"),
        related=("sdk_v3_no_credentials", "credentials_local_machine"),
        sources=(JS_SDK_DOCS,),
    ),
    Signature(
        "sdk_v3_credential_object_invalid",
        "The code gave the AWS SDK undefined credentials",
        "`{accessKeyId: undefined}` was passed: variables set in Amplify reach the build, not the SSR runtime. "
        "Explicit credentials win over the compute role, so attaching one alone does not help. The AI SDK's Bedrock "
        "provider takes only keys, unless it is given a credentialProvider.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        phases=(Phase.RUNTIME,),
        literals=(
            "esolved credential object",
            "Credential is missing",
            "credentials` is missing",
            *("access key ID setting is", "SigV4 authentication requires AWS credentials"),
        ),
        pattern=r"resolved credential object is not valid"
        r"|\berror\]?: (?:credential|`credentials`) is missing(?= at |[\s\"'.}]*(?:$|\d))"
        r"|\baws access key id setting is missing\b|\bsigv4 authentication requires aws credentials\b",
        steps=("With the AI SDK: createAmazonBedrock({ credentialProvider: fromNodeProviderChain() }).",),
        fixes=("drop_explicit_credentials", "create_compute_role"),
        related=("explicit_credentials_in_code", "keys_on_localhost_role_on_amplify"),
        sources=(SSR_VARIABLES_DOCS, JS_SDK_DOCS, "vercel/ai#2493"),
    ),
    Signature(
        "sdk_v2_no_credentials",
        "The AWS SDK for JavaScript (v2) finds no credentials",
        "Seen in builds of the older SSR platform without a service role, and in server code that still uses v2.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        literals=("issing credentials in config",),
        pattern=r"missing credentials in config\b",
        unless=_STALE,
        fixes=("create_service_role", "create_compute_role"),
        related=("service_role_not_set", "compute_role_not_set"),
        sources=("aws-amplify/amplify-hosting#2247",),
    ),
    Signature(
        "cli_no_credentials",
        "AWS CLI or boto3 finds no credentials",
        "A build command calls AWS and the app has no service role; or the command ran on a laptop without a profile.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        names=("MissingAuthenticationToken", "MissingAuthenticationTokenException", "NoCredentialsError"),
        literals=("nable to locate credentials", "artial credentials found"),
        pattern=r"unable to locate credentials|partial credentials found in",
        fixes=("create_service_role", "log_in_locally"),
        related=("service_role_not_set", "credentials_local_machine"),
        sources=(CLI_DOCS,),
    ),
    Signature(
        "gen1_no_credentials",
        "Amplify CLI (Gen 1) finds no access credentials",
        "Backend builds need a service role; without one the CLI finds nothing.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        phases=_BUILD,
        literals=(
            *("access credentials can", "get profile credentials", "get AWS credentials", "get aws credentials"),
            *("resolve AWS credentials with", "credential info was not specified", "Profile configuration"),
            *("credentials found for appId", "'accessKeyId'"),
        ),
        pattern=r"aws access credentials can ?not be found|failed to get (?:profile|aws) credentials"
        r"|failed to get profile: profile configuration is missing|failed to resolve aws credentials with --yes flag"
        r"|aws credential info was not specified|\bno credentials found for appid: \w"
        r"|(?:^|🛑 |\buncaughtException: |\bfailed to get profile: )"
        r"cannot read propert(?:y 'accesskeyid' of undefined|ies of undefined \(reading 'accesskeyid'\))",
        fixes=("create_service_role", "log_in_locally"),
        related=("service_role_not_set", "credentials_local_machine"),
        sources=(
            "aws-amplify/amplify-cli#11686",
            "aws-amplify/amplify-cli#8438",
            "aws-amplify/amplify-cli#1424",
            "aws-amplify/amplify-hosting#1480",
        ),
    ),
    Signature(
        "ampx_no_credentials",
        "ampx cannot load AWS credentials",
        "Mostly a laptop without profile or SSO session; the inner error says which.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        phases=_NOT_RUNTIME,
        decisiveness=2,
        literals=("load AWS credentials", "load default AWS credentials"),
        pattern=r"failed to load (?:default )?aws credentials",
        fixes=("log_in_locally",),
        related=("credentials_local_machine", "session_expired"),
        sources=(_AMPX,),
    ),
    Signature(
        "cdk_no_credentials",
        "The CDK, Pulumi or Terraform cannot tell the AWS account: it has no credentials",
        "Such tools ask STS who they are to resolve the account; without credentials they can't. At times transient.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        literals=(
            *("Unable to resolve AWS account", "Need to perform AWS calls", "No credentials available due to"),
            *("AWS credentials could not be obtained", "AWS AccessKeyID", "account ID not previously found"),
        ),
        pattern=r"unable to resolve aws account to use|unable to (?:validate|discover) aws accesskeyid\b"
        r"|\baws account id not previously found and failed retrieving|no credentials available due to basecredentials"
        r"|does not define an environment, and aws credentials could not be obtained"
        r"|need to perform aws calls for account .{1,40}?, but no credentials (?:have been configured|found)",
        fixes=("create_service_role", "log_in_locally"),
        related=("service_role_not_set",),
        sources=("aws/aws-cdk#24744", _CDK),
    ),
    Signature(
        "other_sdk_no_credentials",
        "Another AWS SDK finds no credentials",
        "Go, Java, .NET, PHP, Ruby, Rust, Terraform, Serverless: the chain of providers is empty.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        names=("MissingCredentialsError", "CredentialsNotLoaded"),
        literals=(
            *("NoCredentialProviders", "valid credential sources", "EC2 IMDS role", "load credentials"),
            *("find credentials", "AWS credentials", "AWS provider credentials", "AWS access credentials"),
            *("refresh cached credentials", "retrieve credentials", "resolve credentials using"),
            *("security credentials from EC2", "security credentials from ec2", "retrieving credentials from"),
            *("in chain provided credentials", "without credentials set", "credentials provider was not"),
            *("AWS Credentials", "aws credentials", "MONGODB-AWS credentials", "static credentials are empty"),
            "shared credentials file",
            *("contained no credentials for profile", "resolve credentials for", "CredentialsException"),
            *("(MissingCredentials)", "credentials could be loaded", "valid set of credentials"),
            *("o credentials", "issing credentials", "redentials not"),
        ),
        pattern=r"nocredentialproviders: |no valid credential sources|no ec2 imds role found"
        r"|(?:unable|failed) to (?:load|find) (?:shared )?credentials (?:file|in the environment)\b"
        r"|unable to (?:load|find) credentials\b|unable to resolve credentials for the aws sdk"
        r"|no providers in chain provided credentials|no credentials could be loaded from the chain\b"
        r"|failed to get a valid set of credentials at software\.amazon\.awssdk\b"
        rf"|{_CANNOT} (?:\w{{1,12}} ){{1,3}}?aws (?:access |security |provider )?credentials\b(?!\. details:)"
        r"|\bno (?:valid )?aws (?:access |provider )?credentials (?:were |are |have been )?"
        r"(?:found|available|provided|configured|set|supplied|detected)"
        rf"|\baws (?:access |security |provider )?credentials (?:\w{{1,6}} )?{_ABSENT}"
        r"|failed to (?:refresh cached|retrieve) credentials|could not resolve credentials using"
        r"|failed to load credentials from (?:the credentials provider|imds)\b|credentials provider was not properly"
        r"|\baws credentials seem (?:undefined|missing|empty)\b|\bconstructionfailure\(missingcredentials\)"
        r"|could not obtain temporary mongodb-aws credentials|\bstatic credentials are empty\b"
        r"|profile file contained no credentials for profile|\baws\\{1,2}exception\\{1,2}credentialsexception\b"
        r"|unable to get iam security credentials from ec2|error retrieving credentials from the instance"
        r"|unable to sign request without credentials set|\bmissing aws credentials\b"
        r"|\baws credentials are (?:required\. please|misconfigured)\b"
        rf"|(?:\b(?:no|missing) credentials\b|\bcredentials {_ABSENT})[^.;]{{0,40}}[.;] (?:\w{{1,12}} ){{0,3}}?"
        r"[`'\"@]{0,2}aws[-_ ](?:actions|access_key|configure|credentials|login|profile|secret|sso)",
        unless=rf"{_EXPIRED_NEARBY}|\bskip|\bfailed to load (?:default )?aws credentials",
        fixes=("create_service_role", "create_compute_role"),
        related=("service_role_not_set", "compute_role_not_set"),
        sources=("https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html",),
    ),
    Signature(
        "build_tool_no_credentials",
        "A tool of the build finds no AWS credentials",
        "SAM, the Amplify CLI, fog or Git asked for credentials, and there are none: the app has no service role, or "
        "the tool does not read them from where Amplify puts them.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.NOBODY,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        literals=(
            *("EC2 instance role found", "aws_access_key_id", ":access_key_id", "ayers require credentials"),
            *("retrieve credentials", "://git-codecommit.", "retrieving credentials from", "set up your credentials"),
            *("is missing Authentication Token", "check your action inputs"),
        ),
        pattern=r"\bno ec2 instance role found\b|\bamplify cli was unable to retrieve credentials\b"
        r"|\blayers require credentials to download\b|\bmissing required arguments?: aws_access_key_id\b"
        r"|:access_key_id is nil in config\b|\bcould not read (?:username|password) for '?https://git-codecommit\."
        r"|\berror when retrieving credentials from [\w-]{1,60}: |\byou have not yet set up your credentials or\b"
        r"|\brequest is missing authentication token\b"
        r"|\bcredentials could not be loaded, please check your action inputs\b",
        unless=_EXPIRED_NEARBY,
        fixes=("create_service_role", "log_in_locally"),
        related=("service_role_not_set", "credentials_local_machine"),
        sources=(CLI_DOCS, CODECOMMIT_DOCS),
    ),
    Signature(
        "profile_missing",
        "The named AWS profile does not exist",
        "A build command or setting names a profile of somebody's laptop. In a build, leave the profile out.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        runtime_label=Label.CREDENTIALS_MISSING_RUNTIME,
        identity=Identity.NOBODY,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        names=("NoSuchProfileError", "SharedConfigProfileNotExistsError"),
        literals=(
            *("onfig profile", "shared credentials file", "Profile configuration", "AWS profile", "aws profile"),
            *("CredentialProfileStoreChain", "Available profiles are", "AWS CLI Profile", "source_profile"),
            *("ource profile", "rror: Profile", "Credentials for profile"),
        ),
        pattern=r"the config profile \([^)]{1,80}\) could not be found|failed to get shared config profile"
        r"|profile \S{1,80} could not be found or parsed in shared credentials file"
        r"|profile configuration for \S{1,80} is invalid: missing|\bprofile configuration is missing for: \S"
        r"|the following profile (?:was not found: .{1,200}? available profiles|does not have credentials configured)"
        r"|\bsource[ _]profile \S{1,80} (?:must have credentials|referenced in the profile \S{1,80} does not exist)"
        r"|\bcredentials for profile \S{1,80} (?:cannot|could not) be found\b"
        r"|\bno aws profile named\b|\bserverless ?error: profile \S{1,80} does not exist"
        r"|unable to find the \S{1,80} profile in credentialprofilestorechain"
        r"|\baws profile:? [\"'`]?[\w.-]{1,80}[\"'`]? (?:was |is |could )?(?:not (?:be )?(?:found|configured)"
        r"|does(?: not|n't) (?:seem to )?(?:exist|be configured))",
        fixes=("create_service_role", "log_in_locally"),
        related=("credentials_local_machine",),
        sources=(CLI_DOCS,),
    ),
    Signature(
        "token_expired",
        "The credentials have expired",
        "In a build after one hour, whatever the role's maximum; on a laptop when the SSO session ends. Neither of "
        "Amplify's roles is wrong.",
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        names=(
            *("ExpiredToken", "ExpiredTokenException", "ExpiredTokenError", "RequestExpired", "TokenRefreshRequired"),
            "InvalidGrantException",
        ),
        literals=(
            *("token included in the request is", "provided token has expired", "has expired and refresh failed"),
            "SSO ",
            *("Signature expired", "reauthenticate", "expired AWS credentials", "redentials have expired"),
            *("credentials appear to have", "CredentialsProviderError", "CredentialsError", "sso login"),
            *("credentials are still expired", "uthorization token has expired", "uthorization Token has expired"),
            "retrieving credentials from",
        ),
        needs=("expired", "sso", "reauthenticate", "not found or is invalid"),
        pattern=r"token included in the request is expired|provided token has expired"
        r"|token has expired and refresh failed|sso (?:access |session )?(?:session|token|log-?in)\b.{0,80}?expired"
        r"|\bmust run [`'\"]?aws[- ]sso login\b"
        r"|token is expired\. to refresh this sso|signature expired: |\bsso session associated with this profile\b"
        r"|session has expired(?: or credentials have changed)?\. please reauthenticate using [`'\"]?aws\b"
        r"|error loading sso token\b|unable to refresh sso token\b|sso token failed\b"
        r"|\berror when retrieving credentials from [\w-]{1,60}: .{0,80}?\bexpired\b"
        r"|refreshed credentials are still expired|\bauthorization token has expired\. (?:reauthenticate|please run)\b"
        r"|expired aws credentials\b|(?:aws|sso|iam|sts)\b.{0,60}? credentials (?:appear to )?have expired"
        r"|Credentials(?:Provider)?Error\]?: .{0,120}?(?:\bexpired\b|not found or is invalid|reauthenticate)",
        fixes=("shorten_build", "log_in_locally"),
        related=(
            "session_expired",
            "stale_keys",
            "max_session_duration_not_the_cause",
        ),
        sources=("aws-amplify/amplify-hosting#2751", "aws-amplify/amplify-hosting#3126", STS_ERRORS_DOCS),
    ),
    Signature(
        "token_invalid",
        "The credentials are invalid",
        "Deleted or inactive keys, a missing session token, a wrong secret, a clock that is off, or another "
        "partition's keys.",
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        names=(
            *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidClientTokenIdException"),
            *("InvalidAccessKeyId", "InvalidSignatureException", "SignatureDoesNotMatch", "RequestSignatureError"),
            *("IncompleteSignature", "IncompleteSignatureException", "InvalidIdentityToken", "RequestTimeTooSkewed"),
            *("InvalidIdentityTokenException", "IDPRejectedClaim", "IDPRejectedClaimException"),
            *("InvalidSSOToken", "InvalidSSOCredentials"),
        ),
        literals=(
            *("token included in the request is", "Key Id you provided", "signature we calculated"),
            *("SSO ", "malformed or otherwise", "Session token not found"),
            *("provided access credentials", "due to invalid credentials", "Amplify Studio credentials"),
            "HandlerErrorCode: InvalidCredentials",
        ),
        pattern=r"token included in the request is invalid|\bHandlerErrorCode: InvalidCredentials\b"
        r"|access key id you provided does not exist"
        r"|request signature we calculated does not match|not able to validate the provided access credentials"
        r"|\bsso (?:session )?token\b.{0,80}(?:not found or is invalid|does not exist)"
        r"|token is malformed or otherwise invalid"
        r"|unable to get backend outputs due to invalid credentials|failed to fetch amplify studio credentials"
        r"|\bUnauthorizedException\]?: session token not found or invalid"
        r"|\bsession token not found or invalid \(service: sso"
        r"|\(UnauthorizedException\) when calling the \w{1,40} operation: session token not found or invalid",
        fixes=("log_in_locally", "drop_explicit_credentials"),
        related=(
            "session_expired",
            "long_lived_keys_in_variables",
            "stale_keys",
        ),
        sources=(STS_ERRORS_DOCS,),
    ),
    Signature(
        "build_tool_credentials_invalid",
        "A tool of the build says that the AWS credentials are invalid or expired",
        "Pulumi, SAM, the Amplify CLI or a script asked STS who it is, and STS did not accept the keys.",
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        literals=("Invalid credentials configured", "Cannot identify account", "AWS credentials", "AWS session"),
        needs=("invalid", "expired"),
        pattern=r"(?:' has a problem|not validate provider configuration): (?:\d error occurred: \* )?"
        r"invalid credentials configured\b|\bdue to invalid configured credentials\b"
        r"|(?:^|🛑 |\berror: )invalid aws credentials\b|\baws (?:credentials|session) (?:has |are )?expired\b",
        fixes=("log_in_locally", "drop_explicit_credentials"),
        related=("session_expired", "long_lived_keys_in_variables"),
        sources=(STS_ERRORS_DOCS,),
    ),
    Signature(
        "registry_token_missing",
        "CodeArtifact or ECR refuses the token",
        "`aws codeartifact login` or `aws ecr get-login-password` did not run in this build, or its token has expired: "
        "it lives at most 12 hours. The service role needs codeartifact:GetAuthorizationToken, "
        "sts:GetServiceBearerToken and codeartifact:ReadFromRepository, or ecr:GetAuthorizationToken.",
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        phases=_BUILD,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        literals=(".codeartifact.", ".dkr.ecr."),
        pattern=_registry_answers("401") + rf"|{_REGISTRY}\S{{0,300}} [^/]{{0,160}}?\bno basic auth credentials\b"
        rf"|\bno basic auth credentials\b[^/]{{0,90}}?{_REGISTRY}",
        steps=("Log in before packages or images are pulled, in the same phase.",),
        related=("session_expired", "permission_missing_identity"),
        sources=("https://docs.aws.amazon.com/codeartifact/latest/ug/tokens-authentication.html",),
    ),
    Signature(
        "registry_of_aws_refused",
        "CodeArtifact or ECR refuses",
        "The token is good, and the role that asked for it lacks codeartifact:ReadFromRepository, ecr:BatchGetImage or "
        "the like, or the repository's own policy refuses.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=(".codeartifact.", ".dkr.ecr."),
        needs=("403", "pull access denied"),
        pattern=_registry_answers("403") + rf"|{_REGISTRY}\S{{0,300}} [^/]{{0,160}}?{_PULL_DENIED}"
        rf"|{_PULL_DENIED}[^/]{{1,200}}?\.dkr\.ecr\.",
        looks=(_PRINCIPAL,),
        related=("permission_missing_identity", "denied_by_resource_policy"),
        sources=(
            "https://docs.aws.amazon.com/codeartifact/latest/ug/auth-and-access-control-permissions-reference.html",
        ),
    ),
    Signature(
        "credentials_of_another_account",
        "The credentials belong to another account",
        "The stack is bound to one account and the credentials in use are another's: a wrong profile on a laptop, or "
        "keys in variables that hide the build's service role.",
        label=Label.EXPIRED_OR_INVALID_TOKEN,
        phases=_NOT_RUNTIME,
        literals=("Need to perform AWS calls",),
        pattern=r"need to perform aws calls for account .{1,40}?, but the current credentials are for\b",
        fixes=("log_in_locally", "drop_explicit_credentials"),
        related=("credentials_local_machine", "long_lived_keys_in_variables"),
        sources=(_CDK,),
    ),
    # access is denied, in a text that does not name who was denied what
    Signature(
        "codecommit_clone_refused",
        "CodeCommit refuses the clone with error 403",
        "IAM, though nothing says so: Amplify clones CodeCommit as the service role, which lacks codecommit:GitPull.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.SERVICE_ROLE,
        phases=(Phase.BUILD,),
        confidence=Confidence.MEDIUM,
        literals=("requested URL returned error: 403",),
        pattern=r"unable to access '?https?://[^ ']{0,200}git-codecommit\.[^ ]{1,300} the requested url returned "
        r"error: 403",
        fixes=("allow_codecommit_pull",),
        related=("codecommit_pull_denied",),
        sources=(CODECOMMIT_DOCS,),
    ),
    Signature(
        "ampx_bootstrap_unreadable",
        "ampx may not even read the CDK bootstrap version",
        "Every role meant for backend deployments may. So the build ran as Amplify's own role (no service role set), "
        "or as a role meant for something else, such as logging. The text at hand does not name the principal, which "
        "would tell.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        phases=_BUILD,
        confidence=Confidence.LOW,
        decisiveness=2,
        names=("BootstrapDetectionError",),
        literals=("detect CDK bootstrap",),
        pattern=r"unable to detect cdk bootstrap stack due to permission issues",
        looks=(_PRINCIPAL, Look("service_role_set", "The app has a service role, meant for backend deployments.")),
        fixes=("create_service_role", "attach_service_role"),
        related=(
            "service_role_not_set",
            "permissions_on_logging_role",
            "service_role_for_logs",
            "cdk_not_bootstrapped",
        ),
        sources=(_AMPX, SERVICE_ROLE_DOCS),
    ),
    Signature(
        "ampx_outputs_refused",
        "ampx may not read the backend's outputs",
        "As with the bootstrap version: no service role, or one meant for something else. The principal tells.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        phases=_BUILD,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=("Unable to get backend outputs",),
        pattern=r"unable to get backend outputs due to insufficient permissions",
        looks=(_PRINCIPAL, Look("service_role_set", "The app has a service role, meant for backend deployments.")),
        fixes=("create_service_role", "attach_service_role"),
        related=(
            "service_role_not_set",
            "service_role_for_logs",
        ),
        sources=(_AMPX, SERVICE_ROLE_DOCS),
    ),
    Signature(
        "ampx_deploy_refused",
        "ampx may not deploy: insufficient permissions",
        "The wrapper names neither principal nor action; the line below it does.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=("Unable to deploy due to", "The deployment role does not have"),
        pattern=r"unable to deploy due to insufficient permissions"
        r"|deployment role does not have sufficient permissions",
        looks=(_PRINCIPAL,),
        fixes=("grant_action", "attach_service_role"),
        related=(
            "permission_missing_identity",
            "denied_by_other_policy",
            "service_role_for_logs",
        ),
        sources=(_AMPX,),
    ),
    Signature(
        "ampx_ssm_refused",
        "ampx may not read secrets in SSM: the name says credentials, the reason is access denied",
        "SSMCredentialsError wraps several errors; AccessDenied inside means that the identity lacks "
        "ssm:GetParameter(sByPath).",
        label=Label.ACCESS_DENIED_IDENTITY,
        phases=_NOT_RUNTIME,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=("SSMCredentialsError",),
        pattern=r"\bSSMCredentialsError\]?:? .{0,40}\bAccessDenied(?:Exception)?\b",
        looks=(_PRINCIPAL,),
        fixes=("grant_action",),
        related=(
            "permission_missing_identity",
            "secrets_not_set_up",
        ),
        sources=(_AMPX,),
    ),
    Signature(
        "gen1_amplify_refused",
        "Amplify CLI (Gen 1) may not call Amplify",
        "The CLI could not list the account's Amplify apps: the user or role lacks amplify:ListApps and the rest of "
        "AdministratorAccess-Amplify.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        literals=("Permissions to access Amplify",),
        pattern=r"permissions to access amplify service is required",
        looks=(_PRINCIPAL,),
        fixes=("grant_action",),
        related=("permission_missing_identity", "callers_policy_by_administrator"),
        sources=("https://github.com/aws-amplify/amplify-cli",),
    ),
    Signature(
        "layer_unreadable",
        "A Lambda layer may not be read",
        "The layer's ARN is wrong, the layer is in another region than the function, or its owner has not shared it. "
        "No permission in your account helps.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        names=("GetLambdaLayerVersionError",),
        literals=("to get Lambda layer version",),
        pattern=r"unable to get lambda layer version",
        related=(
            "denied_by_resource_policy",
            "layer_not_shared",
        ),
        sources=(_AMPX,),
    ),
    Signature(
        "service_linked_role_refused",
        "A service-linked role may not be created",
        "The service needs a role of its own in the account, and the caller lacks iam:CreateServiceLinkedRole for that "
        "service. An administrator can make the role once.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_NOT_RUNTIME,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        literals=("inked role", "inked Role", "create SLR"),
        pattern=r"(?:not (?:authorized|allowed|permitted) to|does not have permissions? to) (?:create|assume)"
        r" (?:or assume )?(?:a |the |an )?(?:service[- ]linked role|slr\b)|unable to assume the service[- ]linked role",
        looks=(_PRINCIPAL,),
        related=(
            "permission_missing_identity",
            "pass_service_linked_role",
            "service_linked_role_appeared",
        ),
        sources=("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html",),
    ),
    Signature(
        "kms_refused",
        "A KMS key may not be used",
        "The call itself was allowed, and the key behind the secret, object or variable refuses: its key policy, or "
        "kms:Decrypt on the caller. A deleted key, or one of another region, reads the same.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        names=("KMSAccessDeniedException", "KMS.AccessDeniedException"),
        literals=("ccess to KMS is not allowed", "KMS access was denied", "ciphertext refers"),
        pattern=r"access to kms is not allowed|because kms access was denied"
        r"|ciphertext refers to a customer master key that does not exist",
        looks=(_PRINCIPAL,),
        related=(
            "denied_by_resource_policy",
            "permission_missing_identity",
            "kms_key_refuses",
        ),
        sources=("https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html",),
    ),
    Signature(
        "bedrock_model_refused",
        "A Bedrock model may not be used",
        "The account has no subscription to this model, or the region does not have it. Bedrock subscribes at the "
        "first call, which needs AWS Marketplace permissions; Anthropic's models need a form about the use case.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        literals=("specified model ID", "Model access is", "not authorized to invoke this API"),
        pattern=r"don.t have access to the model with the specified model id|\bmodel access is denied\b"
        r"|not authorized to invoke this api operation",
        related=(
            "denied_by_other_policy",
            "bedrock_access_not_enabled",
        ),
        sources=("https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html",),
    ),
    Signature(
        "appsync_refused",
        "AppSync refuses a call that is signed with AWS credentials",
        "The identity lacks appsync:GraphQL on this API, or the API does not have IAM as an authorization mode. The "
        "answer names neither caller nor policy.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=("UnauthorizedException",),
        pattern=r"\berrorType[\"'\\]{0,3} ?: ?[\"'\\]{0,3}UnauthorizedException[\"'\\]{0,3} ?, ?[\"'\\]{0,3}"
        r"message[\"'\\]{0,3} ?: ?[\"'\\]{0,3}permission denied\b",
        looks=(_PRINCIPAL,),
        fixes=("grant_action",),
        related=("permission_missing_identity", "denied_by_other_policy"),
        sources=(
            "https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html",
            "aws-amplify/amplify-cli#4343",
        ),
    ),
    Signature(
        "cdk_bucket_refused",
        "CDK may not use the bucket for its assets",
        "The bucket of the bootstrap stack exists, and the caller may not use it: the credentials are another "
        "account's, or the deploying role lacks the rights that AmplifyBackendDeployFullAccess has.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        confidence=Confidence.MEDIUM,
        decisiveness=2,
        literals=("exists, but ",),
        pattern=r"bucket named '[^']{1,80}' exists, but (?:we don.?t have access to it|not in account)",
        looks=(_PRINCIPAL,),
        related=(
            "service_role_not_set",
            "denied_by_other_policy",
            "cdk_not_bootstrapped",
        ),
        sources=(_CDK,),
    ),
    Signature(
        "api_call_refused",
        "A named API call was refused, without a reason",
        "Older answers and cross-account calls say Access Denied or 403 and name nobody.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=(
            *("ccessDenied", "Unauthorized", "ForbiddenException", "occurred (403)", "AWS HTTP error"),
            *("StatusCode: 403", "Errors::Forbidden", "Forbidden: null", "denied by S3"),
        ),
        needs=(
            *(*_MARKS, "request_id", "requestid", "status_code", "statuscode", "x-amz", "access denied"),
            *("permission denied", "denied by s3, please", "forbidden: null", "call failed: ", "storageaccessdenied"),
        ),
        pattern=_answered(r"\w{0,40}(?:accessdenied|unauthorized|\bforbiddenexception)\w{0,40}")
        + rf"|{_AWS_ERROR}.{{0,200}}?{_IN_FIELD}AccessDenied(?:Exception)?\b"
        rf"|{_IN_FIELD}AccessDenied(?:Exception)?\b.{{0,300}}?{_AWS_ERROR}"
        r"|\(403\) when calling the \w{1,60} operation|\byour access has been denied by s3, please\b"
        r"|\baws http error: client error: .{0,600}?403 \(client\): 403 forbidden"
        r"|\bresponse error statuscode: 403,.{0,200}? forbidden:"
        r"|\baws::\w{1,40}::errors::forbidden\b|\bexcon::errors?::forbidden\b.{0,600}? \"x-amz-|\bforbidden: null\b"
        r"|\bcall failed: \w{1,60}\(.{0,300}?\) => .{0,100}?\(code=AccessDenied(?:Exception)?\)"
        r"|\bstatus code: 40[03][;,] .{0,20}error code: AccessDenied|\bStorageAccessDeniedException\b"
        r"|\bAccessDenied(?:Exception)?: status code: 40[03]\b",
        unless=rf"authjs|next-auth|@auth/|\[auth\]|\bwaf\b|\bjwt\b|{_EXPIRED_NEARBY}",
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        sources=(ACCESS_DENIED_DOCS, S3_403_DOCS),
    ),
    Signature(
        "resource_handler_refused",
        "CloudFormation was refused an API call",
        "The event names the action at best; the caller is the deploying role, or CloudFormation's execution role. "
        "Tags need a permission of their own, such as iam:TagRole or kms:TagResource.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_BUILD,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=(
            *("API: ", "HandlerErrorCode: AccessDenied", "HandlerErrorCode: Unauthorized", "S3 error", "(Service: "),
            *("Access denied for operation", "for bucket: ", "authorized to perform", "authorized to create"),
            *("(Forbidden) null", "Access Denied", "Access to Role", "a tagging operation"),
        ),
        needs=(
            *("api: ", "handlererrorcode: ", "s3 error: ", "access denied for ", "(service: ", "(forbidden) null"),
            *("message returned: ", "access to role '", "a tagging operation"),
            *(f"perform {verb}" for verb in ("describe", "create", "put", "delete", "update", "attach")),
            "is not authorized to create",
        ),
        pattern=r"\bAPI: [\w-]{1,40}:\w{1,60} (?:access denied|you are not authorized)"
        r"|\bHandlerErrorCode: (?:AccessDenied|Unauthorized\w{0,20})\b|\bS3 error: access denied"
        r"|\baccess denied for (?:operation '|bucket: \S)|\baccess to role 'arn:[^']{1,300}' is forbidden\b"
        r"|\bmessage returned: (?:(?:40[13] )?\w{1,60}: ){0,3}access denied\b(?! for user)"
        r"|\berror code:? (?:AccessDenied|Unauthorized)\w{0,20} \(service: |\(forbidden\) null\b"
        r"|\bpermissions error performing a tagging operation\b(?!.{0,90}\bretrying request without)"
        r"|\bnot authorized to perform (?:describe|create|put|delete|update|attach)\w{0,30}(?:securitygroup|loggroup"
        r"|stack|changeset|role|policy|policies|instance|subnet|vpc|bucket|function|keypair|zone|cluster|distribution)s?\b"
        r"|\barn:aws[\w-]{0,16}:iam::\S{1,200} is not authorized to create\b",
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        sources=("https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html",),
    ),
    Signature(
        "service_answer_refused",
        "An AWS service answered: access denied",
        "The tool prints the service, the status 403 and the request id, which finds the call in CloudTrail; caller "
        "and policy are not named.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=("(Service: ", "Message:Access Denied"),
        pattern=r"\bservice:(?:amazon|aws)[^,]{1,40}, message:access denied"
        r"|\b(?:forbidden|null)[^(]{0,60}\(service: [\w ]{1,60}[,;] status code: 403\b"
        r"|\b(?:access denied|insufficient permissions?)\b[^(]{0,60}\(service: [\w ]{1,60}[,;] status code: 40[03]\b",
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        sources=(ACCESS_DENIED_DOCS, S3_403_DOCS),
    ),
    Signature(
        "service_names_permission_error",
        "An AWS service names an error about a role or a permission",
        "The error's name says that a role can't be used, or that the caller, the service or a role lacks a "
        "permission. The service's API reference explains the name.",
        label=Label.ACCESS_DENIED_OTHER,
        phases=_NOT_RUNTIME,
        confidence=Confidence.LOW,
        decisiveness=2,
        literals=(
            *("InsufficientPermission", "InsufficientDependencyService", "InsufficientIAMAccess", "LogsResourcePolicy"),
            *("BucketPolicyFault", "RoleMissingPermissions", "DestinationPermission", "KeyNotAccessible"),
            *("NoAuthorization", "AuthorizationError", "AuthorizationException", "AccessForbidden", "InvalidRole"),
            *("RoleArnException", "RoleException", "RoleAccessPolicy", "RegionDisabled"),
        ),
        needs=_MARKS,
        pattern=_answered(
            r"(?:insufficient\w{0,40}(?:permissions?|policy)|iamrolemissingpermissions|\w{1,20}destinationpermission"
            r"|kmskeynotaccessible|snsnoauthorization|authorization(?:error)?exception|authorizationerror"
            r"|accessforbidden|invalid\w{0,20}role(?:arn|accesspolicy)?|regiondisabled)"
            r"(?:issue)?(?:exception|fault)?"
        ),
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        sources=(ACCESS_DENIED_DOCS,),
    ),
    Signature(
        "unauthorized_operation",
        "EC2 says: not authorized to perform this operation",
        "EC2 and a few others hide the reason in an encoded message: sts decode-authorization-message tells, and is "
        "privileged.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=1,
        names=("UnauthorizedOperation",),
        literals=("authorized to perform this", "Client.UnauthorizedOperation"),
        pattern=r"you are not authorized to perform this operation|\bClient\.UnauthorizedOperation\b",
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        sources=(
            "https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html",
            "aws-amplify/amplify-cli#10116",
        ),
    ),
    Signature(
        "sdk_error_403",
        "An SDK's error object has the status 403",
        "Printed by server code that logs the whole error, as an object or as JSON; the request id finds the call in "
        "CloudTrail.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=1,
        literals=("httpStatusCode",),
        pattern=r"\$metadata[\"'\\]{0,3}: ?\{[^}]{0,80}?\bhttpstatuscode[\"'\\]{0,3}: ?403\b",
        unless=r"authjs|next-auth|@auth/|\[auth\]",
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        sources=(S3_403_DOCS,),
    ),
    Signature(
        "bare_access_denied",
        "AccessDenied, and nothing else",
        "Neither caller, action nor policy is named: the label is a guess at what to look for, no more.",
        label=Label.ACCESS_DENIED_OTHER,
        confidence=Confidence.LOW,
        decisiveness=1,
        names=("AccessDenied", "AccessDeniedException", "accessDeniedException", "AccessDeniedError"),
        ambiguous_names=True,
        literals=("Access Denied",),
        needs=("access denied",),
        pattern=rf"(?:^|[✖🛑⨯\]] |#<[\w:]{{1,60}}>: |\bfail: |\bAccessDenied\w{{0,9}}\]?:? "
        rf"|{_FAILED}[^.:]{{0,120}}?[.:]?(?: /)? |^{_FAILED}.{{0,200}}?\b(?:bucket|s3|stack|lambda|aws)\b.{{0,120}}?: )"
        r"access denied(?=[\s.\"'}]*$| --->| at Request\.| Resolution:| \w{1,60} at /| see details in cloudwatch)"
        r"|\bAccessDenied\w{0,9}: access denied(?=[\"'\\]{1,3}(?:[,}]| \w{1,30}=|$))"
        r"|\b(?:Amazon\w{1,40}|S3)Exception: access denied$",
        unless=r"authjs|next-auth|@auth/|\[auth\]|springframework|java\.(?:nio|io|lang\.Sec)|<Code>|</|mysql|contentful"
        r"|https?://errors\.|\bHTTP Basic\b|\bfor user '",
        looks=(_PRINCIPAL,),
        related=("denied_by_other_policy",),
        sources=("aws-amplify/amplify-hosting#2192", "aws-amplify/amplify-hosting#412", S3_403_DOCS),
    ),
)


DENIAL_LITERALS = (
    "authorized to perform",
    "authorized** to perform",
    "uthorized to access this",
    "permission",
    "explicit deny",
    "policy allows",
    "boundary allows",
)
"""Every message that `medic.logscan.denial` parses contains at least one of these."""

_denial = partial(Entry, kind=EntryKind.SIGNATURE, sources=(ACCESS_DENIED_DOCS,))

DENIALS: tuple[Entry, ...] = (
    # by who was denied
    _denial(
        "denied_amplifys_own_role",
        "The build ran as Amplify's own role: the app has no service role",
        "The principal is AemiliaControlPlaneLambda-CodeBuildRole in an account of AWS. Whatever policy is named, the "
        "answer is to attach a service role; that foreign role can't and needn't be changed.",
        label=Label.CREDENTIALS_MISSING_BUILD,
        identity=Identity.AMPLIFY_OWN,
        phases=(Phase.BUILD,),
        looks=(Look("service_role_set", "The app has a service role."),),
        fixes=("create_service_role", "attach_service_role"),
        related=("service_role_not_set",),
        sources=(SERVICE_ROLE_DOCS, "aws-amplify/amplify-hosting#3205"),
    ),
    _denial(
        "denied_service_role",
        "The service role was assumed, and lacks a permission",
        "The session name BuildSession shows that Amplify could assume the role: trust is fine. The role lacks this "
        "action on this resource. More denials may follow, one at a time.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.SERVICE_ROLE,
        phases=_BUILD,
        fixes=("grant_action", "attach_service_role"),
        related=(
            "permission_missing_identity",
            "service_role_for_logs",
            "two_roles",
            "secrets_not_set_up",
        ),
        sources=(ACCESS_DENIED_DOCS, "aws-amplify/amplify-backend#1961"),
    ),
    _denial(
        "denied_compute_role",
        "The compute role works, and lacks a permission",
        "The session name AmplifyHostingCompute-app=... shows that server code runs as the compute role. Grant the "
        "action there; no redeploy is needed. More denials may follow, one at a time.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.COMPUTE_ROLE,
        phases=(Phase.RUNTIME,),
        fixes=("grant_action",),
        related=(
            "permission_missing_identity",
            "app_permissions_on_compute_role",
            "two_roles",
            "kms_key_refuses",
        ),
    ),
    _denial(
        "denied_studio_role",
        "Amplify Studio's role lacks a permission",
        "The role <region>_<pool>_Full-access belongs to Amplify Studio (or `amplify pull` through it), not to builds "
        "or the runtime.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.STUDIO,
        steps=("amplify configure project: use an AWS profile of your own.",),
        related=(
            "permission_missing_identity",
            "studio_role_in_use",
        ),
        sources=("aws-amplify/amplify-cli#9839", "aws-amplify/amplify-hosting#2194"),
    ),
    _denial(
        "denied_cognito_user",
        "A user of the app lacks a permission",
        "The session CognitoIdentityCredentials is a signed-in or guest user of the app, through the identity pool's "
        "roles.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.COGNITO_USER,
        phases=(Phase.RUNTIME,),
        fixes=("grant_action", "sign_user_in"),
        related=("user_credentials_cognito",),
    ),
    _denial(
        "denied_caller",
        "A person or another tool lacks a permission",
        "The principal is a user or role outside Amplify's two: whoever ran the command, a pipeline, CloudFormation's "
        "execution role, or long-lived keys in server code.",
        label=Label.ACCESS_DENIED_IDENTITY,
        identity=Identity.USER,
        fixes=("grant_action",),
        related=(
            "callers_policy_by_administrator",
            "deleting_needs_amplifybackend",
            "access_from_outside_account",
            "caller_lacks_assume_role",
            "callers_account_not_trusted",
            "principal_tags_required",
            "studio_role_in_use",
        ),
        sources=(TROUBLESHOOTING_DOCS, ACCESS_DENIED_DOCS),
    ),
    _denial(
        "denied_caller_unknown",
        "An action was refused; the text does not name the caller",
        "Find the principal first: it tells which role to look at.",
        label=Label.ACCESS_DENIED_IDENTITY,
        looks=(Look("principal", "Find the principal in the full message."),),
        fixes=("grant_action",),
        related=("permission_missing_identity", "denied_by_other_policy"),
    ),
    # by the policy that denies
    _denial(
        "denied_pass_role",
        "iam:PassRole was refused",
        "The caller may not hand the role to the service. It is the caller's permission, whatever the role may do.",
        label=Label.PASS_ROLE_DENIED,
        fixes=("allow_pass_role",),
        related=(
            "pass_role_missing",
            "pass_service_linked_role",
            "callers_policy_by_administrator",
        ),
        sources=(TROUBLESHOOTING_DOCS, PASSING_ROLES_DOCS),
    ),
    _denial(
        "denied_boundary",
        "A permissions boundary denies",
        "Policies and boundary must both allow. Adding a permission to the role changes nothing.",
        label=Label.ACCESS_DENIED_BOUNDARY,
        fixes=("change_boundary",),
        related=(
            "denied_by_boundary",
            "gen1_roles_under_boundary",
            "gen1_boundary_init",
            "gen1_boundary_env_add",
            "gen1_boundary_env_update",
            "gen1_boundary_cross_account",
            "gen1_boundary_per_environment",
            "gen1_boundary_policy_outside",
            "gen1_boundary_verify",
        ),
        sources=(BOUNDARY_DOCS, ACCESS_DENIED_DOCS),
    ),
    _denial(
        "denied_scp",
        "A service control policy of the organization denies",
        "No policy in this account helps; the organization's administrators decide.",
        label=Label.ACCESS_DENIED_SCP,
        fixes=("ask_policy_owner",),
        related=(
            "denied_by_scp",
            "scp_and_service_principals",
        ),
    ),
    _denial(
        "denied_rcp",
        "A resource control policy of the organization denies",
        "It bounds what anybody may do with the resource; the organization's administrators decide.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_other_policy", "rcp_denies_assume_role"),
    ),
    _denial(
        "denied_session_policy",
        "A session policy denies",
        "Whoever assumed the role limited the session; the role's own policies can't widen it.",
        label=Label.ACCESS_DENIED_OTHER,
        steps=("Look where the session is made: AssumeRole with Policy or PolicyArns.",),
        related=(
            "denied_by_session_policy",
            "session_tags_assume_again",
        ),
    ),
    _denial(
        "denied_resource_policy",
        "The resource's own policy denies or does not allow",
        "A bucket, key, secret, queue or layer policy. Across accounts both sides must allow.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=(
            "denied_by_resource_policy",
            "access_from_outside_account",
            "layer_not_shared",
            "kms_key_refuses",
        ),
    ),
    _denial(
        "denied_by_setting",
        "A setting of the service refuses, whatever the policies say",
        "The message gives a reason of its own, such as S3 Block Public Access or a blocked kind of encryption. No "
        "permission helps: change the setting, or what the code asks for.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_resource_policy", "denied_by_other_policy"),
    ),
    _denial(
        "denied_vpc_endpoint",
        "A VPC endpoint's policy denies",
        "The call went through an endpoint whose policy does not allow it.",
        label=Label.ACCESS_DENIED_OTHER,
        fixes=("ask_policy_owner",),
        related=("denied_by_other_policy",),
    ),
    _denial(
        "denied_trust_policy",
        "A role's trust policy denies or does not allow",
        "The role to be assumed does not let this caller in. For web identities the trust policy alone decides.",
        label=Label.ACCESS_DENIED_OTHER,
        related=(
            "callers_account_not_trusted",
            "trust_conditions",
            "caller_lacks_assume_role",
            "role_assumes_itself",
            "role_name_case",
            "principal_tags_required",
            "trust_date_window",
            "source_identity_required",
            "session_tags_assume_again",
            "find_service_principal",
        ),
    ),
)
