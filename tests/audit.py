"""Known vulnerabilities of the locked packages: `make audit`. It needs PyPI, which serves the advisories.

Each lock has one of three verdicts: clean, vulnerable, or could not look. `--strict` ends the audit of a lock at the
first package that could not be audited, so a lock with such a package is never clean.
https://github.com/pypa/pip-audit
"""

from __future__ import annotations

import json
import subprocess
import sys
from enum import IntEnum
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / ".build" / "audit" / "bin" / "pip-audit"
LOCKS = ("lambda", "dev", "uv", "twine", "audit")
"""What ships, builds and tests. The other locks hold tools that `make proof` and `make bench` only compare with."""


class Verdict(IntEnum):
    """The exit code, the worst of all locks. Not to have looked is worse than a vulnerability that is named."""

    CLEAN = 0
    VULNERABLE = 1
    COULD_NOT_LOOK = 3


def judged(returncode: int, stdout: str, stderr: str) -> tuple[Verdict, str]:
    """The verdict on what pip-audit printed, and what it is about."""
    try:
        packages = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Verdict.COULD_NOT_LOOK, (stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]
    if unseen := [each["name"] for each in packages if "vulns" not in each]:
        return Verdict.COULD_NOT_LOOK, ", ".join(unseen)
    if found := [f"{each['name']} {each['version']} ({v['id']})" for each in packages for v in each["vulns"]]:
        return Verdict.VULNERABLE, ", ".join(found)
    if returncode or not packages:
        return Verdict.COULD_NOT_LOOK, f"exit code {returncode}, {len(packages)} packages"
    return Verdict.CLEAN, f"{len(packages)} packages"


def audit(lock: str) -> tuple[Verdict, str]:
    """Ask PyPI about every package of a lock."""
    command = [*(str(PROGRAM), "--strict", "--disable-pip", "--require-hashes", "--format", "json")]
    command += ["--progress-spinner", "off", "-r", str(ROOT / "requirements" / f"{lock}.txt")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed arguments
    return judged(done.returncode, done.stdout, done.stderr)


def main() -> None:
    worst = Verdict.CLEAN
    for lock in LOCKS:
        verdict, about = audit(lock)
        worst = max(worst, verdict)
        sys.stdout.write(f"{verdict.name.replace('_', ' ').lower()}: requirements/{lock}.txt: {about}\n")
    if worst is Verdict.COULD_NOT_LOOK:
        sys.stdout.write("Run it where PyPI itself answers. A mirror of packages has no advisories.\n")
    sys.exit(worst)


if __name__ == "__main__":
    main()
