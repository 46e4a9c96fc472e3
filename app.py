"""The CDK app. Synthesises offline and without credentials; its only look at the environment is the CLI's account."""

from __future__ import annotations

import os
import sys

from aws_cdk import App

from infra.bundle import PackagingError
from infra.synthesis import compose
from medic.settings import SettingsError


def main() -> None:
    """Synthesise; say what is wrong with the settings without a stack trace."""
    app = App()
    try:
        compose(app, os.environ)
    except (SettingsError, PackagingError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
