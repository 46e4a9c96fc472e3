"""Alerts: one message model, many renderers, delivery recorded per channel."""
