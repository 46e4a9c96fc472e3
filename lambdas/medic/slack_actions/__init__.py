"""Approvals from Slack: a click is verified, read strictly, and sent to the queue. Nothing is changed here."""
