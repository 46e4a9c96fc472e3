from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from medic.knowledge import ENTRIES
from medic.knowledge.entry import Dialect
from medic.labels import Label
from medic_cli.main import main
from tests.unit.diagnosis.support import LOGS, cases

ROOT = Path(__file__).parents[3]
DENIED = (
    "User: arn:aws:iam::111122223333:user/x is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k"
)


def _run(*arguments: str, text: str | bytes = "") -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def _valid(name: str, answer: Any) -> Any:
    schema = json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(answer)
    return answer


class TestClassify:
    def test_an_iam_failure_exits_with_1(self) -> None:
        result = _run("classify", "--json", text=f"first\n{DENIED}\n")

        answer = _valid("classify", json.loads(result.output))
        assert result.exit_code == 1
        assert answer == {
            "id": None,
            "label": "access_denied_identity",
            "findings": [
                {
                    "signature": "denied_caller",
                    "label": "access_denied_identity",
                    "confidence": "high",
                    "source": "build",
                    "ended_build": True,
                    "lines": [2, 2],
                    "principal": "arn:aws:iam::111122223333:user/x",
                    "action": "s3:GetObject",
                    "resource": "arn:aws:s3:::b/k",
                    "denied_by": None,
                    "excerpt": DENIED,
                }
            ],
            "unread": None,
        }

    def test_another_failure_exits_with_0(self) -> None:
        result = _run("classify", "--json", text="npm error code E401\n")

        assert result.exit_code == 0
        answer = _valid("classify", json.loads(result.output))
        assert answer == {"id": None, "label": "not_iam", "findings": [], "unread": None}

    def test_a_file_and_its_phase_can_be_named(self, tmp_path: Path) -> None:
        log = tmp_path / "ssr.log"
        log.write_text("Could not load credentials from any providers\n")

        result = _run("classify", str(log), "--phase", "runtime", "--json")

        assert json.loads(result.output)["label"] == "credentials_missing_runtime"

    def test_text_shows_title_lines_excerpt_and_where_to_read_on(self) -> None:
        output = _run("classify", text=DENIED).output

        assert "access_denied_identity" in output
        assert "line 1" in output
        assert "  | User: arn:aws:iam" in output
        assert "medic explain denied_caller" in output

    def test_markup_in_a_log_is_printed_literally(self) -> None:
        assert "[red]boom[/red]" in _run("classify", text=f"{DENIED} [red]boom[/red]").output

    def test_an_unreadable_file_exits_with_3(self, tmp_path: Path) -> None:
        result = _run("classify", str(tmp_path / "absent.log"))

        assert result.exit_code == 3
        assert "can't be read" in result.output

    def test_a_directory_exits_with_3(self, tmp_path: Path) -> None:
        assert _run("classify", str(tmp_path)).exit_code == 3

    def test_an_unknown_phase_is_wrong_usage(self) -> None:
        assert _run("classify", "--phase", "sleep").exit_code == 2

    def test_a_batch_answers_every_line_in_order_and_exits_with_0(self) -> None:
        result = _run("classify", "--batch", str(LOGS / "cases.jsonl"))

        answers = [_valid("classify", json.loads(line)) for line in result.output.splitlines()]
        assert result.exit_code == 0
        assert [answer["id"] for answer in answers] == [case["id"] for case in cases("cases.jsonl")]
        assert {answer["label"] for answer in answers} <= {label.value for label in Label}

    @pytest.mark.parametrize(
        ("line", "error"),
        [
            (b"{", "not JSON"),
            (b"[]", "must be an object"),
            (b'{"id": 7, "phase": "build"}', "must be an object"),
            (b'{"id": "x", "phase": "sleep", "log_excerpt": ""}', "must be one of build, deploy, runtime, api"),
            (b'{"id": "x", "phase": ["build"], "log_excerpt": ""}', "must be one of"),
            (b"\xff\xfe", "not JSON"),
            (b"[" * 100_000, "not JSON"),
        ],
    )
    def test_an_invalid_line_gets_an_error_and_the_next_is_answered(self, line: bytes, error: str) -> None:
        good = json.dumps({"id": "good", "phase": "api", "log_excerpt": DENIED}).encode()

        result = _run("classify", "--batch", "-", text=line + b"\n" + good + b"\n")

        first, second = (_valid("classify", json.loads(each)) for each in result.output.splitlines())
        assert result.exit_code == 0
        assert error in first["error"]
        assert first["line"] == 1
        assert (second["id"], second["label"]) == ("good", "access_denied_identity")

    def test_text_that_is_not_utf_8_is_read(self) -> None:
        case = '{"id": "x", "phase": "api", "log_excerpt": "\\ud800 ' + DENIED + '"}\n'

        assert json.loads(_run("classify", "--batch", "-", text=case).output)["label"] == "access_denied_identity"


