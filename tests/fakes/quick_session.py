"""A boto3 session for worlds that are made anew for each test: making clients is most of what such a test costs."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session


class QuickSession(boto3.Session):
    """A session whose clients are made once, whatever their credentials: moto asks for none."""

    def __init__(self, access_key: str, region: str) -> None:
        super().__init__(access_key, "invented", region_name=region, botocore_session=botocore.session.Session())
        self._made: dict[str, Any] = {}

    def client(self, service_name: str, **options: Any) -> Any:  # type: ignore[override]
        """The client of a service; one with credentials of its own is kept apart, for its other settings."""
        name = f"{service_name} for another" if "aws_session_token" in options else service_name
        if name not in self._made:
            self._made[name] = super().client(service_name, **options)  # type: ignore[call-overload]
        return self._made[name]
