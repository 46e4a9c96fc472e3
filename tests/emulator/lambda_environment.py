"""A Python interpreter like AWS Lambda's: the standard library, boto3 and its dependencies.

And msgspec, because the bundle's is built for Lambda's processor.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

_RUNTIME_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")


def make_lambda_environment(target: Path, base_python: Path) -> Path:
    """Create a virtual environment without pip that links boto3 from another one. Needs no network.

    Args:
        target: The folder to create.
        base_python: An interpreter whose environment has boto3.

    Returns:
        The new interpreter.
    """
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    subprocess.run([base_python, "-m", "venv", "--without-pip", "--symlinks", target], check=True)  # noqa: S603
    source, packages = (
        subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
        for python in (base_python, target / "bin" / "python")
    )
    for name in _RUNTIME_PACKAGES:
        (target / packages / name).symlink_to(base_python.parent / source / name)
    (target / packages / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    (target / packages / "msgspec.pth").write_text("import msgspec\n")  # runs before the bundle is in the path
    return target / "bin" / "python"
