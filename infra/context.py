"""From the CDK context to checked settings."""

from __future__ import annotations

import json
from dataclasses import dataclass

from medic.settings import CONTEXT_KEY, SETTINGS_VARIABLE, Settings, SettingsError, merge, refuse_emulator_settings

_MOST_BYTES = 3_000
"""Lambda allows 4 KB of environment variables altogether; the rest are names and ARNs.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """Settings, and the object they were read from."""

    settings: Settings
    raw: object


def read_settings(documented: object, given: object, account: str | None) -> GivenSettings:
    """Lay what the deployer gives over what cdk.json holds, and check it.

    Args:
        documented: the object in cdk.json. `cdk -c` puts its value in the place of the whole key, so the app reads
            the file itself.
        given: what the context holds: that same object, or the JSON text of `-c amplify-medic='{…}'`.
        account: the account that is deployed to, if it is known.

    Raises:
        SettingsError: naming every mistake.
    """
    raw = merge(documented, _parse(given))
    settings = Settings.parse(raw)
    refuse_emulator_settings(settings, account)
    size = len(json.dumps(raw, separators=(",", ":")).encode())
    if size > _MOST_BYTES:
        raise SettingsError(
            [f"they take {size} bytes of the functions' environment ({SETTINGS_VARIABLE}); {_MOST_BYTES} are the most"]
        )
    return GivenSettings(settings, raw)


def _parse(given: object) -> object:
    if given is None:
        return {}
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError as error:
        example = f'-c {CONTEXT_KEY}=\'{{"mode":"report"}}\''
        raise SettingsError([f"-c {CONTEXT_KEY} is not JSON ({error}); write it like {example}"]) from error
