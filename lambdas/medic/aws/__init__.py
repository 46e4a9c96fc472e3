"""Thin wrappers around boto3 clients. Time-outs, retries and the sorting of errors are decided only here."""
