"""The only things that the live doctor touches, by name. Every name contains the id of the scratch app."""

from __future__ import annotations

from dataclasses import dataclass

APP_TAG, APP_TAG_VALUE = "amplify-medic:doctor", "scratch"
"""The tag that makes an app a scratch app."""
BRANCH_TAG, BRANCH_TAG_VALUE = "amplify-medic:doctor-branch", "scratch"
"""The tag of the branches that the doctor makes. Its key differs from the app's, so that inheritance is seen."""
FOLDER = "doctor/"
BUILD, PAGE, MEASURE = f"{FOLDER}build", f"{FOLDER}page", f"{FOLDER}measure"
"""A build that is denied; a page for the bot to repair; a page on which the doctor itself sets roles."""
BRANCHES = (BUILD, PAGE, MEASURE)
PLAIN, ACCOUNT, SOURCE = "plain", "account", "source"
"""The trust of a role: without conditions; aws:SourceAccount; aws:SourceAccount and aws:SourceArn."""
ROLES = (PLAIN, ACCOUNT, SOURCE)
QUEUE, RULE = "queue", "rule"
BRANCH_ENTRIES = {f"branch {name}": name for name in BRANCHES}
ROLE_ENTRIES = {f"role {trust}": trust for trust in ROLES}
ENTRIES = frozenset({QUEUE, RULE, *BRANCH_ENTRIES, *ROLE_ENTRIES})
"""What the journal may name."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch app, and the ARNs and names that belong to it."""

    partition: str
    account: str
    region: str
    app_id: str

    @property
    def app_arn(self) -> str:
        return self._arn("amplify", f"apps/{self.app_id}")

    @property
    def name(self) -> str:
        """The name of the queue and of the rule, and the beginning of the names of the roles."""
        return f"amplify-medic-doctor-{self.app_id}"

    @property
    def queue_arn(self) -> str:
        return self._arn("sqs", self.name)

    @property
    def rule_arn(self) -> str:
        return self._arn("events", f"rule/{self.name}")

    @property
    def log_group(self) -> str:
        return f"/aws/amplify/{self.app_id}"

    @property
    def log_group_arn(self) -> str:
        return self._arn("logs", f"log-group:{self.log_group}")

    def role(self, trust: str) -> str:
        """The name of the compute role with this trust."""
        return f"{self.name}-{trust}"

    def role_arn(self, trust: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role(trust)}"

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
