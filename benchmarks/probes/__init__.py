"""Handlers that run under Lambda's runtime client. They can import only the bundle, boto3 and this folder."""
