"""The result of `medic diagnose`, as JSON and as text: the short answer first, the details after it.

Each text is redacted once, where it is put out. Log excerpts are not: the log scan has redacted them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from medic.alerts.fixes import app_url, fixes_for, job_url, role_url
from medic.alerts.json_form import app_json, bot_json, branch_json, diagnosis_json, finding_json, redacted_json
from medic.alerts.wording import ACTIONS, CHECKS, DIALECTS, HEADLINES, RANKS, ROLES, capitalized, source_of
from medic.arns import name_of
from medic.diagnosis.model import CheckResult, Rank
from medic.evidence import Present, value_of
from medic.knowledge.entry import Dialect
from medic.labels import Label
from medic.plan.model import Disposition
from medic.redaction import redact
from medic_cli.errors import COULD_NOT_LOOK, SOMETHING_WRONG
from medic_cli.output import line_range, print_list, styled, terminal
from medic_cli.powershell import POWERSHELL, in_powershell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.text import Text

    from medic.alerts.model import Section
    from medic.diagnosis.model import Diagnosis
    from medic.events import Scope
    from medic.evidence import Evidence
    from medic.logscan.model import LogReading
    from medic.plan.model import Action, Plan
    from medic_cli.answers import ChosenJobJson, DiagnoseAnswer, LinkJson, WrittenFixJson

ALL = "all"
DIALECT_CHOICES = (
    *(Dialect.CONSOLE.value, Dialect.CLI.value, POWERSHELL, Dialect.CDK.value, Dialect.TERRAFORM.value),
    ALL,
)


@dataclass(frozen=True, slots=True)
class BotView:
    """What the branch's tags allow the bot to do, and what it would do."""

    opt_in: str
    """What the branch's tags ask for, as text."""
    plan: Plan | None
    """None if the deployed stack's settings, which pair roles with apps, were not read."""


@dataclass(frozen=True, slots=True)
class DiagnosisReport:
    """Everything that `medic diagnose` shows."""

    scope: Scope
    job_id: str | None
    job_chosen: str
    """Why this job was chosen."""
    offline: bool
    evidence: Evidence
    reading: LogReading | None
    """None if there was no log to read, so the failure cannot be diagnosed."""
    diagnosis: Diagnosis | None
    """None if the log shows no IAM failure, or if there was no log to read."""
    bot: BotView | None
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> Label | None:
        """What the log shows; None if there was no log to read."""
        return self.reading.label if self.reading else None

    @property
    def fixes(self) -> tuple[Section, ...]:
        """The fixes of the likely causes; if there is none, those of the possible causes."""
        if self.diagnosis is None:
            return ()
        return fixes_for(self.evidence, self.diagnosis, self.diagnosis.best_ranks)

    @property
    def headline(self) -> str:
        """What is wrong, in one line."""
        app = self.evidence.app
        where = f"{app.value.name if isinstance(app, Present) else self.scope.app_id} / {self.scope.branch}"
        if self.reading is None:
            return f"{where}: no log, no diagnosis"
        if self.label is None:
            return f"{where}: no failure in what was read of the log: {self.reading.unread}"
        if self.label is Label.NOT_IAM:
            return f"{where}: no IAM failure {'ended the build' if self.reading.findings else 'in the log'}"
        return f"{where}: {HEADLINES[self.label]}"

    @property
    def exit_code(self) -> int:
        """0: no IAM failure; 1: an IAM failure; 3: no log to read."""
        if self.label is None:
            return COULD_NOT_LOOK
        return 0 if self.label is Label.NOT_IAM else SOMETHING_WRONG


