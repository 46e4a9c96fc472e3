"""The catalogue of signatures. Adding one is adding one entry here and its explanation in `explained`.

Denials that spell out who was refused what are not here: `medic.diagnosis.denial` reads those.
"""

from __future__ import annotations

from medic.diagnosis.knowledge.signature import Signature
from medic.diagnosis.model import Confidence, Identity, Label

DENIAL_LITERALS = (
    "authorized to perform",
    "uthorized to access this",
    "explicit deny",
    "policy allows",
    "boundary allows",
)
"""What every access-denied message that `medic.diagnosis.denial` reads contains at least one of."""

_ROLES = (
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

_EXPIRED_NEARBY = r"expired|not found or is invalid|token .{0,40}invalid"

_CREDENTIALS = (
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
)

_TOKENS = (
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

_WRAPPERS = (
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

SIGNATURES: tuple[Signature, ...] = (*_ROLES, *_CREDENTIALS, *_TOKENS, *_WRAPPERS)
"""Every signature with a pattern of its own."""
