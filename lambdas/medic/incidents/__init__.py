"""What is open on a branch, what the bot did about it, and how it ended. The table is the only idempotency."""
