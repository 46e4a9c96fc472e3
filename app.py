"""The CDK app. It synthesises offline and without credentials; it reads only CDK_DEFAULT_* from the environment."""

from __future__ import annotations

import os
import sys

from aws_cdk import App

from infra.bundle import PackagingError
from infra.synthesis import compose
from medic.settings_reader import SettingsError


def main() -> None:
    """Synthesise. A mistake in the settings or the bundle ends with its message only, without a stack trace."""
    app = App()
    try:
        compose(app, os.environ)
    except (SettingsError, PackagingError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
