"""AWS-managed policies, from the copy that moto packs."""

from __future__ import annotations

import json

from moto.iam.aws_managed_policies import aws_managed_policies_data

from medic.evidence import RolePolicies

_POLICIES = json.loads(aws_managed_policies_data)


def attached(name: str) -> RolePolicies:
    """The policies of a role that has only this one."""
    arn = f"arn:aws:iam::aws:policy{_POLICIES[name]['Path']}{name}"
    return RolePolicies((arn,), (), (), {arn: _POLICIES[name]["Document"]})
