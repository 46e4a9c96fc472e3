"""The template for many accounts and regions, by plain CloudFormation in two regions. Only `make proof` runs it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from cfnlint.api import ManualArgs, lint_by_config

from infra.template import FOLDER, write_template
from medic.events import test_alert_request as sample_alert
from tests.emulator.cloud import ACCOUNT_ID, LocalCloud

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

PREFIX, STACK = "acme-medic", "AmplifyMedic"
HOME, OTHER = "eu-central-1", "us-west-2"
BUS = f"arn:aws:events:{HOME}:{ACCOUNT_ID}:event-bus/amplify-medic"


class Region:
    """One region of the local cloud, as a person with plain AWS tools sees it."""

    def __init__(self, cloud: LocalCloud, name: str) -> None:
        self._cloud, self.name = cloud, name
        self.outputs: dict[str, str] = {}

    def client(self, service: str) -> Any:
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=self.name)
        return session.client(service, endpoint_url=self._cloud.endpoint_url)  # type: ignore[call-overload]

    def deploy(self, template: Path, code: Path, **parameters: str) -> None:
        bucket = f"{PREFIX}-{self.name}"
        s3, cloudformation = self.client("s3"), self.client("cloudformation")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.name})
        for path in (template, code):
            s3.upload_file(str(path), bucket, f"{FOLDER}{path.name}")
        cloudformation.create_stack(
            StackName=STACK,
            TemplateURL=f"{self._cloud.endpoint_url}/{bucket}/{FOLDER}{template.name}",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def targets(self) -> list[str]:
        """What the rules on the default bus send events to."""
        events = self.client("events")
        names = [rule["Name"] for rule in events.list_rules()["Rules"]]
        return [target["Arn"] for name in names for target in events.list_targets_by_rule(Rule=name)["Targets"]]

    def test_alert(self) -> Any:
        payload = json.dumps(sample_alert(ACCOUNT_ID, self.name)).encode()
        answer = self.client("lambda").invoke(FunctionName=self.outputs["RemediatorFunctionName"], Payload=payload)
        body = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, body
        return json.loads(body)


def test_one_template_deploys_in_two_regions_and_forwards_events_to_one_bus(tmp_path: Path) -> None:
    template, code = write_template(PREFIX, tmp_path / "template", {"amplify-medic": {"central_bus": BUS}})
    # W3005: CDK's own DependsOn, which a Ref implies already.
    lint = ManualArgs(templates=[str(template)], ignore_checks=["W3005"], regions=[HOME, OTHER])
    assert [str(match) for match in lint_by_config(lint)] == []
    with LocalCloud(tmp_path) as cloud:
        home, other = Region(cloud, HOME), Region(cloud, OTHER)
        events, sqs = home.client("events"), home.client("sqs")
        inbox = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        events.create_event_bus(Name="amplify-medic")
        events.put_rule(Name="all", EventBusName="amplify-medic", EventPattern='{"source": ["amplify-medic"]}')
        target = {"Id": "inbox", "Arn": f"arn:aws:sqs:{HOME}:{ACCOUNT_ID}:inbox"}
        events.put_targets(Rule="all", EventBusName="amplify-medic", Targets=[target])

        home.deploy(template, code)
        other.deploy(template, code, Settings='{"mode": "report"}', PermissionsBoundaryName="company/boundary")

        for region in (home, other):
            assert region.test_alert()["channels"] == [{"name": "sns", "ok": True, "detail": "accepted"}]
            entry = {
                "Source": "amplify-medic",
                "DetailType": "Incident Resolved",
                "Detail": f'{{"in": "{region.name}"}}',
            }
            region.client("events").put_events(Entries=[entry])
        # The emulator looks for a bus in the rule's own region only, so the other region's event does not arrive here.
        assert HOME in first_message(sqs, inbox)
        for region, overrides in ((home, "{}"), (other, '{"mode": "report"}')):
            functions = region.client("lambda").list_functions()["Functions"]
            given = [each["Environment"]["Variables"]["AMPLIFY_MEDIC_OVERRIDES"] for each in functions]
            assert given == [overrides] * 2
            assert BUS in region.targets()


def first_message(sqs: Any, queue_url: str) -> str:
    """The body of the first message."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for message in sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=1).get("Messages", []):
            return str(message["Body"])
    return ""
