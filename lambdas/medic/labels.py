"""Enumerations that several modules share: phases, failure labels, identities, policy types, roles, triggers."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a text was printed. The same words mean different things in different phases."""

    BUILD = "build"
    DEPLOY = "deploy"
    RUNTIME = "runtime"
    API = "api"


class Label(StrEnum):
    """The failure that a text shows, judged by the text alone. A label never names the cause."""

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


class BotLabel(StrEnum):
    """What else an incident may be about. No text shows these; the bot finds them out."""

    STORM = "storm"
    """Many apps of the region fail at once."""
    SSR_LOG_MISSING = "ssr_log_missing"
    UNDIAGNOSED = "undiagnosed"
    """A build failed, and the bot could not find out why."""
    BUILD_FAILED = "build_failed"
    """A build failed, but not because of IAM. Only with the setting `notify: all_failures`."""
    BUILDS_FAILING = "builds_failing"
    """So many builds of the region fail that not each is reported."""


class Source(StrEnum):
    """Who printed a log line. It bounds what the line can show."""

    AMPLIFY = "amplify"
    """Amplify itself: a fatal line (`[ERROR]: !!! …`) of a build log."""
    BUILD = "build"
    """A command of the customer's build, or its tools."""
    RUNTIME = "runtime"
    """Code that serves requests. Any visitor can cause such a line."""
    API = "api"
    """The answer to an API, CLI or console call."""


class Confidence(StrEnum):
    """How sure a finding's label is. LOW: the text alone does not decide it, so the finding says what to check."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Identity(StrEnum):
    """Whose credentials a message is about. The principal in the text decides this, not the words around it."""

    SERVICE_ROLE = "service_role"
    COMPUTE_ROLE = "compute_role"
    AMPLIFY_OWN = "amplify_own"
    """Amplify's own CodeBuild role in an AWS-owned account. Builds run as it if the app has no service role."""
    STUDIO = "studio"
    COGNITO_USER = "cognito_user"
    USER = "user"
    """An IAM user or role that is neither the service role nor the compute role: a person's or another tool's."""
    AWS_SERVICE = "aws_service"
    """A service principal, such as `cloudfront.amazonaws.com`. It has no policies of its own."""
    NOBODY = "nobody"
    UNKNOWN = "unknown"


class PolicyType(StrEnum):
    """The policy type that an access-denied message names.

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
    """The only two changes that the bot makes: a branch's compute role, and an app's service role."""

    ATTACH_COMPUTE = "attach_compute"
    REPAIR_SERVICE = "repair_service"


class Trigger(StrEnum):
    """What started a diagnosis: a failed build, or a line in an SSR log."""

    FAILED = "failed"
    RUNTIME = "runtime"
