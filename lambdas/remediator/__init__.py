"""The remediator: the only function that may change roles or start builds."""
