"""Handlers that are run under Lambda's runtime client, with the bundle as their only surroundings."""
