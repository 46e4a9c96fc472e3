"""The remediator, but its waits end at once: they take no processor time, which is all that is measured.

A fix waits for IAM up to half a minute, and each edition runs dozens.
"""

import time

time.sleep = lambda _seconds: None

from remediator.handler import handler  # noqa: E402 - it keeps the `time.sleep` that it finds

__all__ = ["handler"]
