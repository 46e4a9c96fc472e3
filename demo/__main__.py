"""`make demo`: deploys the stack with the CDK CLI and plays every story. It exits 1 at the first failed check."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from demo.narrator import Narrator
from demo.stage import DemoError, open_stage
from demo.stories import STORIES
from tests.emulator.cloud import CloudError


def main() -> int:
    """Play every story.

    Returns:
        The exit status: 0, or 1 if something did not happen as claimed.
    """
    narrator = Narrator()
    narrator.opening()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="amplify-medic-demo-") as workdir,
            open_stage(Path(workdir), narrator) as stage,
        ):
            for story in STORIES:
                story(stage)
    except (DemoError, CloudError) as error:
        narrator.failed(str(error))
        return 1
    narrator.closing()
    return 0


if __name__ == "__main__":
    sys.exit(main())
