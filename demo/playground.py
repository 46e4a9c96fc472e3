"""`make playground`: keeps the local cloud up, with the stack and the demo's apps, to try every `medic` command."""

from __future__ import annotations

import shlex
import sys
import tempfile
import threading
from pathlib import Path

from demo.narrator import Narrator
from demo.stage import DemoError, Stage, open_stage
from demo.stories import STORIES
from tests.emulator.cloud import CloudError


def exports(stage: Stage) -> str:
    """Shell text that points `medic` and the AWS CLI to the local cloud."""
    names = sorted(name for name in stage.cloud.cli_environment if name.startswith("AWS_"))
    return "".join(f"export {name}={shlex.quote(stage.cloud.cli_environment[name])}\n" for name in names)


def main() -> int:
    narrator = Narrator()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="amplify-medic-playground-") as folder,
            open_stage(Path(folder), narrator) as stage,
        ):
            for story in STORIES:  # each leaves an app: failing, repaired, waiting for a person, …
                story(stage)
            environment = Path(folder) / "environment"
            environment.write_text(exports(stage))
            narrator.say(f"In another terminal:\n    source {environment}\n    medic history")
            narrator.say("Ctrl-C ends it.")
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    except (DemoError, CloudError) as error:
        narrator.failed(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
