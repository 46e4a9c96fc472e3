"""Records what a healthy stack answers: `python -m tests.unit.cli.doctor.record`. It starts the local cloud."""

from __future__ import annotations

import json
import re
import tempfile
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from demo.narrator import Narrator
from demo.stage import open_stage
from medic_cli.doctor.reader import Reader
from tests.e2e.doctor_stack import SETTINGS, make_healthy
from tests.unit.cli.doctor.recorded import FILE, Calls, RecordedAws, key

_VOLATILE = re.compile(r"(localhost|127[.]0[.]0[.]1):\d+")


class _Recorder:
    """A session that notes each answer."""

    region_name = "eu-central-1"

    def __init__(self, cloud: Any) -> None:
        self.calls: Calls = {}
        self._cloud = cloud

    def client(self, service: str, **_: Any) -> Any:
        real = self._cloud.client(service)
        recorder = self

        class Client:
            def can_paginate(self, _method: str) -> bool:
                return False

            def get_paginator(self, method: str) -> Any:
                class Pages:
                    def paginate(self, **arguments: Any) -> list[Any]:
                        return [recorder.note(real, service, method, arguments)]

                return Pages()

            def __getattr__(self, method: str) -> Any:
                return lambda **arguments: recorder.note(real, service, method, arguments)

        return Client()

    def note(self, real: Any, service: str, method: str, arguments: dict[str, Any]) -> Any:
        given = {name: value for name, value in arguments.items() if name != "PaginationConfig"}
        try:
            answer = getattr(real, method)(**given)
        except ClientError as error:
            self.calls[key(service, method, arguments)] = {"Error": error.response["Error"]}
            raise
        answer.pop("ResponseMetadata", None)
        self.calls[key(service, method, arguments)] = answer
        return answer


def _smaller(template: dict[str, Any]) -> None:
    """Leave out what no check reads."""
    template.pop("Outputs", None)
    for resource in template["Resources"].values():
        resource.pop("Metadata", None)
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            resource["Properties"] = {}


def main() -> None:
    workdir = Path(tempfile.mkdtemp(prefix="doctor-"))
    with open_stage(workdir, Narrator(StringIO()), settings=SETTINGS) as stage:
        make_healthy(stage)
        recorder = _Recorder(stage.cloud)
        record(recorder)


def record(recorder: _Recorder) -> None:
    Reader(recorder, "AmplifyMedic", datetime.now(UTC), RecordedAws()._scan).facts()  # type: ignore[arg-type]
    for name, answer in recorder.calls.items():
        if name.startswith("cloudformation.get_template "):
            _smaller(answer["TemplateBody"])
    text = json.dumps(dict(sorted(recorder.calls.items())), indent=1, default=str)
    FILE.write_text(_VOLATILE.sub(r"\1:4566", text) + "\n")


if __name__ == "__main__":
    main()
