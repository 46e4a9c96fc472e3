"""Starts and stops a local cloud: the patched emulator with Amplify, and a CDK CLI that uses it.

with LocalCloud(workdir) as cloud:
cloud.bootstrap()
outputs = cloud.deploy({"amplify-medic": json.dumps(settings)}, workdir / "outputs.json")
amplify = cloud.client("amplify")
cloud.control("set_connection", app_id, "lost")
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import boto3

from tests.emulator.lambda_environment import make_lambda_environment
from tests.fakes.amplify.open_questions import ANSWERS_VARIABLE
from tests.infra.cdk_app import UNPACKED_CDK

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
EMULATOR_PYTHON = REPOSITORY / ".emulator" / "bin" / "python"
CDK = REPOSITORY / "node_modules" / ".bin" / "cdk"
REGION = "eu-central-1"
ACCOUNT_ID = "000000000000"
START_SECONDS = 120.0


class CloudError(RuntimeError):
    """The emulator did not start, or a control call or a CDK command failed."""


class LocalCloud:
    """A local cloud, which runs while its context is active.

    Attributes:
        endpoint_url: The value for AWS_ENDPOINT_URL.
        workdir: The folder of its logs and of all files that the CDK CLI writes.
    """

    def __init__(self, workdir: Path, *, auth: bool = False, wait_factor: float = 0.02) -> None:
        """Prepare a cloud. Entering its context starts it.

        Args:
            workdir: An empty folder.
            auth: Whether IAM is enforced. The emulator then uses TLS, so that policies that deny plain HTTP work too.
            wait_factor: What every wait set by ChangeMessageVisibility is multiplied with.
        """
        self.workdir = workdir
        self._auth = auth
        self._wait_factor = wait_factor
        self._port = _free_port()
        self.endpoint_url = f"https://localhost:{self._port}" if auth else f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._tmp = Path()

    def __enter__(self) -> Self:
        """Start the emulator and wait until it answers."""
        if not EMULATOR_PYTHON.exists():
            msg = f"{EMULATOR_PYTHON} is missing: make the emulator's environment from requirements/emulator.txt first"
            raise CloudError(msg)
        self._tmp = Path(tempfile.mkdtemp(prefix="local-cloud-"))
        lambda_python = make_lambda_environment(self._tmp / "lambda", EMULATOR_PYTHON)
        launcher = Path(__file__).with_name("launch.py")
        with (self.workdir / "emulator.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own launcher
                [EMULATOR_PYTHON, launcher, self.endpoint_url, lambda_python, str(self._wait_factor)],
                env=self._emulator_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop the emulator and remove its files."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._tmp, ignore_errors=True)

    @property
    def ca_bundle(self) -> Path | None:
        """The certificate to trust, or None if the cloud does not use TLS."""
        return self._tmp / "ministack-tls" / "server.crt" if self._auth else None

    @property
    def cli_environment(self) -> dict[str, str]:
        """Environment for the CDK CLI, the AWS CLI or `medic` against this cloud. They inherit nothing else."""
        trusted = {} if self.ca_bundle is None else {"AWS_CA_BUNDLE": str(self.ca_bundle)}
        return {
            "PATH": os.pathsep.join([str(REPOSITORY / ".venv" / "bin"), os.environ.get("PATH", os.defpath)]),
            "PYTHONPATH": str(REPOSITORY / "lambdas"),  # this checkout, whichever one the environment has installed
            "HOME": str(self.workdir),
            "CDK_HOME": str(self.workdir / "cdk-home"),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **trusted,
            **({"NODE_EXTRA_CA_CERTS": trusted["AWS_CA_BUNDLE"]} if trusted else {}),
        }

    def session(self, credentials: Mapping[str, str] | None = None, region: str = REGION) -> boto3.Session:
        """A session.

        Args:
            credentials: Credentials as STS returns them. The default is the account's root, which IAM never denies.
            region: The region of its calls.
        """
        given = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
        return boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            region_name=region,
        )

    def client(self, service: str, credentials: Mapping[str, str] | None = None, region: str = REGION) -> Any:
        trusted = str(self.ca_bundle) if self.ca_bundle else None
        return self.session(credentials, region).client(  # type: ignore[call-overload]
            service, endpoint_url=self.endpoint_url, verify=trusted
        )

    def control(self, method: str, *args: object, region: str = REGION, **kwargs: object) -> Any:
        """Call a method of the fake's `Control` in a region.

        Raises:
            CloudError: The call failed.
        """
        return call_control(self.endpoint_url, self.ca_bundle, region, method, *args, **kwargs)

    def workers(self, function: str) -> list[int]:
        """The ids of the processes that run a Lambda function now."""
        found = subprocess.run(["ps", "-axwwo", "pid=,ppid=,command="], capture_output=True, text=True, check=True)  # noqa: S607
        rows = (line.split(maxsplit=2) for line in found.stdout.splitlines())
        own = str(self._process.pid) if self._process else ""
        return [
            int(pid) for pid, parent, command in rows if parent == own and f"ministack-lambda-{function}-" in command
        ]

    def reset(self) -> None:
        """Delete everything, also deployed stacks. This is faster than a restart."""
        self._http("/_ministack/reset", b"")

    def bootstrap(self) -> None:
        """Run `cdk bootstrap` in a folder without an app, because the CLI would synthesise an app first."""
        folder = self.workdir / "bootstrap"
        folder.mkdir(exist_ok=True)
        self._cdk(["bootstrap", f"aws://{ACCOUNT_ID}/{REGION}"], folder)

    def deploy(self, context: Mapping[str, str], outputs: Path, source: Path = REPOSITORY) -> dict[str, dict[str, str]]:
        """Deploy the app of this repository.

        Args:
            context: CDK context, `-c key=value`.
            outputs: The file to write the stacks' outputs to.
            source: The repository as it is, or an older version of it in another folder.

        Returns:
            The outputs, by stack.
        """
        given = [part for key, value in context.items() for part in ("-c", f"{key}={value}")]
        assembly = ["--output", str(self.workdir / "cdk.out"), "--outputs-file", str(outputs)]
        self._cdk(["deploy", "--all", "--require-approval", "never", *assembly, *given], source)
        deployed: dict[str, dict[str, str]] = json.loads(outputs.read_text())
        return deployed

    def _cdk(self, arguments: list[str], folder: Path) -> None:
        command = [str(CDK), *arguments, "--no-color", "--ci", "--no-notices"]
        environment = {
            **self.cli_environment,
            **UNPACKED_CDK,
            "CDK_DISABLE_CLI_TELEMETRY": "true",  # or a process of its own would look for the internet
            "PYTHONPATH": str(folder / "lambdas"),
        }
        done = subprocess.run(  # noqa: S603 - the pinned CLI
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            msg = f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}"
            raise CloudError(msg)

    def _emulator_environment(self) -> dict[str, str]:
        tls = {"AUTH": "true", "USE_SSL": "1"} if self._auth else {}
        return {
            "PATH": os.pathsep.join([os.defpath, "/usr/local/bin"]),
            "HOME": str(self._tmp),
            "TMPDIR": str(self._tmp),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_REGION": REGION,
            "LOG_LEVEL": "INFO",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            **{name: os.environ[name] for name in (ANSWERS_VARIABLE,) if name in os.environ},
            **tls,
        }

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up and process.poll() is None:
            try:
                if self._http("/_ministack/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        log = (self.workdir / "emulator.log").read_text()
        msg = f"The emulator did not start within {START_SECONDS:.0f} s. Its log ends:\n{log[-2000:]}"
        raise CloudError(msg)

    def _http(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        return _answer(self.endpoint_url, self.ca_bundle, path, body)


def call_control(
    endpoint_url: str, ca_bundle: Path | None, region: str, method: str, *args: object, **kwargs: object
) -> Any:
    """Call a method of the fake's `Control`. Other processes than the cloud's own use it too.

    Raises:
        CloudError: The call failed.
    """
    body = json.dumps({"args": args, "kwargs": kwargs}).encode()
    path = f"/_amplify/{method}?account={ACCOUNT_ID}&region={region}"
    status, answer = _answer(endpoint_url, ca_bundle, path, body)
    parsed = json.loads(answer)
    if status != 200:
        msg = f"{method}: {parsed['error']}"
        raise CloudError(msg)
    return parsed["result"]


def _answer(endpoint_url: str, ca_bundle: Path | None, path: str, body: bytes | None) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else None
    request = urllib.request.Request(endpoint_url + path, data=body)  # noqa: S310 - our own endpoint
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
