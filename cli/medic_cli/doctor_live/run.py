"""One run of `medic doctor --live`: the order of its parts, and the file with the answers."""

from __future__ import annotations

import json
import re
from importlib import metadata
from typing import TYPE_CHECKING, cast

import botocore

from medic.redaction import redact
from medic_cli.doctor_live.measure import Measurement
from medic_cli.doctor_live.promises import Play

if TYPE_CHECKING:
    from medic_cli.doctor_live.answers import AnswersFile, LiveAnswer, PromiseJson
    from medic_cli.doctor_live.app import ScratchApp
    from medic_cli.doctor_live.names import Scratch
    from medic_cli.doctor_live.promises import Bot
    from medic_cli.doctor_live.web import ReadLog, Visit

_ACCOUNT, _APP = "111122223333", "d1a2b3c4d5e6f7"
"""What the ids become."""
_LONG_ID = re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f-]*\d)[0-9a-f-]{16,}(?![0-9A-Za-z])")
"""A request id, a commit, or the id of a runtime's instance."""
_NUMBER = re.compile(r"(?<!\d)\d{12}(?!\d)")


def play(app: ScratchApp, visit: Visit, read_log: ReadLog, bot: Bot | None) -> LiveAnswer:
    """Play the failures, measure, and undo everything, whatever happens.

    Raises:
        AwsError: a thing that every part needs could not be made. What was made is undone, or named in the journal.
    """
    promises: list[PromiseJson] = []
    try:
        measurement = Measurement(app, app.listen(), visit, read_log)
        acts = Play(measurement, bot, promises)
        acts.failed_build()
        acts.page()
        measurement.run()
        measured = _file(measurement)
    finally:
        failed = app.undo_all()
    return {
        "schema": 1,
        "promises": [{**each, "evidence": redact(each["evidence"])} for each in promises],
        "measured": measured,
        "not_undone": {thing: redact(str(error)) for thing, error in failed.items()},
    }


def _file(measurement: Measurement) -> AnswersFile:
    """The answers, without anything that says whose account it was."""
    answers = measurement.complete()
    file: AnswersFile = {
        "schema": 1,
        "measured_at": f"{measurement.app.clock():%Y-%m-%dT%H:%M:%SZ}",
        "region": measurement.app.scratch.region,
        "versions": {"medic": metadata.version("amplify-medic"), "botocore": botocore.__version__},
        "answers": answers,
        "lags": {name: measurement.lags.get(name) for name in ("event_to_status", "status_to_log")},  # type: ignore[typeddict-item]
        "texts": {name: redact(text) for name, text in measurement.texts.items()},
        "unanswered": {name: redact(why) for name, why in measurement.unanswered.items()},
    }
    return cast("AnswersFile", json.loads(neutral(json.dumps(file), measurement.app.scratch)))


def neutral(text: str, scratch: Scratch) -> str:
    """The text with the ids of account, app, requests and instances replaced."""
    text = text.replace(scratch.app_id, _APP).replace(scratch.account, _ACCOUNT)
    return _LONG_ID.sub("0123456789abcdef", _NUMBER.sub(_ACCOUNT, text))
