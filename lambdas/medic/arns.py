"""ARNs, taken apart and put together.

Formats: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amplify.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote


def name_of(role_arn: str) -> str:
    """A role's name from its ARN."""
    return role_arn.rpartition("/")[2]


_ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role(?P<path>/(?:.*/)?)(?P<name>[^/]+)")


@dataclass(frozen=True, slots=True)
class RoleArn:
    """An IAM role's ARN in its parts."""

    text: str
    partition: str
    account: str
    path: str
    name: str

    @classmethod
    def parse(cls, text: str) -> RoleArn | None:
        """The parts of a role ARN, or None if the text is not one."""
        match = _ROLE.fullmatch(text)
        return cls(text, *match.group("partition", "account", "path", "name")) if match else None


def branch_resources(branch_arn: str) -> tuple[str, ...]:
    """A branch's ARN as IAM may see it: raw, and with the branch name percent-encoded.

    boto3 sends the name encoded in the request path; denial messages show it raw. Both are named in a session policy.
    """
    head, separator, name = branch_arn.partition("/branches/")
    return tuple(dict.fromkeys((branch_arn, f"{head}{separator}{quote(name, safe='')}")))


def can_be_named_in_a_policy(branch_name: str) -> bool:
    """False for a branch name that an IAM policy would read as a pattern or a variable."""
    return not any(token in branch_name for token in ("*", "?", "${"))
