"""Where the bot keeps what it knows: the table, the log groups, and the key that encrypts both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic_cli.doctor.checks.common import compact, equal, looked, policy_check, policy_in
from medic_cli.doctor.model import Check, Verdict, failed, judged, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic_cli.doctor.facts import Facts
    from medic_cli.doctor.template import Json, Resource


def checks(facts: Facts) -> Iterator[Check]:
    for table in facts.of_type("DynamoDB::Table"):
        yield from _table(facts, table)
    for group in facts.of_type("Logs::LogGroup"):
        yield _log_group(facts, group)
    if facts.settings.kms_key is not None:
        yield Check("kms-key", "The key that encrypts everything is enabled", _key(facts, facts.settings.kms_key))


def _table(facts: Facts, table: Resource) -> Iterator[Check]:
    indexes = {each["IndexName"] for each in table["GlobalSecondaryIndexes"] or ()}
    attribute = table["TimeToLiveSpecification"]["AttributeName"]
    document = table["ResourcePolicy"]["PolicyDocument"]
    key = (table["SSESpecification"] or {}).get("KMSMasterKeyId")

    def ready(live: Json) -> Verdict:
        shown = live["Table"]
        active = {each["IndexName"] for each in shown.get("GlobalSecondaryIndexes", ())}
        if shown["TableStatus"] != "ACTIVE" or not indexes <= active:
            return failed(f"{shown['TableStatus']}, indexes {', '.join(sorted(active)) or 'none'}", "npx cdk deploy")
        found = shown.get("SSEDescription", {}).get("KMSMasterKeyArn")
        if key is not None and found != key:
            sse = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
            repair = facts.command("dynamodb update-table", table_name=table.name, sse_specification=sse)
            return failed(f"it is encrypted with {found or 'an AWS owned key'}", repair)
        return passed("it is active, with its index")

    def recoverable(live: Json) -> Verdict:
        found = live["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        repair = facts.command(
            "dynamodb update-continuous-backups", table_name=table.name,
            point_in_time_recovery_specification={"PointInTimeRecoveryEnabled": True},
        )  # fmt: skip
        return equal(found, "ENABLED", repair)

    def expires(live: Json) -> Verdict:
        shown = live["TimeToLiveDescription"]
        if shown["TimeToLiveStatus"] in ("ENABLED", "ENABLING") and shown.get("AttributeName") == attribute:
            return passed(f"items expire by {attribute}")
        repair = facts.command(
            "dynamodb update-time-to-live", table_name=table.name,
            time_to_live_specification={"Enabled": True, "AttributeName": attribute},
        )  # fmt: skip
        return failed(f"it is {shown['TimeToLiveStatus']}", repair)

    yield looked(facts, "dynamodb:DescribeTable", table, "table-ready", "The table is active", ready)
    policy = policy_in(facts.read("dynamodb:GetResourcePolicy", table.name))
    put = facts.command("dynamodb put-resource-policy", resource_arn=table.arn, policy=compact(document))
    promise = "Only the bot writes to the table"
    yield policy_check("table-policy", table, promise, expected=document, found=policy, repair=put)
    promise, backups = "Point-in-time recovery is enabled", "dynamodb:DescribeContinuousBackups"
    yield looked(facts, backups, table, "table-recovery", promise, recoverable)
    yield looked(facts, "dynamodb:DescribeTimeToLive", table, "table-expiry", "Old items expire", expires)


def _log_group(facts: Facts, group: Resource) -> Check:
    days = group["RetentionInDays"]
    create = facts.command("logs create-log-group", log_group_name=group.name)
    retain = facts.command("logs put-retention-policy", log_group_name=group.name, retention_in_days=days)

    def judge(live: Json) -> Verdict:
        shown = next((each for each in live["logGroups"] if each["logGroupName"] == group.name), None)
        if shown is None:
            return failed("there is no such log group", f"{create} &&\n{retain}")
        return equal(shown.get("retentionInDays"), days, retain, none="kept for ever")

    promise = "The function's log is kept for as many days as deployed"
    return looked(facts, "logs:DescribeLogGroups", group, "log-group", promise, judge)


def _key(facts: Facts, key: str) -> Verdict:
    def judge(live: Json) -> Verdict:
        state = live["KeyMetadata"]["KeyState"]
        if state == "Enabled":
            return passed("it is enabled")
        repair = facts.command("kms enable-key", key_id=key) if state == "Disabled" else ""
        return failed(f"it is {state}", repair, "" if repair else "See AWS's page on key states.")

    return judged(facts.read("kms:DescribeKey", key), judge)
