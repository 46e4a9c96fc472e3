"""The watcher: runs every minute, finds what is due, reads SSR logs and wakes the remediator."""
