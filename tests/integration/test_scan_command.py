"""`medic scan` from the command line: every finding, partial results and errors."""

from __future__ import annotations

import json
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from medic_cli.scan.model import FindingKind
from tests.fakes.amplify.moto_adapter import AmplifyOnMoto, amplify_on_moto
from tests.fakes.aws_endpoint import FakeEndpoint, error
from tests.fakes.deployed_stack import FakeStack, use
from tests.integration.account import ACCOUNT, PLAIN_TRUST, add_app, add_branch, make_role, required_source
from tests.integration.scanning import observed, session
from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from medic_cli.scan.scanner import Scanner

EU, US = "eu-central-1", "us-east-1"
FAST = ("--rate", "1000", "--iam-rate", "1000")
FIX = {"amplify-medic:auto-fix": "fix"}
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def trust(**statement: Any) -> dict[str, Any]:
    return {**PLAIN_TRUST, "Statement": [{**PLAIN_TRUST["Statement"][0], **statement}]}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[AmplifyOnMoto]:
    """The fake, with one session for all tests, because they do not test how sessions are created."""
    monkeypatch.setattr("medic_cli.aws.session", lambda _profile, region: session(region))
    with amplify_on_moto(region=EU) as amplify:
        yield amplify


def scan(*arguments: str, regions: tuple[str, ...] = (EU,)) -> Result:
    chosen = [part for region in regions for part in ("--region", region)]
    return medic("scan", *FAST, *chosen, *arguments)


def answer(*arguments: str, regions: tuple[str, ...] = (EU,)) -> Any:
    return valid("scan", scan("--json", *arguments, regions=regions).stdout)


def healthy(name: str = "shop", region: str = EU, **settings: Any) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/healthy"
    app = add_app(region, name, **{"iamServiceRoleArn": role, "computeRoleArn": role, **settings})
    add_branch(app, "main", region)
    return app


def test_a_healthy_account_has_no_findings(cloud: AmplifyOnMoto) -> None:
    make_role("healthy")
    healthy()
    result = scan()
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Nothing found in 1 app, 1 branch and 1 region of account {ACCOUNT}.\n")
    assert [call["operation"] for call in cloud.control.recorded_calls()] == ["ListApps", "ListBranches"]


def plant() -> dict[str, str]:
    """Create an account that has every problem once. Returns the app ids by problem."""
    make_role("healthy")
    lambdas = make_role("lambdas", trust(Principal={"Service": "lambda.amazonaws.com"}))
    odd = make_role("odd", trust(Condition={"StringEquals": {"aws:SourceOrgID": "o-1"}}))
    contested = make_role("contested", trust(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}))
    logging = make_role("AmplifySSRLoggingRole-1")
    permissions = {"Statement": [{"Effect": "Allow", "Action": ["logs:*", "dynamodb:GetItem"], "Resource": "*"}]}
    session(EU).client("iam").put_role_policy(
        RoleName="AmplifySSRLoggingRole-1", PolicyName="app",
        PolicyDocument=json.dumps({"Version": "2012-10-17", **permissions}),
    )  # fmt: skip
    gone, foreign = f"arn:aws:iam::{ACCOUNT}:role/gone", "arn:aws:iam::999988887777:role/theirs"
    apps = {
        FindingKind.SERVICE_ROLE_NOT_SET: healthy(iamServiceRoleArn=""),
        FindingKind.SERVICE_ROLE_DELETED: healthy(iamServiceRoleArn=gone),
        FindingKind.SERVICE_ROLE_OTHER_ACCOUNT: healthy(iamServiceRoleArn=foreign),
        FindingKind.SERVICE_ROLE_CONDITIONAL: healthy(iamServiceRoleArn=odd),
        FindingKind.COMPUTE_ROLE_NOT_SET: healthy(computeRoleArn="", iamServiceRoleArn=logging),
        FindingKind.COMPUTE_ROLE_DELETED: healthy(computeRoleArn=gone),
        FindingKind.COMPUTE_ROLE_OTHER_ACCOUNT: healthy(computeRoleArn=foreign),
        FindingKind.COMPUTE_ROLE_UNASSUMABLE: healthy(computeRoleArn=lambdas),
        FindingKind.COMPUTE_ROLE_CONDITIONAL: healthy(computeRoleArn=odd),
        FindingKind.COMPUTE_ROLE_CONTESTED: healthy(computeRoleArn=contested),
        FindingKind.COMPUTE_ROLE_UNUSED: healthy(platform="WEB"),
        FindingKind.LONG_LIVED_KEYS: healthy(environmentVariables={"IAM_ACCESS_KEY_ID": KEY, "IAM_SECRET": SECRET}),
        FindingKind.SECRET_IN_VARIABLES: healthy(environmentVariables={"DB": "postgres://u:s3cr3tPassw0rd@db/x"}),
        FindingKind.AUTO_BRANCH_EXPOSED: healthy(
            enableAutoBranchCreation=True, autoBranchCreationPatterns=["feature/*"]
        ),
    }
    apps[FindingKind.LOGGING_ROLE_AS_SERVICE_ROLE] = apps[FindingKind.COMPUTE_ROLE_NOT_SET]
    apps[FindingKind.PREVIEW_EXPOSED] = healthy()
    add_branch(apps[FindingKind.PREVIEW_EXPOSED], "pr-1", stage="PULL_REQUEST")
    pinned = make_role("pinned", required_source(healthy()))
    apps[FindingKind.SERVICE_ROLE_UNASSUMABLE] = healthy("pinned", iamServiceRoleArn=pinned)
    healthy("pinned too", US, iamServiceRoleArn=pinned)
    for kind, tags, settings in (
        (FindingKind.FIX_NOT_NEEDED, FIX, {}),
        (FindingKind.FIX_POSSIBLE, FIX, {"computeRoleArn": ""}),
        (FindingKind.FIX_REFUSED, FIX, {"computeRoleArn": "", "platform": "WEB"}),
        (FindingKind.OPT_IN_UNKNOWN, {"amplify-medic:auto-fix": "yes"}, {}),
    ):
        apps[kind] = healthy(**settings)
        add_branch(apps[kind], "main", tags=tags)
    return {kind.value: app for kind, app in apps.items()}


