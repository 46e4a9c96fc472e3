"""Waiting, bounded: throttled writes, and roles too young for Amplify to assume."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from medic.aws.errors import AmbiguousError, RetryableError

T = TypeVar("T")
Pause = Callable[[float], None]

_THROTTLE_PAUSES = (1.0, 3.0)


def through_throttling(call: Callable[[], T], pause: Pause) -> T:
    """Make a writing call again after a throttle, which did nothing; an ambiguous answer is never tried again.

    Raises:
        AwsError: what the last attempt raised.
    """
    for seconds in _THROTTLE_PAUSES:
        try:
            return call()
        except AmbiguousError:
            raise
        except RetryableError:
            pause(seconds)
    return call()
