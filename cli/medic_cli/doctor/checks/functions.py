"""The functions: healthy, as deployed, on a supported runtime, and able to run."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

from medic.evidence import Item, Present, Unreadable
from medic_cli.doctor.checks.common import check, equal, looked, same
from medic_cli.doctor.facts import OUTDATED, RAN
from medic_cli.doctor.model import Check, Verdict, failed, judged, not_read, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medic_cli.doctor.facts import Facts
    from medic_cli.doctor.template import Json, Resource

DEPRECATED_AT: Mapping[str, date] = {
    "python3.12": date(2028, 10, 31),
    "python3.13": date(2029, 6, 30),
    "python3.14": date(2029, 6, 30),
}
"""When AWS stops to patch a runtime. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
_SETTINGS = ("Handler", "Role", "Runtime", "Timeout", "MemorySize")


def checks(facts: Facts) -> Iterator[Check]:
    for function in facts.of_type("Lambda::Function"):
        yield from _function(facts, function)
    for permission in facts.of_type("Lambda::Permission"):
        yield _permission(facts, permission)
    yield Check("watcher-runs", "The watcher finished a run within 15 minutes", _runs(facts))
    yield Check("botocore", "The runtime's botocore knows compute roles", _botocore(facts))


def _function(facts: Facts, function: Resource) -> Iterator[Check]:
    variables: Mapping[str, str] = (function["Environment"] or {}).get("Variables", {})

    def update(**flags: Any) -> str:  # noqa: ANN401 - see aws_command
        return facts.command("lambda update-function-configuration", function_name=function.name, **flags)

    def healthy(live: Json) -> Verdict:
        state, last = live.get("State", "Active"), live.get("LastUpdateStatus", "Successful")
        if state == "Inactive":
            return passed("it is idle, and the next message wakes it")
        if "InProgress" in last or state == "Pending":
            return unknown(f"state {state}, last update {last}", advice="Repeat in a minute.")
        reason = live.get("StateReason") or live.get("LastUpdateStatusReason") or ""
        if state == "Active" and last == "Successful":
            return passed("active, and the last update succeeded")
        return failed(f"state {state}, last update {last}: {reason}", "npx cdk deploy")

    def settings(live: Json) -> Verdict:
        repair = update(
            handler=function["Handler"], role=function["Role"], runtime=function["Runtime"],
            timeout=function["Timeout"], memory_size=function["MemorySize"],
        )  # fmt: skip
        return same({name: function[name] for name in _SETTINGS}, live, repair)

    def environment(live: Json) -> Verdict:
        """Only names of variables are shown. A variable that somebody added, such as a log level, may stay."""
        found = live.get("Environment", {}).get("Variables", {})
        wrong = [name for name, value in variables.items() if found.get(name) != value]
        if not wrong:
            return passed(f"{len(variables)} variables are as deployed")
        # Lambda replaces all variables at once. The values of those that somebody added are not shown, nor kept.
        added = [name for name in found if name not in variables]
        advice = f"This drops what somebody added: {', '.join(added)}." if added else ""
        return failed(
            f"missing or changed: {', '.join(wrong)}", update(environment={"Variables": dict(variables)}), advice
        )

    def concurrency(live: Json) -> Verdict:
        """A reservation of 0 stops the function."""
        wanted, found = function["ReservedConcurrentExecutions"], live.get("ReservedConcurrentExecutions")
        verb = "delete" if wanted is None else "put"
        flags = {} if wanted is None else {"reserved_concurrent_executions": wanted}
        repair = facts.command(f"lambda {verb}-function-concurrency", function_name=function.name, **flags)
        return equal(found, wanted, repair, none="unreserved")

    shown = "lambda:GetFunctionConfiguration"
    yield looked(facts, shown, function, "function-healthy", "The function is active", healthy)
    yield looked(facts, shown, function, "function-settings", "It has the deployed settings", settings)
    yield looked(facts, shown, function, "function-environment", "It has its variables", environment)
    yield check("function-runtime", function, "AWS patches its runtime", _supported(facts, function["Runtime"]))
    reserved, promise = "lambda:GetFunctionConcurrency", "Nothing throttles it"
    yield looked(facts, reserved, function, "function-concurrency", promise, concurrency)


def _supported(facts: Facts, runtime: str) -> Verdict:
    until = DEPRECATED_AT.get(runtime)
    if until is None:
        return unknown(f"this version of medic does not know until when AWS patches {runtime}")
    if facts.read_at.date() < until:
        return passed(f"AWS patches {runtime} until {until}")
    return failed(f"AWS stopped to patch {runtime} on {until}", advice="Deploy the current version.")


