"""The shared vocabulary: what a log shows, where it was printed, whose credentials, which role, which trigger."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a text was printed; the same words mean different things in different phases."""

    BUILD = "build"
    DEPLOY = "deploy"
    RUNTIME = "runtime"
    API = "api"


class Label(StrEnum):
    """What a text shows, as far as the text itself goes. A label names the failure, never its cause."""

    SERVICE_ROLE_UNASSUMABLE = "service_role_unassumable"
    COMPUTE_ROLE_UNASSUMABLE = "compute_role_unassumable"
    CREDENTIALS_MISSING_BUILD = "credentials_missing_build"
    CREDENTIALS_MISSING_RUNTIME = "credentials_missing_runtime"
    ACCESS_DENIED_IDENTITY = "access_denied_identity"
    ACCESS_DENIED_BOUNDARY = "access_denied_boundary"
    ACCESS_DENIED_SCP = "access_denied_scp"
    PASS_ROLE_DENIED = "pass_role_denied"
    ACCESS_DENIED_OTHER = "access_denied_other"
    EXPIRED_OR_INVALID_TOKEN = "expired_or_invalid_token"
    NOT_IAM = "not_iam"


class Confidence(StrEnum):
    """How sure a finding's label is. Low: the text is too short to decide alone, and says what to check."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Identity(StrEnum):
    """Whose credentials a message is about. The principal in the text decides, not the keywords around it."""

    SERVICE_ROLE = "service_role"
    COMPUTE_ROLE = "compute_role"
    AMPLIFY_OWN = "amplify_own"
    """Amplify's own CodeBuild role in an AWS-owned account: the app has no service role."""
    STUDIO = "studio"
    COGNITO_USER = "cognito_user"
    USER = "user"
    """An IAM user or role of a person or another tool, not one of Amplify's two."""
    NOBODY = "nobody"
    UNKNOWN = "unknown"


class PolicyType(StrEnum):
    """The policy type an access-denied message names.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SCP = "service control policy"
    RCP = "resource control policy"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    VPC_ENDPOINT = "VPC endpoint policy"
    TRUST = "role trust policy"


class RoleKind(StrEnum):
    """Which of the two roles an incident is about."""

    SERVICE = "service"
    COMPUTE = "compute"
    NONE = "none"


class ActionKind(StrEnum):
    """What may be changed: a branch's compute role, or an app's service role. Nothing else, ever."""

    ATTACH_COMPUTE = "attach_compute"
    REPAIR_SERVICE = "repair_service"


class Trigger(StrEnum):
    """What made us look."""

    FAILED = "failed"
    RUNTIME = "runtime"
