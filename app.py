"""The CDK app. It synthesises offline and without credentials; it reads CDK_DEFAULT_* and the region."""

from __future__ import annotations

import os
import sys

import botocore.session
from aws_cdk import App

from infra.bundle import PackagingError
from infra.synthesis import RegionError, compose, refuse_unnamed_region
from medic.settings_reader import SettingsError


def main() -> None:
    """Synthesise. A mistake in the settings, region or bundle ends with its message only, without a stack trace."""
    app = App()
    try:
        refuse_unnamed_region(os.environ, lambda: botocore.session.Session().get_config_variable("region"))
        compose(app, os.environ)
    except (SettingsError, RegionError, PackagingError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
