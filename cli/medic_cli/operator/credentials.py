"""Becoming an operator: the stack's operator role, in a session that bears the caller's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.aws.errors import DeniedError, translated
from medic.aws.sessions import READING
from medic.events import Scope
from medic_cli.aws_session import region_of
from medic_cli.failure import CouldNotLookError

if TYPE_CHECKING:
    from boto3.session import Session

    from medic_cli.stack import DeployedStack

_SECONDS = 900
_NOT_IN_A_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)
_LONGEST_SESSION_NAME = 64


@dataclass(frozen=True, slots=True)
class Operator:
    """Who asks, with the operator role's credentials."""

    session: Session
    who: str
    """The ARN of the caller, as STS knows it."""
    partition: str
    account: str
    region: str

    def scope(self, app_id: str, branch: str) -> Scope:
        """A branch in this account and region."""
        return Scope(self.partition, self.account, self.region, app_id, branch)


def become_operator(session: Session, stack: DeployedStack) -> Operator:
    """Assume the stack's operator role.

    Raises:
        CouldNotLookError: there is no such stack, or the caller may not assume its operator role.
        AwsError: a call failed in another way.
    """
    from boto3.session import Session as Boto3Session  # noqa: PLC0415 - only these commands need it

    role_arn = stack.output("OperatorRoleArn")
    sts = session.client("sts", config=READING)
    with translated("sts:GetCallerIdentity"):
        caller = sts.get_caller_identity()
    try:
        with translated("sts:AssumeRole"):
            given = sts.assume_role(
                RoleArn=role_arn, RoleSessionName=session_name(caller["Arn"]), DurationSeconds=_SECONDS
            )["Credentials"]
    except DeniedError:
        raise CouldNotLookError(
            f"{caller['Arn']} may not become an operator of {stack.name}: allow it sts:AssumeRole on {role_arn}."
        ) from None
    assumed = Boto3Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=region_of(session),
    )
    _, partition, _ = caller["Arn"].split(":", 2)
    return Operator(assumed, caller["Arn"], partition, caller["Account"], region_of(session))


def session_name(caller_arn: str) -> str:
    """A role session's name that says in CloudTrail who is behind it: the end of the caller's ARN, as far as STS lets.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    plain = _NOT_IN_A_SESSION_NAME.sub("-", caller_arn.split(":", 5)[-1])
    return f"medic-{plain[-(_LONGEST_SESSION_NAME - 6) :]}"
