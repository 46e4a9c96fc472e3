"""Every error of AWS in every frame that an SDK or a tool of a build prints it in."""

from __future__ import annotations

from typing import Any

from medic.labels import Label, Phase
from tests.tables import table
from tests.unit.diagnosis.support import data, reading_of

FRAMES: dict[str, dict[str, Any]] = data("frames.json")


@table("frame", FRAMES["frames"])
def test_a_frame_hides_no_error_of_aws_and_makes_none_of_another(frame: str) -> None:
    for label, errors in FRAMES["errors"].items():
        for code, message in errors.items():
            values = {"{code}": code, "{message}": message, "{status}": "400" if label == Label.NOT_IAM else "403"}
            text = FRAMES["frames"][frame]
            for placeholder, value in values.items():
                text = text.replace(placeholder, value)

            assert (code, reading_of(text, Phase.BUILD).label) == (code, label)