def _permission(facts: Facts, permission: Resource) -> Check:
    function = next(
        each.name for each in facts.of_type("Lambda::Function") if permission["FunctionName"] in (each.name, each.arn)
    )
    flags = {
        flag: permission[name]
        for flag, name in {
            "action": "Action",
            "principal": "Principal",
            "source_arn": "SourceArn",
            "function_url_auth_type": "FunctionUrlAuthType",
            "invoked_via_function_url": "InvokedViaFunctionUrl",
        }.items()
        if permission[name] is not None
    }
    repair = facts.command(
        "lambda add-permission", function_name=function, statement_id=permission.logical_id[-100:], **flags
    )

    def judge(live: Json) -> Verdict:
        listed = json.loads(live["Policy"])["Statement"]
        if any(_allows(each, permission) for each in listed):
            return passed("the function's policy allows it")
        return failed("the function's policy does not allow it", repair)

    who = "Its rule" if permission["SourceArn"] else "Slack"
    answer = facts.read("lambda:GetPolicy", function)
    missing = failed("the function has no policy", repair)
    promise = f"{who} may invoke the function"
    return check("function-permission", permission, promise, judged(answer, judge, lambda _: missing))


def _allows(statement: Json, permission: Resource) -> bool:
    principal = statement["Principal"]
    named = principal if isinstance(principal, str) else next(iter(principal.values()))
    conditions = {key: value for keys in statement.get("Condition", {}).values() for key, value in keys.items()}
    return bool(
        statement["Effect"] == "Allow"
        and statement["Action"] == permission["Action"]
        and named == permission["Principal"]
        and conditions.get("AWS:SourceArn", conditions.get("aws:SourceArn")) == permission["SourceArn"]
        and conditions.get("lambda:FunctionUrlAuthType") == permission["FunctionUrlAuthType"]
    )


def _log_group(facts: Facts, folder: str) -> Resource | None:
    """The log group of the function whose handler is in this folder of the bundle."""
    names = {
        (each["LoggingConfig"] or {}).get("LogGroup")
        for each in facts.of_type("Lambda::Function")
        if str(each["Handler"]).startswith(f"{folder}.")
    }
    return next((each for each in facts.of_type("Logs::LogGroup") if each.name in names), None)


def _lines(facts: Facts, folder: str, word: str) -> Item[int]:
    """How many lines with the word were found."""
    group = _log_group(facts, folder)
    found = facts.read(f"logs:FilterLogEvents {word}", group.name if group else "")
    return Present(len(found.value["events"])) if isinstance(found, Present) else found


def _runs(facts: Facts) -> Verdict:
    def judge(lines: int) -> Verdict:
        if lines:
            return passed("its log tells of a finished run")
        return failed(
            "its log tells of no finished run",
            advice="A stack that was just deployed needs two minutes. Else read the log group /amplify-medic/watcher.",
        )

    return judged(_lines(facts, "watcher", RAN), judge)


def _botocore(facts: Facts) -> Verdict:
    """A function checks its botocore at the start of each run, so a run that ended proves that it is new enough.

    The remediator may not have run lately. It has the watcher's code; so its runtime must be the same too.
    """
    outdated = [_lines(facts, folder, OUTDATED) for folder in ("remediator", "watcher")]
    if unread := next((each for each in outdated if isinstance(each, Unreadable)), None):
        return not_read(unread)
    if any(isinstance(each, Present) and each.value for each in outdated):
        advice = "Remove the layer that brings botocore, and set the function's runtime updates to automatic."
        return failed(f"a function logged {OUTDATED} within a day", advice=advice)
    ran = _lines(facts, "watcher", RAN)
    if not isinstance(ran, Present) or not ran.value:
        return unknown("no finished run of the watcher proves it", advice="Repeat when the watcher has run.")
    live = [facts.read("lambda:GetFunctionConfiguration", each.name) for each in facts.of_type("Lambda::Function")]
    if lost := next((each for each in live if isinstance(each, Unreadable)), None):
        return not_read(lost)
    runtimes = {
        (each.value["Runtime"], str(each.value.get("RuntimeVersionConfig")), str(each.value.get("Layers")))
        for each in live
        if isinstance(each, Present)
    }
    if len(runtimes) > 1:
        return unknown("the functions have different runtime versions or layers, and only the watcher's ran")
    return passed("the watcher ran, and every function has its runtime version and layers")
