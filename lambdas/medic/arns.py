"""Parses and builds ARNs.

Formats: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amplify.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

_ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role(?P<path>/(?:.*/)?)(?P<name>[^/]+)")


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


@dataclass(frozen=True, slots=True)
class RoleArn:
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


def branch_resources(branch_arn: str) -> tuple[str, ...]:
    """A branch's ARN in the forms that IAM may compare: raw, and with the branch name percent-encoded if that differs.

    boto3 sends the name percent-encoded in the request path, but denial messages show it raw. So a session policy names
    both.
    """
    head, separator, name = branch_arn.partition("/branches/")
    return tuple(dict.fromkeys((branch_arn, f"{head}{separator}{quote(name, safe='')}")))


def can_be_named_in_a_policy(branch_name: str) -> bool:
    """False for a branch name that an IAM policy would take as a wildcard or a policy variable."""
    return not any(token in branch_name for token in ("*", "?", "${"))
