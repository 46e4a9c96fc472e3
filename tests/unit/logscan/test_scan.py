from __future__ import annotations

import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.knowledge.signatures import SIGNATURES
from medic.labels import Identity, Label, Phase
from medic.logscan.prefilter import BLOCK, CONTEXT
from medic.logscan.recognise import MAX_EXCERPT_LINES
from medic.logscan.scan import MAX_EXCERPT_CHARACTERS, scan
from tests.unit.diagnosis.support import cases, reading_of, samples

STAMP = "2026-03-04T10:11:12.345Z "
VERDICT = STAMP + "[ERROR]: !!! Unable to assume specified IAM Role. Please ensure the selected IAM Role is right.\n"
CLONING = STAMP + "[INFO]: # Cloning repository: git@github.com:acme/site.git\n"
COMMAND = STAMP + "[INFO]: # Executing command: npm run build\n"
ORDINARY = STAMP + "[INFO]: Compiled 12 pages\n"
PRINCIPAL = "arn:aws:sts::111122223333:assumed-role/amplify-service/BuildSession"


def _denied(number: int, service: str = "s3") -> str:
    return f"{STAMP}[WARNING]: User: {PRINCIPAL} is not authorized to perform: {service}:Get{number}\n"


def _chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(bounds)]


class TestStructure:
    def test_amplifys_verdict_counts_before_any_command(self) -> None:
        assert reading_of(VERDICT).label is Label.SERVICE_ROLE_UNASSUMABLE

    def test_the_same_words_after_a_command_are_an_echo(self) -> None:
        assert reading_of(CLONING + COMMAND + VERDICT).label is Label.NOT_IAM

    def test_a_verdict_before_the_first_command_stays_one(self) -> None:
        assert reading_of(VERDICT + COMMAND).label is Label.SERVICE_ROLE_UNASSUMABLE

    @pytest.mark.parametrize("level", ["INFO", "WARNING"])
    def test_the_same_words_at_another_level_are_an_echo(self, level: str) -> None:
        assert reading_of(VERDICT.replace("ERROR", level)).label is Label.NOT_IAM

    def test_the_reading_says_how_far_the_build_came(self) -> None:
        before, after = reading_of(VERDICT), reading_of(CLONING + COMMAND + ORDINARY)

        assert (before.cloned, before.commands_executed) == (False, False)
        assert (after.cloned, after.commands_executed) == (True, True)

    def test_a_command_that_was_executed_shows_that_the_repository_was_reached(self) -> None:
        assert reading_of(COMMAND + ORDINARY).cloned

    def test_output_of_a_command_that_only_prints_is_no_finding(self) -> None:
        shown = STAMP + "[INFO]: # Executing command: cat docs/errors.md\n" + _denied(1)

        assert reading_of(shown).findings == ()
        assert reading_of(shown + COMMAND + _denied(2)).label is Label.ACCESS_DENIED_IDENTITY

    def test_a_command_that_prints_and_acts_may_fail(self) -> None:
        acting = STAMP + "[INFO]: # Executing command: echo uploading && aws s3 cp a s3://b\n"

        assert reading_of(acting + _denied(1)).label is Label.ACCESS_DENIED_IDENTITY

    @pytest.mark.parametrize(
        ("phase", "label"),
        [
            (Phase.BUILD, Label.CREDENTIALS_MISSING_BUILD),
            (Phase.DEPLOY, Label.CREDENTIALS_MISSING_BUILD),
            (Phase.RUNTIME, Label.CREDENTIALS_MISSING_RUNTIME),
            (Phase.API, Label.CREDENTIALS_MISSING_BUILD),
        ],
    )
    def test_the_phase_decides_which_role_missing_credentials_belong_to(self, phase: Phase, label: Label) -> None:
        assert reading_of("Could not load credentials from any providers", phase).label is label


class TestOrder:
    def test_the_finding_that_names_the_principal_comes_before_its_wrapper(self) -> None:
        text = (
            "[BootstrapDetectionError] Unable to detect CDK bootstrap stack due to permission issues.\n"
            + ORDINARY
            + _denied(1)
        )

        first, second = reading_of(text).findings

        assert (first.signature, first.identity) == ("denied_service_role", Identity.SERVICE_ROLE)
        assert second.signature == "ampx_bootstrap_unreadable"

    def test_among_equal_findings_the_earliest_comes_first(self) -> None:
        expired = STAMP + "[ERROR]: ExpiredToken: The security token included in the request is expired\n"

        assert [each.first_line for each in reading_of(expired + ORDINARY + _denied(1)).findings] == [1, 3]

    def test_a_repeated_message_is_one_finding_with_its_first_line(self) -> None:
        (finding,) = reading_of(ORDINARY + _denied(1) * 50).findings

        assert finding.first_line == 2

    def test_of_findings_of_one_label_the_decisive_and_then_the_earliest_stay(self) -> None:
        bare = "".join(f"{STAMP}[ERROR]: AccessDenied: Access Denied\n" for _ in range(3))
        many = "".join(_denied(number, service=f"s{number}") for number in range(100))

        findings = reading_of(bare + many).findings

        assert [each.first_line for each in findings] == [4, 5, 6, 7, 8, 1]


