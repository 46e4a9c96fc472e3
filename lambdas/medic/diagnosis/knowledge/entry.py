"""What an entry of the knowledge base is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.diagnosis.model import Identity, Label, Phase


class Kind(StrEnum):
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
    kind: Kind
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