def answer_of(report: DiagnosisReport) -> DiagnoseAnswer:
    scope, evidence, diagnosis = report.scope, report.evidence, report.diagnosis
    known = diagnosis_json(evidence, diagnosis) if diagnosis else {}
    answer: DiagnoseAnswer = {
        "schema": 1,
        "offline": report.offline,
        "partition": scope.partition,
        "account": scope.account,
        "region": scope.region,
        "app": app_json(evidence),
        "branch": branch_json(evidence),
        "job": _job(report),
        "headline": report.headline,
        "label": report.label.value if report.label else None,
        "phase": known.get("phase"),
        "role": diagnosis.role_kind.value if diagnosis else None,
        "findings": [finding_json(finding) for finding in report.reading.findings] if report.reading else [],
        "roles": known.get("roles"),
        "checks": known.get("checks", []),
        "causes": known.get("causes", []),
        "fixes": [_fix(fix) for fix in report.fixes],
        "bot": bot_json(report.bot.opt_in, report.bot.plan) if report.bot else None,
        "links": _links(report),
        "notes": list(report.notes),
    }
    redacted: DiagnoseAnswer = redacted_json(answer, cache(redact))
    return redacted


def _job(report: DiagnosisReport) -> ChosenJobJson:
    job = value_of(report.evidence.job)
    return {
        "id": report.job_id,
        "chosen": report.job_chosen,
        "status": job.status if job else None,
        "commit": job.commit_id if job else None,
        "message": (job.commit_message or None) if job else None,
    }


def _fix(fix: Section) -> WrittenFixJson:
    texts = {snippet.name: snippet.text for snippet in fix.snippets}
    return {
        "title": fix.heading,
        "steps": list(fix.items),
        "console": texts.get(DIALECTS[Dialect.CONSOLE]),
        "cli": texts.get(DIALECTS[Dialect.CLI]),
        "cdk": texts.get(DIALECTS[Dialect.CDK]),
        "terraform": texts.get(DIALECTS[Dialect.TERRAFORM]),
    }


def _links(report: DiagnosisReport) -> list[LinkJson]:
    scope = report.scope
    links: list[LinkJson] = [{"text": "App", "url": app_url(scope)}]
    if report.job_id is not None:
        links.insert(0, {"text": "Job and log", "url": job_url(scope, report.job_id)})
    return links + [{"text": f"Role {name_of(arn)}", "url": role_url(scope, arn)} for arn in report.evidence.roles]


_RANK_STYLES = {Rank.PROVEN: "bold red", Rank.LIKELY: "yellow", Rank.POSSIBLE: "", Rank.RULED_OUT: "dim"}
_CHECK_STYLES = {CheckResult.PASS: "green", CheckResult.FAIL: "red", CheckResult.UNKNOWN: "yellow"}
_DISPOSITIONS = {
    Disposition.DO: "would",
    Disposition.ASK_FIRST: "would, after an approval,",
    Disposition.ADVISE: "would only advise you to",
    Disposition.REFUSE: "would refuse to",
}


def print_report(report: DiagnosisReport, dialect: str, account_alias: str = "") -> None:
    """Print the report to standard output."""
    console = terminal()
    console.print(_clean(report.headline, "bold red" if report.exit_code else "bold green"))
    if report.diagnosis is not None:
        console.print(styled(f"Role: {ROLES[report.diagnosis.role_kind]}."))
        _print_best_cause(console, report.diagnosis)
    for note in report.notes:
        console.print(_clean(note))
    console.print()
    for name, value in _facts(report, account_alias):
        console.print(styled(f"{name:<14}", "dim"), _clean(value.strip()), sep="")
    if report.diagnosis is not None:
        _print_causes(console, report.diagnosis)
        _print_checks(console, report.diagnosis)
    if report.reading is not None:
        _print_log(console, report.reading)
    if report.diagnosis is None:
        return
    print_list(console, "What the bot would do", map(redact, _bot_lines(report.bot)))
    if report.diagnosis.only_possible:
        console.print()
        console.print(styled("No cause is proven or likely: check before you change anything.", "yellow"))
    _print_fixes(console, report.fixes, dialect)


def _clean(text: str, style: str = "") -> Text:
    return styled(redact(text), style)


def _print_best_cause(console: Console, diagnosis: Diagnosis) -> None:
    if diagnosis.causes:
        best = diagnosis.causes[0]
        console.print(_clean(f"{RANKS[best.rank]} cause: {best.title}. {capitalized(best.reason)}."))