class TestLines:
    def test_lines_count_from_one_and_span_a_wrapped_message(self) -> None:
        text = (
            ORDINARY
            + f"{STAMP}[WARNING]: [AccessDeniedError] Unable to deploy due to insufficient permissions\n"
            + f"{' ' * 33}User: {PRINCIPAL} is not authorized to\n"
            + f"{' ' * 33}perform: s3:PutObject on resource: arn:aws:s3:::b/k because no\n"
            + f"{' ' * 33}identity-based policy allows the s3:PutObject action\n"
            + ORDINARY
        )

        (finding,) = reading_of(text).findings

        assert (finding.first_line, finding.last_line) == (3, 5)
        assert finding.excerpt.count("\n") == 2
        assert finding.denial is not None
        assert finding.denial.resource == "arn:aws:s3:::b/k"

    def test_the_principal_is_found_on_a_line_before_in_a_paste_without_time_stamps(self) -> None:
        (finding,) = reading_of(
            f"the function failed\nUser: {PRINCIPAL}\nis not authorized to perform: s3:Get\n"
        ).findings

        assert (finding.first_line, finding.last_line) == (2, 3)
        assert finding.identity is Identity.SERVICE_ROLE

    @pytest.mark.parametrize("time", ["2026-03-04 10:11:12.345", "1772619072345"])
    def test_an_event_is_read_in_the_table_that_logs_insights_copies(self, time: str) -> None:
        denial = f"AccessDeniedException: User: {PRINCIPAL} is not authorized to perform: s3:GetObject"
        table = (
            "|       @timestamp        | @message |\n| --- | --- |\n"
            f"| {time} | START RequestId: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1 Version: $LATEST          |\n"
            f"| {time} | {STAMP}\taaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1\tERROR\t{denial}          |\n"
        )

        (finding,) = reading_of(table, Phase.RUNTIME).findings

        assert (finding.signature, finding.first_line) == ("denied_service_role", 4)
        assert reading_of(f"| Error | Meaning |\n|---|---|\n| 1 | {denial} |\n", Phase.RUNTIME).findings == ()

    @pytest.mark.parametrize("mark", ["> ", ">"])
    def test_a_log_that_a_mail_or_a_comment_quotes_keeps_its_label(self, mark: str) -> None:
        log = CLONING + COMMAND + _denied(1) + STAMP + "[ERROR]: !!! Build failed\n"
        error = "An error occurred (ExpiredToken) when calling the PutObject operation: The token has expired.\n"
        for text in (VERDICT, log, error, f"the upload failed\n{error}"):
            quoted = "".join(mark + line for line in text.splitlines(keepends=True))

            assert reading_of(quoted).label is reading_of(text).label is not Label.NOT_IAM

    @pytest.mark.parametrize(("text", "lines"), [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)])
    def test_lines_are_counted_as_an_editor_counts_them(self, text: str, lines: int) -> None:
        assert reading_of(text).lines == lines

    def test_line_numbers_hold_far_into_a_long_log(self) -> None:
        ordinary = 3 * BLOCK // len(ORDINARY)

        (finding,) = reading_of(ORDINARY * ordinary + _denied(1)).findings

        assert finding.first_line == ordinary + 1

    @pytest.mark.parametrize("shift", range(-len(_denied(1)) - 2, 3, 7))
    def test_an_entry_across_a_block_boundary_is_read_whole_and_once(self, shift: int) -> None:
        padding = (b"." * 99 + b"\n") * ((BLOCK + shift) // 100)
        padding += b"," * (BLOCK + shift - len(padding) - 1) + b"\n"

        (finding,) = reading_of(padding + _denied(1).encode()).findings

        assert finding.denial is not None
        assert (finding.denial.action, finding.denial.principal) == ("s3:Get1", PRINCIPAL)
        assert finding.first_line == padding.count(b"\n") + 1


class TestExcerpts:
    def test_excerpts_hold_no_secrets(self) -> None:
        line = f"{STAMP}[ERROR]: AKIAIOSFODNN7EXAMPLA User: {PRINCIPAL} is not authorized to perform: s3:Get\n"

        (finding,) = reading_of(line).findings

        assert "AKIA" not in finding.excerpt
        assert "s3:Get" in finding.excerpt

    def test_excerpts_are_bounded(self) -> None:
        wide = f"User: {PRINCIPAL} is not authorized to perform: s3:Get " + "x" * 5000
        tall = "User: " + PRINCIPAL + "\n" * 23 + "is not authorized to perform: s3:Get"

        assert len(reading_of(wide).findings[0].excerpt) <= MAX_EXCERPT_CHARACTERS
        assert reading_of(tall).findings[0].excerpt.count("\n") < MAX_EXCERPT_LINES


_LINES = st.sampled_from(
    [
        ORDINARY,
        VERDICT,
        CLONING,
        COMMAND,
        _denied(1),
        _denied(2),
        f"{' ' * 33}because no identity-based policy allows the s3:Get1 action\n",
        "Could not load credentials from any\nproviders\n",
        "User: x is not autho\nrized to perform: s3:PutObject\n",
        "\n",
        "x" * (CONTEXT + 10) + "\n",
        "y" * (BLOCK // 2),
    ]
)
_LOGS = st.lists(_LINES.map(str.encode) | st.binary(max_size=80), max_size=12).map(b"".join)


class TestHostileInput:
    @given(st.binary(max_size=2000), st.sampled_from(Phase))
    def test_no_bytes_raise(self, data: bytes, phase: Phase) -> None:
        reading = scan([data], phase)

        assert reading.size == len(data)

    @given(_LOGS, st.lists(st.integers(0, 1 << 20), max_size=6))
    @settings(deadline=None)
    def test_how_the_stream_is_cut_never_changes_the_reading(self, data: bytes, cuts: list[int]) -> None:
        assert scan(_chunks(data, cuts), Phase.BUILD) == scan([data], Phase.BUILD)

    @given(_LOGS)
    @settings(deadline=None)
    def test_findings_lie_within_the_log(self, data: bytes) -> None:
        reading = scan([data], Phase.BUILD)

        assert all(1 <= each.first_line <= each.last_line <= reading.lines for each in reading.findings)

    @pytest.mark.parametrize(
        "unit",
        [
            "redential",
            "AccessDenied: ",
            "not authorized to perform: a:b ",
            "User: ",
            "because no identity-based policy ",
            "the role cannot be assumed by ",
            STAMP + "[INFO]: could not load credentials from there\n",
            "authorized to\n",
            "\x1b[",
            "a" + " " * 79,
            _denied(1),
        ],
    )
    def test_work_grows_no_faster_than_the_log(self, unit: str) -> None:
        def work(repeats: int) -> int:
            calls: Counter[str] = Counter()

            def count(_frame: object, event: str, _argument: object) -> None:
                calls[event] += 1

            data = unit.encode() * repeats
            sys.setprofile(count)
            try:
                scan([data], Phase.BUILD)
            finally:
                sys.setprofile(None)
            return calls.total()

        once = 60_000 // len(unit)
        small, large = work(once), work(4 * once)

        assert large <= 6 * small + 2000

    def test_memory_does_not_grow_with_the_log(self) -> None:
        import tracemalloc  # noqa: PLC0415 - tracing starts with the import

        def peak(blocks: int) -> int:
            block = (ORDINARY * (BLOCK // len(ORDINARY))).encode()
            tracemalloc.start()
            scan((block for _ in range(blocks)), Phase.BUILD)
            _, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return highest

        assert peak(40) <= peak(8) * 1.2


def test_every_sample_keeps_its_label_when_buried_in_a_long_log() -> None:
    before, after = ORDINARY * 6000, ORDINARY * 200

    for case in cases("cases.jsonl"):
        text = case["log_excerpt"]
        if text.startswith("2"):
            alone = reading_of(text, Phase(case["phase"]))
            buried = reading_of(before + text + "\n" + after, Phase(case["phase"]))
            assert (case["id"], buried.label) == (case["id"], alone.label)


def test_every_sample_of_a_signature_is_found_as_a_line_among_others() -> None:
    """Such a line is an entry of its own, for which the scanner has a short cut."""
    for signature in SIGNATURES:
        phase = signature.phases[0] if signature.phases else Phase.BUILD
        for sample in samples()[signature.id]["positives"]:
            line = sample if sample.startswith("20") else f"{STAMP}[ERROR]: {sample}"
            found = {each.signature for each in reading_of(f"{ORDINARY}{line}\n{ORDINARY}", phase).findings}
            assert (sample, found) == (sample, {each.signature for each in reading_of(line, phase).findings})
            assert found
