"""The part of Lambda's Runtime API that the runtime client uses, and a function that runs under that client.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TIMEOUT_SECONDS = 60.0
_FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "remediator",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONDONTWRITEBYTECODE": "1",  # /var/task is read-only
}


class FunctionError(Exception):
    """The function raised or gave no answer. The message contains its output."""


class RuntimeApi(ThreadingHTTPServer):
    """Serves one runtime client on the loopback interface."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Endpoint)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.idle = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Ignore errors: connections break when a function is killed."""

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered, so that each answer is one TCP segment
    server: RuntimeApi
    _default_headers: ClassVar[dict[str, str]] = {"Content-Type": "application/json"}

    def do_GET(self) -> None:
        self.server.idle.set()
        event = self.server.events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 90) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:000000000000:function:remediator",
        }
        self._answer(200, event, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.answers.put((self.path.rpartition("/")[2], body))
        self._answer(202, b"{}", {})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), **self._default_headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """No access log."""


class Function:
    """Context manager: a handler under Lambda's own runtime client, in a fresh process.

    Args:
        python: an interpreter that has the runtime client and boto3, and nothing else.
        bundle: the unpacked bundle, as /var/task.
        handler: `module.function`.
        environment: the function's own variables.
    """

    def __init__(self, python: Path, bundle: Path, handler: str, environment: Mapping[str, str]) -> None:
        self._command = [str(python), "-m", "awslambdaric", handler]
        self._bundle = bundle
        self._environment = environment
        self._api = RuntimeApi()

    def __enter__(self) -> Self:
        threading.Thread(target=self._api.serve_forever, daemon=True).start()
        variables = {
            **_FUNCTION,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(self._bundle),
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            **self._environment,
        }
        self._process = subprocess.Popen(  # noqa: S603 - fixed arguments
            self._command, cwd=self._bundle, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._output: list[bytes] = []
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._api.shutdown()
        self._api.server_close()

    def processor_seconds(self) -> float:
        """The processor time that the function's process has used until now. Linux only.

        The clock's number is made as in
        https://github.com/torvalds/linux/blob/master/include/linux/posix-timers_types.h
        """
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def init(self) -> float:
        """Wait until the function asks for its first event. Returns the processor time of its init.

        Raises:
            FunctionError: it did not ask in time.
        """
        if not self._api.idle.wait(_TIMEOUT_SECONDS):
            raise FunctionError(self.output)
        return self.processor_seconds()

    def invoke(self, event: object) -> Any:  # noqa: ANN401 - whatever the handler returns
        """Send an event and wait for the answer.

        Raises:
            FunctionError: the handler raised, could not be imported, or gave no answer in time.
        """
        self._api.events.put(json.dumps(event).encode())
        try:
            kind, body = self._api.answers.get(timeout=_TIMEOUT_SECONDS)
        except queue.Empty:
            raise FunctionError(self.output) from None
        if kind != "response":
            raise FunctionError(f"{body.decode()}\n{self.output}")
        return json.loads(body)

    @property
    def output(self) -> str:
        """The last lines that it printed."""
        return b"".join(self._output[-50:]).decode("utf-8", "replace")

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Read its output, because the process would block on a full pipe."""
        if process.stdout is not None:
            self._output.extend(process.stdout)
