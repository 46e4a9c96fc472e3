"""Reading a role's policies: inline, customer-managed and AWS-managed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from medic.aws.iam import IamReader
from medic.evidence import Present, Unreadable
from tests.fakes.aws_managed import load_aws_managed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_iam import IAMClient

ACCOUNT = "123456789012"
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture(name="iam")
def _iam() -> Iterator[IAMClient]:
    with mock_aws():
        client = boto3.client("iam", region_name="eu-central-1")
        client.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps({}))
        load_aws_managed("AWSLambdaBasicExecutionRole", ACCOUNT)
        client.attach_role_policy(RoleName="web", PolicyArn=BASIC)
        yield client


def calls_of(iam: IAMClient) -> Counter[str]:
    made: Counter[str] = Counter()

    def note(model: Any, **_: Any) -> None:
        made[model.name] += 1

    iam.meta.events.register("before-call", note)
    return made


def document(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}


def own_policy(iam: IAMClient, action: str) -> str:
    policy = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(document(action)))
    return policy["Policy"]["Arn"]


def test_every_document_of_a_role_is_read(iam: IAMClient) -> None:
    iam.put_role_policy(RoleName="web", PolicyName="inline", PolicyDocument=json.dumps(document("s3:GetObject")))
    own = own_policy(iam, "sqs:SendMessage")
    iam.attach_role_policy(RoleName="web", PolicyArn=own)

    item = IamReader(lambda: iam, ACCOUNT).policies("web")

    assert isinstance(item, Present)
    assert item.value.inline == ("inline",)
    assert set(item.value.attached) == {own, BASIC}
    assert item.value.documents == (document("s3:GetObject"), document("sqs:SendMessage"))
    assert "logs:PutLogEvents" in json.dumps(item.value.aws_managed[BASIC])


def test_a_version_of_an_aws_managed_policy_is_read_once(iam: IAMClient) -> None:
    reader, made = IamReader(lambda: iam, ACCOUNT), calls_of(iam)

    assert reader.policies("web") == reader.policies("web")
    assert (made["GetPolicy"], made["GetPolicyVersion"]) == (2, 1)


def test_a_policy_of_the_account_is_read_each_time(iam: IAMClient) -> None:
    """It may have been deleted and made anew since, with the same ARN and version id."""
    iam.attach_role_policy(RoleName="web", PolicyArn=(own := own_policy(iam, "s3:GetObject")))
    reader = IamReader(lambda: iam, ACCOUNT)
    before = reader.policies("web")
    iam.detach_role_policy(RoleName="web", PolicyArn=own)
    iam.delete_policy(PolicyArn=own)
    iam.attach_role_policy(RoleName="web", PolicyArn=own_policy(iam, "iam:*"))

    after = reader.policies("web")

    assert isinstance(before, Present)
    assert isinstance(after, Present)
    assert (before.value.documents, after.value.documents) == ((document("s3:GetObject"),), (document("iam:*"),))


def test_an_aws_managed_policy_that_may_not_be_read_leaves_all_unreadable(
    iam: IAMClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise iam.exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetPolicyVersion")

    monkeypatch.setattr(iam, "get_policy_version", refuse)

    assert isinstance(IamReader(lambda: iam, ACCOUNT).policies("web"), Unreadable)


# --- the account's alias


class Aliases:
    """An IAM client that answers ListAccountAliases."""

    def __init__(self, *aliases: str, error: str = "") -> None:
        self.aliases, self.error = aliases, error

    def list_account_aliases(self) -> dict[str, Any]:
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "no"}}, "ListAccountAliases")
        return {"AccountAliases": list(self.aliases)}


def alias_of(client: Any) -> str:
    return IamReader(lambda: client, ACCOUNT).account_alias()


@pytest.mark.parametrize("alias", ["abc", "acme-prod", "a1", "a" * 63, "1-1", "a" * 64, "1" * 12, "9876"])
def test_an_alias_is_shown_if_iam_can_have_taken_it_and_it_looks_like_no_account_number(alias: str) -> None:
    shown = alias_of(Aliases(alias)) == alias

    assert shown is (3 <= len(alias) <= 63 and not alias.isdigit())


@pytest.mark.parametrize(
    "alias", ["Acme", "acme_prod", "-acme", "acme-", "ac--me", "acme\n", "<!channel>", "acme prod", "аcme", ""]
)
def test_any_other_text_is_not_shown(alias: str) -> None:
    assert alias_of(Aliases(alias)) == ""
    assert alias_of(Aliases(alias, "acme-prod")) == "acme-prod"


@pytest.mark.parametrize("error", ["AccessDenied", "Throttling", "ServiceFailure", "InvalidAction"])
def test_an_alias_that_can_not_be_read_is_none(error: str) -> None:
    assert alias_of(Aliases("acme-prod", error=error)) == ""
    assert alias_of(Aliases()) == ""
