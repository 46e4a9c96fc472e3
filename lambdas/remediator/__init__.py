"""The remediator: the only function that may change anything."""