class TestExplain:
    def test_every_entry_is_listed(self) -> None:
        output = _run("explain").output

        assert all(entry.id in output and entry.title in output for entry in ENTRIES)

    def test_one_kind_can_be_listed(self) -> None:
        output = _run("explain", "--kind", "cause").output

        assert "iam_propagation" in output
        assert "two_roles" not in output

    @pytest.mark.parametrize("dialect", list(Dialect))
    def test_an_entry_shows_its_whole_fix_in_the_chosen_dialect(self, dialect: Dialect) -> None:
        output = _run("explain", "compute_role_not_set", "--dialect", dialect.value).output

        marks = {
            Dialect.CONSOLE: "Branch overrides",
            Dialect.CLI: "--compute-role-arn {role_arn}",
            Dialect.CDK: "new iam.ServicePrincipal('amplify.amazonaws.com')",
            Dialect.TERRAFORM: "assume_role_policy = data.aws_iam_policy_document.compute_trust.json",
            Dialect.CLOUDFORMATION: "Type: AWS::IAM::Role",
        }
        assert marks[dialect] in output
        assert "https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html" in output

    def test_placeholders_are_filled(self) -> None:
        output = _run("explain", "service_role_not_set", "--dialect", "cli", "--set", "app_id=d1x").output

        assert "--app-id d1x" in output
        assert "{region}" in output

    def test_an_unknown_placeholder_is_wrong_usage(self) -> None:
        assert _run("explain", "--set", "colour=red").exit_code == 2

    def test_json_contains_every_entry_with_urls_of_issues(self) -> None:
        answer = _valid("explain", json.loads(_run("explain", "--json").output))

        assert [entry["id"] for entry in answer["entries"]] == [entry.id for entry in ENTRIES]
        assert "https://github.com/aws-amplify/amplify-backend/issues/2505" in json.dumps(answer)

    def test_json_of_one_entry(self) -> None:
        answer = _valid("explain", json.loads(_run("explain", "iam_propagation", "--json").output))

        assert answer["fixes"][0]["id"] == "wait_and_retry"

    def test_a_mistyped_id_is_wrong_usage_and_gets_a_suggestion(self) -> None:
        result = _run("explain", "iam_propagatoin")

        assert result.exit_code == 2
        assert "iam_propagation" in result.output

    @pytest.mark.parametrize(
        "words", [("REGIONAL", "principal"), ("regional principal",), ("Wrong_Region_Principal_Myth",)]
    )
    def test_words_of_a_title_or_an_id_find_it_in_any_case(self, words: tuple[str, ...]) -> None:
        assert "wrong_region_principal_myth: cause" in _run("explain", *words).output

    def test_words_of_several_texts_list_their_entries(self) -> None:
        output = _run("explain", "trust", "policy").output

        assert "service_role_trust_wrong" in output
        assert "iam_propagation" not in output

    def test_a_line_of_a_log_is_recognised_and_what_it_names_is_shown(self) -> None:
        output = _run("explain", "--dialect", "cli", DENIED).output

        assert "denied_caller: signature" in output
        assert "action s3:GetObject" in output

    def test_a_line_alone_fills_in_no_command_that_grants_a_permission(self) -> None:
        session = DENIED.replace("iam::111122223333:user/x", "sts::111122223333:assumed-role/web/BuildSession")

        assert '"Action":"{action}"' in _run("explain", "--dialect", "cli", session).output

    def test_nothing_found_is_wrong_usage(self) -> None:
        assert _run("explain", "xylophone").exit_code == 2


class TestRedact:
    def test_secrets_are_removed_and_the_rest_stays(self) -> None:
        result = _run("redact", text="key AKIAIOSFODNN7EXAMPLA\r\nplain\n")

        assert result.exit_code == 0
        assert "AKIA" not in result.output
        assert result.output.endswith("\r\nplain\n") or result.output.endswith("\nplain\n")

    def test_bytes_that_are_not_utf_8_pass_through(self) -> None:
        assert _run("redact", text=b"\xff\xfe\n").stdout_bytes == b"\xff\xfe\n"


class TestMain:
    def test_help_lists_the_commands_without_loading_them(self) -> None:
        probe = (
            "import sys; from click.testing import CliRunner; from medic_cli.main import main; "
            "print(CliRunner().invoke(main, ['--help']).output); "
            "print(sorted(name for name in sys.modules if name.startswith(('medic.', 'medic_cli.commands.'))))"
        )

        output = subprocess.run(  # noqa: S603 - this interpreter, a fixed text
            [sys.executable, "-c", probe],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": f"{ROOT / 'lambdas'}:{ROOT / 'cli'}"},
        ).stdout

        assert "classify" in output
        assert output.strip().endswith("['medic.text']"), "of ours, it imports nothing"

    def test_every_listed_command_exists(self) -> None:
        for name in main.list_commands(None):  # type: ignore[arg-type]
            assert _run(name, "--help").exit_code == 0

    def test_the_version_is_printed(self) -> None:
        assert _run("--version").output.startswith("medic ")

    def test_an_unknown_command_is_wrong_usage(self) -> None:
        assert _run("nonsense").exit_code == 2
