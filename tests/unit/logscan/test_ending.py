"""Which of the failures in a build's log ended the build, and that others never give the label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.labels import Label, Phase, Source
from medic.logscan.model import Ending
from medic.logscan.scan import scan
from medic.redaction import redact
from medic.unpack import CutError
from tests.tables import table
from tests.unit.diagnosis.support import LOGS, data, reading_of
from tests.unit.redaction.corpus import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRINCIPAL = "arn:aws:sts::111122223333:assumed-role/amplify-service/BuildSession"


def _line(text: str, level: str = "INFO") -> str:
    return f"2026-03-04T10:11:12.345Z [{level}]: {text}\n"


def _denied(service: str = "ssm", action: str = "GetParameter", principal: str = PRINCIPAL) -> str:
    return f"AccessDeniedException: User: {principal} is not authorized to perform: {service}:{action}"


START = _line("# Cloning repository: git@github.com:acme/site.git") + _line("# Executing command: npm run build")
DENIAL = _line(_denied(), "WARNING")
EXPIRED = _line("ExpiredTokenException: The security token included in the request is expired", "WARNING")
NEXT_COMMAND = _line("# Executing command: npm run export")
COMPLETED = _line("# Completed phase: build") + _line("## Build completed successfully")
OWN_FAILURE = _line("Error: P1001: Can't reach database server at `db.internal:5432`", "WARNING")
VERDICT = _line("!!! Build failed", "ERROR")
COMMAND_FAILED = _line("!!! Error: Command failed with exit code 1", "ERROR")
UNASSUMABLE = _line("!!! Unable to assume specified IAM Role. Please ensure it has sufficient permissions.", "ERROR")
NOISE = [
    _line("Compiled successfully in 12.3s"),
    _line("warn  - You have enabled experimental feature", "WARNING"),
    _line("npm warn deprecated inflight@1.0.6: This module is not supported", "WARNING"),
    _line("  at async Promise.all (index 0)"),
    _line(""),
    _line("added 1203 packages, and audited 1204 packages in 41s"),
    _line("Tests:       12 passed, 12 total"),
    _line("✖ 3 problems (0 errors, 3 warnings)"),
    _line("svelte-check found 0 errors and 1 warning in 1 file"),
]
PASSED_ON = [
    _line("npm ERR! code ELIFECYCLE", "WARNING"),
    _line("npm error Lifecycle script `build` failed with error:", "WARNING"),
    _line("npm error code 1", "WARNING"),
    _line("error Command failed with exit code 1.", "WARNING"),
    _line(" ELIFECYCLE  Command failed with exit code 1.", "WARNING"),
    _line("> Export encountered errors on following paths:", "WARNING"),
    _line("Resolution: Ensure that your credentials have permissions.", "WARNING"),
    _line("The stack named amplify-d1a2b3 failed to deploy: UPDATE_ROLLBACK_COMPLETE", "WARNING"),
    _line("9:10:11 AM | CREATE_FAILED | AWS::Lambda::Function | orders Resource creation cancelled", "WARNING"),
    _line("make: *** [build] Error 1", "WARNING"),
    _line(" ERROR: command finished with error: command (/app/web) yarn run build exited (1)", "WARNING"),
    _line("Error: 500 /blog (linked from /)", "WARNING"),
    _line("Error: Export encountered an error on /blog/page: /blog, exiting the build.", "WARNING"),
    _line("[BackendBuildError] Unable to deploy due to CDK Assembly Error", "WARNING"),
    _line("Error: One or more tasks failed", "WARNING"),
    _line("Error: `npm run build` failed", "WARNING"),
    _line("Error: Deploy failed!", "WARNING"),
    _line("Error: Something went wrong", "WARNING"),
    _line("error: aborting due to 1 previous error", "WARNING"),
    _line("RuntimeError: could not load the database secrets", "WARNING"),
    _line("Error: Failed to fetch data for the sitemap", "WARNING"),
    _line("Error: Cannot perform an interactive login from a non TTY device", "WARNING"),
    _line("Error: Password Required", "WARNING"),
    _line("[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.", "WARNING"),
    _line("[ERROR] Re-run Maven using the -X switch to enable full debug logging.", "WARNING"),
    _line("[ERROR] [Help 1] http://cwiki.apache.org/confluence/display/MAVEN/MojoExecutionException", "WARNING"),
    _line("Error: See above for the cause.", "WARNING"),
]
OTHER_FAILURES = [
    OWN_FAILURE,
    _line("Type error: Property 'x' does not exist on type 'Y'.", "WARNING"),
    _line("Error: Cannot find module '@/lib/db'", "WARNING"),
    _line("sh: next: command not found", "WARNING"),
    _line("TypeError: Cannot read properties of undefined (reading 'map')", "WARNING"),
    _line("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "WARNING"),
    _line("npm ERR! code ERESOLVE", "WARNING"),
    _line("Error: Failed to load config file ./site.config.js", "WARNING"),
    _line("Error: Failed to load data: connect ECONNREFUSED 127.0.0.1:1337", "WARNING"),
    _line("Error: Can't resolve './secrets' in '/codebuild/output/src1/src/web'", "WARNING"),
    _line("Error: Authentication to 'orders' failed", "WARNING"),
    _line("Error: 404 /pricing (linked from /)", "WARNING"),
    _line("fatal: unable to access 'https://github.com/acme/x/': Could not resolve host", "WARNING"),
    _line("src/orders.ts(12,7): error TS2304: Cannot find name 'Order'."),
    _line("src/orders.ts:12:7 - error TS2304: Cannot find name 'Order'."),
    _line("Test Suites: 1 failed, 3 passed, 4 total"),
    _line(" Test Files  1 failed | 2 passed (3)"),
    _line("  2 failing"),
    _line("=========== 1 failed, 3 passed in 0.30s ==========="),
    _line("ℹ fail 1"),
    _line("--- FAIL: TestOrders (0.00s)"),
    _line("3 examples, 1 failure"),
    _line("✖ 2 problems (1 error, 1 warning)"),
    _line("svelte-check found 2 errors and 1 warning in 1 file"),
    _line("Running 3 tests") + " " * 33 + "Tests:       1 failed, 20 passed, 21 total\n",
]


class TestWhatEndedTheBuild:
    @pytest.mark.parametrize("verdict", [VERDICT, COMMAND_FAILED, ""])
    def test_the_last_failure_of_its_own_before_the_verdict(self, verdict: str) -> None:
        reading = reading_of(START + DENIAL + verdict)

        assert reading.label is Label.ACCESS_DENIED_IDENTITY
        assert [(each.ended_build, each.source) for each in reading.findings] == [(True, Source.BUILD)]

    @pytest.mark.parametrize("line", PASSED_ON)
    def test_a_line_that_only_passes_an_exit_on_belongs_to_the_failure_before_it(self, line: str) -> None:
        assert reading_of(START + DENIAL + line + VERDICT).label is Label.ACCESS_DENIED_IDENTITY

    def test_of_two_iam_failures_the_last(self) -> None:
        assert reading_of(START + DENIAL + EXPIRED + VERDICT).label is Label.EXPIRED_OR_INVALID_TOKEN
        assert reading_of(START + EXPIRED + DENIAL + VERDICT).label is Label.ACCESS_DENIED_IDENTITY

    def test_amplifys_own_verdict_is_told_from_the_output_of_a_command(self) -> None:
        (by_amplify,) = reading_of(UNASSUMABLE).findings
        (by_command,) = reading_of(START + _line(UNASSUMABLE.partition("!!! ")[2]) + DENIAL).findings

        assert (by_amplify.source, by_amplify.ended_build) == (Source.AMPLIFY, True)
        assert (by_command.signature, by_command.source) == ("denied_service_role", Source.BUILD)

    @pytest.mark.parametrize(
        "printed",
        [
            _line("The log of another app:") + " " * 33 + VERDICT,
            VERDICT + NEXT_COMMAND,
        ],
        ids=["in the output of a command", "before another command"],
    )
    def test_a_verdict_that_a_command_printed_hides_no_failure_after_it(self, printed: str) -> None:
        assert reading_of(START + printed + DENIAL + VERDICT).label is Label.ACCESS_DENIED_IDENTITY

    def test_what_follows_amplifys_own_verdict_did_not_end_the_build(self) -> None:
        reading = reading_of(START + VERDICT + DENIAL)

        assert reading.label is Label.NOT_IAM
        assert [each.ended_build for each in reading.findings] == [False]


FAILED_CHECKS: dict[str, list[str]] = data("failed_checks.json")


@table("name", list(FAILED_CHECKS))
@pytest.mark.parametrize("separator", ["\n", "\n2026-03-04T10:11:12.345Z [INFO]: "], ids=["one chunk", "each line"])
def test_what_tests_and_linters_print_did_not_end_a_build_that_they_failed(name: str, separator: str) -> None:
    printed = _line(separator.join(FAILED_CHECKS[name]))

    assert reading_of(START + printed + VERDICT + COMMAND_FAILED).label is Label.NOT_IAM


class TestAlsoSeen:
    @pytest.mark.parametrize("after", [NEXT_COMMAND, COMPLETED, *OTHER_FAILURES])
    def test_a_denial_that_the_build_went_on_after_never_gives_the_label(self, after: str) -> None:
        reading = reading_of(START + DENIAL + after + VERDICT)

        assert reading.label is Label.NOT_IAM
        assert [(each.label, each.ended_build) for each in reading.findings] == [(Label.ACCESS_DENIED_IDENTITY, False)]

    def test_it_comes_after_what_ended_the_build_although_it_decides_more(self) -> None:
        wrapped = _line("[AccessDeniedError] Unable to deploy due to insufficient permissions", "WARNING")
        reading = reading_of(START + EXPIRED + NEXT_COMMAND + wrapped + VERDICT)

        assert [each.ended_build for each in reading.findings] == [True, False]
        assert reading.label is reading.findings[0].label is not Label.EXPIRED_OR_INVALID_TOKEN

    def test_the_same_denial_may_come_again_and_end_the_build(self) -> None:
        (finding,) = reading_of(START + DENIAL + NEXT_COMMAND + DENIAL + VERDICT).findings

        assert (finding.ended_build, finding.first_line) == (True, 5)

    def test_outside_of_a_build_nothing_ends_one(self) -> None:
        for phase, source in ((Phase.RUNTIME, Source.RUNTIME), (Phase.API, Source.API)):
            (finding,) = reading_of(DENIAL + OWN_FAILURE, phase).findings

            assert (finding.ended_build, finding.source) == (None, source)
            assert reading_of(DENIAL + OWN_FAILURE, phase).label is Label.ACCESS_DENIED_IDENTITY


_NOISE = st.lists(st.sampled_from(NOISE), max_size=30).map("".join)
_PASSED_ON = st.lists(st.sampled_from(NOISE + PASSED_ON), max_size=12).map("".join)
_UNRELATED = st.lists(st.sampled_from(NOISE + OTHER_FAILURES), max_size=12).map("".join)
_ENDING = {DENIAL: Label.ACCESS_DENIED_IDENTITY, EXPIRED: Label.EXPIRED_OR_INVALID_TOKEN}


class TestBurial:
    @given(_UNRELATED, st.sampled_from([*_ENDING]), _PASSED_ON, _NOISE)
    @settings(deadline=None)
    def test_unrelated_lines_before_and_after_a_failure_change_no_label(
        self, before: str, failure: str, after: str, later: str
    ) -> None:
        assert reading_of(START + before + failure + after + VERDICT + later).label is _ENDING[failure]

    @given(st.lists(st.sampled_from(NOISE + OTHER_FAILURES + [DENIAL, EXPIRED, NEXT_COMMAND, COMPLETED]), max_size=20))
    @settings(deadline=None)
    def test_a_build_that_another_failure_ended_is_never_iams(self, lines: list[str]) -> None:
        assert reading_of(START + "".join(lines) + OWN_FAILURE + VERDICT).label is Label.NOT_IAM

    @given(_NOISE, _NOISE)
    @settings(deadline=None)
    def test_amplifys_own_verdict_counts_whatever_is_around_it(self, before: str, after: str) -> None:
        assert reading_of(before + UNASSUMABLE + after).label is Label.SERVICE_ROLE_UNASSUMABLE

    @given(st.lists(st.sampled_from(NOISE + OTHER_FAILURES + PASSED_ON + [DENIAL, EXPIRED, UNASSUMABLE]), max_size=20))
    @settings(deadline=None)
    def test_the_output_of_a_command_is_never_amplifys(self, lines: list[str]) -> None:
        output = "".join(lines).replace("[ERROR]", "[INFO]")

        assert all(each.source is Source.BUILD for each in reading_of(START + output).findings)

    @given(st.lists(st.sampled_from(NOISE + OTHER_FAILURES + [DENIAL, UNASSUMABLE, VERDICT]), max_size=20))
    @settings(deadline=None)
    def test_no_text_at_runtime_is_a_verdict_on_the_service_role(self, lines: list[str]) -> None:
        findings = reading_of("".join(lines), Phase.RUNTIME).findings

        assert all(each.source is Source.RUNTIME and each.ended_build is None for each in findings)
        assert all(each.label is not Label.SERVICE_ROLE_UNASSUMABLE for each in findings)


class TestLimits:
    def test_many_findings_of_one_label_push_out_none_of_another(self) -> None:
        flood = "".join(_line(_denied(f"service{number}"), "WARNING") for number in range(200))
        missing = _line("CredentialsProviderError: Could not load credentials from any providers")

        for text in (flood + missing, missing + flood):
            labels = [each.label for each in reading_of(text, Phase.RUNTIME).findings]
            assert Label.CREDENTIALS_MISSING_RUNTIME in labels
            assert labels.count(Label.ACCESS_DENIED_IDENTITY) == 5

    def test_many_findings_of_a_command_push_out_none_of_amplifys(self) -> None:
        flood = "".join(_line(_denied(f"service{number}"), "WARNING") for number in range(200))
        by_amplify = _line("!!! " + _denied("codecommit", "GitPull"), "ERROR")

        assert Source.AMPLIFY in {each.source for each in reading_of(START + flood + by_amplify).findings}

    def test_one_finding_for_each_principal_and_service(self) -> None:
        other = PRINCIPAL.replace("amplify-service", "other")
        calls = [("ssm", "GetParameter"), ("ssm", "GetParameters"), ("s3", "GetObject"), ("s3", "PutObject")]
        text = "".join(_line(_denied(*call, who)) for who in (PRINCIPAL, other) for call in calls)

        found = [each.denial for each in reading_of(text).findings if each.denial]

        assert [(each.principal, each.service) for each in found] == [
            (who, service) for who in (PRINCIPAL, other) for service in ("ssm", "s3")
        ]

    @given(st.permutations([*NOISE, *OTHER_FAILURES, *PASSED_ON]), st.integers(1, 40))
    @settings(deadline=None)
    def test_repeated_lines_of_any_shape_never_hide_a_finding(self, lines: list[str], times: int) -> None:
        hints = _line("2 vulnerabilities: see the credential provider docs") * times

        assert reading_of(START + hints + "".join(lines) * 2 + hints + DENIAL).label is Label.ACCESS_DENIED_IDENTITY


class TestCompleteness:
    def test_a_log_that_was_not_read_to_its_end_is_never_said_to_show_nothing(self) -> None:
        def cut(text: str) -> Iterator[bytes]:
            yield text.encode()
            raise CutError("the gzip data breaks off")

        without, with_finding = scan(cut(START), Phase.BUILD), scan(cut(START + DENIAL), Phase.BUILD)

        assert (without.label, without.complete, without.unread) == (None, False, "the gzip data breaks off")
        assert (with_finding.label, with_finding.complete) == (None, False)
        assert [each.label for each in with_finding.findings] == [Label.ACCESS_DENIED_IDENTITY]
        assert scan([START.encode()], Phase.BUILD).complete


@pytest.mark.parametrize("log", sorted((LOGS / "full").iterdir()), ids=lambda path: path.stem)
def test_in_the_whole_log_of_a_build_that_iam_did_not_end_nothing_ended_it(log: Path) -> None:
    reading = reading_of(log.read_bytes())

    assert reading.label is Label.NOT_IAM
    assert reading.complete


def test_a_denial_that_the_app_caught_is_seen_in_a_whole_log_and_is_not_why_its_build_failed() -> None:
    reading = reading_of((LOGS / "full" / "log-01.txt").read_bytes())

    assert reading.findings
    assert {each.ended_build for each in reading.findings} == {False}


def ending(*lines: str) -> Ending:
    head = ("# Starting phase: build", "# Executing command: npm run build")
    return scan(["".join(map(_line, (*head, *lines))).encode()], Phase.BUILD).ending


def test_another_failure_names_phase_command_and_the_last_error_lines() -> None:
    assert ending(
        "Failed to compile.",
        "./pages/index.tsx:5:10",
        "Type error: Property 'x' does not exist on type 'Y'.",
        "npm ERR! code 1",
        "!!! Build failed",
        "Error: printed after the verdict",
    ) == Ending(
        "build, npm run build",
        ("Failed to compile.", "Type error: Property 'x' does not exist on type 'Y'."),
    )


def test_an_error_before_another_command_is_not_the_last_one() -> None:
    found = ending("Error: caught", "# Executing command: npm run lint", "error TS2345: no", "!!! Build failed")
    assert found == Ending("build, npm run lint", ("error TS2345: no",))


def test_without_an_error_line_amplifys_verdict_is_told_if_it_names_a_failure() -> None:
    assert ending("!!! Build timed out after 30 minutes").errors == ("Build timed out after 30 minutes",)
    assert ending("!!! Build failed").errors == ()


def test_commands_and_error_lines_are_redacted_before_they_are_cut() -> None:
    key = "AKIA" + "Q3EGRX5XGBZTVQWA"
    found = ending(f"Error: {'x' * 140} {key}", "!!! Build failed")
    assert key[:6] not in str(found)
    assert all(len(text) <= 160 for text in found.errors)
    secret = ending(f"# Executing command: deploy --token={key} {'y' * 200}")
    assert key not in secret.place
    assert len(secret.place) <= 90


def test_an_iam_failure_has_its_findings_instead() -> None:
    error = "CredentialsProviderError: Could not load credentials from any providers"
    assert ending(error, "!!! Build failed") == Ending()


@pytest.mark.parametrize("seed", [1, 2])
def test_what_another_failure_quotes_leaks_no_secret(seed: int) -> None:
    """A line that the words before it make another one, as `Error:` makes of `PASS …`, is the redaction's to miss."""
    leaked = []
    for leak in leaks(seed):
        lines = leak.text.split("\n")
        if len(lines) > 1:
            quoted = ending(*lines, "!!! Build failed")
        elif leak.secret not in redact(f"Error: {leak.text}"):
            quoted = ending(f"# Executing command: {leak.text}", f"Error: {leak.text}", "!!! Build failed")
        leaked += [leak.kind] if leak.secret in str(quoted) else []
    assert leaked == []
