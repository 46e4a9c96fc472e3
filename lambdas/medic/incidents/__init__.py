"""Incidents: what is open on a branch, what was done about it, and how it ended. The table is the only idempotency."""
