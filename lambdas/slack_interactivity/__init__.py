"""The function behind Slack's buttons."""
