"""The watcher: keeps time. It finds what is due and wakes the remediator; it changes nothing itself."""
