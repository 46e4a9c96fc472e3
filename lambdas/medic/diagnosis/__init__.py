"""Turns a log and evidence into ranked causes. Pure: no boto3, no I/O, no clock of its own."""