@pytest.mark.usefixtures("cloud")
def test_every_problem_is_found_in_its_place() -> None:
    planted = plant()
    given = answer(regions=(EU, US))
    found = {(finding["kind"], finding["app"]["id"]) for finding in given["findings"] if finding["app"]}
    assert {(kind, app) for kind, app in planted.items()} <= found
    across = {finding["kind"]: finding for finding in given["findings"] if finding["app"] is None}
    assert set(across) == {"shared_role_limited_by_source", "logging_role_permissions"}
    assert "pinned too" in across["shared_role_limited_by_source"]["detail"]
    assert "dynamodb:GetItem" in across["logging_role_permissions"]["detail"]
    # Only the code of a deployment shows what it will take off.
    expected = set(FindingKind) - {FindingKind.ROLE_TAKEN_OFF}
    assert {kind.value for kind in expected} == {kind for kind, _ in found} | set(across)
    assert given["partial"] is False
    assert given["account"] == ACCOUNT
    assert [(region["name"], region["apps"]) for region in given["regions"]] == [(EU, 21), (US, 1)]
    assert [finding["severity"] for finding in given["findings"]] == sorted(
        (finding["severity"] for finding in given["findings"]), key=["error", "warning", "note"].index
    )


@pytest.mark.usefixtures("cloud")
def test_every_output_format_shows_every_finding_and_no_secret(tmp_path: Path) -> None:
    plant()
    page, sarif = tmp_path / "scan.html", tmp_path / "scan.sarif"
    result = scan("--html", str(page), "--sarif", str(sarif), regions=(EU, US))
    given = answer(regions=(EU, US))
    assert result.exit_code == 1
    written = page.read_text(encoding="utf-8")
    for finding in given["findings"]:
        assert finding["title"] in result.stdout
    assert written.count('<tr role="row" data-') == len(given["findings"])
    placed = [each["ruleId"] for each in json.loads(sarif.read_text(encoding="utf-8"))["runs"][0]["results"]]
    assert placed == [finding["kind"] for finding in given["findings"]]
    for secret in (KEY, SECRET, "s3cr3tPassw0rd"):
        assert secret not in result.output + written + sarif.read_text(encoding="utf-8") + json.dumps(given)


@pytest.mark.usefixtures("cloud")
def test_hostile_names_are_harmless_in_the_terminal() -> None:
    app = add_app(EU, "[bold red]\x1b[31m")
    add_branch(app, "evil\u202egnp.exe\x1b]8;;http://x\x07")
    shown = scan().stdout
    assert "[bold red]" in shown
    assert not {"\x1b", "\u202e", "\x07"} & set(shown)


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("never", 0)])
def test_fail_on_chooses_which_findings_fail_in_ci(fail_on: str, code: int) -> None:
    add_branch(add_app(EU))
    assert scan("--fail-on", fail_on).exit_code == code


def test_single_apps_are_read_without_listing_all_apps(cloud: AmplifyOnMoto) -> None:
    make_role("healthy")
    one, two = healthy("one"), healthy("two", US)
    given = answer("--app", one, "--app", two, regions=(EU, US))
    assert [(region["apps"]) for region in given["regions"]] == [1, 1]
    assert given["partial"] is False
    assert cloud.control.recorded_calls("ListApps") == []


