"""A diagnosis on a screen: short first, detail after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.words import ACTIONS, CHECKS, RANKS, ROLES
from medic.alerts.words import DIALECTS as DIALECT_NAMES
from medic.diagnosis.knowledge import Dialect
from medic.diagnosis.model import CheckResult, Rank
from medic.evidence.model import Present
from medic.flows.trouble import role_kind
from medic.plan.model import Disposition
from medic.redaction import redact
from medic_cli.console import print_list, shown, terminal
from medic_cli.diagnosing.answer import headline
from medic_cli.finding import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from medic.diagnosis.model import Diagnosis
    from medic.plan.model import Action
    from medic_cli.diagnosing.report import BotView, Report, WrittenFix

ALL = "all"
DIALECTS = (Dialect.CONSOLE.value, Dialect.CLI.value, Dialect.CDK.value, Dialect.TERRAFORM.value, ALL)

_RANK_STYLES = {Rank.PROVEN: "bold red", Rank.LIKELY: "yellow", Rank.POSSIBLE: "", Rank.RULED_OUT: "dim"}
_CHECK_STYLES = {CheckResult.PASS: "green", CheckResult.FAIL: "red", CheckResult.UNKNOWN: "yellow"}
_DISPOSITIONS = {
    Disposition.DO: "would",
    Disposition.ASK_FIRST: "would, once somebody approves,",
    Disposition.ADVISE: "would only advise to",
    Disposition.REFUSE: "would refuse to",
}


def print_report(report: Report, dialect: str) -> None:
    """Write the report to standard output."""
    console = terminal()
    console.print(shown(redact(headline(report)), "bold red" if report.exit_code else "bold green"))
    if report.diagnosis is not None:
        console.print(shown(f"It concerns {ROLES[role_kind(report.diagnosis)]}."))
        _print_likeliest(console, report.diagnosis)
    for note in report.notes:
        console.print(shown(redact(note)))
    console.print()
    _print_pairs(console, _facts(report))
    if report.diagnosis is None:
        return
    _print_causes(console, report.diagnosis)
    _print_checks(console, report.diagnosis)
    _print_log(console, report.diagnosis)
    print_list(console, "What the bot would do", _bot(report.bot))
    if report.diagnosis.causes and report.diagnosis.causes[0].rank is Rank.POSSIBLE:
        console.print()
        console.print(shown("No cause is more than possible: look before you change anything.", "yellow"))
    _print_fixes(console, report.fixes, dialect)


def _print_likeliest(console: Console, diagnosis: Diagnosis) -> None:
    if diagnosis.causes:
        best = diagnosis.causes[0]
        console.print(shown(redact(f"{RANKS[best.rank]} cause: {best.title}: {best.because}.")))


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    scope, evidence = report.scope, report.evidence
    app = evidence.app.value if isinstance(evidence.app, Present) else None
    branch = evidence.branch.value if isinstance(evidence.branch, Present) else None
    job = evidence.job.value if isinstance(evidence.job, Present) else None
    yield "App", f"{app.name} ({scope.app_id})" if app else scope.app_id
    yield "Branch", f"{scope.branch}{f', stage {branch.stage}' if branch else ''}"
    yield "Job", f"{report.job_id}{f', {job.status}' if job else ''}: {report.job_chosen}"
    if job and job.commit_id:
        yield "Commit", f"{job.commit_id[:10]} {' '.join((job.commit_message or '').splitlines()[:1])}"
    if app:
        yield "Platform", f"{app.platform} {branch.framework or '' if branch else ''}"
        yield "Service role", app.service_role_arn or "none"
    if app and branch:
        level = "" if branch.compute_role_arn else " (of the app)" if app.compute_role_arn else ""
        yield "Compute role", f"{branch.compute_role_arn or app.compute_role_arn or 'none'}{level}"
    yield "Account", f"{scope.account} / {scope.region}"


def _print_pairs(console: Console, pairs: Iterator[tuple[str, str]]) -> None:
    for name, value in pairs:
        console.print(shown(f"{name:<14}", "dim"), shown(redact(value).strip()), sep="")


def _print_causes(console: Console, diagnosis: Diagnosis) -> None:
    console.print()
    console.print(shown("Causes, likeliest first", "bold"))
    for cause in diagnosis.causes:
        console.print(
            shown(f"  {RANKS[cause.rank]}: ", _RANK_STYLES[cause.rank]),
            shown(redact(f"{cause.title}. {cause.because}")),
            sep="",
        )
        console.print(shown(f"    More: medic explain {cause.id}", "dim"))


def _print_checks(console: Console, diagnosis: Diagnosis) -> None:
    from rich.table import Table  # noqa: PLC0415 - JSON answers do without it

    console.print()
    console.print(shown("Checks", "bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for check in diagnosis.checks:
        table.add_row(shown(CHECKS[check.result], _CHECK_STYLES[check.result]), shown(redact(check.detail)))
    console.print(table)


def _print_log(console: Console, diagnosis: Diagnosis) -> None:
    for finding in diagnosis.findings:
        console.print()
        console.print(
            shown(f"From the log, {where(finding)} ({finding.label}, {finding.confidence} confidence)", "bold")
        )
        for line in finding.excerpt.splitlines():
            console.print(shown(f"  | {line}"))


def _bot(view: BotView | None) -> Iterator[str]:
    if view is None:
        return
    yield redact(f"How far it may go: {view.opt_in}.")
    if view.plan is None:
        yield "Which role it would set stands in the deployed stack's settings: --stack NAME reads them."
        return
    if not view.plan.actions:
        yield "It would report this failure and change nothing."
    for action in view.plan.actions:
        yield redact(_action(action))
        yield from (
            redact(f"{'✓' if answer.allows else '✗'} {answer.rule}: {answer.detail}") for answer in action.answers
        )
    if view.plan.actions:
        yield f"{view.plan.effect} Rebuild: {view.plan.rebuild.reason}."


def _action(action: Action) -> str:
    change = f"{ACTIONS[action.kind]} to {action.role_arn or 'no role'}"
    return f"It {_DISPOSITIONS[action.disposition]} {change}: {action.reason}."


def _print_fixes(console: Console, fixes: tuple[WrittenFix, ...], dialect: str) -> None:
    for fix in fixes:
        console.print()
        console.print(shown(f"Fix: {fix.title}", "bold"))
        for written_in, text in fix.texts.items():
            if dialect in (ALL, written_in):
                if dialect == ALL:
                    console.print(shown(f"# {DIALECT_NAMES[written_in]}", "dim"))
                # From the first column on: an indented here-document can't be pasted.
                console.print(shown(text), soft_wrap=True)
