"""Approvals from Slack: a click is verified, read strictly, and becomes a request record. Nothing is done here."""