def _facts(report: DiagnosisReport, account_alias: str) -> Iterator[tuple[str, str]]:
    scope, evidence = report.scope, report.evidence
    app = value_of(evidence.app)
    branch = value_of(evidence.branch)
    job = value_of(evidence.job)
    yield "App", f"{app.name} ({scope.app_id})" if app else scope.app_id
    yield "Branch", f"{scope.branch}{f', stage {branch.stage}' if branch else ''}"
    yield "Job", f"{report.job_id}{f', {job.status}' if job else ''}: {report.job_chosen}"
    if job and job.commit_id:
        yield "Commit", f"{job.commit_id[:10]} {' '.join((job.commit_message or '').splitlines()[:1])}"
    if app:
        yield "Platform", f"{app.platform} {branch.framework or '' if branch else ''}"
        yield "Service role", app.service_role_arn or "none"
    if app and branch:
        level = "" if branch.compute_role_arn else " (set on the app)" if app.compute_role_arn else ""
        yield "Compute role", f"{branch.compute_role_arn or app.compute_role_arn or 'none'}{level}"
    account = f"{account_alias} ({scope.account})" if account_alias else scope.account
    yield "Account", f"{account} / {scope.region}"


def _print_causes(console: Console, diagnosis: Diagnosis) -> None:
    console.print()
    console.print(styled("Causes, most likely first", "bold"))
    for cause in diagnosis.causes:
        console.print(
            styled(f"  {RANKS[cause.rank]}: ", _RANK_STYLES[cause.rank]),
            _clean(f"{cause.title}. {capitalized(cause.reason)}."),
            sep="",
        )
        console.print(styled(f"    More: medic explain {cause.id}", "dim"))


def _print_checks(console: Console, diagnosis: Diagnosis) -> None:
    from rich.table import Table  # noqa: PLC0415 - JSON answers do without it

    console.print()
    console.print(styled("Checks", "bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for check in diagnosis.checks:
        table.add_row(
            styled(CHECKS[check.result], _CHECK_STYLES[check.result]), _clean(f"{check.detail}{source_of(check.id)}")
        )
    console.print(table)


def _print_log(console: Console, reading: LogReading) -> None:
    for finding in reading.findings:
        console.print()
        whether = "Also seen in the log" if finding.ended_build is False else "From the log"
        facts = f"{whether}, {line_range(finding)} ({finding.label}, {finding.confidence} confidence)"
        console.print(styled(facts, "bold"))
        for line in finding.excerpt.splitlines():
            console.print(styled(f"  | {line}"))


def _bot_lines(view: BotView | None) -> Iterator[str]:
    if view is None:
        return
    yield f"What it may do: {view.opt_in}."
    if view.plan is None:
        yield "The deployed stack's settings decide which role it would set. Give --stack NAME to read them."
        return
    if not view.plan.actions:
        yield "It would report this failure and change nothing."
    for action in view.plan.actions:
        yield _action_line(action)
        yield from (f"{'✓' if answer.allows else '✗'} {answer.rule}: {answer.detail}" for answer in action.answers)
    if view.plan.actions:
        yield f"{view.plan.effect} Rebuild: {view.plan.rebuild.reason}."


def _action_line(action: Action) -> str:
    change = f"{ACTIONS[action.kind]} to {action.role_arn or 'no role'}"
    return f"It {_DISPOSITIONS[action.disposition]} {change}: {action.explanation}."


def _print_fixes(console: Console, fixes: tuple[Section, ...], dialect: str) -> None:
    is_for_powershell = dialect == POWERSHELL
    wanted = "" if dialect == ALL else DIALECTS[Dialect.CLI if is_for_powershell else Dialect(dialect)]
    for fix in fixes:
        console.print()
        console.print(styled(f"Fix: {fix.heading}", "bold"))
        for item in fix.items:
            console.print(styled(f"  - {item}"))
        for snippet in fix.snippets:
            if dialect == ALL:
                console.print(styled(f"# {snippet.name}", "dim"))
            if dialect == ALL or len(fix.snippets) == 1 or snippet.name == wanted:
                is_command = snippet.name == DIALECTS[Dialect.CLI]
                text = in_powershell(snippet.text) if is_for_powershell and is_command else snippet.text
                # Not indented and not wrapped, so that it can be pasted.
                console.print(_clean(text), soft_wrap=True)