@pytest.mark.usefixtures("cloud")
def test_a_missing_app_is_not_reported_as_healthy() -> None:
    result = scan("--app", "d0000000000000")
    assert result.exit_code == 3
    assert "d0000000000000: There is no such app in eu-central-1" in result.stdout


@pytest.mark.usefixtures("cloud")
def test_settings_say_which_role_an_opted_in_branch_would_get(tmp_path: Path) -> None:
    paired, default = make_role("paired"), make_role("default")
    one, two = (healthy(computeRoleArn="") for _ in range(2))
    for app in (one, two):
        add_branch(app, "main", tags=FIX)
    settings = {"app": "x", "context": {"amplify-medic": {"compute_roles": {paired: [one]}}}}
    (tmp_path / "cdk.json").write_text(json.dumps(settings), encoding="utf-8")
    given = answer("--default-role", default)
    fixes = {f["app"]["id"]: (f["kind"], f["role"]) for f in given["findings"] if f["kind"].startswith("fix_")}
    assert fixes == {one: ("fix_possible", paired), two: ("fix_possible", default)}
    assert given["settings_from"] == "cdk.json"


@pytest.mark.usefixtures("cloud")
def test_the_deployed_stack_also_says_which_role_an_opted_in_branch_would_get(monkeypatch: pytest.MonkeyPatch) -> None:
    default = make_role("default")
    add_branch(healthy(computeRoleArn=""), "main", tags=FIX)
    stack = FakeStack(
        outputs={"RemediatorFunctionName": "remediator"},
        variables={
            "AMPLIFY_MEDIC_SETTINGS": '{"mode": "ask"}', "MEDIC_ACCOUNT": ACCOUNT, "MEDIC_PARTITION": "aws",
            "INCIDENTS_TABLE": "incidents", "QUEUE_URL": "queue", "OPERATOR_ROLE_ID": "AROA",
            "ALERT_TOPIC_ARN": "arn", "DEFAULT_COMPUTE_ROLE_ARN": default,
        },
    )  # fmt: skip
    with stack.endpoint() as endpoint:
        use(monkeypatch, endpoint)
        given = answer("--stack", stack.name)
        missing = scan("--stack", "Nowhere")
    (fix,) = (finding for finding in given["findings"] if finding["kind"] == "fix_possible")
    assert (fix["role"], given["settings_from"]) == (default, f"the stack {stack.name}")
    assert "after someone approves it" in fix["detail"]
    assert missing.exit_code == 3
    assert "There is no stack Nowhere in eu-central-1" in missing.stderr


@pytest.mark.usefixtures("cloud")
def test_a_role_with_too_much_power_is_refused(tmp_path: Path) -> None:
    admin = make_role("admin")
    iam = session(EU).client("iam")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="admin", PolicyName="all", PolicyDocument=json.dumps(everything))
    app = healthy(computeRoleArn="")
    add_branch(app, "main", tags=FIX)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"compute_roles": {admin: [app]}}), encoding="utf-8")
    (refused,) = (f for f in answer("--settings", str(file))["findings"] if f["kind"] == "fix_refused")
    assert refused["detail"].startswith("The guardrail not_admin would refuse to attach a compute role: ")


@pytest.mark.usefixtures("cloud")
def test_denied_iam_calls_are_named_with_the_roles_that_could_not_be_checked() -> None:
    plant()
    scanned = observed((EU, US), denied=("GetRole", "ListRoles"), latency=0).scan
    gaps = {gap.action: gap for gap in scanned.gaps}
    assert set(gaps) == {"iam:GetRole", "iam:ListRoles"}
    assert f"arn:aws:iam::{ACCOUNT}:role/healthy" in gaps["iam:GetRole"].roles
    assert gaps["iam:GetRole"].reason.startswith("These credentials may not call iam:GetRole: ")
    found = {finding.kind for finding in scanned.findings}
    assert FindingKind.SERVICE_ROLE_OTHER_ACCOUNT in found, "an ARN tells it"
    assert FindingKind.LONG_LIVED_KEYS in found, "Amplify tells it"
    assert (
        not {
            FindingKind.SERVICE_ROLE_DELETED,
            FindingKind.COMPUTE_ROLE_UNASSUMABLE,
            FindingKind.SERVICE_ROLE_CONDITIONAL,
        }
        & found
    )
    assert FindingKind.LOGGING_ROLE_PERMISSIONS in found, "it is in use, so its policies could be read"


@pytest.mark.usefixtures("cloud")
def test_unreadable_policies_block_a_fix_and_are_a_gap() -> None:
    app = healthy(computeRoleArn="")
    add_branch(app, "main", tags=FIX)
    pairing = {make_role("paired"): [app]}
    scanned = observed((EU,), denied=("ListAttachedRolePolicies",), compute_roles=pairing, latency=0).scan
    assert [gap.action for gap in scanned.gaps] == ["iam:ListAttachedRolePolicies"]
    assert FindingKind.FIX_REFUSED in {finding.kind for finding in scanned.findings}


