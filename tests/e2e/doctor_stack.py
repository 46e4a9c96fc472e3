"""A deployed stack in which every check of `medic doctor` passes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from demo.stage import SECRET
from tests.emulator.cloud import ACCOUNT_ID

if TYPE_CHECKING:
    from demo.stage import Stage

PAIRED = f"arn:aws:iam::{ACCOUNT_ID}:role/web-compute"
TOKEN, SIGNING = "amplify-medic/bot", "amplify-medic/signing"
AMPLIFY_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SETTINGS = {
    "sns": {"emails": ["dev@example.com"]},
    "compute_roles": {PAIRED: ["d1a2b3c4d5e6f7"]},
    "slack": {
        "webhook_secret": SECRET,
        "bot_token_secret": TOKEN,
        "channels": {"chat": {"channel": "C0123456789"}},
        "signing_secret": SIGNING,
        "app_id": "A0123456789",
        "approvers": ["T0123456789/U0123456789"],
    },
}


def make_healthy(stage: Stage) -> None:
    """Create what the settings name, detect drift, and wait until the watcher has run."""
    cloud = stage.cloud
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name=TOKEN, SecretString="xoxb-1-2-abc")
    secrets.create_secret(Name=SIGNING, SecretString="0123456789abcdef0123456789abcdef")
    cloud.client("iam").create_role(RoleName="web-compute", AssumeRolePolicyDocument=json.dumps(AMPLIFY_TRUST))
    cloud.client("cloudformation").detect_stack_drift(StackName="AmplifyMedic")
    search = {"logGroupName": "/amplify-medic/watcher", "filterPattern": "WatcherRan"}
    logs = cloud.client("logs")
    patient = replace(stage, timeout=120.0)
    patient.wait_for("a run of the watcher", lambda: logs.filter_log_events(**search)["events"] or None)
