"""The bundle as a CDK asset, shared by all functions."""

from __future__ import annotations

import sys
from pathlib import Path

import jsii
from aws_cdk import AssetHashType, BundlingOptions, ILocalBundling, Stack
from aws_cdk import aws_lambda as lambda_

from infra.interpreter import VERSION, find_interpreter
from infra.packaging import SOURCES, asset_hash, bundle, require_dependencies


@jsii.implements(ILocalBundling)
class _WithoutDocker:
    def __init__(self, interpreter: Path | None) -> None:
        self._interpreter = interpreter

    def try_bundle(self, output_dir: str, *_options: object, **_named: object) -> bool:
        # Typed as keyword arguments, handed over by jsii as one positional argument.
        bundle(Path(output_dir), self._interpreter)
        return True


def medic_code(stack: Stack) -> lambda_.Code:
    """The code of every function.

    Raises:
        PackagingError: the bundle is needed, and its dependencies are missing or stale.
    """
    interpreter = _prepare() if stack.bundling_required else None
    return lambda_.Code.from_asset(
        str(SOURCES),
        asset_hash=asset_hash(interpreter),
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=BundlingOptions(
            image=lambda_.Runtime.PYTHON_3_13.bundling_image,  # has to be named, is never pulled
            local=_WithoutDocker(interpreter),
        ),
    )


def _prepare() -> Path | None:
    require_dependencies()
    interpreter = find_interpreter()
    if interpreter is None:
        sys.stderr.write(
            f"No Python {VERSION} found: the bundle holds no byte code, cold starts take 55 to 90 ms longer.\n"
        )
    return interpreter
