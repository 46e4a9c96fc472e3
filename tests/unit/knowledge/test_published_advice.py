"""Every piece of published advice reaches the user in the situation that it is for.

The data has a row for each: what the user has (a line of a log, AWS's state, a trust policy, a question), and what the
command shows, or the pages that its output names.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from medic.alerts.fixes import fixes_for
from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.model import Rank
from medic.evidence import EnvironmentVariable, Present
from medic.knowledge import ENTRIES, title_of
from medic.knowledge.entry import Entry, EntryKind
from medic.labels import Phase
from medic.logscan.scan import scan
from tests.tables import table
from tests.unit.cli.support import medic
from tests.unit.diagnosis.diagnosing import ACCOUNT, app, branch, evidence, role
from tests.unit.diagnosis.support import data

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS: list[dict[str, Any]] = data("published_advice.json")
LOGGING_ROLE = f"arn:aws:iam::{ACCOUNT}:role/AmplifySSRLoggingRole-1b2c"
KEYS = (EnvironmentVariable("IAM_ACCESS_KEY_ID", "access key id"),)
STATES: dict[str, dict[str, Any]] = {
    "sound": {},
    "no service role": {"app": Present(app(service_role_arn=None))},
    "no compute role": {"branch": Present(branch(compute_role_arn=None))},
    "keys in variables": {
        "app": Present(app(environment=KEYS)),
        "branch": Present(branch(compute_role_arn=None)),
    },
    "logging role builds": {
        "app": Present(app(service_role_arn=LOGGING_ROLE)),
        "roles": {LOGGING_ROLE: Present(role(LOGGING_ROLE))},
    },
}


def _seen(situation: dict[str, Any]) -> str:
    """What the user sees: the output, and the pages that it names."""
    if "ask" in situation:
        output = medic("explain", *situation["ask"].split()).stdout
    elif "trust" in situation:
        output = medic("trust", *situation["arguments"], given=json.dumps(situation["trust"])).stdout
    elif "state" in situation:
        output = "\n".join(_diagnosed(situation))
    else:
        output = medic("classify", "--phase", situation["phase"], given=situation["log"]).stdout
    pages = (medic("explain", id_).stdout for id_ in dict.fromkeys(re.findall(r"medic explain (\w+)", output)))
    return "\n".join((output, *pages))


def _diagnosed(situation: dict[str, Any]) -> Iterator[str]:
    """The parts of a diagnosis that an alert and `medic diagnose` show."""
    phase = Phase(situation["phase"])
    known = evidence(**STATES[situation["state"]])
    diagnosis = diagnose(known, scan([situation["log"].encode()], phase), phase)
    yield from (check.detail for check in diagnosis.checks)
    for cause in diagnosis.causes:
        yield f"{cause.rank.replace('_', ' ').capitalize()}: {cause.title}. {cause.reason}. medic explain {cause.id}"
        yield from cause.proposal.notes if cause.proposal else ()
    for section in fixes_for(known, diagnosis, (Rank.PROVEN, Rank.LIKELY, Rank.POSSIBLE)):
        yield section.heading
        yield from (snippet.text for snippet in section.snippets)


@table("row", ROWS, ids=lambda row: f"{row['row']}: {row['title']}"[:60])
def test_published_advice_is_met_in_its_situation(row: dict[str, Any]) -> None:
    seen = _seen(row["situation"])

    assert [text for text in row.get("shows", ()) if text not in seen] == []
    assert "entry" not in row or title_of(row["entry"]) in seen
    assert [text for text in row.get("hides", ()) if text in seen] == []


def test_the_published_advice_is_complete() -> None:
    assert [row["row"] for row in ROWS] == list(range(1, 75))


@table("entry", [each for each in ENTRIES if each.kind is EntryKind.ADVICE], ids=lambda entry: str(entry.id))
def test_a_page_that_a_failure_names_leads_to_every_piece_of_advice(entry: Entry) -> None:
    """The scanner names signatures, and a diagnosis names causes."""
    assert any(entry.id in each.related for each in ENTRIES if each.kind is not EntryKind.ADVICE)
