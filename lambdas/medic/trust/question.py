"""A question about a trust policy as JSON: the `context` of one line of `medic trust --batch`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medic.trust.context import AMPLIFY, ASSUME_ROLE, Absent, Request, State, Unknown, known
from medic.trust.policy_text import scalar_text

if TYPE_CHECKING:
    from medic.trust.policy_text import JsonValue

_LONGEST_TEXT = 2048
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


class QuestionError(ValueError):
    """A question that cannot be understood: which field, and what it must hold."""


def read_question(context: JsonValue, now: datetime) -> Request:
    """Read a request from JSON.

    Args:
        context: an object with any of principal, action, partition, region, account_id, app_id, source_arn, now,
            role_arn, keys (values by key), absent and unknown (lists of keys); what is missing or null is not known.
        now: the time to take where the context has none.

    Raises:
        QuestionError: a field holds something else.
    """
    if not isinstance(context, Mapping):
        raise QuestionError("context must be an object")
    return Request(
        now=_time(_text(context, "now"), now),
        principal=_text(context, "principal") or AMPLIFY,
        action=_text(context, "action") or ASSUME_ROLE,
        partition=_text(context, "partition") or "aws",
        region=_text(context, "region"),
        account_id=_text(context, "account_id"),
        app_id=_text(context, "app_id"),
        source_arn=_text(context, "source_arn"),
        role_arn=_text(context, "role_arn"),
        states=_states(context),
    )


def read_time(text: str) -> datetime:
    """An ISO 8601 time; without a zone it is UTC.

    Raises:
        QuestionError: no such time, or one that lies too far away.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QuestionError("now must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise QuestionError(f"now must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(text: str | None, now: datetime) -> datetime:
    return now if text is None else read_time(text)


def _text(context: Mapping[str, JsonValue], name: str) -> str | None:
    value = context.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise QuestionError(f"context.{name} must be a string of at most {_LONGEST_TEXT} characters, or null")
    return value


def _states(context: Mapping[str, JsonValue]) -> dict[str, State]:
    keys = {} if context.get("keys") is None else context["keys"]
    if not isinstance(keys, Mapping):
        raise QuestionError("context.keys must be an object")
    states: dict[str, State] = {key.lower(): known(*_values(key, value)) for key, value in keys.items()}
    states |= {key.lower(): Absent() for key in _names(context, "absent")}
    states |= {key.lower(): Unknown() for key in _names(context, "unknown")}
    return states


def _values(key: str, value: JsonValue) -> list[str]:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    texts = [scalar_text(each) for each in several]
    if None in texts:
        raise QuestionError(f"context.keys[{key[:80]!r}] must be a string, number or boolean, or a list of them")
    return [text for text in texts if text is not None]


def _names(context: Mapping[str, JsonValue], name: str) -> list[str]:
    names = context.get(name)
    if names is None:
        return []
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise QuestionError(f"context.{name} must be a list of condition keys")
    texts = [each for each in names if isinstance(each, str)]
    if len(texts) < len(names):
        raise QuestionError(f"context.{name} must be a list of condition keys")
    return texts
