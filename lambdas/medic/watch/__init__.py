"""Watching SSR runtime logs: which apps to look at, how far each was read, and when something is worth a nudge."""
