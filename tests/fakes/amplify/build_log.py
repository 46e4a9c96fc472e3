"""Build logs as Amplify prints them.

Lines look like `2026-02-20T12:27:54.525Z [INFO]: text`, in UTC. A continuation line starts with 33 spaces instead.
The stderr of tools has the level WARNING, even for fatal errors. Sources: the logs quoted in
https://github.com/aws-amplify/amplify-hosting/issues/828 and https://github.com/aws-amplify/amplify-backend/issues/2505
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTINUATION = " " * 33
UNASSUMABLE = (
    "Unable to assume specified IAM Role. Please ensure the selected IAM Role has sufficient permissions and the "
    "Trust Relationship is configured correctly."
)
NO_CREDENTIALS = "CredentialsProviderError: Could not load credentials from any providers"

# Builds without a service role run as one of Amplify's own roles, in one of Amplify's own accounts.
FOREIGN_ACCOUNT = "555566667777"
FOREIGN_PRINCIPAL = (
    f"arn:aws:sts::{FOREIGN_ACCOUNT}:assumed-role/AemiliaControlPlaneLambda-CodeBuildRole-1PJH7JZRIQRPI"
    "/AWSCodeBuild-40920c3d-a5b9-80f2-e2de-e845cb58da99"
)


@dataclass(slots=True)
class BuildLog:
    """Collects lines, a few milliseconds apart."""

    started: datetime
    lines: list[str] = field(default_factory=list)

    def add(self, level: str, *texts: str) -> None:
        """Add lines with the time and level as prefix."""
        for text in texts:
            at = self.started + timedelta(milliseconds=7 * len(self.lines))
            self.lines.append(f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z [{level}]: {text}")

    def continued(self, *texts: str) -> None:
        """Add continuation lines to the last line."""
        self.lines.extend(CONTINUATION + text for text in texts)

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def configured(log: BuildLog) -> None:
    """The first line of every build log."""
    log.add(
        "INFO",
        "# Build environment configured with Standard build compute type: 8GiB Memory, 4vCPUs, 128GB Disk Space",
    )


def cloned(log: BuildLog, app_id: str, branch: str, repository: str, commit: str) -> None:
    """The lines between assuming the role and the first command. Successful builds print the warning too."""
    ssm = json.dumps({"Path": f"/amplify/{app_id}/{branch}/", "WithDecryption": True}, separators=(",", ":"))
    log.add(
        "INFO",
        f"# Cloning repository: {repository}",
        f"# Switching to commit: {commit}",
        "# Checking for Git submodules",
        "# Retrieving environment cache...",
        "# Retrieved environment cache",
        "---- Setting Up SSM Secrets ----",
        f"SSM params {ssm}",
    )
    log.add("WARNING", "!Failed to set up process.env.secrets")


def backend_starts(log: BuildLog, app_id: str, branch: str) -> None:
    """The backend phase up to the deploy command."""
    log.add(
        "INFO",
        "## Starting Backend Build",
        "# Starting phase: build",
        f"# Executing command: npx ampx pipeline-deploy --branch {branch} --app-id {app_id}",
    )


def frontend_starts(log: BuildLog) -> None:
    """The frontend phase up to the build command."""
    log.add(
        "INFO",
        "## Starting Frontend Build",
        "# Starting phase: preBuild",
        "# Executing command: npm ci",
        "added 312 packages, and audited 313 packages in 9s",
        "# Completed phase: preBuild",
        "# Starting phase: build",
        "# Executing command: npm run build",
    )


def succeeded(log: BuildLog) -> None:
    """The last lines of a successful build."""
    log.add("INFO", "# Completed phase: build", "## Completed Frontend Build", "## Build completed successfully")
    cached(log)


def failed(log: BuildLog, exit_code: int = 1) -> None:
    """The last lines of a build in which a command failed."""
    log.add("ERROR", "!!! Build failed", f"!!! Error: Command failed with exit code {exit_code}")
    cached(log)


def unassumable(log: BuildLog) -> None:
    """The last lines of a build that failed before it cloned the repository."""
    log.add("ERROR", f"!!! {UNASSUMABLE}")
    cached(log)


def cached(log: BuildLog) -> None:
    """The last two lines of every log."""
    log.add("INFO", "# Starting environment caching...", "# Environment caching completed")


def denied_backend(log: BuildLog, denial: str, action: str) -> None:
    """The output of ampx if the build's principal may not read the backend."""
    log.add("INFO", "[AccessDeniedError] Unable to get backend outputs due to insufficient permissions.")
    log.continued(f"∟ Caused by: [Error] {denial}", f"Resolution: Ensure you have permissions to call {action}.")


def npm_error(log: BuildLog) -> None:
    """The error for a lock file that does not match package.json."""
    log.add(
        "WARNING",
        "npm error code EUSAGE",
        "npm error",
        "npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.",
        "npm error Missing: @smithy/core@3.1.5 from lock file",
    )


def prerender_error(log: BuildLog) -> None:
    """The error of a page that needs AWS credentials while it is prerendered."""
    log.add(
        "WARNING", 'Error occurred prerendering page "/". Read more: https://nextjs.org/docs/messages/prerender-error'
    )
    log.add("WARNING", NO_CREDENTIALS)
    log.continued(
        "    at /codebuild/output/src/node_modules/@aws-sdk/credential-provider-node/dist-cjs/index.js:125:13"
    )
    log.add("WARNING", "Export encountered an error on /page: /, exiting the build.")


def printed(log: BuildLog, lines: Iterable[str]) -> None:
    """Lines that the test gives, each as "LEVEL text"."""
    for line in lines:
        level, _, text = line.partition(" ")
        log.add(level, text)
