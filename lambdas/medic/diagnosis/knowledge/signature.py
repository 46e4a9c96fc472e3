"""What a signature is: how a failure is recognised in a text, and what the text then shows."""

from __future__ import annotations

from dataclasses import dataclass

from medic.diagnosis.model import Confidence, Identity, Label, Phase


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
