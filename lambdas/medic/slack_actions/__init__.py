"""Approvals from Slack: a click is verified, read strictly, and stored as a request. Nothing is changed here."""
