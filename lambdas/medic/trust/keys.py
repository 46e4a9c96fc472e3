"""The condition keys that a trust policy may use: their types, and which hold several values.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

from __future__ import annotations

from difflib import get_close_matches
from types import MappingProxyType

_NAMES = {
    "ARN": "aws:PrincipalArn aws:SourceArn aws:SourceVpcArn ec2:SourceInstanceArn lambda:SourceFunctionArn",
    "Bool": """aws:AssumedRoot aws:MultiFactorAuthPresent aws:PrincipalIsAWSService aws:SecureTransport
        aws:ViaAWSService""",
    "Date": "aws:CurrentTime aws:EpochTime aws:TokenIssueTime",
    "IP address": "aws:Ec2InstanceSourcePrivateIPv4 aws:SourceIp aws:VpcSourceIp",
    "Number": "aws:EpochTime aws:MultiFactorAuthAge",
    "String": """aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:Ec2InstanceSourceVpc aws:FederatedProvider
        aws:PrincipalAccount aws:PrincipalOrgID aws:PrincipalOrgPaths aws:PrincipalServiceName
        aws:PrincipalServiceNamesList aws:PrincipalType aws:Referer aws:RequestedRegion aws:ResourceAccount
        aws:ResourceOrgID aws:ResourceOrgPaths aws:SourceAccount aws:SourceIdentity aws:SourceOrgID aws:SourceOrgPaths
        aws:SourceVpc aws:SourceVpce aws:TagKeys aws:UserAgent aws:userid aws:username aws:VpceAccount aws:VpceOrgID
        aws:VpceOrgPaths sts:AWSServiceName sts:DurationSeconds sts:ExternalId sts:RequestContextProviders
        sts:RoleSessionName sts:SourceIdentity sts:TaskPolicyArn sts:TransitiveTagKeys""",
}
_TAGS = ("aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/", "iam:ResourceTag/", "sts:RequestContext/")
_SEVERAL = """aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths aws:SourceOrgPaths
    aws:TagKeys aws:VpceOrgPaths sts:RequestContextProviders sts:TransitiveTagKeys"""

_WRITTEN = MappingProxyType({name.lower(): name for names in _NAMES.values() for name in names.split()})
_WITHOUT_SERVICE = MappingProxyType(
    {name.partition(":")[2]: written for name, written in sorted(_WRITTEN.items(), reverse=True)}
)
_MULTIVALUED = frozenset(_SEVERAL.lower().split())
_OPERATOR_TYPES = (
    ("Numeric", "Number"), ("Date", "Date"), ("Bool", "Bool"), ("IpAddress", "IP address"), ("NotIp", "IP address"),
    ("Arn", "ARN"),
)  # fmt: skip


def holds_several(key: str) -> bool:
    """Whether AWS documents the key as multivalued, so that a condition on it needs a set operator."""
    return key.lower() in _MULTIVALUED


def type_mismatch(key: str, operator: str) -> str | None:
    """The type of a key, if the operator is for another one; else None. Texts compare with every type."""
    name = key.lower()
    wanted = next((type_ for prefix, type_ in _OPERATOR_TYPES if operator.startswith(prefix)), None)
    types = [type_ for type_, names in _NAMES.items() if name in names.lower().split()]
    return types[0] if types and wanted is not None and wanted not in types else None


def meant(key: str) -> str | None:
    """The condition key that a misspelt name seems to mean; None if the name is known, or like no other."""
    name = key.strip().lower()
    service, colon, _ = name.partition(":")
    if not colon:
        return _WITHOUT_SERVICE.get(name)
    if service not in {"aws", "sts"} or key.lower() in _WRITTEN or name.startswith(tuple(tag.lower() for tag in _TAGS)):
        return None
    close = get_close_matches(name, _WRITTEN, n=1, cutoff=0.8)
    return _WRITTEN[close[0]] if close else None
