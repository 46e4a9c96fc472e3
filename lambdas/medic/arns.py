"""Parses and builds ARNs.

Formats: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amplify.html
"""

from __future__ import annotations

import re

from msgspec import Struct

_ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role(?P<path>/(?:.*/)?)(?P<name>[^/]+)")


_SSM = "ssm:"
_PARAMETER_ARN = re.compile(r"arn:[\w-]+:ssm:")
APP_ID = re.compile(r"d[a-z0-9]{1,19}")
"""The id of an Amplify app."""


def arn_parts(arn: str) -> tuple[str, str, str, str, str]:
    """Partition, service, region, account and resource.

    Raises:
        ValueError: the text is not an ARN.
    """
    _, partition, service, region, account, resource = arn.split(":", 5)
    return partition, service, region, account, resource


def name_of(role_arn: str) -> str:
    """The role's name, without its path. Does not check that the text is an ARN."""
    return role_arn.rpartition("/")[2]


class RoleArn(Struct, frozen=True):
    text: str
    """The whole ARN."""
    partition: str
    account: str
    path: str
    """With a slash at both ends: `/` or `/app/`."""
    name: str

    @classmethod
    def parse(cls, text: str) -> RoleArn | None:
        """None if the text is not a role's ARN."""
        match = _ROLE.fullmatch(text)
        return cls(text, *match.group("partition", "account", "path", "name")) if match else None


def parameter_of(secret: str) -> str | None:
    """The name or ARN of the SSM parameter that a secret's setting names; None if it is one of Secrets Manager."""
    if _PARAMETER_ARN.match(secret):
        return secret
    return secret.removeprefix(_SSM) if secret.startswith(_SSM) else None
