"""The data types of the knowledge base: signatures, entries and fixes."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.labels import Confidence, Identity, Label, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACEHOLDERS = (
    *("app_id", "branch", "region", "account", "partition", "job_id", "repository"),
    *("role_arn", "role_name", "role_path", "caller", "action", "resource"),
)
_PLACEHOLDER = re.compile("{(" + "|".join(PLACEHOLDERS) + ")}")

# Pages that several entries cite as a source
ACCESS_DENIED_DOCS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"
BOUNDARY_DOCS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"
CLI_DOCS = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html"
CODECOMMIT_DOCS = (
    "https://docs.aws.amazon.com/codecommit/latest/userguide/auth-and-access-control-permissions-reference.html"
)
COMPUTE_ROLE_DOCS = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html"
JS_SDK_DOCS = "https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/setting-credentials-node.html"
PASSING_ROLES_DOCS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
ROLES_DOCS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html"
S3_403_DOCS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html"
SCP_DOCS = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html"
SERVICE_ROLE_DOCS = "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-service-role.html"
SSR_LOGS_DOCS = "https://docs.aws.amazon.com/amplify/latest/userguide/ssr-CloudWatch-logs.html"
SSR_VARIABLES_DOCS = "https://docs.aws.amazon.com/amplify/latest/userguide/ssr-environment-variables.html"
STS_ERRORS_DOCS = "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html"
TROUBLESHOOTING_DOCS = "https://docs.aws.amazon.com/amplify/latest/userguide/security_iam_troubleshoot.html"
WRITE_UP = "https://www.uncommonengineer.com/docs/engineer/AWS/amplify-ssr-iam-debugging"


class EntryKind(StrEnum):
    SIGNATURE = "signature"
    """A failure as a log prints it."""
    CAUSE = "cause"
    """Something that may be wrong."""
    ADVICE = "advice"
    """Something worth knowing, doing, or avoiding."""


class Dialect(StrEnum):
    """The tool that a fix is written for."""

    CONSOLE = "console"
    CLI = "cli"
    CDK = "cdk"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"


class Fix(Struct, frozen=True):
    """A fix in every dialect. The texts contain the placeholders that `filled` replaces."""

    id: str
    title: str
    expect: str
    """What the fix changes, and what it does not change."""
    console: str
    cli: str
    cdk: str
    terraform: str
    cloudformation: str

    def written_in(self, dialect: Dialect) -> str:
        """The text in one dialect, with its placeholders."""
        text: str = getattr(self, dialect.value)
        return text


class Look(Struct, frozen=True):
    """One thing to check by hand."""

    id: str
    """The id of the diagnosis check for the same thing, if there is one."""
    sentence: str


class _Text(Struct, frozen=True):
    id: str
    title: str
    explanation: str


class Entry(_Text, frozen=True, kw_only=True):
    """The explanation of one signature, cause or piece of advice."""

    kind: EntryKind
    sources: tuple[str, ...]
    """URLs, or issues as `owner/repository#number`."""
    looks: tuple[Look, ...] = ()
    steps: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    """Ids of fixes, the most likely to help first."""
    related: tuple[str, ...] = ()
    """Ids of other entries."""
    label: Label | None = None
    identity: Identity | None = None
    phases: tuple[Phase, ...] = ()
    """The phases where it occurs, the most frequent first; empty if it can occur in any."""

    @property
    def usual_label(self) -> Label | None:
        """The label in the phase where it occurs most."""
        return self.label


class Signature(Entry, frozen=True, kw_only=True):
    """An entry for a failure that the log scanner recognises by a pattern."""

    kind: EntryKind = EntryKind.SIGNATURE
    label: Label
    runtime_label: Label | None = None
    """The label at SSR runtime, if it differs: there, the compute role gives the credentials."""
    names: tuple[str, ...] = ()
    """Names of errors that mean it, as AWS and its tools print them. Case counts."""
    ambiguous_names: bool = False
    """True if other software uses the names too: then a field of an error object that holds one is not enough."""
    pattern: str = ""
    """A regular expression of its messages, which runs in linear time, for text with white space normalised to single
    spaces. Case is ignored."""
    literals: tuple[str, ...] = ()
    """Case-sensitive texts that the scanner searches for first. Every text that the pattern matches contains one."""
    needs: tuple[str, ...] = ()
    """Set where a literal is frequent: every text that the pattern matches also contains one of these, in any case."""
    unless: str | None = None
    """A pattern. If it matches nearby, the text means something else."""
    confidence: Confidence = Confidence.HIGH
    decisiveness: int = 3
    """3 names the failure itself; 2 wraps or hints at it; 1 is a bare word. More decisive findings come first."""
    amplifys_verdict: bool = False
    """True if Amplify itself prints it, as a fatal line and before any command of the build runs."""

    @property
    def words(self) -> tuple[str, ...]:
        """The literals and names. Without any of them in a text, no pattern is tried."""
        return (*self.literals, *self.names)

    @property
    def usual_label(self) -> Label:
        return self.label_in(self.phases[0]) if self.phases else self.label

    def label_in(self, phase: Phase) -> Label:
        """The label of a text that was printed in this phase."""
        return self.runtime_label if phase is Phase.RUNTIME and self.runtime_label else self.label


def filled(text: str, values: Mapping[str, str]) -> str:
    """Replaces the placeholders. Other braces (JSON, code) stay, and so does a placeholder without a value."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def placeholders_in(text: str) -> frozenset[str]:
    """The names of the placeholders in a text."""
    return frozenset(_PLACEHOLDER.findall(text))
