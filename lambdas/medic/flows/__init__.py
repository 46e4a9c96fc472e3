"""The flows that `pipeline` chooses between: each reads top to bottom as what happens."""