def test_a_missing_permission_is_named_and_the_rest_is_scanned(cloud: AmplifyOnMoto) -> None:
    add_branch(add_app(EU, iamServiceRoleArn=f"arn:aws:iam::{ACCOUNT}:role/gone"))
    cloud.control.deny("ListBranches")
    result = scan()
    assert result.exit_code == 1
    assert "The service role does not exist" in result.stdout
    assert (
        "PARTIAL SCAN: some things could not be checked, so a missing finding does not mean that all is well:"
        in result.stdout
    )
    assert "amplify:ListBranches in eu-central-1 for d" in result.stdout
    assert "These credentials may not call amplify:ListBranches" in result.stdout


def test_a_partial_scan_without_findings_is_not_a_success(cloud: AmplifyOnMoto) -> None:
    make_role("healthy")
    healthy()
    cloud.control.deny("ListBranches")
    assert scan().exit_code == 3


@pytest.mark.usefixtures("cloud")
def test_a_region_that_can_not_be_listed_does_not_stop_the_others() -> None:
    make_role("healthy")
    healthy()
    AmplifyOnMoto(US, ACCOUNT).control.deny("ListApps")
    given = answer(regions=(EU, US))
    assert [region["listed"] for region in given["regions"]] == [True, False]
    assert [(gap["action"], gap["region"]) for gap in given["gaps"]] == [("amplify:ListApps", US)]


def test_a_scan_fails_if_no_region_can_be_listed(cloud: AmplifyOnMoto) -> None:
    cloud.control.deny("ListApps")
    result = scan("--json")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "These credentials may not call amplify:ListApps" in result.stderr


@contextmanager
def pressing_ctrl_c(_: Any = None) -> Iterator[Callable[[Scanner], None]]:
    """Press Ctrl-C once at least three apps were scanned. Progress updates are timed and may skip a number."""
    pressed: list[int] = []

    def press(scanner: Scanner) -> None:
        if not pressed and scanner.progress[EU].apps >= 3:
            pressed.append(scanner.progress[EU].apps)
            signal.raise_signal(signal.SIGINT)

    yield press


@pytest.mark.usefixtures("cloud", "sigint_raises")
def test_ctrl_c_shows_the_results_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(30):
        add_branch(add_app(EU, f"app-{n}"))
    monkeypatch.setattr("medic_cli.scan.scanner.progress_bar", pressing_ctrl_c)
    result = medic("scan", "--region", EU, "--rate", "200", "--iam-rate", "200", "--fail-on", "warning")
    assert result.exit_code == 1
    assert re.search(r"The scan was stopped after \d+ of 30 apps\. These are the results so far\.", result.stdout)
    assert "app-0" in result.stdout
    assert "Traceback" not in result.output
    assert medic("scan", "--region", EU, "--rate", "200", "--iam-rate", "200").exit_code == 3


def test_missing_credentials_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    result = scan()
    assert result.exit_code == 3
    assert "No AWS credentials were found" in result.stderr


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("ExpiredTokenException", 403, "The AWS credentials have expired"),
        ("UnrecognizedClientException", 403, "AWS does not accept these credentials"),
        ("AccessDeniedException", 403, "may not call amplify:ListApps"),
    ],
)
def test_each_reason_for_rejected_credentials_is_named(
    monkeypatch: pytest.MonkeyPatch, code: str, status: int, said: str
) -> None:
    with FakeEndpoint(lambda call: error(call, code, "The answer is no.", status)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
        result = scan()
    assert result.exit_code == 3
    assert said in result.stderr
    assert len(endpoint.calls) == 1, "what is refused is not asked again"


@pytest.mark.parametrize("region", ["eu-nowhere-1", "nonsense!"])
def test_a_region_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_AMPLIFY", "http://127.0.0.1:1" if region == "eu-nowhere-1" else "")
    result = scan(regions=(region,))
    assert result.exit_code == 3
    assert "region" in result.stderr


def test_a_missing_region_is_reported() -> None:
    result = medic("scan")
    assert result.exit_code == 3
    assert "No AWS region is set" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--app", "shop"],
        ["--rate", "0"],
        ["--default-role", "role"],
        ["--html", "nowhere/at/all/scan.html"],
        ["--fail-on", "note"],
        ["--stack", "AmplifyMedic", "--settings", "cdk.json"],
        ["--region"],
    ],
)
def test_wrong_usage_is_rejected_before_any_call(arguments: list[str]) -> None:
    assert medic("scan", *arguments).exit_code == 2


def test_help_shows_examples_and_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    result = medic("scan", "--help")
    assert result.exit_code == 0
    assert "medic scan --region eu-central-1 --region us-east-1 --html scan.html" in result.stdout
