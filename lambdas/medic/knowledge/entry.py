"""What an entry of the knowledge base is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from medic.labels import Confidence, Identity, Label, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Signature:
    """One way in which a failure is printed."""

    id: str
    literals: tuple[str, ...]
    """Words as printed, at least one of which stands in every text that the pattern matches (letter case counts)."""
    pattern: str
    """A linear regular expression for texts whose white space is normalised to single spaces; letter case is free."""
    label: Label
    runtime_label: Label | None = None
    """The label at SSR runtime, where another role governs; None if it is the same."""
    confidence: Confidence = Confidence.HIGH
    identity: Identity = Identity.UNKNOWN
    decisiveness: int = 3
    """3 names the failure itself; 2 wraps or hints at it; 1 is a bare word. More decisive findings come first."""
    amplifys_verdict: bool = False
    """True if Amplify itself prints it, as a fatal line and before any command of the build has run."""
    within_line: bool = False
    """True if the pattern's `^` and `$` are the ends of one line's words, not of the whole entry's."""
    unless: str | None = None
    """A pattern that, in the same line, says that something else is meant."""

    def label_in(self, phase: Phase) -> Label:
        """What the text shows, printed in this phase."""
        return self.runtime_label if phase is Phase.RUNTIME and self.runtime_label else self.label


class EntryKind(StrEnum):
    """What an entry is about."""

    SIGNATURE = "signature"
    """Something a log prints."""
    CAUSE = "cause"
    """Something that may be wrong."""
    ADVICE = "advice"
    """Something worth knowing or doing, or worth not doing."""


class Dialect(StrEnum):
    """How a fix is written down."""

    CONSOLE = "console"
    CLI = "cli"
    CDK = "cdk"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair in every dialect. The texts hold the placeholders that `filled` replaces."""

    id: str
    title: str
    expect: str
    """What changes once it is done, and what does not."""
    console: str
    cli: str
    cdk: str
    terraform: str
    cloudformation: str

    def written_in(self, dialect: Dialect) -> str:
        """The text in one dialect, placeholders and all."""
        texts: dict[Dialect, str] = {
            Dialect.CONSOLE: self.console,
            Dialect.CLI: self.cli,
            Dialect.CDK: self.cdk,
            Dialect.TERRAFORM: self.terraform,
            Dialect.CLOUDFORMATION: self.cloudformation,
        }
        return texts[dialect]


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look at."""

    id: str
    """The id of the check that the diagnosis makes, where it can make it."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One signature, cause or piece of advice, explained."""

    id: str
    kind: EntryKind
    title: str
    explanation: str
    sources: tuple[str, ...]
    """Public addresses, or issues as `owner/repository#number`."""
    looks: tuple[Look, ...] = ()
    steps: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    """Ids of shared fixes, the first the most likely to help."""
    related: tuple[str, ...] = ()
    """Ids of other entries."""
    label: Label | None = None
    identity: Identity | None = None
    phases: tuple[Phase, ...] = ()
    """Where it is seen; empty if it is not bound to one."""
    positives: tuple[str, ...] = ()
    """Texts that the signature fires on."""
    negatives: tuple[str, ...] = ()
    """Texts that it must not fire on."""


PLACEHOLDERS = ("app_id", "branch", "region", "account", "role_arn", "role_name")
_PLACEHOLDER = re.compile("{(" + "|".join(PLACEHOLDERS) + ")}")


def filled(text: str, values: Mapping[str, str]) -> str:
    """Replaces `{app_id}`, `{branch}`, `{region}`, `{account}`, `{role_arn}` and `{role_name}`.

    Other braces stay (JSON, code), and so does a placeholder that no value is given for.
    """
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
