"""AWS-managed policies under moto. Loading all of them takes more than a second, so a test loads what it attaches."""

from __future__ import annotations

import json

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends


def load_aws_managed(name: str, account: str) -> str:
    """Let moto know an AWS-managed policy, as moto packs it. Returns its ARN."""
    policy = AWSManagedPolicy.from_data(name, account, "aws", json.loads(aws_managed_policies_data)[name])
    iam_backends[account]["aws"].managed_policies[policy.arn] = policy
    return str(policy.arn)
