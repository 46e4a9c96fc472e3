"""Removes secrets from log excerpts, alerts and evidence. Pure: standard library only, linear time, never raises."""

from __future__ import annotations

from medic.redaction.engine import looks_like, redact, redact_emails, redact_stream

__all__ = ["looks_like", "redact", "redact_emails", "redact_stream"]
