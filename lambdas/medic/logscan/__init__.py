"""Finds IAM failures in a log: reads entries, matches signatures, parses denials. Pure: no AWS, no clock."""
