"""Follows apps' SSR logs: which apps to check, how far each log was read, and when to wake the remediator."""
